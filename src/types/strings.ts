/*
 * Owns DuckDB's string entries in a column: how bytes get into them and how they are found again.
 * Knows nothing of what the bytes mean.
 */
import { type ColumnBuffer, setNull } from "../base/column.ts";

/** Longer values are pointed to, shorter ones are in the entry itself. */
export const INLINE = 12;

/** Makes the entry of a value whose bytes are in `view` at `at`, and in the arena at `at + shift`. */
export function storeEntry(
  i32: Int32Array,
  row: number,
  view: DataView,
  at: number,
  size: number,
  shift: number,
): void {
  const slot = row * 4;
  i32[slot] = size;
  if (size > INLINE) {
    const offset = at + shift;
    i32[slot + 1] = view.getInt32(at, true);
    i32[slot + 2] = offset | 0;
    i32[slot + 3] = (offset / 0x100000000) | 0;
    return;
  }
  // Words that end with the value instead of reading behind it, where the body may be over.
  i32[slot + 1] = size > 3 ? view.getInt32(at, true) : fewBytes(view, at, size);
  i32[slot + 2] = size > 7 ? view.getInt32(at + 4, true) : size > 4 ? tail(view, at, size) : 0;
  i32[slot + 3] = size > 11 ? view.getInt32(at + 8, true) : size > 8 ? tail(view, at, size) : 0;
}

function fewBytes(view: DataView, at: number, size: number): number {
  let word = 0;
  for (let i = size - 1; i >= 0; i--) word = (word << 8) | view.getUint8(at + i);
  return word;
}

/** The last one to three bytes of a value of more than four, as a little-endian word. */
function tail(view: DataView, at: number, size: number): number {
  return view.getInt32(at + size - 4, true) >>> (8 * (4 - (size & 3)));
}

/** NULL as an entry that leads nowhere, should anyone look. */
export function storeNull(out: ColumnBuffer, row: number): void {
  const { i32 } = out;
  i32[row * 4] = i32[row * 4 + 1] = i32[row * 4 + 2] = i32[row * 4 + 3] = 0;
  setNull(out, row);
}

/**
 * Makes the entry of a text just written to the arena at `start`; returns where the next may be written, which is
 * `start` again if the text went into the entry.
 */
export function storeMade(out: ColumnBuffer, row: number, start: number, end: number): number {
  const { bytes } = out.arena;
  const slot = row * 4;
  const size = end - start;
  out.i32[slot] = size;
  if (size > INLINE) {
    out.i32[slot + 1] =
      bytes[start]! | (bytes[start + 1]! << 8) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 24);
    out.i32[slot + 2] = start | 0;
    out.i32[slot + 3] = (start / 0x100000000) | 0;
    return end;
  }
  out.i32[slot + 1] = out.i32[slot + 2] = out.i32[slot + 3] = 0;
  for (let i = 0; i < size; i++) out.bytes[slot * 4 + 4 + i] = bytes[start + i]!;
  return start;
}

/** The array that the bytes of an entry of `size` are in. */
export function entryBytes(column: ColumnBuffer, size: number): Uint8Array {
  return size > INLINE ? column.arena.bytes : column.bytes;
}

/** Where in that array they begin. */
export function entryStart(column: ColumnBuffer, row: number, size: number): number {
  if (size <= INLINE) return row * 16 + 4;
  const low = column.i32[row * 4 + 2]!;
  const high = column.i32[row * 4 + 3]!;
  // The engine takes this for a whole number of 32 bits, and works with views by several times faster than with others.
  if (high === 0 && low >= 0) return low;
  return (low >>> 0) + high * 0x100000000;
}

/** The entry's text, for values that take a slow path, and for messages. */
export function entryText(column: ColumnBuffer, row: number): string {
  const size = column.i32[row * 4]!;
  const start = entryStart(column, row, size);
  // A mark of the byte order at the beginning is a part of the text.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(entryBytes(column, size).subarray(start, start + size));
}
