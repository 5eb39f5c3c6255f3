/*
 * Owns the codecs whose values are their own bytes: text, ascii, blob, and any type kept as raw bytes.
 */
import { isUtf8 } from "node:buffer";
import { copyWords, FEW_BYTES, viewOf } from "../base/bytes.ts";
import { type ColumnBuffer, isNull, reserveRows } from "../base/column.ts";
import { notCanonical } from "./cells.ts";
import { type Cells, type CellWriter, type Codec, ValueError } from "./codec.ts";
import { entryStart, INLINE, storeEntry, storeNull } from "./strings.ts";

/** A native check costs a view of the bytes; below this it is slower than looking at them here. */
const LONG = 256;
const LONG_NOT_ASCII = 64;

/** blob, and the raw bytes of any type: CQL native protocol v4, section 6.3. */
export function bytesCodec(): Codec {
  return { column: { kind: "BLOB" }, decode: decodeBytes, encode: encodeBytes };
}

/** text: CQL native protocol v4, section 6.18. Cassandra lets through what is not UTF-8; DuckDB would make it NULL. */
export function textCodec(): Codec {
  return {
    column: { kind: "VARCHAR" },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      const { body, view, index, shift } = cells;
      const { i32 } = out;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        const size = index[i * 2 + 1]!;
        if (size < 0) {
          storeNull(out, row);
          continue;
        }
        const at = index[i * 2]!;
        if (!isText(body, view, at, size)) throw notCanonical(i, "bytes that are not UTF-8");
        storeEntry(i32, row, view, at, size, shift);
      }
      out.rows += count;
    },
    encode: encodeBytes,
  };
}

/** ascii: CQL native protocol v4, section 6.1. */
export function asciiCodec(): Codec {
  return {
    column: { kind: "VARCHAR" },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      const { view, index, shift } = cells;
      const { i32 } = out;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        const size = index[i * 2 + 1]!;
        if (size < 0) {
          storeNull(out, row);
          continue;
        }
        const at = index[i * 2]!;
        if (asciiEnd(view, at, at + size) < at + size) throw notCanonical(i, "bytes that are not ASCII");
        storeEntry(i32, row, view, at, size, shift);
      }
      out.rows += count;
    },
    encode(column, first, count, out) {
      const cell = out.cells;
      encodeBytes(column, first, count, out);
      for (let i = 0; i < count; i++) {
        const at = out.index[(cell + i) * 2]!;
        const end = at + out.index[(cell + i) * 2 + 1]!;
        if (asciiEnd(out.view, at, end) < end) throw new ValueError(first + i, "a text that is not ASCII");
      }
    },
  };
}

function decodeBytes(cells: Cells, first: number, count: number, out: ColumnBuffer): void {
  reserveRows(out, count);
  const { view, index, shift } = cells;
  const { i32 } = out;
  for (let i = first, row = out.rows; i < first + count; i++, row++) {
    const size = index[i * 2 + 1]!;
    if (size < 0) storeNull(out, row);
    else storeEntry(i32, row, view, index[i * 2]!, size, shift);
  }
  out.rows += count;
}

function encodeBytes(column: ColumnBuffer, first: number, count: number, out: CellWriter): void {
  const { i32, hasNull, arena } = column;
  let total = 0;
  for (let row = first; row < first + count; row++) if (!(hasNull && isNull(column, row))) total += i32[row * 4]!;
  out.reserve(total + INLINE);
  out.reserveCells(count);
  const { index, view } = out;
  const long = viewOf(arena.bytes);
  let at = out.length;
  let slot = out.cells * 2;
  for (let row = first; row < first + count; row++, slot += 2) {
    index[slot] = at;
    if (hasNull && isNull(column, row)) {
      index[slot + 1] = -1;
      continue;
    }
    const size = i32[row * 4]!;
    index[slot + 1] = size;
    if (size <= INLINE) {
      // All of the entry, whatever of it counts: what comes next is written over the rest.
      view.setInt32(at, i32[row * 4 + 1]!, true);
      view.setInt32(at + 4, i32[row * 4 + 2]!, true);
      view.setInt32(at + 8, i32[row * 4 + 3]!, true);
    } else if (size <= FEW_BYTES) {
      copyWords(long, entryStart(column, row, size), size, view, at);
    } else {
      const start = entryStart(column, row, size);
      out.bytes.set(arena.bytes.subarray(start, start + size), at);
    }
    at += size;
  }
  out.cells += count;
  out.length = at;
}

/** The first place from `at` on, near which a byte is not ASCII; `end` if there is none. All before it is ASCII. */
export function asciiEnd(view: DataView, at: number, end: number): number {
  let i = at;
  for (; i + 4 <= end; i += 4) if ((view.getInt32(i) & 0x80808080) !== 0) return i;
  for (; i < end; i++) if (view.getUint8(i) > 127) return i;
  return i;
}

/** Whether the bytes are UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
export function isText(body: Uint8Array, view: DataView, at: number, size: number): boolean {
  const end = at + size;
  if (size > LONG) return isUtf8(body.subarray(at, end));
  const rest = asciiEnd(view, at, end);
  if (rest === end) return true;
  if (end - rest > LONG_NOT_ASCII) return isUtf8(body.subarray(rest, end));
  return isWellFormed(body, rest, end);
}

/** RFC 3629, section 4: each lead byte with the range its second byte may have. */
function isWellFormed(body: Uint8Array, from: number, end: number): boolean {
  let i = from;
  while (i < end) {
    const lead = body[i++]!;
    if (lead < 0x80) continue;
    if (lead < 0xc2 || lead > 0xf4) return false;
    const more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (i + more > end) return false;
    const second = body[i]!;
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return false;
    for (let k = 1; k < more; k++) if ((body[i + k]! & 0xc0) !== 0x80) return false;
    i += more;
  }
  return true;
}
