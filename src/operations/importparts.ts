/*
 * Owns the parts of an import's source: each a file with its columns matched, or the user's query over all of them, and
 * the SQL that reads it from any row on.
 */
import type { Connection } from "@duckdb/node-bindings";
import { UsageError } from "../base/errors.ts";
import type { TableSchema } from "../cassandra/schema.ts";
import { quoteName } from "../duckdb/copy.ts";
import { run } from "../duckdb/engine.ts";
import { fileTypeToSql } from "../duckdb/filetypes.ts";
import { describe } from "../duckdb/scan.ts";
import { parseCqlType } from "../types/cql.ts";
import { convert } from "./importconvert.ts";
import type { SourceFile } from "./importfiles.ts";
import { type Match, matchColumns } from "./importmatch.ts";
import type { ImportOptions } from "./importoptions.ts";
import type { TimeColumns } from "./importsend.ts";
import { openPart, type SourcePart } from "./importsource.ts";

export interface ImportPart {
  readonly source: SourcePart;
  readonly match: Match;
  readonly timeColumns: TimeColumns;
}

/** @throws UsageError where a file doesn't fit the table, DataError where one is damaged */
export async function openParts(
  connection: Connection,
  files: readonly SourceFile[],
  schema: TableSchema,
  options: ImportOptions,
): Promise<ImportPart[]> {
  await run(connection, "SET TimeZone = 'UTC'", "preparing");
  const sources: SourcePart[] = [];
  for (const file of files) sources.push(await openPart(connection, file, options.csv));
  const parts = options.sql === undefined ? sources : [await queryPart(connection, sources, options.sql)];
  return parts.map((source) => ({
    source,
    match: matchColumns(source, schema, options),
    timeColumns: timeColumnsOf(source, options),
  }));
}

/** The user's query as the one part of the source. */
async function queryPart(connection: Connection, sources: readonly SourcePart[], sql: string): Promise<SourcePart> {
  const list = ({ columns }: SourcePart) => columns.map((column) => `${column.sql} AS ${quoteName(column.name)}`);
  const union = sources.map((source) => `SELECT ${list(source).join(", ")} FROM ${source.relation}`);
  await run(
    connection,
    `CREATE OR REPLACE TEMP VIEW rows AS ${union.join(" UNION ALL BY NAME ")}`,
    "reading the source",
  );
  const query = sql.trim().replace(/;\s*$/, "");
  const columns = await describeQuery(connection, query);
  return {
    path: "--sql",
    file: undefined,
    own: sources[0]?.own,
    relation: `(${query}\n)`,
    rows: undefined,
    rowNumber: undefined,
    columns: columns.map(({ name, type }) => {
      // A column that the query lets through is what it was in all files.
      const before = sources.map((source) => source.columns.find((column) => column.name === name));
      const same = before.every((column) => column && fileTypeToSql(column.type) === fileTypeToSql(type));
      return { name, sql: quoteName(name), type, ...(same ? { own: before[0]?.own, text: before[0]?.text } : {}) };
    }),
  };
}

async function describeQuery(connection: Connection, query: string) {
  try {
    return await describe(connection, `SELECT * FROM (${query}\n)`, "--sql");
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), {
      hint: "the source is called rows: SELECT id, upper(name) AS name FROM rows WHERE id > 7",
      cause: error,
    });
  }
}

/** The columns that say when rows were written and how long they live. */
function timeColumnsOf(source: SourcePart, { timestamp, ttl }: ImportOptions): TimeColumns {
  const find = (option: string, wanted: ImportOptions["ttl"], type: string) => {
    if (!wanted || !("column" in wanted)) return undefined;
    const column = source.columns.find(({ name }) => name === wanted.column);
    const names = source.columns.map(({ name }) => name).join(", ");
    if (!column) {
      throw new UsageError(`${option}: ${source.path} has no column ${wanted.column}`, { hint: `it has ${names}` });
    }
    const conversion = convert(parseCqlType(type, new Map()), { ...column, own: false }, { truncateTimes: false });
    if (conversion) return { ...conversion, name: column.name };
    throw new UsageError(`${option}: column ${column.name} is ${fileTypeToSql(column.type)}, and no number`);
  };
  const found = { timestamp: find("--timestamp", timestamp, "bigint"), ttl: find("--ttl", ttl, "int") };
  return {
    ...(found.timestamp ? { timestamp: found.timestamp } : {}),
    ...(found.ttl ? { ttl: found.ttl } : {}),
  };
}

/** The query that reads a part's rows from `from` on: its columns, then the checks, then timestamp and TTL. */
export function partQuery({ source, match, timeColumns }: ImportPart, from: number): string {
  const { columns } = match;
  const values = columns.map(({ conversion }, i) => `${conversion.sql} AS c${i}`);
  const checks = columns.flatMap(({ conversion: { check } }, i) =>
    check === undefined ? [] : [`coalesce(${check}, false) AS k${i}`],
  );
  const times = [
    ...(timeColumns.timestamp ? [`${timeColumns.timestamp.sql} AS written`] : []),
    ...(timeColumns.ttl ? [`${timeColumns.ttl.sql} AS lives`] : []),
  ];
  const list = [...values, ...checks, ...times].join(", ");
  const plain = `SELECT ${list} FROM ${source.relation}`;
  if (from === 0) return plain;
  return source.rowNumber === undefined
    ? `${plain} OFFSET ${from}`
    : `${plain} WHERE ${quoteName(source.rowNumber)} >= ${from}`;
}
