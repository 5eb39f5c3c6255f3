/*
 * Owns what an export's plan.json says: enough for a later process to go on without being told anything, and to refuse
 * when the table, the options or the program are no longer the same.
 */
import { resolve } from "node:path";
import { type ColumnNotes, typeToSql } from "../../base/column.ts";
import { UsageError } from "../../base/errors.ts";
import type { TokenRange } from "../../cassandra/ring.ts";
import { type Job, type JobPlan, newJobId, type SegmentRecord } from "../../jobs/job.ts";
import type { Layout } from "../../jobs/publish.ts";
import { VERSION } from "../../version.ts";
import type { ConnectionOptions, ExportOptions } from "../options.ts";
import type { Source } from "../source/source.ts";

/**
 * The options that plan.json keeps. Those that decide what is in the files have the name a user knows them by: with
 * another value the job can't be gone on with. The rest may differ from run to run.
 */
const STORED = {
  table: "table",
  query: "SELECT",
  where: "--where",
  columns: "--columns",
  writetime: "--writetime",
  ttl: "--ttl",
  writetimeSuffix: "--writetime-suffix",
  ttlSuffix: "--ttl-suffix",
  compression: "--compression",
  limit: "--limit",
  overwrite: "--overwrite",
  append: "--append",
  rowGroupRows: "--row-group-rows",
  format: "--format",
  header: "--header",
  delimiter: "--delimiter",
  quote: "--quote",
  escape: "--escape",
  nullText: "--null",
  timestampFormat: "--timestamp-format",
  pretty: "--pretty",
  rowsPerFile: "--rows-per-file",
  maxFileSize: "--max-file-size",
  partitionBy: "--partition-by",
  sortBy: "--sort-by",
  sql: "--sql",
  types: null,
  uuid: null,
  empty: null,
  allowMasked: null,
  pace: null,
  rate: null,
  chunkRows: null,
  concurrency: null,
  pageSize: null,
  memoryBytes: null,
} as const satisfies { readonly [K in keyof ExportOptions]?: string | null };

type StoredKey = Exclude<keyof typeof STORED, "types">;

/** An export's options as JSON: without secrets, which a later process asks for again. What was not said is absent. */
export interface StoredOptions extends Pick<ExportOptions, StoredKey> {
  readonly connection: Omit<ConnectionOptions, "password">;
  readonly destination: string;
  readonly types: Readonly<Record<string, string>>;
}

export interface TablePlan extends JobPlan {
  readonly version: string;
  readonly source: string;
  readonly tableId: string;
  readonly exportedAt: string;
  readonly layout: Layout;
  readonly columns: readonly {
    readonly name: string;
    readonly file: string;
    readonly cql: string;
    readonly duckdb: string;
  }[];
  /** The columns that the server masks for the login. */
  readonly masked: readonly string[];
  readonly options: StoredOptions;
  readonly ranges: readonly (readonly [string, string] | null)[];
}

/** What was noticed in a segment's columns; those with nothing are left out. */
export interface SegmentFlags {
  readonly notes: Readonly<Record<string, ColumnNotes>>;
}

/** What an arranged file is: one to publish, or what a later step makes such files of. */
export interface ArrangedFlags {
  /** The directory that it is published in, as its path is written. */
  readonly partition?: string | undefined;
  /** The step whose result it is. */
  readonly step?: "sql" | "sort" | undefined;
}

export type ExportJob = Job<TablePlan, SegmentFlags, ArrangedFlags>;

export type SegmentRecordOf = SegmentRecord<SegmentFlags>;

/** Where an export's sealed segments go, and what is left to read. */
export type SegmentStore = Pick<
  ExportJob,
  "path" | "records" | "nextSegment" | "leaves" | "appendRecord" | "dropRecords"
>;

export function tablePlan(source: Source, options: ExportOptions, layout: Layout, startedAt: Date): TablePlan {
  return {
    job: newJobId(startedAt),
    version: VERSION,
    source: source.name,
    tableId: source.schema.id,
    exportedAt: startedAt.toISOString(),
    layout,
    columns: plannedColumns(source),
    masked: source.masked,
    options: storeOptions(options),
    ranges: source.ranges.map((range) => (range ? [range.start.toString(), range.end.toString()] : null)),
  };
}

export function plannedColumns(source: Source): TablePlan["columns"] {
  return source.columns.map(({ name, file, cqlText, codec: { column } }) => ({
    name,
    file,
    cql: cqlText,
    duckdb: typeToSql(column),
  }));
}

/** The ranges that the plan was made with: a ring that changed since only changes who is asked. */
export function plannedRanges(plan: TablePlan): (TokenRange | undefined)[] {
  return plan.ranges.map((range) => (range ? { start: BigInt(range[0]), end: BigInt(range[1]) } : undefined));
}

/** What an option is when nothing is said, where that is not false. */
const BY_DEFAULT: Readonly<Record<string, unknown>> = { header: true };

export function storeOptions(options: ExportOptions): StoredOptions {
  const { password: _, ...connection } = options.connection;
  const said = Object.entries(options).filter(
    ([key, value]) => key in STORED && value !== undefined && value !== (BY_DEFAULT[key] ?? false),
  );
  return {
    ...(Object.fromEntries(said) as Pick<ExportOptions, StoredKey>),
    connection,
    destination: resolve(options.destination),
    types: Object.fromEntries(options.types ?? []),
  };
}

export function restoreOptions(stored: StoredOptions): ExportOptions {
  return { ...stored, types: new Map(Object.entries(stored.types)) };
}

/** What a user calls the first option that decides the content and is not as it was; undefined where all are. */
function changedOption(before: StoredOptions, now: StoredOptions): string | undefined {
  const decisive = Object.entries(STORED) as [StoredKey, string | null][];
  const changed = decisive.find(([key, name]) => name && JSON.stringify(before[key]) !== JSON.stringify(now[key]));
  return changed?.[1] ?? undefined;
}

const RESTART = "say --restart to drop it and begin again";

/** @throws UsageError where another version of the program began the export, or with other options */
export function checkSameOptions(
  before: { readonly version: string; readonly options: StoredOptions },
  options: ExportOptions,
): void {
  if (before.version !== VERSION) {
    throw new UsageError(`the unfinished export was begun by cqlduck ${before.version}, and this is ${VERSION}`, {
      hint: `finish it with that version, or ${RESTART}`,
    });
  }
  const changed = changedOption(before.options, storeOptions(options));
  if (changed === undefined) return;
  throw new UsageError(`the unfinished export was begun with another ${changed}`, {
    hint: `go on with cqlduck resume, which remembers the options, or ${RESTART}`,
  });
}

/** @throws UsageError naming what is not as it was when the job began */
export function checkUnchanged(plan: TablePlan, source: Source, options: ExportOptions): void {
  checkSameOptions(plan, options);
  if (plan.tableId !== source.schema.id) {
    throw new UsageError(`${plan.source} is another table than the one the export was begun with: it was made anew`, {
      hint: RESTART,
    });
  }
  const cql = (columns: TablePlan["columns"]) =>
    JSON.stringify(columns.map(({ name, file, cql }) => [name, file, cql]));
  if (cql(plan.columns) !== cql(plannedColumns(source))) {
    throw new UsageError(`the columns of ${plan.source} have changed since the export was begun`, { hint: RESTART });
  }
  const inOnePiece = (ranges: readonly unknown[]) => !ranges[0];
  if (plan.masked.join() !== source.masked.join() || inOnePiece(plan.ranges) !== inOnePiece(source.ranges)) {
    throw new UsageError(`the masks of ${plan.source}, or the permissions on it, changed since the export was begun`, {
      hint: RESTART,
    });
  }
}

/** Whether any column's DuckDB type is another than the plan's, so that segments of before can't be used. */
export function typesDiffer(plan: TablePlan, source: Source): boolean {
  return JSON.stringify(plan.columns) !== JSON.stringify(plannedColumns(source));
}
