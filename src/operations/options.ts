/*
 * Owns what an operation is asked to do, as plain validated values: src/cli makes them from flags, users of the
 * library write them.
 */
import type { Writable } from "node:stream";
import type { PartitionTerm, SortTerm } from "../base/names.ts";
import type { ClusterOptions } from "../cassandra/cluster.ts";
import type { FormatOptions } from "../formats/choose.ts";
import type { Compression } from "../formats/format.ts";
import type { JobEvent } from "../jobs/events.ts";
import type { PaceOptions } from "../jobs/pace.ts";

/** How to reach a cluster. */
export type ConnectionOptions = ClusterOptions;

/** Keyspace and table as Cassandra holds them: case as is, without quotes. */
export interface TableName {
  readonly keyspace: string;
  readonly table: string;
}

export type { Compression, PartitionTerm, SortTerm };

export interface ExportOptions extends FormatOptions, PaceOptions {
  readonly connection: ConnectionOptions;
  /** What is read, unless `query` says it. */
  readonly table?: TableName | undefined;
  /** A SELECT of a table that is named with its keyspace. */
  readonly query?: string | undefined;
  /** What follows WHERE: rows of the table that don't fulfil it are left out. */
  readonly where?: string | undefined;
  /** A path that ends as a data file does (`.parquet`, `.csv.gz`) is one file, any other a directory; `-` is `output`. */
  readonly destination: string;
  /** Names as Cassandra holds them; all where it is absent. */
  readonly columns?: readonly string[] | undefined;
  /** Add a column with the writetimes of the cells of these columns, or of all that have one. */
  readonly writetime?: "all" | readonly string[] | undefined;
  /** Add a column with the seconds that the cells of these columns, or of all that can have a TTL, still have to live. */
  readonly ttl?: "all" | readonly string[] | undefined;
  /** Ends the names of the writetime columns; `_writetime` where it is absent. */
  readonly writetimeSuffix?: string | undefined;
  /** Ends the names of the TTL columns; `_ttl` where it is absent. */
  readonly ttlSuffix?: string | undefined;
  /** At most so many rows. */
  readonly limit?: number | undefined;
  /** Replace what an export before published at the destination. */
  readonly overwrite?: boolean | undefined;
  /** Add parts to what an export before published in the directory. */
  readonly append?: boolean | undefined;
  /** The most rows a file of a directory may have. */
  readonly rowsPerFile?: number | undefined;
  /** About so many bytes a file of a directory gets: a tenth more at the most. */
  readonly maxFileSize?: number | undefined;
  /** A directory for each value of these columns, which are then not in the files; of parts of columns, beside them. */
  readonly partitionBy?: readonly PartitionTerm[] | undefined;
  /** NULLs last; within a partition where there are partitions. */
  readonly sortBy?: readonly SortTerm[] | undefined;
  /** A SELECT of DuckDB's over all rows that were read, which stand in it under the table's name. */
  readonly sql?: string | undefined;
  /** Column name to DuckDB type, e.g. `price` to `DECIMAL(10,2)`. */
  readonly types?: ReadonlyMap<string, string> | undefined;
  readonly uuid?: "text" | "native" | undefined;
  /** What becomes of zero-length values of types that have none. */
  readonly empty?: "error" | "null" | undefined;
  /** Read this many token ranges instead of those the plan finds; for tests and measurements. */
  readonly splits?: number | undefined;
  /** The most rows that are handed to DuckDB at once; it takes no more than 2,048. */
  readonly chunkRows?: number | undefined;
  /** How often a page is asked for again before its range is given up. */
  readonly maxRetries?: number | undefined;
  /** So many ranges, or such a share of them, may fail while the others are read; nothing is published then. */
  readonly maxFailedRanges?: number | `${number}%` | undefined;
  /** Bytes the job may take, DuckDB and the pages in flight together. */
  readonly memoryBytes?: number | undefined;
  /** Read masked columns as they are shown, although the role may not see their values. */
  readonly allowMasked?: boolean | undefined;
  /** Go on with an unfinished job at the destination; begin where there is none. */
  readonly resume?: boolean | undefined;
  /** Where unfinished jobs are made known to `listJobs`; nowhere where it is absent. */
  readonly stateDirectory?: string | undefined;
  /** Drop an unfinished job at the destination and begin again. */
  readonly restart?: boolean | undefined;
  /** Where rows go whose destination is `-`. */
  readonly output?: Writable | undefined;
  /** Its reason must be an InterruptedError. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: JobEvent) => void) | undefined;
}

/** What `--dry-run` shows: everything decided before the first row is read. */
export interface ExportPlan {
  readonly source: string;
  readonly destination: string;
  readonly layout: "file" | "directory" | "stream";
  readonly columns: readonly {
    readonly name: string;
    readonly file: string;
    readonly cql: string;
    readonly duckdb: string;
    readonly kind: string;
  }[];
  readonly ranges: number;
  readonly estimatedRows: number;
  readonly estimatedBytes: number;
  readonly estimatedSegments: number;
  /** Names of the files as far as they are known before reading: one file, or the pattern of the parts. */
  readonly files: readonly string[];
  /** The statement that reads one token range, or all. */
  readonly cql: string;
  /** Why one statement reads all; absent where there are token ranges. */
  readonly whole?: string | undefined;
  /** What the user should know before. */
  readonly notices: readonly string[];
}

/** An unfinished export to go on with; what is said here wins over what it was begun with. */
export interface ResumeOptions extends PaceOptions, Pick<ExportOptions, "stateDirectory" | "signal" | "onEvent"> {
  /** A job's name, or the destination it writes to. */
  readonly job: string;
  readonly connection?: { readonly [K in keyof ConnectionOptions]?: ConnectionOptions[K] | undefined } | undefined;
  /** Types for these columns besides those of before. */
  readonly types?: ReadonlyMap<string, string> | undefined;
  readonly empty?: "error" | "null" | undefined;
  readonly memoryBytes?: number | undefined;
}
