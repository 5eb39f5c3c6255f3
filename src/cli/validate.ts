/*
 * Owns the edge where text becomes values: what commander collected goes in, what an operation can rely on comes out,
 * and the first thing that doesn't fit is a usage error that names its flag or variable.
 */
import { resolve } from "node:path";
import type { Command } from "commander";
import * as v from "valibot";
import { UsageError } from "../base/errors.ts";
import {
  parseColumnAssignment,
  parseColumnList,
  parsePartitionTerms,
  parseSchemaName,
  parseSortTerms,
  parseTableName,
} from "../base/names.ts";
import { parseCount, parseDuration, parseSize } from "../base/units.ts";
import { isSelect } from "../cassandra/cqltokens.ts";
import type { CsvForm } from "../formats/csv.ts";
import { PACES, type PaceOptions } from "../jobs/pace.ts";
import type { CountOptions } from "../operations/count.ts";
import type { ConnectionOptions, ExportOptions, ResumeOptions, TableName } from "../operations/options.ts";
import { spokenName } from "./options.ts";
import type { Shown } from "./shown.ts";
import {
  atMost,
  choice,
  EMPTY_RULES,
  FORMATS,
  PROGRESS_FORMS,
  parseColumnsOrAll,
  parseCompression,
  parseConsistency,
  parseDestination,
  parseHost,
  parseMetrics,
  parseShare,
  parseSign,
  parseText,
  parseWebhook,
  parseWhole,
  UUID_FORMS,
} from "./values.ts";

/** What the protocol's page size, an int, can hold. */
const LARGEST_PAGE = 2 ** 31 - 1;
const MOST_CONCURRENT = 10_000;
const MOST_RETRIES = 1000;
/** More than any file needs, and far below what a 64-bit count of DuckDB's takes. */
const MOST_GROUP_ROWS = 2 ** 31 - 1;

/** A string in the form that `parse` takes. An issue's text is message and hint, a line each. */
export function form<T>(parse: (text: string) => T) {
  return v.pipe(
    v.string(),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      try {
        return parse(dataset.value);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        addIssue({ message: error.hint ? `${error.message}\n${error.hint}` : error.message });
        return NEVER;
      }
    }),
  );
}

/** Said or not. */
export const flag = v.optional(v.boolean(), false);

/** How any command shows what it does. */
export const Display = {
  progress: form(choice(PROGRESS_FORMS)),
  quiet: flag,
  json: flag,
  report: v.optional(form(parseText)),
  metrics: v.optional(form(parseMetrics)),
  webhook: v.optional(form(parseWebhook)),
};

const DisplayFlags = v.object(Display);

export function shownOf(flags: v.InferOutput<typeof DisplayFlags>): Shown {
  const { progress, quiet, json, report, metrics, webhook } = flags;
  return { progress, quiet, json, report, metrics, webhook };
}

/** @throws UsageError where what is written of a run would be written over its rows' own file */
export function checkApart({ report, metrics }: Shown, files: readonly string[], badRows?: string): void {
  const figures = metrics && "file" in metrics ? metrics.file : undefined;
  const rows = files.map((file) => resolve(file));
  for (const [flag, path] of Object.entries({ "--report": report, "--metrics": figures, "--bad-rows": badRows })) {
    if (path === undefined || !rows.includes(resolve(path))) continue;
    throw new UsageError(`${flag}: ${path} is the file of the rows, and would be written over`, {
      hint: "name another file",
    });
  }
}

const Reading = {
  pace: v.optional(form(choice(PACES))),
  rate: v.optional(form(parseCount)),
  pageSize: v.optional(form(atMost(parseCount, LARGEST_PAGE))),
  concurrency: v.optional(form(atMost(parseCount, MOST_CONCURRENT))),
};

const ReadingFlags = v.object(Reading);

function paceOf({ pace, rate, pageSize, concurrency }: v.InferOutput<typeof ReadingFlags>): PaceOptions {
  return { pace, rate, pageSize, concurrency };
}

/** How any command reaches the cluster. */
export const Connection = {
  host: v.array(form(parseHost)),
  dc: v.optional(form(parseText)),
  username: v.optional(form(parseText)),
  passwordFile: v.optional(form(parseText)),
  tls: flag,
  tlsCa: v.optional(form(parseText)),
  tlsCert: v.optional(form(parseText)),
  tlsKey: v.optional(form(parseText)),
  tlsNoVerify: flag,
  bundle: v.optional(form(parseText)),
  consistency: form(parseConsistency),
  requestTimeout: v.optional(form(atMost(parseDuration, LARGEST_PAGE))),
};

const ConnectionFlags = v.object(Connection);

/** How to reach the cluster, all but the password. Paths are made absolute: a job may be resumed from elsewhere. */
export function connectionOf(flags: v.InferOutput<typeof ConnectionFlags>): ConnectionOptions {
  const path = (text: string | undefined) => (text === undefined ? undefined : resolve(text));
  const { tlsCa, tlsCert, tlsKey, tlsNoVerify } = flags;
  const tls = { ca: path(tlsCa), cert: path(tlsCert), key: path(tlsKey), verify: !tlsNoVerify };
  return {
    hosts: flags.bundle === undefined ? flags.host : [],
    dataCenter: flags.dc,
    username: flags.username,
    tls: flags.tls ? tls : undefined,
    bundle: path(flags.bundle),
    consistency: flags.consistency,
    requestTimeoutMs: flags.requestTimeout,
  };
}

/** How CSV files are written. */
export const Csv = {
  header: v.optional(v.boolean()),
  delimiter: v.optional(form(parseSign)),
  quote: v.optional(form(parseSign)),
  escape: v.optional(form(parseSign)),
  null: v.optional(v.string()),
  timestampFormat: v.optional(form(parseText)),
};

const CsvFlags = v.object(Csv);

export function csvOf(flags: v.InferOutput<typeof CsvFlags>): CsvForm {
  const { header, delimiter, quote, escape: sign, null: nullText, timestampFormat } = flags;
  return { header, delimiter, quote, escape: sign, nullText, timestampFormat };
}

const ExportFlags = v.object({
  ...Connection,
  ...Display,
  ...Reading,
  chunkSize: v.optional(form(parseCount)),
  columns: v.optional(form(parseColumnList)),
  where: v.optional(form(parseText)),
  writetime: v.optional(form(parseColumnsOrAll)),
  ttl: v.optional(form(parseColumnsOrAll)),
  writetimeSuffix: form(parseText),
  ttlSuffix: form(parseText),
  format: v.optional(form(choice(FORMATS))),
  compression: v.optional(form(parseCompression)),
  ...Csv,
  pretty: flag,
  limit: v.optional(form(parseCount)),
  rowsPerFile: v.optional(form(parseCount)),
  rowGroupRows: v.optional(form(atMost(parseCount, MOST_GROUP_ROWS))),
  maxFileSize: v.optional(form(parseSize)),
  partitionBy: v.optional(form(parsePartitionTerms)),
  sortBy: v.optional(form(parseSortTerms)),
  sql: v.optional(form(parseText)),
  type: v.optional(v.array(form(parseColumnAssignment)), []),
  uuid: form(choice(UUID_FORMS)),
  empty: form(choice(EMPTY_RULES)),
  maxRetries: v.optional(form(atMost(parseWhole, MOST_RETRIES))),
  maxFailedRanges: form(parseShare),
  memory: form(parseSize),
  resume: flag,
  restart: flag,
  overwrite: flag,
  append: flag,
  allowMasked: flag,
  dryRun: flag,
});

export interface ExportRequest extends Shown {
  /** All but the password, which may have to be asked for. */
  readonly options: ExportOptions;
  /** Where all its tables are to be exported. */
  readonly keyspace: string | undefined;
  readonly passwordFile: string | undefined;
  readonly dryRun: boolean;
}

/** What `export` was asked for. */
export function readExportRequest(source: string, destination: string, command: Command): ExportRequest {
  const read = sourceOf(source);
  const path = parseDestination(destination);
  const flags = check(ExportFlags, command);
  if (flags.resume && flags.restart) {
    throw new UsageError("--resume and --restart are two ways: one goes on, the other begins again", {
      hint: "say one",
    });
  }
  if (flags.overwrite && flags.append) {
    throw new UsageError("--overwrite and --append are two ways: one replaces the files, the other adds to them", {
      hint: "say one",
    });
  }
  checkApart(shownOf(flags), [path]);
  if (path === "-" && flags.json && !flags.dryRun) {
    throw new UsageError("--json prints the result on stdout, and there go the rows", {
      hint: "--progress json prints it on stderr",
    });
  }
  return {
    options: {
      connection: connectionOf(flags),
      table: read.table,
      query: read.query,
      where: flags.where,
      destination: path,
      columns: flags.columns,
      writetime: flags.writetime,
      ttl: flags.ttl,
      writetimeSuffix: flags.writetimeSuffix,
      ttlSuffix: flags.ttlSuffix,
      format: flags.format,
      compression: flags.compression,
      ...csvOf(flags),
      pretty: flags.pretty,
      limit: flags.limit,
      rowsPerFile: flags.rowsPerFile,
      rowGroupRows: flags.rowGroupRows,
      maxFileSize: flags.maxFileSize,
      partitionBy: flags.partitionBy,
      sortBy: flags.sortBy,
      sql: flags.sql,
      overwrite: flags.overwrite,
      append: flags.append,
      types: typesByColumn(flags.type),
      uuid: flags.uuid,
      empty: flags.empty,
      ...paceOf(flags),
      chunkRows: flags.chunkSize,
      maxRetries: flags.maxRetries,
      maxFailedRanges: flags.maxFailedRanges,
      memoryBytes: flags.memory,
      allowMasked: flags.allowMasked,
      resume: flags.resume,
      restart: flags.restart,
    },
    keyspace: read.keyspace,
    passwordFile: flags.passwordFile,
    dryRun: flags.dryRun,
    ...shownOf(flags),
    // Rows may come to the same terminal, and would stand behind the bar.
    progress: path === "-" && flags.progress === "auto" ? "plain" : flags.progress,
  };
}

/** A SELECT begins with that word; a name with a dot is a table, without one a keyspace. */
function sourceOf(text: string): { readonly query?: string; readonly table?: TableName; readonly keyspace?: string } {
  if (isSelect(text)) return { query: text };
  const { keyspace, table } = parseSchemaName(text);
  return table === undefined ? { keyspace } : { table: { keyspace, table } };
}

const LookupFlags = v.object({ ...Connection, json: flag });

export interface LookupRequest extends Pick<ExportRequest, "passwordFile" | "json"> {
  /** All but the password, which may have to be asked for. */
  readonly connection: ConnectionOptions;
}

/** What `schema` and `inspect` were asked for besides the name. */
export function readLookupRequest(command: Command): LookupRequest {
  const flags = check(LookupFlags, command);
  return { connection: connectionOf(flags), passwordFile: flags.passwordFile, json: flags.json };
}

const CountFlags = v.object({
  ...Connection,
  ...Display,
  ...Reading,
});

export interface CountRequest extends Shown, Pick<ExportRequest, "passwordFile"> {
  /** All but the password, which may have to be asked for. */
  readonly options: CountOptions;
}

/** What `count` was asked for. */
export function readCountRequest(source: string, command: Command): CountRequest {
  const table = parseTableName(source);
  const flags = check(CountFlags, command);
  return {
    options: {
      connection: connectionOf(flags),
      table,
      ...paceOf(flags),
    },
    passwordFile: flags.passwordFile,
    ...shownOf(flags),
  };
}

const ResumeFlags = v.object({
  ...Connection,
  ...Display,
  ...Reading,
  type: v.optional(v.array(form(parseColumnAssignment)), []),
  empty: v.optional(form(choice(EMPTY_RULES))),
  memory: v.optional(form(parseSize)),
});

export interface ResumeRequest extends Shown {
  /** What was said on this command line only: the rest is as the export was begun. */
  readonly options: ResumeOptions;
  readonly passwordFile: string | undefined;
}

/** What `resume` was asked for. */
export function readResumeRequest(job: string, command: Command): ResumeRequest {
  const flags = check(ResumeFlags, command);
  const said = <T>(key: string, value: T) => (command.getOptionValueSource(key) === "default" ? undefined : value);
  return {
    options: {
      job,
      connection: {
        ...connectionOf(flags),
        hosts: said("host", flags.host),
        consistency: said("consistency", flags.consistency),
      },
      types: typesByColumn(flags.type),
      empty: flags.empty,
      memoryBytes: flags.memory,
      ...paceOf(flags),
    },
    passwordFile: flags.passwordFile,
    ...shownOf(flags),
  };
}

/** The options of a command, as the schema has them. @throws UsageError naming the first that doesn't fit */
export function check<TSchema extends v.GenericSchema>(schema: TSchema, command: Command): v.InferOutput<TSchema> {
  const result = v.safeParse(schema, command.opts());
  if (result.success) return result.output;
  const issue = result.issues[0];
  const [message = "", hint] = issue.message.split("\n");
  const name = spokenName(command, String(issue.path?.[0]?.key ?? ""));
  throw new UsageError(`${name}: ${message}`, { hint });
}

function typesByColumn(assignments: readonly { column: string; value: string }[]): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  for (const { column, value } of assignments) {
    if (types.has(column)) throw new UsageError(`--type: column ${column} has two types`);
    types.set(column, value);
  }
  return types;
}
