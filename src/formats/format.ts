/*
 * Owns what a file format is to an export: rows become pieces, which are durable one by one, and pieces become the
 * files that are published. One module a format; which rows go into which file is for operations to say.
 */
import type { ColumnType } from "../base/column.ts";
import type { Connection } from "../duckdb/engine.ts";
import type { CqlType } from "../types/cql.ts";

/** How files are compressed: the pages of Parquet, any other as a whole. */
export interface Compression {
  readonly codec: "snappy" | "zstd" | "gzip" | "brotli" | "lz4" | "none";
  /** zstd only. */
  readonly level?: number | undefined;
}

/** A column of the files. */
export interface FileColumn {
  /** In the file. */
  readonly name: string;
  readonly type: ColumnType;
  readonly cql: CqlType;
  /** Of a column that tells the writetime or TTL of another: which, by its name in the file. */
  readonly cell?: { readonly kind: "writetime" | "ttl"; readonly of: string } | undefined;
}

/** Rows that DuckDB holds or can read. */
export interface Rows {
  /** What stands behind FROM: a table, or a query in parentheses. */
  readonly from: string;
  /** The column of `from` for each column of the files, as SQL writes it. */
  readonly expressions: readonly string[];
  /** Floats among them must keep every bit of a -0.0 or a NaN. */
  readonly exactFloats: boolean;
  /** Said of the piece in its file's metadata beside what all files say. The same for all pieces of a file. */
  readonly keyValues?: Readonly<Record<string, string>> | undefined;
  /** They have many kilobytes each: only few of them should be in memory at a time. */
  readonly big?: boolean | undefined;
}

/** A file of the job directory that writePiece made. */
export interface Piece {
  readonly path: string;
  readonly rows: number;
}

/** What stands before the pieces of a file, between two, and behind the last. Pieces without rows are left out. */
export interface Frame {
  readonly head: Uint8Array;
  readonly between: Uint8Array;
  readonly tail: Uint8Array;
}

export interface FileFormat {
  /** Ends the names of the files, e.g. `.csv.gz`. */
  readonly extension: string;
  /** A piece alone is a file as it is. */
  readonly piecesAreFiles: boolean;
  /** Pieces with exact floats go without dictionaries, and are larger. */
  readonly hasDictionaries?: boolean;
  /** Absent where pieces are not just put one behind the other: such a format can't be streamed. */
  readonly frame?: Frame;
  /**
   * Writes rows to `path`, which must not exist, and says how many. Not synced.
   * @throws StorageError; DataError for a value that the format can't hold
   */
  writePiece(connection: Connection, rows: Rows, path: string): Promise<number>;
  /** Makes one durable file of pieces, in their order, at `path`, which must not exist. `joined` is told of each. */
  join(pieces: readonly Piece[], path: string, signal: AbortSignal, joined?: (piece: Piece) => void): Promise<void>;
}
