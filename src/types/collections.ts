/*
 * Owns the codecs of list, set and map. Elements of all rows of a call are collected first, so that the codec of the
 * elements runs once a call and not once a row.
 */
import { type ColumnBuffer, isNull, reserveRows } from "../base/column.ts";
import { type CellRule, copyBytes, InnerCells, inside, notCanonical, oddCell } from "./cells.ts";
import { type Cells, CellWriter, type Codec, ValueError } from "./codec.ts";

/** list and set: CQL native protocol v4, sections 6.12 and 6.15: [int] n, then n times [bytes]. */
export function listCodec(element: Codec, rule: CellRule): Codec {
  const split = splitter(1, rule);
  const written = new CellWriter();
  return {
    column: { kind: "LIST", child: element.column },
    decode(cells, first, count, out) {
      const child = out.children[0]!;
      const start = child.rows;
      const total = split.run(cells, first, count, out, start);
      const inner = split.parts[0]!.within(cells);
      inside(
        () => element.decode(inner, 0, total, child),
        (i) => first + ownerOf(out, out.rows - count, start + i),
        (i) => `element ${start + i - entryOffset(out, out.rows - count + ownerOf(out, out.rows - count, start + i))}`,
      );
    },
    encode(column, first, count, out) {
      written.clear();
      encodeElements(column, first, count, column.children[0]!, element, written, (at) => `element ${at}`);
      writeCollections(column, first, count, [written], out);
    },
  };
}

/** map: CQL native protocol v4, section 6.14: [int] n, then n times [bytes] key and [bytes] value. */
export function mapCodec(key: Codec, value: Codec, rule: CellRule): Codec {
  const split = splitter(2, rule);
  const written = [new CellWriter(), new CellWriter()];
  const parts = [key, value];
  return {
    column: { kind: "MAP", key: key.column, value: value.column },
    decode(cells, first, count, out) {
      const entries = out.children[0]!;
      const start = entries.rows;
      const total = split.run(cells, first, count, out, start);
      reserveRows(entries, total);
      const row = (i: number) => first + ownerOf(out, out.rows - count, start + i);
      for (const [which, part] of parts.entries()) {
        const inner = split.parts[which]!.within(cells);
        const decode = () => part.decode(inner, 0, total, entries.children[which]!);
        inside(decode, row, () => (which === 0 ? "a key" : "a value"));
      }
      entries.rows += total;
      const keys = entries.children[0]!;
      if (keys.hasNull) throw notCanonical(row(firstNull(keys, start) - start), "a map key that is NULL");
    },
    encode(column, first, count, out) {
      const entries = column.children[0]!;
      for (const [which, part] of parts.entries()) {
        const where = () => (which === 0 ? "a key" : "a value");
        written[which]!.clear();
        encodeElements(column, first, count, entries.children[which]!, part, written[which]!, where);
      }
      writeCollections(column, first, count, written, out);
    },
  };
}

function firstNull(column: ColumnBuffer, from: number): number {
  let row = from;
  while (row < column.rows && !isNull(column, row)) row++;
  return row;
}

/** Where a row's elements begin among all elements of the column. */
function entryOffset(column: ColumnBuffer, row: number): number {
  return (column.i32[row * 4]! >>> 0) + column.i32[row * 4 + 1]! * 0x100000000;
}

/** How many elements a row has. */
export function entryLength(column: ColumnBuffer, row: number): number {
  return (column.i32[row * 4 + 2]! >>> 0) + column.i32[row * 4 + 3]! * 0x100000000;
}

export function storeListEntry(i32: Int32Array, row: number, offset: number, length: number): void {
  i32[row * 4] = offset;
  i32[row * 4 + 1] = 0;
  i32[row * 4 + 2] = length;
  i32[row * 4 + 3] = 0;
}

/** How many rows after `from` the row is whose elements include `element`. Only for messages. */
function ownerOf(column: ColumnBuffer, from: number, element: number): number {
  for (let row = from; ; row++) {
    const offset = entryOffset(column, row);
    const isHere = element >= offset && element < offset + entryLength(column, row);
    if ((isHere && !isNull(column, row)) || row >= column.rows - 1) return row - from;
  }
}

/**
 * Takes collections apart: their elements become cells, `width` lists of them (map: keys and values) in `parts`, and
 * the rows of the column say which are theirs, counted from `start`. `run` returns how many there are of each.
 */
function splitter(width: 1 | 2, rule: CellRule) {
  const parts = width === 1 ? [new InnerCells()] : [new InnerCells(), new InnerCells()];
  const run = (cells: Cells, first: number, count: number, out: ColumnBuffer, start: number): number => {
    reserveRows(out, count);
    const { view, index } = cells;
    const { i32 } = out;
    const even = parts[0]!;
    const odd = parts[width - 1]!;
    let total = 0;
    for (let i = first, row = out.rows; i < first + count; i++, row++) {
      const size = index[i * 2 + 1]!;
      if (size < 4) {
        oddCell(cells, i, out, row, rule);
        storeListEntry(i32, row, start + total, 0);
        continue;
      }
      const cellAt = index[i * 2]!;
      const end = cellAt + size;
      const length = view.getInt32(cellAt);
      // Each element has at least its own length: a count beyond that would only cost memory.
      if (length < 0 || length > (size - 4) / (4 * width)) throw malformed(i, rule);
      even.reserve(total + length);
      odd.reserve(total + length);
      let at = cellAt + 4;
      for (let k = 0; k < length * width; k++) {
        const part = width === 1 || (k & 1) === 0 ? even : odd;
        const slot = (total + (width === 1 ? k : k >> 1)) * 2;
        const bytes = at + 4 > end ? -2 : view.getInt32(at);
        at += 4;
        if (bytes < -1 || bytes > end - at) throw malformed(i, rule);
        part.index[slot] = at;
        part.index[slot + 1] = bytes;
        if (bytes > 0) at += bytes;
      }
      if (at !== end) throw malformed(i, rule);
      storeListEntry(i32, row, start + total, length);
      total += length;
    }
    out.rows += count;
    return total;
  };
  return { parts, run };
}

function malformed(cell: number, rule: CellRule): ValueError {
  return notCanonical(cell, `bytes that are not how a ${rule.name} is written`);
}

/**
 * Encodes the elements of the rows, in the order of the rows: at one go where they stand one after the other, as they
 * do unless a query moved rows without their elements.
 */
export function encodeElements(
  column: ColumnBuffer,
  first: number,
  count: number,
  child: ColumnBuffer,
  codec: Codec,
  written: CellWriter,
  where: (element: number) => string,
): void {
  const end = first + count;
  for (let row = first; row < end; ) {
    let next = row;
    let from = -1;
    let to = -1;
    for (; next < end; next++) {
      if (isNull(column, next) || entryLength(column, next) === 0) continue;
      const offset = entryOffset(column, next);
      if (from < 0) from = to = offset;
      else if (offset !== to) break;
      to += entryLength(column, next);
    }
    const runStart = row;
    if (from >= 0) {
      const owner = (i: number) => runStart + ownerOf(column, runStart, i);
      inside(
        () => codec.encode(child, from, to - from, written),
        owner,
        (i) => where(i - entryOffset(column, owner(i))),
      );
    }
    row = next;
  }
}

/** Puts encoded elements together again: the cells of all rows' elements are in `parts`, one each or keys and values. */
function writeCollections(
  column: ColumnBuffer,
  first: number,
  count: number,
  parts: readonly CellWriter[],
  out: CellWriter,
): void {
  let total = 0;
  for (const part of parts) total += part.length + part.cells * 4;
  out.reserve(total + count * 4);
  let element = 0;
  let at = out.length;
  for (let row = first; row < first + count; row++) {
    if (isNull(column, row)) {
      out.cell(0, -1);
      continue;
    }
    const start = at;
    const length = entryLength(column, row);
    out.view.setInt32(at, length);
    at += 4;
    for (const last = element + length; element < last; element++) {
      for (const part of parts) {
        const size = part.index[element * 2 + 1]!;
        if (size < 0) throw new ValueError(row, "a NULL inside a collection, which CQL doesn't have");
        out.view.setInt32(at, size);
        copyBytes(part.bytes, part.index[element * 2]!, size, out.bytes, at + 4);
        at += size + 4;
      }
    }
    out.cell(start, at - start);
  }
  out.length = at;
}
