/*
 * Owns what the tests of src/types share: cells out of bytes, columns read back as plain values. Reads columns by
 * their documented layout only, not with the code under test.
 */
import { Arena, type ColumnBuffer, createColumn, isNull } from "../../src/base/column.ts";
import { type Cells, CellWriter, type Codec, type Encode, ValueError } from "../../src/types/codec.ts";
import { parseCqlType, type UserTypes } from "../../src/types/cql.ts";
import { type CodecOptions, codecFor } from "../../src/types/table.ts";

export type Bytes = Uint8Array | null;

export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

export function toHex(bytes: Bytes): string | null {
  return bytes && Buffer.from(bytes).toString("hex");
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

export function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value);
  return bytes;
}

export function f64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}

export function f32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value);
  return bytes;
}

/** [bytes] of the protocol: null is length -1. */
export function lengthAnd(bytes: Bytes): Uint8Array {
  return bytes ? concat(int32(bytes.length), bytes) : int32(-1);
}

/** A list, set, or the bytes of a map whose keys and values take turns. */
export function collection(n: number, parts: Bytes[]): Uint8Array {
  return concat(int32(n), ...parts.map(lengthAnd));
}

export function codec(type: string, options: Partial<CodecOptions> = {}, udts: UserTypes = new Map()): Codec {
  return codecFor(parseCqlType(type, udts), { uuid: "text", empty: "error", ...options });
}

/** Cells in a body that begins and ends with other bytes; a copy of it is in the arena, at another offset. */
export function cellsOf(values: readonly Bytes[], arena: Arena): Cells {
  const body = concat(hex("ffffffffff"), ...values.filter((v) => v !== null), hex("ee"));
  const index = new Int32Array(values.length * 2);
  let at = 5;
  for (const [i, value] of values.entries()) {
    index[i * 2] = value ? at : 0;
    index[i * 2 + 1] = value ? value.length : -1;
    at += value?.length ?? 0;
  }
  arena.append(hex("aabbccddeeff00"));
  const shift = arena.append(body);
  // A body inside a larger buffer, as pages are.
  const buffer = new Uint8Array(body.length + 3);
  buffer.set(body, 3);
  return { body: buffer.subarray(3), view: new DataView(buffer.buffer, 3), index, shift };
}

/** A column of the values, decoded in calls of up to `step` cells. */
export function decode(made: Codec, values: readonly Bytes[], step = values.length): ColumnBuffer {
  const column = createColumn(made.column, new Arena(), 4);
  for (let i = 0; i < values.length; i += step) {
    const cells = cellsOf(values.slice(i, i + step), column.arena);
    const half = cells.index.length >> 2;
    made.decode(cells, 0, half, column);
    made.decode(cells, half, cells.index.length / 2 - half, column);
  }
  return column;
}

/** The cells that the column's values become, encoded in calls of up to `step` values. */
export function encode(made: Codec, column: ColumnBuffer, step = column.rows): Bytes[] {
  return encodeWith(made.encode, column, step);
}

export function encodeWith(run: Encode, column: ColumnBuffer, step = column.rows): Bytes[] {
  const out = new CellWriter();
  for (let i = 0; i < column.rows; i += step) run(column, i, Math.min(step, column.rows - i), out);
  return cellsWritten(out);
}

export function cellsWritten(out: CellWriter): Bytes[] {
  return Array.from({ length: out.cells }, (_, i) => {
    const [at, size] = [out.index[i * 2]!, out.index[i * 2 + 1]!];
    return size < 0 ? null : out.bytes.slice(at, at + size);
  });
}

/** What the column holds, value by value. */
export function values(column: ColumnBuffer): unknown[] {
  return Array.from({ length: column.rows }, (_, row) => valueAt(column, row));
}

function valueAt(column: ColumnBuffer, row: number): unknown {
  if (isNull(column, row)) return null;
  const { type, bytes, width } = column;
  const view = new DataView(bytes.buffer, row * width, width);
  switch (type.kind) {
    case "VARCHAR":
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(entry(column, view));
    case "BLOB":
      return toHex(entry(column, view));
    case "LIST":
    case "MAP":
      return Array.from({ length: Number(view.getBigInt64(8, true)) }, (_, i) =>
        valueAt(column.children[0]!, Number(view.getBigInt64(0, true)) + i),
      );
    case "STRUCT":
      return Object.fromEntries(type.fields.map(({ name }, i) => [name, valueAt(column.children[i]!, row)]));
    default:
      return fixedValue(type.kind, view);
  }
}

function entry(column: ColumnBuffer, view: DataView): Uint8Array {
  const size = view.getInt32(0, true);
  if (size <= 12) {
    const inline = new Uint8Array(view.buffer, view.byteOffset + 4, 12);
    if (inline.subarray(size).some((byte) => byte !== 0)) throw new Error("an inline entry whose rest is not zero");
    return inline.slice(0, size);
  }
  const offset = Number(view.getBigInt64(8, true));
  const bytes = column.arena.bytes.slice(offset, offset + size);
  const prefix = new Uint8Array(view.buffer, view.byteOffset + 4, 4);
  if (prefix.some((byte, i) => byte !== bytes[i])) throw new Error("a prefix that is not the text's");
  return bytes;
}

function fixedValue(kind: string, view: DataView): unknown {
  switch (kind) {
    case "BOOLEAN":
      return view.getUint8(0) === 1;
    case "FLOAT":
      return view.getFloat32(0, true);
    case "DOUBLE":
      return view.getFloat64(0, true);
    case "UUID":
      return toHex(new Uint8Array(view.buffer, view.byteOffset, 16).slice().reverse());
    default:
      break;
  }
  let value = 0n;
  for (let i = view.byteLength - 1; i >= 0; i--) value = (value << 8n) | BigInt(view.getUint8(i));
  const signed = BigInt.asIntN(view.byteLength * 8, value);
  return view.byteLength > 4 ? signed : Number(signed);
}

/** The ValueError that the call throws. */
export function thrown(run: () => unknown): ValueError {
  try {
    run();
  } catch (error) {
    if (error instanceof ValueError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
