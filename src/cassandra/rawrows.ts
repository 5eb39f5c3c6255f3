/*
 * Owns the one place where the driver is changed: requests that ask for it get the rows of a page as the bytes the
 * server sent, undecoded (the driver's own decoders lose values and cost more than the rest of the row path together),
 * and prepared statements come with the columns of their result.
 */
// The imports are literal ones, so that the binary carries these modules, the same ones that the driver uses itself.
// @ts-expect-error the driver's inner modules have no types
import connectionModule from "cassandra-driver/lib/connection.js";
// @ts-expect-error the driver's inner modules have no types
import readersModule from "cassandra-driver/lib/readers.js";
// @ts-expect-error the driver's inner modules have no types
import streamsModule from "cassandra-driver/lib/streams.js";
import { assert } from "../base/errors.ts";
import { lendFrame } from "./framebuffers.ts";

/** A page as it came: rows one after the other, each cell an int32 length and its bytes (CQL native protocol v4, 4.2.5.2). */
export interface RawRows {
  readonly rawRows: true;
  readonly body: Uint8Array;
  /** How many rows; the driver calls it so. */
  readonly length: number;
}

/** A request's options with `[RAW]: true` make its result's `rows` a RawRows. */
export const RAW = Symbol("raw rows");

/** In what the driver reads of a prepared statement, the columns of its result. */
export const RESULT_COLUMNS = Symbol("result columns");

/** A column of a result, its type as the protocol says it. */
export interface ResultColumn {
  readonly name: string;
  readonly type: { readonly code: number; readonly info?: unknown };
}

/** The driver's parts that are reached into, as far as they are needed here. */
interface Header {
  streamId: number;
  bodyLength: number;
}
interface FrameInfo {
  /** What has come of the frame's body so far, where it is to stay bytes and comes in several parts. */
  [BODY]?: Uint8Array;
  /** Where the frame's body ends in the chunk that it is read from. */
  [END]?: number;
  header: Header;
  buffers?: Uint8Array[] | null;
  bufferLength?: number;
  meta: unknown;
  flagsInfo: unknown;
}
/** A part of a frame: what stands in `chunk` from `offset` on, and maybe the next frames behind it. */
interface Item {
  header: Header;
  chunk: Uint8Array;
  offset: number;
}
interface Reader {
  buf: Uint8Array;
  offset: number;
  readInt(): number;
}
interface Operation {
  request?: { options?: { getRawQueryOptions?(): { [RAW]?: boolean } | undefined } };
}
interface DriverConnection {
  parser: Parser;
  _operations: Map<number, Operation>;
}
interface Parser {
  [OWNER]?: DriverConnection;
  addFrameBuffer(frame: FrameInfo, item: Item): void;
  getFrameBuffer(frame: FrameInfo, item: Item): Uint8Array;
  handleFrameBuffers(frame: FrameInfo, item: Item): boolean;
  parseRows(frame: FrameInfo, reader: Reader): void;
  push(item: unknown): void;
}
interface Metadata {
  [RESULT_COLUMNS]?: readonly ResultColumn[];
  columns?: readonly ResultColumn[];
}
type ReadMetadata = (this: unknown, kind: number) => Metadata;
type Write = (this: DriverConnection, operation: Operation, streamId: number) => void;

/** Kinds of results (CQL native protocol v4, 4.2.5). */
const ROWS = 2;
const PREPARED = 4;

const OWNER = Symbol("connection");
const BODY = Symbol("body");
const END = Symbol("end of the body");
let patched = false;

/**
 * Teaches the driver to keep pages undecoded, and the columns of prepared statements. Safe to call again.
 * @throws when the driver is not of the shape this was written for (the version is pinned in package.json)
 */
export function changeDriver(): void {
  if (patched) return;
  keepRawRows();
  keepResultColumns();
  patched = true;
}

function keepRawRows(): void {
  const connection = (connectionModule as { prototype: { _write: Write } }).prototype;
  const parser = (streamsModule as { Parser: { prototype: Parser } }).Parser.prototype;
  const { _write: write } = connection;
  const { addFrameBuffer, getFrameBuffer, handleFrameBuffers, parseRows } = parser;
  const known = [write, addFrameBuffer, getFrameBuffer, handleFrameBuffers, parseRows].every(
    (method) => method?.length === 2,
  );
  assert(known, "cassandra-driver is of another shape than 4.10.0");

  connection._write = function (operation, streamId) {
    this.parser[OWNER] = this;
    write.call(this, operation, streamId);
  };
  // The driver collects the parts of a frame and copies them together at the end; this copies each part as it comes,
  // which is then garbage at once, into memory that is used again.
  parser.addFrameBuffer = function (frame, item) {
    if (!frame.buffers && keepsRaw(this, item)) {
      frame[BODY] = lendFrame(item.header.bodyLength);
      // The driver looks at these two.
      frame.buffers = [];
      frame.bufferLength = 0;
    }
    const body = frame[BODY];
    if (!body) {
      addFrameBuffer.call(this, frame, item);
      return;
    }
    const part = item.offset === 0 ? item.chunk : item.chunk.subarray(item.offset);
    body.set(part, frame.bufferLength);
    frame.bufferLength = (frame.bufferLength ?? 0) + part.length;
  };
  parser.getFrameBuffer = function (frame, item) {
    const body = frame[BODY];
    if (!body) return getFrameBuffer.call(this, frame, item);
    const { bufferLength = 0 } = frame;
    body.set(item.chunk.subarray(item.offset, item.offset + body.length - bufferLength), bufferLength);
    frame.buffers = null;
    return Buffer.from(body.buffer, body.byteOffset, body.length);
  };
  parser.handleFrameBuffers = function (frame, item) {
    const isWhole = handleFrameBuffers.call(this, frame, item);
    if (isWhole) frame[END] = item.offset + item.header.bodyLength;
    return isWhole;
  };
  parser.parseRows = function (frame, reader) {
    if (!keepsRaw(this, frame)) {
      parseRows.call(this, frame, reader);
      return;
    }
    const length = reader.readInt();
    const { buf, offset } = reader;
    // What came in one part is a view of the socket's buffer, which is used again, and in which other frames may follow.
    // Uint8Array's slice copies, where Buffer's is another view.
    const body = frame[BODY]?.subarray(offset) ?? Uint8Array.prototype.slice.call(buf, offset, frame[END]);
    const rows: RawRows = { rawRows: true, body, length };
    this.push({ header: frame.header, result: { rows, meta: frame.meta, flags: frame.flagsInfo } });
  };
}

function keepResultColumns(): void {
  const reader = (readersModule as { FrameReader: { prototype: { readMetadata: ReadMetadata } } }).FrameReader
    .prototype;
  const { readMetadata } = reader;
  assert(readMetadata?.length === 1, "cassandra-driver is of another shape than 4.10.0");
  reader.readMetadata = function (kind) {
    const metadata = readMetadata.call(this, kind);
    // Behind the parameters stand the result's columns (4.2.5.4), which the driver leaves unread.
    if (kind === PREPARED) metadata[RESULT_COLUMNS] = readMetadata.call(this, ROWS).columns ?? [];
    return metadata;
  };
}

/** Whether the frame answers a request whose rows are to stay bytes. */
function keepsRaw(parser: Parser, { header }: { header: Header }): boolean {
  return parser[OWNER]?._operations.get(header.streamId)?.request?.options?.getRawQueryOptions?.()?.[RAW] === true;
}
