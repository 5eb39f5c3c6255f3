/*
 * Owns what `import` was asked for, out of what commander collected: as validate.ts for the other commands.
 */
import { resolve } from "node:path";
import type { Command } from "commander";
import * as v from "valibot";
import { UsageError } from "../base/errors.ts";
import { parseColumnList, parsePrimaryKey, parseTableName, quoteIdentifier } from "../base/names.ts";
import { parseCount, parseSize } from "../base/units.ts";
import { PACES } from "../jobs/pace.ts";
import type { FixedOrColumn, ImportOptions } from "../operations/import/options.ts";
import {
  Connection,
  Csv,
  check,
  checkApart,
  connectionOf,
  csvOf,
  Display,
  type ExportRequest,
  flag,
  form,
  shownOf,
} from "./validate.ts";
import {
  atMost,
  choice,
  IMPORT_FORMATS,
  IMPORT_MODES,
  NULL_RULES,
  parseColumnTime,
  parseErrorLimit,
  parseFileColumn,
  parseFixedOrColumn,
  parsePairs,
  parseText,
} from "./values.ts";

const MOST_BATCH_ROWS = 10_000;
const MOST_CONCURRENT = 1000;
/** Cassandra's own bound: 20 years. */
const LONGEST_TTL = 630_720_000n;

const ImportFlags = v.object({
  ...Connection,
  ...Display,
  format: v.optional(form(choice(IMPORT_FORMATS))),
  columns: v.optional(form(parseColumnList)),
  map: v.optional(v.array(form(parseFileColumn)), []),
  ignoreExtra: flag,
  create: flag,
  primaryKey: v.optional(form(parsePrimaryKey)),
  sql: v.optional(form(parseText)),
  partitionFilter: v.optional(form(parsePairs)),
  skipRows: v.optional(form(parseCount)),
  maxRows: v.optional(form(parseCount)),
  ...Csv,
  mode: form(choice(IMPORT_MODES)),
  nulls: form(choice(NULL_RULES)),
  timestamp: v.optional(form(parseFixedOrColumn)),
  ttl: v.optional(form(parseFixedOrColumn)),
  writetimeMap: v.optional(v.array(form(parseColumnTime)), []),
  ttlMap: v.optional(v.array(form(parseColumnTime)), []),
  preserve: flag,
  truncateTimes: flag,
  badRows: v.optional(form(parseText)),
  maxErrors: form(parseErrorLimit),
  batchRows: form(atMost(parseCount, MOST_BATCH_ROWS)),
  pace: v.optional(form(choice(PACES))),
  concurrency: v.optional(form(atMost(parseCount, MOST_CONCURRENT))),
  rate: v.optional(form(parseCount)),
  memory: form(parseSize),
  jobDir: v.optional(form(parseText)),
  resume: flag,
  restart: flag,
  dryRun: flag,
});

export interface ImportRequest extends Omit<ExportRequest, "options" | "keyspace"> {
  /** All but the password, which may have to be asked for. */
  readonly options: ImportOptions;
}

/** What `import` was asked for. The last of the names is the table. */
export function readImportRequest(names: readonly string[], command: Command): ImportRequest {
  const sources = names.slice(0, -1);
  const last = names.at(-1) ?? "";
  if (sources.length === 0) {
    throw new UsageError(`import takes what to read and then the table, and there is only "${last}"`, {
      hint: "cqlduck import orders.parquet shop.orders",
    });
  }
  const table = parseTableName(last);
  const flags = check(ImportFlags, command);
  if (flags.resume && flags.restart) {
    throw new UsageError("--resume and --restart are two ways: one goes on, the other begins again", {
      hint: "say one",
    });
  }
  if (sources.includes("-") && flags.passwordFile === "-") {
    throw new UsageError("the password and the rows can't both come through stdin", {
      hint: "put the password in a file, or in CQLDUCK_PASSWORD",
    });
  }
  checkApart(shownOf(flags), sources, flags.badRows);
  checkTtl("--ttl", flags.ttl);
  for (const { time } of flags.ttlMap) checkTtl("--ttl-map", time);
  if (flags.mode === "if-not-exists" && flags.timestamp) {
    throw new UsageError("--mode if-not-exists takes no --timestamp: the server decides when it is written");
  }
  if (flags.primaryKey && !flags.create) {
    throw new UsageError("--primary-key says the key of a table that is made, and none is", {
      hint: "say --create too",
    });
  }
  if (flags.create && flags.mode === "delete") {
    throw new UsageError("--create makes a table, and from a new one there is nothing to delete");
  }
  const path = (text: string | undefined) => (text === undefined ? undefined : resolve(text));
  return {
    options: {
      connection: connectionOf(flags),
      table,
      sources,
      format: flags.format,
      csv: csvOf(flags),
      columns: flags.columns,
      map: mapOf(flags.map),
      ignoreExtra: flags.ignoreExtra,
      create: flags.create,
      primaryKey: flags.primaryKey,
      sql: flags.sql,
      partitionFilter: flags.partitionFilter,
      skipRows: flags.skipRows,
      maxRows: flags.maxRows,
      timestamp: flags.timestamp,
      ttl: flags.ttl,
      writetimeMap: timesOf("--writetime-map", flags.writetimeMap),
      ttlMap: timesOf("--ttl-map", flags.ttlMap),
      preserve: flags.preserve,
      mode: flags.mode,
      nulls: flags.nulls,
      truncateTimes: flags.truncateTimes,
      badRows: path(flags.badRows),
      maxErrors: flags.maxErrors,
      batchRows: flags.batchRows,
      pace: flags.pace,
      concurrency: flags.concurrency,
      rate: flags.rate,
      memoryBytes: flags.memory,
      jobDirectory: path(flags.jobDir),
      resume: flags.resume,
      restart: flags.restart,
    },
    passwordFile: flags.passwordFile,
    dryRun: flags.dryRun,
    ...shownOf(flags),
  };
}

function checkTtl(option: string, ttl: FixedOrColumn | undefined): void {
  if (!ttl || !("value" in ttl) || (ttl.value >= 0n && ttl.value <= LONGEST_TTL)) return;
  throw new UsageError(`${option}: a TTL is a number of seconds from 0 to ${LONGEST_TTL}`);
}

function timesOf(
  option: string,
  pairs: readonly { readonly column: string; readonly time: FixedOrColumn }[],
): ReadonlyMap<string, FixedOrColumn> | undefined {
  if (pairs.length === 0) return undefined;
  const map = new Map<string, FixedOrColumn>();
  for (const { column, time } of pairs) {
    if (map.has(column)) throw new UsageError(`${option}: ${quoteIdentifier(column)} twice`);
    map.set(column, time);
  }
  return map;
}

function mapOf(pairs: readonly { file: string; column: string }[]): ReadonlyMap<string, string> | undefined {
  if (pairs.length === 0) return undefined;
  const map = new Map<string, string>();
  for (const { file, column } of pairs) {
    if (map.has(file)) throw new UsageError(`--map: ${file} goes into two columns`);
    map.set(file, column);
  }
  return map;
}
