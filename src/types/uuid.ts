/*
 * Owns the codecs of uuid and timeuuid: text, and DuckDB's UUID.
 */
import { type ColumnBuffer, isNull, reserveRows } from "../base/column.ts";
import { type CellRule, oddCell } from "./cells.ts";
import { type CellWriter, type Codec, ValueError } from "./codec.ts";
import { HEX_VALUE } from "./digits.ts";
import { entryBytes, entryStart, entryText, storeMade, storeNull } from "./strings.ts";

const LENGTH = 36;
const HYPHEN = 45;
const SIGN = 0x80000000 | 0;
const HEX = new TextEncoder().encode("0123456789abcdef");

/** uuid and timeuuid as text: CQL native protocol v4, sections 6.20 and 6.22, 16 bytes. */
export function uuidTextCodec(rule: CellRule): Codec {
  return {
    column: { kind: "VARCHAR" },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      out.arena.reserve(count * LENGTH);
      const { body, index } = cells;
      const { bytes } = out.arena;
      let at = out.arena.length;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        if (index[i * 2 + 1] !== 16) {
          oddCell(cells, i, out, row, rule);
          storeNull(out, row);
          continue;
        }
        at = storeMade(out, row, at, writeUuid(body, index[i * 2]!, bytes, at));
      }
      out.arena.length = at;
      out.rows += count;
    },
    encode: encodeText,
  };
}

/** Writes the 36 characters of 16 bytes; returns where they end. */
export function writeUuid(body: Uint8Array, from: number, bytes: Uint8Array, start: number): number {
  let at = start;
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) bytes[at++] = HYPHEN;
    const byte = body[from + i]!;
    bytes[at++] = HEX[byte >> 4]!;
    bytes[at++] = HEX[byte & 15]!;
  }
  return at;
}

function encodeText(column: ColumnBuffer, first: number, count: number, out: CellWriter): void {
  out.reserve(count * 16);
  for (let row = first; row < first + count; row++) {
    if (isNull(column, row)) {
      out.cell(0, -1);
      continue;
    }
    const size = column.i32[row * 4]!;
    const start = entryStart(column, row, size);
    if (!readUuid(entryBytes(column, size), start, start + size, out.bytes, out.length)) {
      throw new ValueError(row, `'${entryText(column, row)}' is not a UUID`);
    }
    out.cell(out.length, 16);
    out.length += 16;
  }
}

/** Writes the 16 bytes that a text of 36 characters says, in either case. @returns false if it says none */
export function readUuid(bytes: Uint8Array, start: number, end: number, to: Uint8Array, toAt: number): boolean {
  if (end - start !== LENGTH) return false;
  let at = start;
  for (let i = 0; i < 16; i++) {
    if ((i === 4 || i === 6 || i === 8 || i === 10) && bytes[at++] !== HYPHEN) return false;
    const byte = (HEX_VALUE[bytes[at]!]! << 4) | HEX_VALUE[bytes[at + 1]!]!;
    if (byte < 0) return false;
    to[toAt + i] = byte;
    at += 2;
  }
  return true;
}

/** uuid and timeuuid as DuckDB's UUID: a little-endian 128-bit integer with its highest bit turned over. */
export function uuidNativeCodec(rule: CellRule): Codec {
  return {
    column: { kind: "UUID" },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      const { view, index } = cells;
      const { i32 } = out;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        if (index[i * 2 + 1] !== 16) {
          oddCell(cells, i, out, row, rule);
          continue;
        }
        const at = index[i * 2]!;
        i32[row * 4] = view.getInt32(at + 12);
        i32[row * 4 + 1] = view.getInt32(at + 8);
        i32[row * 4 + 2] = view.getInt32(at + 4);
        i32[row * 4 + 3] = view.getInt32(at) ^ SIGN;
      }
      out.rows += count;
    },
    encode(column, first, count, out) {
      out.reserve(count * 16);
      const { i32 } = column;
      for (let row = first; row < first + count; row++) {
        if (isNull(column, row)) {
          out.cell(0, -1);
          continue;
        }
        const at = out.length;
        out.view.setInt32(at, i32[row * 4 + 3]! ^ SIGN);
        out.view.setInt32(at + 4, i32[row * 4 + 2]!);
        out.view.setInt32(at + 8, i32[row * 4 + 1]!);
        out.view.setInt32(at + 12, i32[row * 4]!);
        out.cell(at, 16);
        out.length += 16;
      }
    },
  };
}
