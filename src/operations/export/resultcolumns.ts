/*
 * Owns the columns that an export's rows have once they are read, be it the table's or those that --sql gives.
 */
import type { ColumnType } from "../../base/column.ts";
import { UsageError } from "../../base/errors.ts";
import { quoteIdentifier } from "../../base/names.ts";
import { nearest } from "../../base/nearest.ts";
import type { SourceColumn } from "../source/columns.ts";
import type { Source } from "../source/source.ts";

/**
 * A column of the rows, also one that was made by --sql, whose `name` is the one it was to have. Where rows are staged
 * it is `c0`, `c1`, …, by its place in the list.
 */
export interface ResultColumn extends Omit<SourceColumn, "codec"> {
  readonly type: ColumnType;
}

/** The columns of the rows as they are read. */
export function ownColumns({ columns }: Source): ResultColumn[] {
  return columns.map(({ codec, ...column }) => ({ ...column, type: codec.column }));
}

/** @throws UsageError with the nearest name that there is */
export function placeOf(columns: readonly ResultColumn[], name: string): number {
  const place = columns.findIndex((column) => column.name === name);
  if (place >= 0) return place;
  const names = columns.map((column) => column.name);
  const near = nearest(name, names);
  throw new UsageError(`the rows have no column ${quoteIdentifier(name)}`, {
    hint:
      near === undefined
        ? `they have ${names.map(quoteIdentifier).join(", ")}`
        : `did you mean ${quoteIdentifier(near)}?`,
  });
}
