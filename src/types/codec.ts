/*
 * Owns the shape of a codec: how cells of the native protocol become a column and a column becomes cells again.
 * One codec is made per column, once; its two functions then run over up to 2,048 rows a call.
 */
import type { ColumnBuffer, ColumnType } from "../base/column.ts";

/**
 * Where the cells of one column lie: `index` has two numbers a cell, the offset in `body` and the length
 * (-1: null, as in CQL native protocol v4, section 3 [bytes]).
 */
export interface Cells {
  readonly body: Uint8Array;
  /** A view of the same bytes as `body`. */
  readonly view: DataView;
  index: Int32Array;
  /** Added to an offset in `body` it gives the offset of the same byte in the column's arena, where the rows' bytes were copied to. */
  readonly shift: number;
}

/** Appends the cells first … first+count-1 to the column. @throws ValueError naming the cell */
export type Decode = (cells: Cells, first: number, count: number, out: ColumnBuffer) => void;

/** Appends the column's values first … first+count-1 to the cells written. @throws ValueError naming the value */
export type Encode = (column: ColumnBuffer, first: number, count: number, out: CellWriter) => void;

export interface Codec {
  readonly column: ColumnType;
  readonly decode: Decode;
  readonly encode: Encode;
}

/**
 * A value that can't be kept exactly. `row` is the number of the cell in the Cells, or of the value in the column, that
 * the codec was called with: first … first+count-1. A column or a CellWriter that a codec threw on is only fit to be cleared.
 */
export class ValueError extends Error {
  override name = "ValueError";
  readonly row: number;
  /** What to say to get past it, e.g. `--type {column}=BLOB`; `{column}` stands for the column's name. */
  readonly hint: string | undefined;

  constructor(row: number, message: string, hint?: string) {
    super(message);
    this.row = row;
    this.hint = hint;
  }
}

/** Cells as they are written: bytes one after the other, and two numbers a cell in `index` as in Cells. */
export class CellWriter {
  bytes = new Uint8Array(1 << 12);
  view = new DataView(this.bytes.buffer);
  length = 0;
  index = new Int32Array(1 << 8);
  cells = 0;

  /** Makes room for `extra` bytes more; `bytes` and `view` may be others afterwards. */
  reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.bytes.length) return;
    const bigger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    bigger.set(this.bytes.subarray(0, this.length));
    this.bytes = bigger;
    this.view = new DataView(bigger.buffer);
  }

  /** Makes room for `extra` cells more; `index` may be another afterwards. */
  reserveCells(extra: number): void {
    const needed = (this.cells + extra) * 2;
    if (needed <= this.index.length) return;
    const bigger = new Int32Array(Math.max(needed, this.index.length * 2));
    bigger.set(this.index.subarray(0, this.cells * 2));
    this.index = bigger;
  }

  /** Notes the next cell: `size` bytes at `offset`, or null with size -1. */
  cell(offset: number, size: number): void {
    const at = this.cells * 2;
    if (at === this.index.length) this.reserveCells(1);
    this.index[at] = offset;
    this.index[at + 1] = size;
    this.cells++;
  }

  clear(): void {
    this.length = 0;
    this.cells = 0;
  }
}
