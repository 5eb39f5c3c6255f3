/*
 * Owns what a file format is to an export: rows become pieces, which are durable one by one, and pieces become the
 * files that are published. One module a format; which rows go into which file is for operations to say.
 */
import type { ColumnType } from "../base/column.ts";
import type { Connection } from "../duckdb/engine.ts";
import type { CqlType } from "../types/cql.ts";

/** A column of the files. */
export interface FileColumn {
  /** In the file. */
  readonly name: string;
  readonly type: ColumnType;
  readonly cql: CqlType;
}

/** Rows that DuckDB holds or can read. */
export interface Rows {
  /** What stands behind FROM: a table, or a query in parentheses. */
  readonly from: string;
  /** The column of `from` for each column of the files, as SQL writes it. */
  readonly expressions: readonly string[];
  /** Floats among them must keep every bit of a -0.0 or a NaN. */
  readonly exactFloats: boolean;
  /** They have many kilobytes each: only few of them should be in memory at a time. */
  readonly big?: boolean | undefined;
}

/** A file of the job directory that writePiece made. */
export interface Piece {
  readonly path: string;
  readonly rows: number;
}

export interface FileFormat {
  /** Ends the names of the files, e.g. `.parquet`. */
  readonly extension: string;
  /**
   * Writes rows to `path`, which must not exist. Not synced.
   * @throws StorageError; DataError for a value that the format can't hold
   */
  writePiece(connection: Connection, rows: Rows, path: string): Promise<void>;
  /** Makes one durable file of pieces, in their order, at `path`, which must not exist. */
  join(pieces: readonly Piece[], path: string, signal: AbortSignal): Promise<void>;
}
