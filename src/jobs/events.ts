/*
 * Owns what a running operation tells the outside: progress, notices, and the report at the end. Engines emit these;
 * only src/cli draws them, and users of the library get the same.
 */

export type JobEvent =
  | {
      readonly kind: "planned";
      /** What is read, as the report names it. */
      readonly source: string;
      readonly unit: ReadUnit;
      readonly ranges: number;
      readonly estimatedRows: number;
      readonly estimatedBytes: number;
    }
  | Progress
  | Arranging
  | { readonly kind: "notice"; readonly message: string }
  /** One of several tables begins. */
  | { readonly kind: "table"; readonly table: string; readonly number: number; readonly tables: number }
  | { readonly kind: "phase"; readonly phase: "read" | "arrange" | "publish" };

/** What is counted as a range: a token range, or a file of an import. */
export type ReadUnit = "range" | "file";

export interface Progress {
  readonly kind: "progress";
  /** Rows and bytes of cells received so far. */
  readonly rows: number;
  readonly bytes: number;
  readonly unit: ReadUnit;
  readonly rangesDone: number;
  readonly ranges: number;
  /** As in `planned`: 0 where the server has no estimate. */
  readonly estimatedRows: number;
  /** Segments durable so far. */
  readonly segments: number;
  /** Requests made again, and ranges set aside. */
  readonly retries: number;
  readonly failedRanges: number;
  readonly elapsedMs: number;
  /** Over the last seconds. */
  readonly rowsPerSecond: number;
  /** Undefined while nothing sensible can be said. */
  readonly etaMs: number | undefined;
}

/** How far the making of files from durable segments is. */
export interface Arranging {
  readonly kind: "arranging";
  /** What sees all rows at once before files are made of them, or the files themselves. */
  readonly step: "sql" | "sort" | "files";
  /** Rows that are through this step, of so many. */
  readonly rows: number;
  readonly totalRows: number;
  /** Files that are made. */
  readonly files: number;
}

export interface OutputFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  /** It says what the files beside it are, and holds no rows. */
  readonly sidecar?: true | undefined;
}

/** What an export did. Its JSON form is what `--json` prints. */
export interface ExportReport {
  readonly source: string;
  readonly destination: string;
  readonly rows: number;
  readonly bytes: number;
  readonly files: readonly OutputFile[];
  readonly ranges: number;
  readonly segments: number;
  readonly retries: number;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** When the first and the last row were read, by this process or by those it went on from. */
  readonly readFrom: string;
  readonly readTo: string;
  readonly elapsedMs: number;
  readonly rowsPerSecond: number;
  readonly peakMemoryBytes: number;
  readonly consistency: string;
  readonly notices: readonly string[];
  /** The reader of stdout went away before the end: the rest was not read. No error. */
  readonly readerGone?: true | undefined;
  /** For each decimal and varint column that had values: the DECIMAL(p,s) that would have held every value. */
  readonly decimals: Readonly<Record<string, string>>;
}
