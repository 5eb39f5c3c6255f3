/*
 * Owns the row path of an import: the columns of a chunk become cells, rows that can't be written are set apart, and the
 * others go to the writer, each with the statement that it needs. Joins src/duckdb, src/types and src/cassandra, which do
 * not know each other. No object is made per row.
 */
import { type ColumnBuffer, isNull, sliceColumn } from "../../base/column.ts";
import { type ParameterCells, UNSET } from "../../cassandra/rowblock.ts";
import type { ScanChunk } from "../../duckdb/scan.ts";
import { CellWriter, type Encode, ValueError } from "../../types/codec.ts";

/** What a row needs: nothing, all its columns, all but the static ones, the static ones alone, these two one by one. */
export const LEFT_OUT = 0;
export const FULL = 1;
export const ROWS = 2;
export const STATICS = 3;
export const APART = 4;

/** What is encoded at a time, about: cells and frames of it are held beside the chunk. */
const PIECE_BYTES = 2 * 1024 * 1024;

/** A chunk in pieces of a few megabytes at the most, or of eight rows. */
export function* piecesOf(chunk: ScanChunk): Generator<ScanChunk> {
  const { columns, rows } = chunk;
  const fixed = columns.reduce((sum, { width }) => sum + width, 0);
  const rowBytes = fixed + (columns[0]?.arena.length ?? 0) / Math.max(1, rows);
  const most = Math.max(8, Math.floor(PIECE_BYTES / Math.max(1, rowBytes) / 8) * 8);
  if (rows <= most) {
    yield chunk;
    return;
  }
  for (let first = 0; first < rows; first += most) {
    const count = Math.min(most, rows - first);
    yield { rows: count, columns: columns.map((column) => sliceColumn(column, first, count)) };
  }
}

/** Takes a row out of a chunk; without a reason it is none, as an empty line. */
export type Refuse = (row: number, column: string | undefined, reason: string | undefined) => void;

/** Makes chunks of a part's columns, in the order of partQuery, out of what its scan gives. */
export type ChunkReader = (chunk: ScanChunk, refuse: Refuse) => ScanChunk;

/** The cells of a column for the rows of one chunk; rows that can't be encoded have null, and are reported. */
export class ColumnCells {
  readonly cells = new CellWriter();
  readonly #encode: Encode;

  constructor(encode: Encode) {
    this.#encode = encode;
  }

  /** @param refuse is told of each row whose value can't be kept */
  read(column: ColumnBuffer, rows: number, refuse: (error: ValueError) => void): void {
    this.cells.clear();
    this.#range(column, 0, rows, refuse);
  }

  /** Rows before one that can't be encoded are encoded once more, and then those behind it. */
  #range(column: ColumnBuffer, first: number, end: number, refuse: (error: ValueError) => void): void {
    for (let from = first; from < end; ) {
      const { length, cells } = this.cells;
      try {
        this.#encode(column, from, end - from, this.cells);
        return;
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        this.cells.length = length;
        this.cells.cells = cells;
        this.#range(column, from, error.row, refuse);
        this.cells.cell(0, -1);
        refuse(error);
        from = error.row + 1;
      }
    }
  }
}

/** Makes nulls of the rows values that stay as they are. */
export function unsetNulls(cells: CellWriter, rows: number): void {
  const { index } = cells;
  for (let at = 1; at < rows * 2; at += 2) if (index[at] === -1) index[at] = UNSET;
}

/** The cells of some rows, in their order. */
export function pick(cells: ParameterCells, rows: Int32Array, count: number): ParameterCells {
  const index = new Int32Array(count * 2);
  for (let i = 0; i < count; i++) {
    const at = rows[i]! * 2;
    index[i * 2] = cells.index[at]!;
    index[i * 2 + 1] = cells.index[at + 1]!;
  }
  return { bytes: cells.bytes, index };
}

const WORD = 0x1_0000_0000;

/** Adds to the bigints of a parameter's cells. */
export function raiseCells({ bytes, index }: CellWriter, by: number, rows: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let row = 0; row < rows; row++) {
    if (index[row * 2 + 1]! !== 8) continue;
    const at = index[row * 2]!;
    view.setBigInt64(at, view.getBigInt64(at) + BigInt(by));
  }
}

/** Whole numbers as bigint cells: `first`, `first + step`, … */
export function countingCells(cells: CellWriter, first: number, step: number, rows: number): void {
  cells.clear();
  cells.reserve(rows * 8);
  for (let row = 0; row < rows; row++) {
    const value = first + row * step;
    cells.view.setInt32(row * 8, Math.floor(value / WORD));
    cells.view.setInt32(row * 8 + 4, (value % WORD) | 0);
    cells.cell(row * 8, 8);
  }
  cells.length = rows * 8;
}

/** The same value in every row. */
export function constantCells(value: Uint8Array, rows: number): ParameterCells {
  const index = new Int32Array(rows * 2);
  for (let row = 0; row < rows; row++) index[row * 2 + 1] = value.length;
  return { bytes: value, index };
}

/** Whether two rows of a column have the same value. */
export function sameCell({ bytes, index }: ParameterCells, a: number, b: number): boolean {
  const size = index[a * 2 + 1]!;
  if (size !== index[b * 2 + 1]) return false;
  const [left, right] = [index[a * 2]!, index[b * 2]!];
  for (let i = 0; i < size; i++) if (bytes[left + i] !== bytes[right + i]) return false;
  return true;
}

/** Rows in which a BOOLEAN column is true. */
export function trueRows(column: ColumnBuffer, rows: number, found: (row: number) => void): void {
  for (let row = 0; row < rows; row++) if (column.bytes[row] === 1 && !isNull(column, row)) found(row);
}
