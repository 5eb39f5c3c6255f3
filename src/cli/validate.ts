/*
 * Owns the edge where text becomes values: what commander collected goes in, what an operation can rely on comes out,
 * and the first thing that doesn't fit is a usage error that names its flag or variable.
 */
import type { Command } from "commander";
import * as v from "valibot";
import { UsageError } from "../base/errors.ts";
import { parseColumnAssignment, parseColumnList, parseTableName } from "../base/names.ts";
import { parseCount, parseDuration, parseSize } from "../base/units.ts";
import type { ExportOptions } from "../operations/options.ts";
import { spokenName } from "./options.ts";
import {
  atMost,
  choice,
  parseCompression,
  parseConsistency,
  parseDestination,
  parseHost,
  parseText,
} from "./values.ts";

/** What the protocol's page size, an int, can hold. */
const LARGEST_PAGE = 2 ** 31 - 1;
const MOST_CONCURRENT = 10_000;

/** A string in the form that `parse` takes. An issue's text is message and hint, a line each. */
function form<T>(parse: (text: string) => T) {
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

const flag = v.optional(v.boolean(), false);

const Display = {
  progress: form(choice(["auto", "bar", "plain", "none"])),
  quiet: flag,
  json: flag,
};

const Connection = {
  host: v.array(form(parseHost)),
  dc: v.optional(form(parseText)),
  username: v.optional(form(parseText)),
  passwordFile: v.optional(form(parseText)),
  consistency: form(parseConsistency),
  requestTimeout: v.optional(form(atMost(parseDuration, LARGEST_PAGE))),
};

const ExportFlags = v.object({
  ...Connection,
  ...Display,
  columns: v.optional(form(parseColumnList)),
  compression: form(parseCompression),
  limit: v.optional(form(parseCount)),
  type: v.optional(v.array(form(parseColumnAssignment)), []),
  uuid: form(choice(["text", "native"])),
  empty: form(choice(["error", "null"])),
  pageSize: v.optional(form(atMost(parseCount, LARGEST_PAGE))),
  concurrency: v.optional(form(atMost(parseCount, MOST_CONCURRENT))),
  memory: form(parseSize),
  restart: flag,
  dryRun: flag,
});

export interface ExportRequest {
  /** All but the password, which may have to be asked for. */
  readonly options: ExportOptions;
  readonly passwordFile: string | undefined;
  readonly dryRun: boolean;
  readonly progress: "auto" | "bar" | "plain" | "none";
  readonly quiet: boolean;
  readonly json: boolean;
}

/** What `export` was asked for. */
export function readExportRequest(source: string, destination: string, command: Command): ExportRequest {
  const table = parseTableName(source);
  const path = parseDestination(destination);
  const flags = check(ExportFlags, command);
  return {
    options: {
      connection: {
        hosts: flags.host,
        dataCenter: flags.dc,
        username: flags.username,
        consistency: flags.consistency,
        requestTimeoutMs: flags.requestTimeout,
      },
      table,
      destination: path,
      columns: flags.columns,
      compression: flags.compression,
      limit: flags.limit,
      types: typesByColumn(flags.type),
      uuid: flags.uuid,
      empty: flags.empty,
      concurrency: flags.concurrency,
      pageSize: flags.pageSize,
      memoryBytes: flags.memory,
      restart: flags.restart,
    },
    passwordFile: flags.passwordFile,
    dryRun: flags.dryRun,
    progress: flags.progress,
    quiet: flags.quiet,
    json: flags.json,
  };
}

function check<TSchema extends v.GenericSchema>(schema: TSchema, command: Command): v.InferOutput<TSchema> {
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
