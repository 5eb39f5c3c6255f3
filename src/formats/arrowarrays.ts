/*
 * Owns the arrays of Arrow's record batches while they grow: column buffers are appended in runs of rows, each layout
 * in its own way, and no value is looked at more than its bytes have to be moved. Messages are arrowmessage.ts's.
 */
import { type ColumnBuffer, type ColumnType, isNull } from "../base/column.ts";
import { assert } from "../base/errors.ts";

/** Bytes that grow; the memory is kept when they are forgotten. */
class Growing {
  bytes = new Uint8Array(0);
  i32 = new Int32Array(0);
  length = 0;

  /** Room for `extra` bytes behind those that are there; they hold anything. Where it begins. */
  extend(extra: number): number {
    const at = this.length;
    this.length += extra;
    if (this.length > this.bytes.length) {
      const bigger = new Uint8Array(Math.ceil(Math.max(this.length, this.bytes.length * 2, 64) / 8) * 8);
      bigger.set(this.bytes.subarray(0, at));
      this.bytes = bigger;
      this.i32 = new Int32Array(bigger.buffer);
    }
    return at;
  }

  get filled(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

/** Bits that grow, least significant first. */
class Bits {
  readonly #bytes = new Growing();
  length = 0;

  push(isSet: boolean): void {
    const bit = this.length++ & 7;
    const at = bit === 0 ? this.#bytes.extend(1) : this.#bytes.length - 1;
    if (bit === 0) this.#bytes.bytes[at] = 0;
    if (isSet) this.#bytes.bytes[at]! |= 1 << bit;
  }

  clear(): void {
    this.length = 0;
    this.#bytes.length = 0;
  }

  get filled(): Uint8Array {
    return this.#bytes.filled;
  }
}

const NOTHING = new Uint8Array(0);

/** One array of a record batch, with those that are nested in it. */
export abstract class ArrayBuilder {
  readonly children: readonly ArrayBuilder[];
  #rows = 0;
  #nulls = 0;
  /** Of the rows up to the last append that had a NULL; none before the first one. */
  readonly #valid = new Bits();

  constructor(children: readonly ArrayBuilder[] = []) {
    this.children = children;
  }

  /** Copies `count` rows of a column, from `first` on, behind those that are there. */
  append(column: ColumnBuffer, first: number, count: number): void {
    if (column.hasNull) this.#appendValidity(column, first, count);
    this.appendValues(column, first, count);
    this.#rows += count;
  }

  /** Adds length and nulls of this array and all in it, and their buffers, in the order of a record batch. */
  collect(nodes: number[], buffers: Uint8Array[]): void {
    nodes.push(this.#rows, this.#nulls);
    if (this.#nulls > 0) this.#fillUp(this.#rows);
    buffers.push(this.#nulls > 0 ? this.#valid.filled : NOTHING, ...this.buffers());
    for (const child of this.children) child.collect(nodes, buffers);
  }

  /** What the values take by now, nested ones included, in bytes. */
  get bytes(): number {
    const own = this.buffers().reduce((sum, buffer) => sum + buffer.length, 0);
    return this.children.reduce((sum, child) => sum + child.bytes, own);
  }

  /** Forgets the rows. */
  clear(): void {
    this.#rows = 0;
    this.#nulls = 0;
    this.#valid.clear();
    this.clearValues();
    for (const child of this.children) child.clear();
  }

  protected abstract appendValues(column: ColumnBuffer, first: number, count: number): void;
  protected abstract buffers(): readonly Uint8Array[];
  protected abstract clearValues(): void;

  #appendValidity(column: ColumnBuffer, first: number, count: number): void {
    this.#fillUp(this.#rows);
    for (let row = first; row < first + count; row++) {
      const isThere = !isNull(column, row);
      this.#valid.push(isThere);
      if (!isThere) this.#nulls++;
    }
  }

  #fillUp(rows: number): void {
    while (this.#valid.length < rows) this.#valid.push(true);
  }
}

/** The builder of a column's array. */
export function arrayBuilder(type: ColumnType): ArrayBuilder {
  switch (type.kind) {
    case "VARCHAR":
    case "BLOB":
      return new StringBuilder();
    case "BOOLEAN":
      return new BooleanBuilder();
    case "DECIMAL":
      return new FixedBuilder(16, signExtend);
    case "UUID":
      return new FixedBuilder(16, uuidBytes);
    case "LIST":
      return new ListBuilder([arrayBuilder(type.child)]);
    case "MAP":
      return new ListBuilder([new StructBuilder([arrayBuilder(type.key), arrayBuilder(type.value)])]);
    case "STRUCT":
      return new StructBuilder(type.fields.map((field) => arrayBuilder(field.type)));
    default:
      return new FixedBuilder(undefined, undefined);
  }
}

/** Writes a value of `width` bytes, from `at` on in `source`, to `to` on in `target`. */
type Convert = (source: Uint8Array, at: number, width: number, target: Uint8Array, to: number) => void;

/** Little-endian two's complement of any width, as 16 bytes. */
function signExtend(source: Uint8Array, at: number, width: number, target: Uint8Array, to: number): void {
  const sign = source[at + width - 1]! & 0x80 ? 0xff : 0;
  for (let i = 0; i < 16; i++) target[to + i] = i < width ? source[at + i]! : sign;
}

/** DuckDB's UUID is a little-endian integer with its first bit turned, so that it sorts as a signed one. */
function uuidBytes(source: Uint8Array, at: number, width: number, target: Uint8Array, to: number): void {
  for (let i = 0; i < width; i++) target[to + i] = source[at + width - 1 - i]!;
  target[to]! ^= 0x80;
}

/** Values of one size: as they are in the column, or each converted. */
class FixedBuilder extends ArrayBuilder {
  readonly #values = new Growing();
  readonly #width: number | undefined;
  readonly #convert: Convert | undefined;

  /** @param width of the values here, where they are converted */
  constructor(width: number | undefined, convert: Convert | undefined) {
    super();
    this.#width = width;
    this.#convert = convert;
  }

  protected appendValues(column: ColumnBuffer, first: number, count: number): void {
    const source = column.width;
    const width = this.#width ?? source;
    const to = this.#values.extend(count * width);
    const { bytes } = this.#values;
    if (this.#convert) {
      for (let i = 0; i < count; i++) this.#convert(column.bytes, (first + i) * source, source, bytes, to + i * width);
    } else {
      bytes.set(column.bytes.subarray(first * source, (first + count) * source), to);
    }
    if (!column.hasNull) return;
    // What stands under a NULL is whatever the memory held.
    for (let i = 0; i < count; i++) if (isNull(column, first + i)) bytes.fill(0, to + i * width, to + (i + 1) * width);
  }

  protected buffers(): readonly Uint8Array[] {
    return [this.#values.filled];
  }

  protected clearValues(): void {
    this.#values.length = 0;
  }
}

/** A byte a value becomes a bit. */
class BooleanBuilder extends ArrayBuilder {
  readonly #bits = new Bits();

  protected appendValues(column: ColumnBuffer, first: number, count: number): void {
    for (let row = first; row < first + count; row++) {
      this.#bits.push(column.bytes[row] !== 0 && !isNull(column, row));
    }
  }

  protected buffers(): readonly Uint8Array[] {
    return [this.#bits.filled];
  }

  protected clearValues(): void {
    this.#bits.clear();
  }
}

/** Where each value ends, behind a 0. */
class Ends {
  readonly #ends = new Growing();

  constructor() {
    this.clear();
  }

  /** Makes room for the ends of `count` values; the place of the first among `i32`. */
  extend(count: number): number {
    return this.#ends.extend(count * 4) >> 2;
  }

  get i32(): Int32Array {
    return this.#ends.i32;
  }

  get filled(): Uint8Array {
    return this.#ends.filled;
  }

  clear(): void {
    this.#ends.length = 0;
    this.#ends.i32[this.extend(1)] = 0;
  }
}

/** Offsets in a record batch are 32 bits wide; batches are cut long before. */
const MOST_OFFSET = 0x7fffffff;
/** DuckDB's strings up to this length stand in the entry itself. */
const INLINE = 12;
/** Shorter than this, byte by byte is faster than a call. */
const SHORT = 48;

class StringBuilder extends ArrayBuilder {
  readonly #ends = new Ends();
  readonly #data = new Growing();

  protected appendValues(column: ColumnBuffer, first: number, count: number): void {
    const { i32, arena } = column;
    const ends = this.#ends.extend(count);
    for (let i = 0; i < count; i++) {
      const entry = (first + i) * 4;
      const length = isNull(column, first + i) ? 0 : i32[entry]!;
      const isInline = length <= INLINE;
      const from = isInline ? entry * 4 + 4 : offsetAt(i32, entry + 2);
      const to = this.#data.extend(length);
      copyBytes(isInline ? column.bytes : arena.bytes, from, length, this.#data.bytes, to);
      this.#ends.i32[ends + i] = to + length;
    }
    assert(this.#data.length <= MOST_OFFSET, "the strings of a batch fit 32-bit offsets");
  }

  protected buffers(): readonly Uint8Array[] {
    return [this.#ends.filled, this.#data.filled];
  }

  protected clearValues(): void {
    this.#ends.clear();
    this.#data.length = 0;
  }
}

function offsetAt(i32: Int32Array, at: number): number {
  return i32[at + 1]! * 0x1_0000_0000 + (i32[at]! >>> 0);
}

function copyBytes(source: Uint8Array, from: number, length: number, target: Uint8Array, to: number): void {
  if (length > SHORT) target.set(source.subarray(from, from + length), to);
  else for (let i = 0; i < length; i++) target[to + i] = source[from + i]!;
}

/** Lists and maps. DuckDB's may lie in any order, with gaps, or share elements; Arrow's stand one behind the other. */
class ListBuilder extends ArrayBuilder {
  readonly #ends = new Ends();
  #elements = 0;

  protected appendValues(column: ColumnBuffer, first: number, count: number): void {
    const { i32 } = column;
    const [source, target] = [column.children[0]!, this.children[0]!];
    const ends = this.#ends.extend(count);
    // A run of lists whose elements follow each other is copied at once.
    let [from, length] = [0, 0];
    for (let i = 0; i < count; i++) {
      const entry = (first + i) * 4;
      const size = isNull(column, first + i) ? 0 : i32[entry + 2]!;
      const start = offsetAt(i32, entry);
      if (size > 0 && start !== from + length) {
        target.append(source, from, length);
        [from, length] = [start, 0];
      }
      length += size;
      this.#elements += size;
      this.#ends.i32[ends + i] = this.#elements;
    }
    target.append(source, from, length);
    assert(this.#elements <= MOST_OFFSET, "the elements of a batch fit 32-bit offsets");
  }

  protected buffers(): readonly Uint8Array[] {
    return [this.#ends.filled];
  }

  protected clearValues(): void {
    this.#ends.clear();
    this.#elements = 0;
  }
}

class StructBuilder extends ArrayBuilder {
  protected appendValues(column: ColumnBuffer, first: number, count: number): void {
    this.children.forEach((child, i) => {
      child.append(column.children[i]!, first, count);
    });
  }

  protected buffers(): readonly Uint8Array[] {
    return [];
  }

  protected clearValues(): void {}
}
