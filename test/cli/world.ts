/*
 * Owns the world that tests of the command line run in: streams that remember, and operations that answer at once.
 */
import { EventEmitter } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { run } from "../../src/cli/run.ts";
import type { Operations, World } from "../../src/cli/world.ts";
import type { ExportReport, Progress } from "../../src/jobs/events.ts";
import type { JobStatus } from "../../src/jobs/registry.ts";
import type { CountReport } from "../../src/operations/count.ts";
import type { ImportOptions, ImportPlan, ImportReport } from "../../src/operations/import/options.ts";
import type { FilesReport, TableReport } from "../../src/operations/inspect.ts";
import type { KeyspaceReport } from "../../src/operations/keyspace.ts";
import type { ExportOptions, ExportPlan, ResumeOptions } from "../../src/operations/options.ts";

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

const KEYSPACE: KeyspaceReport = {
  keyspace: "ks",
  destination: "out/",
  tables: [REPORT, { ...REPORT, source: "ks.u", rows: 1 }],
  rows: 200_001,
  bytes: 24_691_356,
  schema: "out/schema.cql",
  startedAt: REPORT.startedAt,
  finishedAt: REPORT.finishedAt,
  elapsedMs: 5000,
  notices: ["views are not exported"],
};

const JOBS: JobStatus[] = [
  {
    job: "20261105T100000-abcdef",
    source: "ks.t",
    kind: "export",
    destination: "/data/out",
    directory: "/data/out/_cqlduck",
    startedAt: "2026-11-05T10:00:00.000Z",
    state: "unfinished",
    rows: 150_000,
    segments: 2,
  },
];

export const COUNT: CountReport = {
  source: "ks.t",
  rows: 1_234_567,
  ranges: 256,
  retries: 1,
  startedAt: "2026-11-05T10:00:00.000Z",
  finishedAt: "2026-11-05T10:00:03.200Z",
  elapsedMs: 3200,
  rowsPerSecond: 385_802,
  consistency: "LOCAL_QUORUM",
  notices: [],
};

export const STATEMENTS = ["CREATE TYPE ks.u (a int);", "CREATE TABLE ks.t (\n  k int,\n  PRIMARY KEY ((k))\n);"];

const column = { compressedBytes: 1000, uncompressedBytes: 20_000, codecs: ["SNAPPY"] };

export const FILES: FilesReport = {
  kind: "parquet",
  path: "out/",
  rows: 3000,
  bytes: 12_345,
  rowGroups: 3,
  compressedBytes: 11_000,
  uncompressedBytes: 40_000,
  codecs: ["SNAPPY"],
  createdBy: ["DuckDB"],
  exports: [{ source: "ks.t", exportedAt: "2026-11-05T10:00:00.000Z", version: "0.1.0", files: 2 }],
  metadata: { note: "two\nlines" },
  partitionedBy: ["year"],
  columns: [
    {
      ...column,
      name: "id",
      cql: { name: "id", type: "int", kind: "partition_key" },
      duckdb: "INTEGER",
      parquet: "INT32",
      statistics: { nulls: 0, min: "-5", max: "12", exact: true },
    },
    {
      ...column,
      name: "l",
      cql: { name: "l", type: "list<int>", kind: "regular" },
      duckdb: "INTEGER[]",
      parquet: "LIST",
    },
  ],
  otherSchemas: [{ files: ["out/year=2024/b.parquet"], differences: ["no column l"] }],
  files: [
    { path: "out/year=2023/a.parquet", rows: 2000, bytes: 8000, rowGroups: 2 },
    { path: "out/year=2024/b.parquet", rows: 1000, bytes: 4345, rowGroups: 1 },
  ],
};

export const TABLE: TableReport = {
  kind: "table",
  table: "ks.t",
  columns: [
    { name: "k", cql: "int", duckdb: "INTEGER", kind: "partition_key", masked: true },
    { name: "c", cql: "text", duckdb: "VARCHAR", kind: "clustering", order: "desc", masked: false },
  ],
  primaryKey: "(k), c",
  options: { comment: "it's", caching: { keys: "ALL" } },
  replication: { class: "SimpleStrategy", replication_factor: "1" },
  estimates: { partitions: 1280, bytes: 12_345_678 },
  tokenRanges: 17,
  dataCenter: "dc1",
  nodes: 1,
  indexes: [{ name: "i", target: "values(l)", className: "sai" }],
  triggers: [],
  views: ["v"],
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
  notices: [],
};

export const PROGRESS: Progress = {
  kind: "progress",
  rows: 1_234_567,
  bytes: 123_400_000,
  unit: "range",
  rangesDone: 108,
  ranges: 256,
  estimatedRows: 0,
  segments: 12,
  retries: 0,
  failedRanges: 0,
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
  readonly resumed: ResumeOptions | undefined;
  readonly imported: ImportOptions | undefined;
}

export interface Setting {
  readonly env?: Record<string, string>;
  readonly operations?: Partial<Operations>;
  readonly stdout?: Sink;
  readonly stderr?: Sink;
  readonly world?: Partial<World>;
}

export const IMPORT: ImportReport = {
  source: "x.parquet",
  destination: "ks.t",
  rows: 198_000,
  rejected: 2000,
  existing: 0,
  expired: 0,
  badRows: null,
  files: 1,
  segments: 1,
  retries: 0,
  startedAt: "2026-11-05T10:00:00.000Z",
  finishedAt: "2026-11-05T10:00:03.200Z",
  elapsedMs: 3200,
  rowsPerSecond: 61_875,
  peakMemoryBytes: 212_000_000,
  consistency: "LOCAL_QUORUM",
  notices: ["rejected: row 1 of x.parquet"],
};

export const IMPORT_PLAN: ImportPlan = {
  destination: "ks.t",
  files: [{ path: "/data/x.parquet", format: "parquet", rows: 200_000 }],
  columns: [{ file: "ID", duckdb: "INTEGER", name: "id", cql: "int", kind: "partition_key" }],
  create: [],
  requests: 2000,
  sample: {
    rows: 2048,
    files: 1,
    rowsOfEachFile: 2048,
    written: 2046,
    rejected: 2,
    requests: 21,
    partitions: 21,
    reasons: [{ file: "x.parquet", row: 7, line: null, column: "ID", reason: "NULL in the primary key" }],
  },
  statements: ["INSERT INTO ks.t (id) VALUES (?) USING TIMESTAMP ?"],
  rows: 200_000,
  notices: ["not in the file, and left as they are: v"],
};

/** Runs the program in a world of its own. */
export async function cqlduck(argv: readonly string[], setting: Setting = {}): Promise<Outcome> {
  const stdout = setting.stdout ?? new Sink();
  const stderr = setting.stderr ?? new Sink();
  let asked: ExportOptions | undefined;
  let resumed: ResumeOptions | undefined;
  let imported: ImportOptions | undefined;
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
    loadKeyspace: async () => ({
      exportKeyspace: async (options) => {
        asked = options;
        return KEYSPACE;
      },
      planKeyspace: async (options) => {
        asked = options;
        return { keyspace: options.keyspace, tables: [PLAN], notices: ["views are not exported"] };
      },
    }),
    loadImport: async () => ({
      importTable: async (options) => {
        imported = options;
        return IMPORT;
      },
      planImport: async (options) => {
        imported = options;
        return IMPORT_PLAN;
      },
    }),
    loadCount: async () => ({
      countRows: async (options) => {
        options.onEvent?.(PROGRESS);
        return COUNT;
      },
    }),
    loadInspect: async () => ({ inspect: async (source) => ("path" in source ? FILES : TABLE) }),
    loadSchema: async () => ({ schemaStatements: async () => STATEMENTS }),
    loadResume: async () => ({
      findUnfinishedImport: async () => undefined,
      findUnfinished: async (destination) => ({
        connection: { hosts: ["begun:9042"] },
        table: { keyspace: "ks", table: "t" },
        destination,
      }),
      resumeExport: async (options) => {
        resumed = options;
        return REPORT;
      },
      listJobs: async () => JOBS,
    }),
    ...setting.world,
  });
  return { code, stdout, stderr, asked, resumed, imported };
}
