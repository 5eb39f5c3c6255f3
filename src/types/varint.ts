/*
 * Owns the codecs of varint: exact text, BIGINT, and DECIMAL(p,0).
 */
import { type ColumnBuffer, isNull, reserveRows } from "../base/column.ts";
import { type CellRule, notCanonical, oddCell } from "./cells.ts";
import { type Cells, type CellWriter, type Codec, ValueError } from "./codec.ts";
import {
  isMinimal,
  NumberReader,
  readBig,
  readSmall,
  SMALL_BYTES,
  writeAscii,
  writeDigits,
  writeReversed,
} from "./digits.ts";
import { entryBytes, entryStart, entryText, storeMade, storeNull } from "./strings.ts";

/** varint as text: CQL native protocol v4, section 6.24, the shortest big-endian two's complement. */
export function varintTextCodec(rule: CellRule): Codec {
  return {
    column: { kind: "VARCHAR" },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      const { body, index } = cells;
      out.arena.reserve(boundOfDigits(cells, first, count));
      const { bytes } = out.arena;
      let at = out.arena.length;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        const size = index[i * 2 + 1]!;
        if (size < 1) {
          oddCell(cells, i, out, row, rule);
          storeNull(out, row);
          continue;
        }
        const from = index[i * 2]!;
        checkMinimal(body, from, size, i);
        const end =
          size <= SMALL_BYTES
            ? writeInteger(bytes, at, readSmall(body, from, size))
            : writeAscii(bytes, at, readBig(body, from, size).toString());
        const digits = end - at - (body[from]! >> 7);
        if (digits > out.notes.integerDigits) out.notes.integerDigits = digits;
        at = storeMade(out, row, at, end);
      }
      out.arena.length = at;
      out.rows += count;
    },
    encode: encodeText,
  };
}

/** varint as BIGINT, where its values are known to fit. */
export function varintBigintCodec(rule: CellRule): Codec {
  return {
    column: { kind: "BIGINT" },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      const { body, index } = cells;
      const { i32 } = out;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        const size = index[i * 2 + 1]!;
        if (size < 1) {
          oddCell(cells, i, out, row, rule);
          continue;
        }
        const at = index[i * 2]!;
        checkMinimal(body, at, size, i);
        if (size > 8)
          throw new ValueError(i, `a varint of ${size} bytes does not fit BIGINT`, "--type {column}=VARCHAR");
        let high = body[at]! > 127 ? -1 : 0;
        let low = high;
        for (let k = at; k < at + size; k++) {
          high = (high << 8) | (low >>> 24);
          low = (low << 8) | body[k]!;
        }
        i32[row * 2] = low;
        i32[row * 2 + 1] = high;
      }
      out.rows += count;
    },
    encode: encodeFixedVarint,
  };
}

/** @throws ValueError if the bytes are not the shortest two's complement */
export function checkMinimal(body: Uint8Array, at: number, size: number, cell: number): void {
  if (!isMinimal(body, at, size)) throw notCanonical(cell, "a number with superfluous leading bytes");
}

/** Writes a whole number as text; returns where it ends. */
export function writeInteger(bytes: Uint8Array, at: number, value: number): number {
  if (value >= 0) return writeDigits(bytes, at, value);
  bytes[at] = 45;
  return writeDigits(bytes, at + 1, -value);
}

/** A byte is 2.41 digits; two more for the sign and the part of a digit. */
function boundOfDigits(cells: Cells, first: number, count: number): number {
  let bound = 0;
  for (let i = first; i < first + count; i++) bound += Math.max(cells.index[i * 2 + 1]!, 0) * 3 + 2;
  return bound;
}

/** BIGINT, or DECIMAL without a scale, as varint. */
export function encodeFixedVarint(column: ColumnBuffer, first: number, count: number, out: CellWriter): void {
  const { width } = column;
  out.reserve(count * width);
  let at = out.length;
  for (let row = first; row < first + count; row++) {
    if (isNull(column, row)) {
      out.cell(0, -1);
      continue;
    }
    const size = writeReversed(column.bytes, row * width, width, out.bytes, at);
    out.cell(at, size);
    at += size;
  }
  out.length = at;
}

function encodeText(column: ColumnBuffer, first: number, count: number, out: CellWriter): void {
  const reader = new NumberReader();
  for (let row = first; row < first + count; row++) {
    if (isNull(column, row)) {
      out.cell(0, -1);
      continue;
    }
    const length = column.i32[row * 4]!;
    const start = entryStart(column, row, length);
    const isNumber = reader.read(entryBytes(column, length), start, start + length);
    if (!isNumber || !reader.isWhole) throw new ValueError(row, `'${entryText(column, row)}' is not a whole number`);
    out.reserve(length + 1);
    const size = reader.writeMantissa(out.bytes, out.length);
    out.cell(out.length, size);
    out.length += size;
  }
}
