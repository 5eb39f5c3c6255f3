/*
 * Owns what a running operation tells the outside: progress, notices, and the report at the end. Engines emit these;
 * only src/cli draws them, and users of the library get the same.
 */

export type JobEvent =
  | {
      readonly kind: "planned";
      /** What is read, as the report names it. */
      readonly source: string;
      readonly ranges: number;
      readonly estimatedRows: number;
      readonly estimatedBytes: number;
    }
  | Progress
  | { readonly kind: "notice"; readonly message: string }
  | { readonly kind: "phase"; readonly phase: "read" | "arrange" | "publish" };

export interface Progress {
  readonly kind: "progress";
  /** Rows and bytes of cells received so far. */
  readonly rows: number;
  readonly bytes: number;
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

export interface OutputFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
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
  /** For each decimal and varint column that had values: the DECIMAL(p,s) that would have held every value. */
  readonly decimals: Readonly<Record<string, string>>;
}
