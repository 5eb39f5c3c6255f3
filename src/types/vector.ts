/*
 * Owns the codec of vector<T, n>. How elements are packed is not in the protocol's text but in Cassandra 5.0's
 * VectorType: elements of a type of fixed length stand side by side, others behind an unsigned vint of their length.
 */
import { type ColumnBuffer, isNull, reserveRows } from "../base/column.ts";
import { type CellRule, copyBytes, InnerCells, inside, notCanonical, oddCell } from "./cells.ts";
import { type Cells, CellWriter, type Codec, ValueError } from "./codec.ts";
import { encodeElements, entryLength, storeListEntry } from "./collections.ts";
import { VintReader, writeUnsigned } from "./vint.ts";

/** Of a vector: how many elements, and the bytes of each, if all of the type have as many. */
interface VectorShape {
  readonly dimension: number;
  readonly elementLength: number | undefined;
}

/** vector: a LIST in DuckDB, whose length the codec checks. */
export function vectorCodec(element: Codec, shape: VectorShape, rule: CellRule): Codec {
  const { dimension, elementLength } = shape;
  const parts = new InnerCells();
  const written = new CellWriter();
  const split = elementLength === undefined ? variableSplitter(parts, dimension) : fixedSplitter(parts, elementLength);
  const isPossible = (size: number) =>
    elementLength === undefined ? size >= dimension : size === dimension * elementLength;
  return {
    column: { kind: "LIST", child: element.column },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      parts.reserve(count * dimension);
      const child = out.children[0]!;
      const start = child.rows;
      let total = 0;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        const size = cells.index[i * 2 + 1]!;
        if (size > 0 && isPossible(size)) {
          split(cells, i, total, total + dimension);
          storeListEntry(out.i32, row, start + total, dimension);
          total += dimension;
        } else {
          oddCell(cells, i, out, row, rule);
          storeListEntry(out.i32, row, start + total, 0);
        }
      }
      out.rows += count;
      decodeElements(element, parts.within(cells), first, out, total, dimension, count);
    },
    encode(column, first, count, out) {
      for (let row = first; row < first + count; row++) {
        const length = entryLength(column, row);
        if (isNull(column, row) || length === dimension) continue;
        throw new ValueError(row, `${length} elements for a vector of ${dimension}`);
      }
      written.clear();
      encodeElements(column, first, count, column.children[0]!, element, written, (at) => `element ${at}`);
      writeVectors(column, first, count, shape, written, out);
    },
  };
}

function decodeElements(
  element: Codec,
  inner: Cells,
  first: number,
  out: ColumnBuffer,
  total: number,
  dimension: number,
  count: number,
): void {
  // All rows that are not NULL have `dimension` elements.
  const owner = (i: number) => {
    let left = Math.floor(i / dimension);
    let row = out.rows - count;
    for (; isNull(out, row) || left > 0; row++) if (!isNull(out, row)) left--;
    return first + row - (out.rows - count);
  };
  inside(
    () => element.decode(inner, 0, total, out.children[0]!),
    owner,
    (i) => `element ${i % dimension}`,
  );
}

function fixedSplitter(parts: InnerCells, length: number) {
  return (cells: Cells, cell: number, from: number, to: number): void => {
    const { index } = parts;
    let at = cells.index[cell * 2]!;
    for (let k = from; k < to; k++) {
      index[k * 2] = at;
      index[k * 2 + 1] = length;
      at += length;
    }
  };
}

function variableSplitter(parts: InnerCells, dimension: number) {
  const reader = new VintReader();
  return (cells: Cells, cell: number, from: number, to: number): void => {
    const { index } = parts;
    let at = cells.index[cell * 2]!;
    const end = at + cells.index[cell * 2 + 1]!;
    for (let k = from; k < to; k++) {
      at = reader.unsigned(cells.body, at, end);
      if (at < 0 || reader.high !== 0 || reader.low < 0 || reader.low > end - at) throw malformed(cell, dimension);
      index[k * 2] = at;
      index[k * 2 + 1] = reader.low;
      at += reader.low;
    }
    if (at !== end) throw malformed(cell, dimension);
  };
}

function malformed(cell: number, dimension: number): ValueError {
  return notCanonical(cell, `bytes that are not how a vector of ${dimension} is written`);
}

function writeVectors(
  column: ColumnBuffer,
  first: number,
  count: number,
  shape: VectorShape,
  written: CellWriter,
  out: CellWriter,
): void {
  const isFixed = shape.elementLength !== undefined;
  out.reserve(written.length + written.cells * 5);
  let element = 0;
  let at = out.length;
  for (let row = first; row < first + count; row++) {
    if (isNull(column, row)) {
      out.cell(0, -1);
      continue;
    }
    const start = at;
    for (const last = element + shape.dimension; element < last; element++) {
      const size = written.index[element * 2 + 1]!;
      if (size < 0) throw new ValueError(row, "a NULL inside a vector, which CQL doesn't have");
      if (isFixed && size !== shape.elementLength) {
        throw new ValueError(row, `an element of ${size} bytes in a vector of ${shape.elementLength} bytes each`);
      }
      if (!isFixed) at = writeUnsigned(out.bytes, at, 0, size);
      copyBytes(written.bytes, written.index[element * 2]!, size, out.bytes, at);
      at += size;
    }
    out.cell(start, at - start);
  }
  out.length = at;
}
