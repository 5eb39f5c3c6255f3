/*
 * Owns what all codecs do with a cell that isn't an ordinary value, with cells inside cells, and with bytes on their
 * way from one array to another. Knows no CQL type.
 */
import { type ColumnBuffer, setNull } from "../base/column.ts";
import { type Cells, ValueError } from "./codec.ts";

export const BLOB_HINT = "--type {column}=BLOB keeps the bytes as they are";

/** What a type calls itself in messages, and whether its zero-length values become NULL. */
export interface CellRule {
  readonly name: string;
  readonly emptyAsNull: boolean;
}

/**
 * Takes a cell whose size is not one of the type's: NULL, or a zero-length value where those become NULL.
 * @throws ValueError for all others
 */
export function oddCell(cells: Cells, cell: number, out: ColumnBuffer, row: number, rule: CellRule): void {
  const size = cells.index[cell * 2 + 1]!;
  if (size === 0) {
    if (!rule.emptyAsNull) throw zeroLength(cell, rule.name);
    out.notes.emptied++;
  } else if (size !== -1) {
    throw notCanonical(cell, `${size} bytes are no ${rule.name}`);
  }
  setNull(out, row);
}

function zeroLength(cell: number, name: string): ValueError {
  return new ValueError(
    cell,
    `a zero-length value, which is neither NULL nor a ${name}`,
    `--empty null makes it NULL, or ${BLOB_HINT}`,
  );
}

/** The bytes are not those that the value itself would be written as. */
export function notCanonical(cell: number, message: string): ValueError {
  return new ValueError(cell, message, BLOB_HINT);
}

/** Cells inside cells, collected before the child codec runs over all of them at once. Kept from call to call. */
export class InnerCells {
  index = new Int32Array(64);

  /** Makes room for `cells` cells in all; `index` may be another array afterwards. */
  reserve(cells: number): void {
    if (cells * 2 <= this.index.length) return;
    const bigger = new Int32Array(Math.max(cells * 2, this.index.length * 2));
    bigger.set(this.index);
    this.index = bigger;
  }

  /** The collected cells as a codec reads them. */
  within(outer: Cells): Cells {
    return { body: outer.body, view: outer.view, index: this.index, shift: outer.shift };
  }
}

/** Runs a child codec; an error of its row r is thrown again as one of `row(r)`, its message led by `where(r)`. */
export function inside(run: () => void, row: (child: number) => number, where: (child: number) => string): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new ValueError(row(error.row), `${where(error.row)}: ${error.message}`, error.hint);
  }
}

/** Copies bytes between arrays: for a few of them a loop is much faster than making a view. */
export function copyBytes(from: Uint8Array, at: number, size: number, to: Uint8Array, toAt: number): void {
  if (size > 48) to.set(from.subarray(at, at + size), toAt);
  else for (let i = 0; i < size; i++) to[toAt + i] = from[at + i]!;
}
