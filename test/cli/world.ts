/*
 * Owns the world that tests of the command line run in: streams that remember, and operations that answer at once.
 */
import { EventEmitter } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { run } from "../../src/cli/run.ts";
import type { Operations, World } from "../../src/cli/world.ts";
import type { ExportReport, Progress } from "../../src/jobs/events.ts";
import type { ExportOptions, ExportPlan } from "../../src/operations/options.ts";

export class Sink extends Writable {
  readonly isTTY: boolean;
  readonly columns: number | undefined;
  readonly writes: string[] = [];
  /** What a write fails with. */
  fault: Error | undefined;

  constructor(terminal: { isTTY?: boolean; columns?: number } = {}) {
    super({ decodeStrings: false });
    this.isTTY = terminal.isTTY ?? false;
    this.columns = terminal.columns;
  }

  override _write(chunk: string, _encoding: string, done: (error?: Error) => void): void {
    if (!this.fault) this.writes.push(chunk);
    done(this.fault);
  }

  get text(): string {
    return this.writes.join("");
  }

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }
}

export const REPORT: ExportReport = {
  source: "ks.t",
  destination: "out/",
  rows: 200_000,
  bytes: 12_345_678,
  files: [
    { path: "out/part-00000.parquet", rows: 150_000, bytes: 3_000_000 },
    { path: "out/part-00001.parquet", rows: 50_000, bytes: 1_000_000 },
  ],
  ranges: 256,
  segments: 2,
  retries: 1,
  startedAt: "2026-11-05T10:00:00.000Z",
  finishedAt: "2026-11-05T10:00:03.200Z",
  readFrom: "2026-11-05T10:00:00.100Z",
  readTo: "2026-11-05T10:00:03.000Z",
  elapsedMs: 3200,
  rowsPerSecond: 62_500,
  peakMemoryBytes: 312_000_000,
  consistency: "LOCAL_QUORUM",
  notices: ["one host didn't answer"],
  decimals: { price: "DECIMAL(10,2)" },
};

export const PLAN: ExportPlan = {
  source: "ks.t",
  destination: "out/",
  layout: "directory",
  columns: [
    { name: "id", file: "id", cql: "uuid", duckdb: "VARCHAR", kind: "partition_key" },
    { name: "ID", file: "ID_1", cql: "frozen<list<int>>", duckdb: "INTEGER[]", kind: "regular" },
  ],
  ranges: 256,
  estimatedRows: 200_000,
  estimatedBytes: 12_345_678,
  estimatedSegments: 1,
  files: ["out/part-{n}.parquet"],
  cql: 'SELECT id, "ID" FROM ks.t WHERE token(id) > ? AND token(id) <= ?',
};

export const PROGRESS: Progress = {
  kind: "progress",
  rows: 1_234_567,
  bytes: 123_400_000,
  rangesDone: 108,
  ranges: 256,
  segments: 12,
  elapsedMs: 20_000,
  rowsPerSecond: 62_500,
  etaMs: 65_000,
};

export interface Outcome {
  readonly code: number;
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** What the operation was asked, if it was. */
  readonly asked: ExportOptions | undefined;
}

export interface Setting {
  readonly env?: Record<string, string>;
  readonly operations?: Partial<Operations>;
  readonly stdout?: Sink;
  readonly stderr?: Sink;
  readonly world?: Partial<World>;
}

/** Runs the program in a world of its own. */
export async function cqlduck(argv: readonly string[], setting: Setting = {}): Promise<Outcome> {
  const stdout = setting.stdout ?? new Sink();
  const stderr = setting.stderr ?? new Sink();
  let asked: ExportOptions | undefined;
  const operations: Operations = {
    exportTable: async (options) => {
      asked = options;
      return setting.operations?.exportTable?.(options) ?? REPORT;
    },
    planExport: async (options) => {
      asked = options;
      return setting.operations?.planExport?.(options) ?? PLAN;
    },
  };
  const code = await run({
    argv,
    env: setting.env ?? {},
    stdin: Object.assign(new PassThrough(), { isTTY: false }) as unknown as NodeJS.ReadStream,
    stdout,
    stderr,
    process: new EventEmitter(),
    exit: () => undefined,
    loadOperations: async () => operations,
    ...setting.world,
  });
  return { code, stdout, stderr, asked };
}
