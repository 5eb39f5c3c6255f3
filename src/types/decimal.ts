/*
 * Owns the codecs of decimal: exact text with its scale, and DECIMAL(p,s), which also serves varint with scale 0.
 */
import { type ColumnBuffer, isNull, reserveRows } from "../base/column.ts";
import { type CellRule, oddCell } from "./cells.ts";
import { type Cells, type CellWriter, type Codec, ValueError } from "./codec.ts";
import { NumberReader, readBig, readSmall, SMALL_BYTES, writeAscii, writeDigits, writeReversed } from "./digits.ts";
import { entryBytes, entryStart, entryText, storeMade, storeNull } from "./strings.ts";
import { checkMinimal, encodeFixedVarint, writeInteger } from "./varint.ts";

/** Characters that can stand around the digits: a sign, "0.00000", or a point and "E-2147483648". */
const AROUND = 24;

/** decimal as text: CQL native protocol v4, section 6.6, a 32-bit scale and the unscaled varint. */
export function decimalTextCodec(rule: CellRule): Codec {
  return {
    column: { kind: "VARCHAR" },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      const { body, view, index } = cells;
      out.arena.reserve(boundOfText(cells, first, count));
      const { bytes } = out.arena;
      let at = out.arena.length;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        const size = index[i * 2 + 1]!;
        if (size < 5) {
          oddCell(cells, i, out, row, rule);
          storeNull(out, row);
          continue;
        }
        const from = index[i * 2]!;
        checkMinimal(body, from + 4, size - 4, i);
        at = storeMade(out, row, at, writeDecimal(body, from + 4, size - 4, view.getInt32(from), bytes, at, out));
      }
      out.arena.length = at;
      out.rows += count;
    },
    encode: encodeText,
  };
}

function boundOfText(cells: Cells, first: number, count: number): number {
  let bound = 0;
  for (let i = first; i < first + count; i++) bound += Math.max(cells.index[i * 2 + 1]!, 0) * 3 + AROUND;
  return bound;
}

/** Writes the text of one decimal and notes its digits; returns where it ends. */
function writeDecimal(
  body: Uint8Array,
  from: number,
  size: number,
  scale: number,
  bytes: Uint8Array,
  at: number,
  out: ColumnBuffer,
): number {
  let digitsAt = at;
  let end: number;
  if (body[from]! > 127) bytes[digitsAt++] = 45;
  if (size <= SMALL_BYTES) {
    end = writeDigits(bytes, digitsAt, Math.abs(readSmall(body, from, size)));
  } else {
    const unscaled = readBig(body, from, size);
    end = writeAscii(bytes, digitsAt, (unscaled < 0n ? -unscaled : unscaled).toString());
  }
  const { notes } = out;
  const isZero = size === 1 && body[from] === 0;
  const integer = isZero && scale <= 0 ? 1 : end - digitsAt - scale;
  if (integer > notes.integerDigits) notes.integerDigits = integer;
  if (scale > notes.fractionDigits) notes.fractionDigits = scale;
  return scale === 0 ? end : placePoint(bytes, digitsAt, end, scale);
}

/**
 * Gives digits their scale, as java.math.BigDecimal.toString does, so that each scale has a text of its own and one
 * of two thousand million costs no zeros. Returns where the text ends.
 */
function placePoint(bytes: Uint8Array, at: number, end: number, scale: number): number {
  const length = end - at;
  const exponent = length - 1 - scale;
  if (scale > 0 && exponent >= -6) {
    if (scale < length) return insertPoint(bytes, at + length - scale, end);
    const zeros = 2 + scale - length;
    for (let i = end - 1; i >= at; i--) bytes[i + zeros] = bytes[i]!;
    bytes.fill(48, at, at + zeros);
    bytes[at + 1] = 46;
    return end + zeros;
  }
  let next = length > 1 ? insertPoint(bytes, at + 1, end) : end;
  if (exponent === 0) return next;
  bytes[next++] = 69;
  if (exponent > 0) bytes[next++] = 43;
  return writeInteger(bytes, next, exponent);
}

function insertPoint(bytes: Uint8Array, at: number, end: number): number {
  for (let i = end; i > at; i--) bytes[i] = bytes[i - 1]!;
  bytes[at] = 46;
  return end + 1;
}

/**
 * decimal as DECIMAL(p,s). The value is kept, its own scale is not: it comes back with scale s.
 */
export function decimalFixedCodec(rule: CellRule, width: number, scale: number): Codec {
  return {
    column: { kind: "DECIMAL", width, scale },
    decode: fixedDecoder(rule, width, scale, false),
    encode(column, first, count, out) {
      out.reserve(count * (column.width + 4));
      let at = out.length;
      for (let row = first; row < first + count; row++) {
        if (isNull(column, row)) {
          out.cell(0, -1);
          continue;
        }
        out.view.setInt32(at, scale);
        const size = writeReversed(column.bytes, row * column.width, column.width, out.bytes, at + 4);
        out.cell(at, size + 4);
        at += size + 4;
      }
      out.length = at;
    },
  };
}

/** varint as DECIMAL(p,0). */
export function varintFixedCodec(rule: CellRule, width: number): Codec {
  return {
    column: { kind: "DECIMAL", width, scale: 0 },
    decode: fixedDecoder(rule, width, 0, true),
    encode: encodeFixedVarint,
  };
}

function fixedDecoder(rule: CellRule, width: number, scale: number, isVarint: boolean): Codec["decode"] {
  const head = isVarint ? 0 : 4;
  // Beyond 15 digits a number is no exact bound, and a number that is exact has no more than 16.
  const limit = width > 15 ? Number.POSITIVE_INFINITY : 10 ** width;
  return (cells, first, count, out) => {
    reserveRows(out, count);
    const { body, view, index } = cells;
    for (let i = first, row = out.rows; i < first + count; i++, row++) {
      const size = index[i * 2 + 1]! - head;
      if (size < 1) {
        oddCell(cells, i, out, row, rule);
        continue;
      }
      const at = index[i * 2]!;
      checkMinimal(body, at + head, size, i);
      const by = scale - (isVarint ? 0 : view.getInt32(at));
      if (size <= SMALL_BYTES && by >= 0 && by < 16) {
        const value = readSmall(body, at + head, size) * 10 ** by;
        const magnitude = Math.abs(value);
        if (magnitude <= Number.MAX_SAFE_INTEGER && magnitude < limit) {
          storeNumber(out, row, value);
          continue;
        }
      }
      const value = rescale(readBig(body, at + head, size), by, width);
      if (value === undefined) throw doesNotFit(cells, i, head, `DECIMAL(${width},${scale})`);
      storeBig(out, row, value);
    }
    out.rows += count;
  };
}

/** unscaled · 10^by as a whole number of at most `width` digits; undefined if there is none. */
function rescale(unscaled: bigint, by: number, width: number): bigint | undefined {
  if (unscaled === 0n) return 0n;
  // Nothing else is multiplied or divided by a power of ten too large to be computed.
  if (by > width || -by > unscaled.toString().length) return undefined;
  const power = 10n ** BigInt(Math.abs(by));
  if (by < 0 && unscaled % power !== 0n) return undefined;
  const value = by < 0 ? unscaled / power : unscaled * power;
  const limit = 10n ** BigInt(width);
  return value < limit && value > -limit ? value : undefined;
}

function storeNumber(out: ColumnBuffer, row: number, value: number): void {
  const { bytes, i32, width } = out;
  if (width === 2) {
    bytes[row * 2] = value;
    bytes[row * 2 + 1] = value >> 8;
  } else if (width === 4) {
    i32[row] = value;
  } else {
    const slot = row * (width >> 2);
    const high = Math.floor(value / 0x100000000);
    i32[slot] = value;
    i32[slot + 1] = high;
    if (width === 16) i32[slot + 2] = i32[slot + 3] = high < 0 ? -1 : 0;
  }
}

function storeBig(out: ColumnBuffer, row: number, value: bigint): void {
  let rest = value;
  for (let i = 0; i < out.width; i++) {
    out.bytes[row * out.width + i] = Number(rest & 255n);
    rest >>= 8n;
  }
}

function doesNotFit(cells: Cells, cell: number, head: number, type: string): ValueError {
  const at = cells.index[cell * 2]!;
  const size = cells.index[cell * 2 + 1]! - head;
  return new ValueError(cell, `${decimalText(cells, at, size, head)} does not fit ${type}`, "--type {column}=VARCHAR");
}

function decimalText(cells: Cells, at: number, size: number, head: number): string {
  const unscaled = readBig(cells.body, at + head, size);
  return unscaledText(unscaled, head === 0 ? 0 : cells.view.getInt32(at));
}

/** The text of a decimal, for messages. */
export function unscaledText(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString();
  const bytes = new Uint8Array(digits.length + AROUND);
  const end = writeAscii(bytes, 0, digits);
  const text = bytes.subarray(0, scale === 0 ? end : placePoint(bytes, 0, end, scale));
  return `${unscaled < 0n ? "-" : ""}${new TextDecoder().decode(text)}`;
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
    if (!reader.read(entryBytes(column, length), start, start + length)) {
      throw new ValueError(row, `'${entryText(column, row)}' is not a decimal`);
    }
    out.reserve(length + 5);
    out.view.setInt32(out.length, reader.scale | 0);
    const size = reader.writeMantissa(out.bytes, out.length + 4) + 4;
    out.cell(out.length, size);
    out.length += size;
  }
}
