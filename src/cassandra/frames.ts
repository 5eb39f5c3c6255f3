/*
 * Owns the bytes of requests that write: BATCH and EXECUTE frames of the CQL native protocol v4 (sections 4.1.6, 4.1.7),
 * built straight from cells into one buffer a block, and frames cut in halves. Does not send them.
 */
import { copyWords, FEW_BYTES, viewOf } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { lendFrame } from "./framebuffers.ts";
import type { Plan } from "./grouping.ts";
import { type Countdown, type ParameterCells, type RowBlock, UNSET, type WriteStatement } from "./rowblock.ts";

/** How the servers are to treat writes: codes of the protocol's [consistency]. */
export interface Consistencies {
  readonly write: number;
  /** Of conditional statements. */
  readonly serial: number;
}

const VERSION = 4;
const HEADER = 9;
const LENGTH_AT = 5;
const EXECUTE = 0x0a;
const BATCH = 0x0d;
const UNLOGGED = 1;
const COUNTER = 2;
const PREPARED = 1;
const WITH_VALUES = 0x01;
const WITH_SERIAL = 0x10;
/** In a batch: where the number of rows stands, and where the first row begins. */
const COUNT_AT = HEADER + 1;
const FIRST_ROW_AT = COUNT_AT + 2;
/** Behind the rows of a batch: consistency and flags. */
const TAIL = 3;
/** Rows that are written column by column before the next ones are: as many as the processor keeps at hand. */
const STRIPE_ROWS = 128;
/** What a server counts of a cell besides its value, at most: timestamp, time to live, local deletion time, flags. */
const CELL_OVERHEAD = 24;

/** A request as the driver takes it (all it asks for is `write`), with the rows it carries. */
export class Frame {
  readonly bytes: Buffer;
  /** The rows' numbers in their block. */
  readonly rows: Int32Array;
  /** Where the rows of a batch begin in `bytes`; undefined for an EXECUTE frame, whose one row is no part of a batch. */
  readonly starts: Int32Array | undefined;
  readonly statement: WriteStatement;
  /** The number of the set of replicas; -1 where any node will do. */
  readonly set: number;
  #countdown: Countdown | undefined;

  constructor(
    bytes: Buffer,
    rows: Int32Array,
    starts: Int32Array | undefined,
    statement: WriteStatement,
    set: number,
    countdown?: Countdown,
  ) {
    this.#countdown = countdown;
    this.bytes = bytes;
    this.rows = rows;
    this.starts = starts;
    this.statement = statement;
    this.set = set;
  }

  /** Called by the driver, which copies the bytes at once: a frame can be sent again. */
  write(encoder: { readonly protocolVersion: number }, streamId: number): Buffer {
    assert(encoder.protocolVersion === VERSION, `frames are built for protocol v4, not v${encoder.protocolVersion}`);
    this.bytes.writeInt16BE(streamId, 2);
    if (this.#countdown) this.#countdown = this.#countDown(this.#countdown);
    return this.bytes;
  }

  /** Takes the seconds that have passed off all TTLs. One that has run out since is 1: 0 would be none. */
  #countDown({ parameter, second }: Countdown): Countdown {
    const now = Math.floor(Date.now() / 1000);
    const { bytes } = this;
    if (now > second) {
      this.#eachValue(parameter, 4, (at) => {
        const ttl = bytes.readInt32BE(at);
        if (ttl > 0) bytes.writeInt32BE(Math.max(1, ttl - (now - second)), at);
      });
    }
    return { parameter, second: Math.max(now, second) };
  }

  /** Two batches of half the rows each. */
  halves(): [Frame, Frame] {
    const middle = this.rows.length >> 1;
    return [this.#part(0, middle), this.#part(middle, this.rows.length)];
  }

  #part(from: number, to: number): Frame {
    const { bytes, starts, rows } = this;
    assert(starts && to > from, "only a batch of several rows has halves");
    const end = bytes.length - TAIL;
    const first = starts[from]!;
    const last = to === rows.length ? end : starts[to]!;
    const part = Buffer.concat([bytes.subarray(0, FIRST_ROW_AT), bytes.subarray(first, last), bytes.subarray(end)]);
    part.writeInt32BE(part.length - HEADER, LENGTH_AT);
    part.writeUInt16BE(to - from, COUNT_AT);
    const moved = starts.slice(from, to).map((start) => start - first + FIRST_ROW_AT);
    return new Frame(part, rows.subarray(from, to), moved, this.statement, this.set, this.#countdown);
  }

  /** Adds to a parameter of 8 bytes in every row that has a value for it. */
  raise(parameter: number, by: bigint): void {
    const { bytes } = this;
    this.#eachValue(parameter, 8, (at) => bytes.writeBigInt64BE(bytes.readBigInt64BE(at) + by, at));
  }

  /** Calls back for each row that has a value of so many bytes for the parameter, with its place in `bytes`. */
  #eachValue(parameter: number, size: number, found: (at: number) => void): void {
    const { bytes, statement } = this;
    const prefix = this.starts ? rowPrefix(statement).length : 0;
    for (const start of this.starts ?? [executePrefix(statement).length]) {
      let at = start + prefix;
      for (let skipped = 0; skipped < parameter; skipped++) at += 4 + Math.max(0, bytes.readInt32BE(at));
      if (bytes.readInt32BE(at) === size) found(at + 4);
    }
  }
}

/** What each row of a batch begins with: the kind of its statement, the id, the number of values. */
function rowPrefix({ id, parameters }: WriteStatement): Buffer {
  return Buffer.concat([Buffer.from([PREPARED]), shortBytes(id), short(parameters)]);
}

/** An EXECUTE frame up to its first value, with neither length nor consistency. */
function executePrefix({ id, parameters, kind }: WriteStatement): Buffer {
  const flags = WITH_VALUES | (kind === "conditional" ? WITH_SERIAL : 0);
  return Buffer.concat([header(EXECUTE), shortBytes(id), short(0), Buffer.from([flags]), short(parameters)]);
}

function batchPrefix({ kind }: WriteStatement): Buffer {
  return Buffer.concat([header(BATCH), Buffer.from([kind === "counter" ? COUNTER : UNLOGGED]), short(0)]);
}

function header(opcode: number): Buffer {
  return Buffer.from([VERSION, 0, 0, 0, opcode, 0, 0, 0, 0]);
}

function short(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function shortBytes(bytes: Uint8Array): Buffer {
  return Buffer.concat([short(bytes.length), bytes]);
}

/** What the rows of a block add to frames. Kept from block to block. */
export class RowSizes {
  /** Bytes of a row's values. */
  sizes = new Int32Array(0);
  /** Bytes as a server counts them against its limits of batches, at most. */
  weights = new Int32Array(0);

  read({ statement, rows, cells }: RowBlock): void {
    if (this.sizes.length < rows) {
      this.sizes = new Int32Array(rows);
      this.weights = new Int32Array(rows);
    }
    const { sizes, weights } = this;
    sizes.fill(4 * statement.parameters, 0, rows);
    weights.fill(0, 0, rows);
    for (const { index } of cells) {
      for (let row = 0; row < rows; row++) {
        const length = index[row * 2 + 1]!;
        if (length > 0) sizes[row]! += length;
        if (length !== UNSET) weights[row]! += CELL_OVERHEAD;
      }
    }
    for (let row = 0; row < rows; row++) weights[row]! += sizes[row]!;
  }
}

/**
 * Writes the frames of a plan, all into memory that is lent (framebuffers.ts), and may be given back when none of them
 * will be sent again. The cells may change afterwards.
 */
export function buildFrames(block: RowBlock, plan: Plan, sizes: Int32Array, consistencies: Consistencies): Frame[] {
  const { statement } = block;
  const { order, ends, sets } = plan;
  const parts = partsOf(statement, consistencies);
  const { batch, row: prefix, batchTail, execute, executeTail } = parts;
  const { starts, values, begins } = placeRows(plan, sizes, parts);
  const length = begins[ends.length]!;
  const bytes = Buffer.from(lendFrame(length).buffer, 0, length);
  const view = viewOf(bytes);
  const prefixView = viewOf(prefix);
  const frames: Frame[] = [];
  for (let frame = 0, first = 0; frame < ends.length; frame++) {
    const end = ends[frame]!;
    const begin = begins[frame]!;
    const range = bytes.subarray(begin, begins[frame + 1]!);
    const alone = end - first === 1;
    const tail = alone ? executeTail : batchTail;
    range.set(alone ? execute : batch);
    range.set(tail, range.length - tail.length);
    view.setInt32(begin + LENGTH_AT, range.length - HEADER);
    const rowStarts = alone ? undefined : starts.subarray(first, end);
    if (rowStarts) {
      view.setUint16(begin + COUNT_AT, end - first);
      writePrefixes(prefixView, view, begin, rowStarts);
    }
    frames.push(new Frame(range, order.subarray(first, end), rowStarts, statement, sets[frame]!, block.countdown));
    first = end;
  }
  const sources = block.cells.map((cells) => viewOf(cells.bytes));
  for (let first = 0; first < order.length; first += STRIPE_ROWS) {
    const end = Math.min(first + STRIPE_ROWS, order.length);
    for (let i = 0; i < sources.length; i++) {
      writeCells(block.cells[i]!, sources[i]!, order, first, end, bytes, view, values);
    }
  }
  return frames;
}

// What runs for each row stands in functions of its own, as small as can be: the engine compiles them for longer the bigger they are.

interface RowPlaces {
  /** Where each row begins in its frame, and its values in all of the bytes. */
  readonly starts: Int32Array;
  readonly values: Int32Array;
  /** Where each frame begins, and where the last one ends. */
  readonly begins: Int32Array;
}

function placeRows({ order, ends }: Plan, sizes: Int32Array, parts: FrameParts): RowPlaces {
  const { batch, row: prefix, batchTail, execute, executeTail } = parts;
  const starts = new Int32Array(order.length);
  const values = new Int32Array(order.length);
  const begins = new Int32Array(ends.length + 1);
  let at = 0;
  for (let frame = 0, first = 0; frame < ends.length; frame++) {
    const end = ends[frame]!;
    const alone = end - first === 1;
    const begin = at;
    begins[frame] = begin;
    at += alone ? execute.length : batch.length;
    const ahead = alone ? 0 : prefix.length;
    for (let i = first; i < end; i++) {
      starts[i] = at - begin;
      values[i] = at + ahead;
      at += ahead + sizes[order[i]!]!;
    }
    at += alone ? executeTail.length : batchTail.length;
    first = end;
  }
  begins[ends.length] = at;
  return { starts, values, begins };
}

function writePrefixes(prefix: DataView, to: DataView, begin: number, starts: Int32Array): void {
  for (let i = 0; i < starts.length; i++) copyWords(prefix, 0, prefix.byteLength, to, begin + starts[i]!);
}

type FrameParts = ReturnType<typeof partsOf>;

/** The bytes around the values. */
function partsOf(statement: WriteStatement, { write, serial }: Consistencies) {
  const execute = executePrefix(statement);
  execute.writeUInt16BE(write, HEADER + 2 + statement.id.length);
  return {
    batch: batchPrefix(statement),
    row: rowPrefix(statement),
    batchTail: Buffer.concat([short(write), Buffer.from([0])]),
    execute,
    executeTail: statement.kind === "conditional" ? short(serial) : Buffer.alloc(0),
  };
}

/** Writes one parameter of some rows, each to its place in `values`, which moves behind it. */
function writeCells(
  { bytes: source, index }: ParameterCells,
  from: DataView,
  order: Int32Array,
  first: number,
  end: number,
  bytes: Uint8Array,
  to: DataView,
  values: Int32Array,
): void {
  for (let i = first; i < end; i++) {
    const cell = order[i]! * 2;
    const offset = index[cell]!;
    const length = index[cell + 1]!;
    const at = values[i]! + 4;
    to.setInt32(at - 4, length);
    if (length <= 0) {
      values[i] = at;
      continue;
    }
    if (length <= FEW_BYTES) copyWords(from, offset, length, to, at);
    else bytes.set(source.subarray(offset, offset + length), at);
    values[i] = at + length;
  }
}
