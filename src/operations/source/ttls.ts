/*
 * Owns the TTLs of an export: the server tells how long a cell lives from when it was read, and a file says it from the
 * export's beginning, since rows of one file are read at many times.
 */
import { type ColumnBuffer, isNull } from "../../base/column.ts";

/** Adds seconds to the TTLs of the rows from `first` on: to one each, or to all of each row's list. */
export function addSeconds(column: ColumnBuffer, first: number, seconds: number): void {
  if (column.type.kind === "LIST") {
    const child = column.children[0]!;
    // Elements stand in the order of their rows.
    addSeconds(child, first < column.rows ? column.i32[first * 4]! : child.rows, seconds);
  } else if (column.type.kind === "INTEGER") {
    for (let row = first; row < column.rows; row++) {
      if (!isNull(column, row)) column.i32[row]! += seconds;
    }
  }
}
