/*
 * Owns the codecs of integers of 1, 2, 4 and 8 bytes and of boolean, where a value's bytes only turn round.
 * Integers of any length are in varint.ts.
 */
import { type ColumnBuffer, isNull, reserveRows } from "../base/column.ts";
import { type CellRule, notCanonical, oddCell } from "./cells.ts";
import type { Cells, CellWriter, Codec } from "./codec.ts";

/** tinyint: CQL native protocol v4, section 6.16, one byte. */
export function tinyintCodec(rule: CellRule): Codec {
  return { column: { kind: "TINYINT" }, decode: byteDecoder(rule, false), encode: encodeByte };
}

/** boolean: CQL native protocol v4, section 6.4. Any byte but 0 counts as true; only 1 is how it is written. */
export function booleanCodec(rule: CellRule): Codec {
  return { column: { kind: "BOOLEAN" }, decode: byteDecoder(rule, true), encode: encodeByte };
}

/** smallint: CQL native protocol v4, section 6.13. */
export function smallintCodec(rule: CellRule): Codec {
  return {
    column: { kind: "SMALLINT" },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      const { body, index } = cells;
      const { bytes } = out;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        if (index[i * 2 + 1] === 2) {
          const at = index[i * 2]!;
          bytes[row * 2] = body[at + 1]!;
          bytes[row * 2 + 1] = body[at]!;
        } else {
          oddCell(cells, i, out, row, rule);
        }
      }
      out.rows += count;
    },
    encode: encodeSmallint,
  };
}

/** int: CQL native protocol v4, section 6.11. */
export function intCodec(rule: CellRule): Codec {
  return {
    column: { kind: "INTEGER" },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      const { view, index } = cells;
      const { i32 } = out;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        if (index[i * 2 + 1] === 4) i32[row] = view.getInt32(index[i * 2]!);
        else oddCell(cells, i, out, row, rule);
      }
      out.rows += count;
    },
    encode: (column, first, count, out) => encodeWords(column, first, count, out, 0),
  };
}

/** bigint and counter, and timestamp as milliseconds: CQL native protocol v4, sections 6.2 and 6.19. */
export function bigintCodec(rule: CellRule): Codec {
  return {
    column: { kind: "BIGINT" },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      const { view, index } = cells;
      const { i32 } = out;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        if (index[i * 2 + 1] === 8) {
          const at = index[i * 2]!;
          i32[row * 2] = view.getInt32(at + 4);
          i32[row * 2 + 1] = view.getInt32(at);
        } else {
          oddCell(cells, i, out, row, rule);
        }
      }
      out.rows += count;
    },
    encode: encodeLongs,
  };
}

function byteDecoder(rule: CellRule, isBoolean: boolean) {
  return (cells: Cells, first: number, count: number, out: ColumnBuffer): void => {
    reserveRows(out, count);
    const { body, index } = cells;
    const { bytes } = out;
    for (let i = first, row = out.rows; i < first + count; i++, row++) {
      if (index[i * 2 + 1] === 1) {
        const byte = body[index[i * 2]!]!;
        if (isBoolean && byte > 1) throw notCanonical(i, `byte ${byte} for true, which is written as 1`);
        bytes[row] = byte;
      } else {
        oddCell(cells, i, out, row, rule);
      }
    }
    out.rows += count;
  };
}

function encodeByte(column: ColumnBuffer, first: number, count: number, out: CellWriter): void {
  const { hasNull } = column;
  const { index, bytes } = reserved(out, count, 1);
  let at = out.length;
  let slot = out.cells * 2;
  for (let row = first; row < first + count; row++, slot += 2) {
    index[slot] = at;
    index[slot + 1] = -1;
    if (hasNull && isNull(column, row)) continue;
    index[slot + 1] = 1;
    bytes[at++] = column.bytes[row]!;
  }
  out.cells += count;
  out.length = at;
}

function encodeSmallint(column: ColumnBuffer, first: number, count: number, out: CellWriter): void {
  const { hasNull } = column;
  const { index, bytes } = reserved(out, count, 2);
  let at = out.length;
  let slot = out.cells * 2;
  for (let row = first; row < first + count; row++, slot += 2) {
    index[slot] = at;
    index[slot + 1] = -1;
    if (hasNull && isNull(column, row)) continue;
    index[slot + 1] = 2;
    bytes[at] = column.bytes[row * 2 + 1]!;
    bytes[at + 1] = column.bytes[row * 2]!;
    at += 2;
  }
  out.cells += count;
  out.length = at;
}

/** Writes values of 4 bytes; `flip` is laid over their bits. */
export function encodeWords(column: ColumnBuffer, first: number, count: number, out: CellWriter, flip: number): void {
  const { hasNull, i32 } = column;
  const { index, view } = reserved(out, count, 4);
  let at = out.length;
  let slot = out.cells * 2;
  for (let row = first; row < first + count; row++, slot += 2) {
    index[slot] = at;
    index[slot + 1] = -1;
    if (hasNull && isNull(column, row)) continue;
    index[slot + 1] = 4;
    view.setInt32(at, i32[row]! ^ flip);
    at += 4;
  }
  out.cells += count;
  out.length = at;
}

/** Writes values of 8 bytes. */
export function encodeLongs(column: ColumnBuffer, first: number, count: number, out: CellWriter): void {
  const { hasNull, i32 } = column;
  const { index, view } = reserved(out, count, 8);
  let at = out.length;
  let slot = out.cells * 2;
  for (let row = first; row < first + count; row++, slot += 2) {
    index[slot] = at;
    index[slot + 1] = -1;
    if (hasNull && isNull(column, row)) continue;
    index[slot + 1] = 8;
    view.setInt32(at, i32[row * 2 + 1]!);
    view.setInt32(at + 4, i32[row * 2]!);
    at += 8;
  }
  out.cells += count;
  out.length = at;
}

/** Cells with room for so many more, of so many bytes each. */
function reserved(out: CellWriter, count: number, width: number): CellWriter {
  out.reserve(count * width);
  out.reserveCells(count);
  return out;
}
