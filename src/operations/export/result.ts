/*
 * Owns what an export's rows are once they are read: their columns, those of them that are in the files, and the
 * directories and the order that the files have. What the rows are read from is in source.ts.
 */
import { UsageError } from "../../base/errors.ts";
import type { ExportOptions } from "../options.ts";
import type { Source } from "../source/source.ts";
import { choosePathColumns, type PathColumn } from "./partitions.ts";
import { ownColumns, placeOf, type ResultColumn } from "./resultcolumns.ts";
import { sortKey } from "./rowtexts.ts";
import { describeSql } from "./usersql.ts";

export interface Result {
  readonly columns: readonly ResultColumn[];
  /** Those that are in the files, by their places. */
  readonly kept: readonly number[];
  /** The columns that directories are made of; none where rows are not partitioned. */
  readonly path: readonly PathColumn[];
  /** What rows are sorted by, as ORDER BY has it. */
  readonly order: readonly string[];
}

/**
 * Decides what becomes of the source's rows.
 * @throws UsageError for an unknown column, one that can't be a directory's, or SQL that DuckDB refuses
 */
export async function openResult(source: Source, options: ExportOptions): Promise<Result> {
  const columns = options.sql === undefined ? ownColumns(source) : await describeSql(source, options.sql);
  const path = choosePathColumns(columns, options.partitionBy ?? []);
  const places = columns.map((_, place) => place);
  const kept = places.filter((place) => !path.some((part) => part.place === place && part.kind !== "virtual"));
  if (kept.length === 0) {
    throw new UsageError("every column is one of --partition-by, so that none is left for the files", {
      hint: "leave one out; parts of columns (created.year) leave the column in the files",
    });
  }
  const order = (options.sortBy ?? []).map(({ column, descending }) => {
    const place = placeOf(columns, column);
    return `${sortKey(columns[place]!, `c${place}`)} ${descending ? "DESC" : "ASC"} NULLS LAST`;
  });
  return { columns, kept, path, order };
}
