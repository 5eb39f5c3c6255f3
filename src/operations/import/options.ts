/*
 * Owns what an import is asked to do, and what it answers, as plain values: src/cli makes the options from flags, users
 * of the library write them.
 */
import type { Readable } from "node:stream";
import type { PrimaryKey } from "../../base/names.ts";
import type { CsvForm } from "../../formats/csv.ts";
import type { JobEvent } from "../../jobs/events.ts";
import type { Pace } from "../../jobs/pace.ts";
import type { ConnectionOptions, TableName } from "../options.ts";

export type SourceFormat = "parquet" | "csv" | "json" | "jsonl" | "arrow";

/** Rejected rows that an import goes on after, unless it is said. */
export const DEFAULT_MAX_ERRORS = 100;
export const DEFAULT_MEMORY = 512e6;

/** A number for all rows, or the file's column that has one for each. */
export type FixedOrColumn = { readonly value: bigint } | { readonly column: string };

export interface ImportOptions {
  readonly connection: ConnectionOptions;
  readonly table: TableName;
  /** Paths of files and directories, and globs; `-` is what `input` gives. */
  readonly sources: readonly string[];
  readonly input?: Readable | undefined;
  /** Of all files; found from their names and content where it is absent. */
  readonly format?: SourceFormat | undefined;
  readonly csv?: CsvForm | undefined;
  /** These columns of the table only. */
  readonly columns?: readonly string[] | undefined;
  /** Names of the file's columns to those of the table. */
  readonly map?: ReadonlyMap<string, string> | undefined;
  /** Make the table, as the source says it, where it is not there. */
  readonly create?: boolean | undefined;
  /** Of the table that is made, where the source does not say it, or says another. */
  readonly primaryKey?: PrimaryKey | undefined;
  /** Leave out what the table has no column for. */
  readonly ignoreExtra?: boolean | undefined;
  /** DuckDB SQL over the source, which it calls `rows`; its result is imported. */
  readonly sql?: string | undefined;
  /** Values that directories named `column=value` must have. */
  readonly partitionFilter?: ReadonlyMap<string, string> | undefined;
  /** Rows left out at the beginning of the source. */
  readonly skipRows?: number | undefined;
  /** At most so many rows. */
  readonly maxRows?: number | undefined;
  /** Microseconds since 1970. */
  readonly timestamp?: FixedOrColumn | undefined;
  /** Seconds. */
  readonly ttl?: FixedOrColumn | undefined;
  /** Table column to the microseconds that its cells were written at, instead of those of the row. */
  readonly writetimeMap?: ReadonlyMap<string, FixedOrColumn> | undefined;
  /** Table column to the seconds that its cells live from the import's beginning, instead of those of the row. */
  readonly ttlMap?: ReadonlyMap<string, FixedOrColumn> | undefined;
  /** Cells keep the writetimes and expire when the originals do, as far as an export wrote these down. */
  readonly preserve?: boolean | undefined;
  readonly mode?: ImportMode | undefined;
  /** Whether NULL leaves what the table has, or deletes it. */
  readonly nulls?: "unset" | "write" | undefined;
  /** Timestamps lose what is below a millisecond. */
  readonly truncateTimes?: boolean | undefined;
  /** Where rejected rows go. */
  readonly badRows?: string | undefined;
  /** Rejected rows that end the import when there are more; -1: no limit. */
  readonly maxErrors?: number | undefined;
  /** Rows of one partition that travel in one batch. */
  readonly batchRows?: number | undefined;
  /** How hard to work the cluster; "balanced" where it is absent. */
  readonly pace?: Pace | undefined;
  /** Requests in flight for each node, for "adaptive" at the most; what the pace says where it is absent. */
  readonly concurrency?: number | undefined;
  /** The most rows a second. */
  readonly rate?: number | undefined;
  /** What the import may take of memory, in bytes. */
  readonly memoryBytes?: number | undefined;
  /** Go on with an unfinished import of these sources into this table. */
  readonly resume?: boolean | undefined;
  /** Drop such an import, and begin again. */
  readonly restart?: boolean | undefined;
  /** Where the job keeps its state; below the state directory where it is absent. */
  readonly jobDirectory?: string | undefined;
  readonly stateDirectory?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: JobEvent) => void) | undefined;
}

export type ImportMode = "insert" | "update" | "if-not-exists" | "delete";

/** What the first rows of each file say. */
export interface ImportSample {
  /** Rows looked at, and the files that they are of: the first `rowsOfEachFile` of each that are wanted. */
  readonly rows: number;
  readonly files: number;
  readonly rowsOfEachFile: number;
  /** Of these rows: those that would be written, not counting what the server itself would refuse. */
  readonly written: number;
  readonly rejected: number;
  /** Requests that would carry them, and the partitions that they are of. */
  readonly requests: number;
  readonly partitions: number;
  /** The first rejected rows. */
  readonly reasons: readonly {
    readonly file: string;
    /** From 1; null for lines of text that are no rows. */
    readonly row: number | null;
    readonly line: number | null;
    readonly column: string | null;
    readonly reason: string;
  }[];
}

/** What an import would do. */
export interface ImportPlan {
  readonly destination: string;
  readonly files: readonly { readonly path: string; readonly format: SourceFormat; readonly rows: number | null }[];
  readonly columns: readonly {
    readonly file: string;
    readonly duckdb: string;
    readonly name: string;
    readonly cql: string;
    readonly kind: string;
  }[];
  /** What makes the table, and the types it needs. */
  readonly create: readonly string[];
  readonly statements: readonly string[];
  /** Those that are wanted of all files; null where only reading would tell. */
  readonly rows: number | null;
  /** Requests for all rows, if they all are like those of the sample; null where these are not known. */
  readonly requests: number | null;
  readonly sample: ImportSample;
  readonly notices: readonly string[];
}

/** What an import did. Its JSON form is what `--json` prints. */
export interface ImportReport {
  readonly source: string;
  readonly destination: string;
  /** Rows written, by this process and those that it went on from. */
  readonly rows: number;
  readonly rejected: number;
  /** Of `if-not-exists`: rows that were there already. */
  readonly existing: number;
  /** Values that were left out since they have expired. */
  readonly expired: number;
  readonly badRows: string | null;
  readonly files: number;
  readonly segments: number;
  readonly retries: number;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly elapsedMs: number;
  readonly rowsPerSecond: number;
  readonly peakMemoryBytes: number;
  readonly consistency: string;
  readonly notices: readonly string[];
}
