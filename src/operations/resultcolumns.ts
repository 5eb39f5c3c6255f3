/*
 * Owns the columns that an export's rows have once they are read, be it the table's or those that --sql gives.
 */
import type { ColumnType } from "../base/column.ts";
import { UsageError } from "../base/errors.ts";
import { quoteIdentifier } from "../base/names.ts";
import { nearest } from "../base/nearest.ts";
import type { CqlType } from "../types/cql.ts";
import type { Source } from "./source.ts";

/** A column of the rows. Where rows are staged it is `c0`, `c1`, …, by its place in the list. */
export interface ResultColumn {
  /** As Cassandra holds it; of a column that was added, or made by --sql, the name it was to have. */
  readonly name: string;
  /** In the file. */
  readonly file: string;
  readonly kind: string;
  /** The column that this one tells something of. */
  readonly of?: string | undefined;
  readonly cql: CqlType;
  /** The type's text in system_schema. */
  readonly cqlText: string;
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
