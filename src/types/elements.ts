/*
 * Owns taking values that are made of several cells apart, and putting some of their elements together again, as bytes
 * of the native protocol v4 (sections 6.12 to 6.15, 6.25).
 */
import { copyBytes } from "./cells.ts";
import type { CellWriter } from "./codec.ts";

/** Where parts of values lie: two numbers each, offset and size. */
export class Spans {
  at = new Int32Array(64);
  count = 0;

  add(offset: number, size: number): void {
    if (this.count * 2 === this.at.length) {
      const bigger = new Int32Array(this.at.length * 2);
      bigger.set(this.at);
      this.at = bigger;
    }
    this.at[this.count * 2] = offset;
    this.at[this.count * 2 + 1] = size;
    this.count++;
  }
}

/** How many elements a list, set or map has. */
export function elementCount({ view }: CellWriter, offset: number): number {
  return view.getInt32(offset);
}

/** Adds the elements of a list or set (`width` 1) or map (2), each with its own lengths. @returns how many */
export function splitElements({ view }: CellWriter, offset: number, width: 1 | 2, into: Spans): number {
  const count = view.getInt32(offset);
  let at = offset + 4;
  for (let i = 0; i < count; i++) {
    const start = at;
    for (let part = 0; part < width; part++) at += 4 + Math.max(0, view.getInt32(at));
    into.add(start, at - start);
  }
  return count;
}

/** Adds the fields of a user-defined type, without their lengths; the size of a null is -1. @returns how many */
export function splitFields({ view }: CellWriter, offset: number, size: number, fields: number, into: Spans): number {
  const end = offset + size;
  let at = offset;
  for (let i = 0; i < fields; i++) {
    const length = at < end ? view.getInt32(at) : -1;
    at += 4;
    into.add(at, length);
    at += Math.max(0, length);
  }
  return fields;
}

/**
 * Writes a list, set or map of some of the elements behind all that is there, without noting it as a cell: those from
 * `first` on, along `next`, which ends with -1. @returns its offset; it reaches to the end
 */
export function joinElements(cells: CellWriter, { at }: Spans, first: number, next: Int32Array): number {
  let count = 0;
  let size = 4;
  for (let i = first; i >= 0; i = next[i]!) {
    count++;
    size += at[i * 2 + 1]!;
  }
  cells.reserve(size);
  const start = cells.length;
  cells.view.setInt32(start, count);
  let to = start + 4;
  for (let i = first; i >= 0; i = next[i]!) {
    copyBytes(cells.bytes, at[i * 2]!, at[i * 2 + 1]!, cells.bytes, to);
    to += at[i * 2 + 1]!;
  }
  cells.length = to;
  return start;
}
