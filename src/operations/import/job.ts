/*
 * Owns what an import's plan.json says, where its job directory is, and whether a later process may go on with it: the
 * table, the files, the options and the program must be what they were.
 */
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { UsageError } from "../../base/errors.ts";
import type { TableSchema } from "../../cassandra/schema.ts";
import { qualifiedName } from "../../cassandra/statements.ts";
import { type Job, type JobPlan, newJobId } from "../../jobs/job.ts";
import { VERSION } from "../../version.ts";
import type { ConnectionOptions } from "../options.ts";
import { type SourceFile, STDIN } from "./files.ts";
import type { ImportOptions } from "./options.ts";

/**
 * The options that plan.json keeps. Those that decide what is written have the name a user knows them by: with another
 * value the job can't be gone on with. The rest may differ from run to run.
 */
const STORED = {
  table: "table",
  format: "--format",
  csv: "CSV option",
  columns: "--columns",
  map: "--map",
  ignoreExtra: "--ignore-extra",
  sql: "--sql",
  partitionFilter: "--partition-filter",
  skipRows: "--skip-rows",
  maxRows: "--max-rows",
  timestamp: "--timestamp",
  ttl: "--ttl",
  writetimeMap: "--writetime-map",
  ttlMap: "--ttl-map",
  preserve: "--preserve",
  mode: "--mode",
  nulls: "--nulls",
  truncateTimes: "--truncate-times",
  badRows: null,
  maxErrors: null,
  batchRows: null,
  pace: null,
  concurrency: null,
  rate: null,
  memoryBytes: null,
  jobDirectory: null,
} as const satisfies { readonly [K in keyof ImportOptions]?: string | null };

/** An import's options as JSON: without secrets, which a later process asks for again. */
export interface StoredImport {
  readonly connection: Omit<ConnectionOptions, "password">;
  readonly sources: readonly string[];
  readonly [option: string]: unknown;
}

export interface ImportJobPlan extends JobPlan {
  readonly kind: "import";
  readonly version: string;
  /** `ks.table`. */
  readonly destination: string;
  readonly tableId: string;
  /** Microseconds since 1970: rows without timestamps of their own count from here. */
  readonly epoch: number;
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly modifiedAt: number }[];
  readonly options: StoredImport;
  /** The parts of the source, by the name that messages give them. */
  readonly ranges: readonly string[];
}

/** What a segment's record says besides where it ends. */
export interface ImportFlags {
  /** The row of the part that each of its stretches ends before. */
  readonly ends: readonly number[];
  readonly rejected: number;
  /** Rows that were there already. */
  readonly existing: number;
  /** Values that had expired, and were left out. */
  readonly expired: number;
}

export type ImportJob = Job<ImportJobPlan, ImportFlags>;

/** Where the job of an import of these sources into this very table keeps its state, unless the user says. */
export function importDirectory(options: ImportOptions, schema: TableSchema): string {
  if (options.jobDirectory !== undefined) return resolve(options.jobDirectory);
  if (options.stateDirectory === undefined) {
    throw new UsageError("there is no place for the state of the import: the user has no home directory", {
      hint: "say one: --job-dir <directory>",
    });
  }
  const identity = JSON.stringify([schema.id, sourcesOf(options)]);
  const digest = createHash("sha256").update(identity).digest("hex").slice(0, 16);
  return join(options.stateDirectory, "imports", `${schema.table.replace(/\W/g, "_")}-${digest}`);
}

/** The sources as plan.json keeps them, from whatever directory they are named. */
export function sourcesOf({ sources }: ImportOptions): readonly string[] {
  return sources.map((source) => (source === STDIN ? source : resolve(source)));
}

export function importPlan(
  options: ImportOptions,
  schema: TableSchema,
  files: readonly SourceFile[],
  parts: readonly string[],
  startedAt: Date,
): ImportJobPlan {
  return {
    job: newJobId(startedAt),
    kind: "import",
    version: VERSION,
    destination: qualifiedName(schema),
    tableId: schema.id,
    epoch: startedAt.getTime() * 1000,
    files: files.map(({ path, bytes, modifiedAt }) => ({ path, bytes, modifiedAt })),
    options: storeImport(options),
    ranges: parts,
  };
}

function storeImport(options: ImportOptions): StoredImport {
  const { password: _, ...connection } = options.connection;
  const said = Object.entries(options)
    .filter(([key, value]) => key in STORED && value !== undefined && value !== false)
    .map(([key, value]) => [key, storable(value)]);
  return { ...Object.fromEntries(said), connection, sources: sourcesOf(options) };
}

/** Maps as objects, whole numbers as text. */
function storable(value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, inner]) => [key, storable(inner)]));
  if (typeof value === "object" && value !== null && "value" in value) return { value: String(value.value) };
  return value;
}

export function restoreImport(stored: StoredImport): ImportOptions {
  const map = (value: unknown) => (value ? new Map(Object.entries(value as Record<string, string>)) : undefined);
  type Stored = { readonly value?: string; readonly column?: string };
  const fixedOf = ({ value, column = "" }: Stored) => (value === undefined ? { column } : { value: BigInt(value) });
  const fixed = (value: unknown) => (value === undefined ? undefined : fixedOf(value as Stored));
  const times = (value: unknown) =>
    value
      ? new Map(Object.entries(value as Record<string, Stored>).map(([key, inner]) => [key, fixedOf(inner)]))
      : undefined;
  return {
    ...(stored as unknown as ImportOptions),
    map: map(stored.map),
    partitionFilter: map(stored.partitionFilter),
    timestamp: fixed(stored.timestamp),
    ttl: fixed(stored.ttl),
    writetimeMap: times(stored.writetimeMap),
    ttlMap: times(stored.ttlMap),
  };
}

const RESTART = "say --restart to drop it and begin again";

/** @throws UsageError naming what is not as it was when the job began */
export function checkImportUnchanged(
  plan: ImportJobPlan,
  options: ImportOptions,
  schema: TableSchema,
  files: readonly SourceFile[],
): void {
  if (plan.version !== VERSION) {
    throw new UsageError(`the unfinished import was begun by cqlduck ${plan.version}, and this is ${VERSION}`, {
      hint: `finish it with that version, or ${RESTART}`,
    });
  }
  const now = storeImport(options);
  for (const [key, name] of Object.entries(STORED)) {
    if (name === null || JSON.stringify(plan.options[key]) === JSON.stringify(now[key])) continue;
    throw new UsageError(`the unfinished import was begun with another ${name}`, {
      hint: `go on with cqlduck resume, which remembers the options, or ${RESTART}`,
    });
  }
  if (plan.tableId !== schema.id) {
    throw new UsageError(`${plan.destination} is another table than the one the import was begun with`, {
      hint: RESTART,
    });
  }
  const same = plan.files.length === files.length;
  const changed = plan.files.find(({ path, bytes, modifiedAt }, i) => {
    const file = files[i];
    return !file || file.path !== path || file.bytes !== bytes || file.modifiedAt !== modifiedAt;
  });
  if (!same || changed) {
    const which = changed?.path ?? files[plan.files.length]?.path;
    throw new UsageError(`${which} is not as it was when the import was begun`, { hint: RESTART });
  }
}

/** A row's place in its part, as records have it. */
export function placeText(row: number): string {
  return row.toString(16).padStart(16, "0");
}

export function placeOf(text: string | null): number {
  return text === null ? 0 : Number.parseInt(text, 16);
}
