/*
 * Owns the parts of an import's source: each a file with its columns matched, or the user's query over all of them, and
 * the SQL that reads it from any row on.
 */

import { isNull } from "../../base/column.ts";
import { UsageError } from "../../base/errors.ts";
import type { TableSchema } from "../../cassandra/schema.ts";
import { quoteName, quoteText } from "../../duckdb/copy.ts";
import { type Connection, run } from "../../duckdb/engine.ts";
import { fileTypeToSql } from "../../duckdb/filetypes.ts";
import { describe, type Scan } from "../../duckdb/scan.ts";
import { parseCqlType } from "../../types/cql.ts";
import { JsonRows } from "../../types/json-rows.ts";
import { convert } from "./convert.ts";
import type { SourceFile } from "./files.ts";
import { holdsJson, jsonTable } from "./jsontable.ts";
import { NestedTimes } from "./jsontimes.ts";
import { isKey, type Match, matchColumns, type TimeColumns } from "./match.ts";
import type { ImportOptions } from "./options.ts";
import type { ChunkReader } from "./rows.ts";
import { type FileColumn, openPart, type SourcePart } from "./source.ts";
import type { Spool } from "./spool.ts";
import { type CellTimes, matchTimes } from "./times.ts";

export interface ImportPart {
  readonly source: SourcePart;
  readonly match: Match;
  readonly timeColumns: TimeColumns;
  /** Where cells have times of their own. */
  readonly cellTimes: CellTimes | undefined;
}

/** The source as the user says it, whatever the table. @throws DataError where a file is damaged */
export async function openSource(
  connection: Connection,
  files: readonly SourceFile[],
  spool: Spool,
  options: ImportOptions,
): Promise<readonly SourcePart[]> {
  await prepareConnection(connection);
  const sources: SourcePart[] = [];
  for (const file of files) sources.push(await openPart(connection, file, spool, options));
  if (options.preserve && options.sql !== undefined) checkSameExport(sources);
  return options.sql === undefined ? sources : [await queryPart(connection, sources, options.sql)];
}

/** @throws UsageError where a part doesn't fit the table */
export function matchParts(sources: readonly SourcePart[], schema: TableSchema, options: ImportOptions): ImportPart[] {
  checkMapped(sources, options);
  return sources
    .map((part) => withTableColumns(part, schema, options))
    .map((source) => {
      const match = matchColumns(source, schema, options);
      const timeColumns = timeColumnsOf(source, options);
      return { source, match, timeColumns, cellTimes: matchTimes(source, match, schema, options) };
    });
}

/** Files may lack a column that others have, but one that none has is misspelt. */
function checkMapped(sources: readonly SourcePart[], { map }: ImportOptions): void {
  for (const name of map?.keys() ?? []) {
    if (sources.some((part) => mayHaveMore(part) || part.columns.some((column) => column.name === name))) continue;
    const names = new Set(sources.flatMap(({ columns }) => columns.map((column) => column.name)));
    throw new UsageError(`--map: there is no column ${name} in the source`, {
      hint: `it has ${[...names].join(", ")}`,
    });
  }
}

/** Rows of a query don't say which file they are from, and so not when their TTLs began to count. */
function checkSameExport(sources: readonly SourcePart[]): void {
  const other = sources.find(({ own }) => own?.exportedAt !== sources[0]?.own?.exportedAt);
  if (!other) return;
  throw new UsageError(`--preserve with --sql: ${sources[0]!.path} and ${other.path} are of different exports`, {
    hint: "import the files of one export at a time",
  });
}

/** How many columns DuckDB is asked for. */
export function columnsRead(part: ImportPart): number {
  return partExpressions(part).length;
}

/** Makes a connection read times as all parts of an import do. */
export async function prepareConnection(connection: Connection): Promise<void> {
  await run(connection, "SET TimeZone = 'UTC'", "preparing");
}

/**
 * Rows of JSON may have keys that none of the first has: those of the table and of --map are taken wherever they occur,
 * of the primary key only where there is no key at all, since there may be no row. What we wrote ourselves has the columns that it says,
 * and no more.
 */
function withTableColumns(source: SourcePart, schema: TableSchema, { map }: ImportOptions): SourcePart {
  if (!mayHaveMore(source)) return source;
  const hasKeys = source.columns.some(({ text }) => text === "json");
  const filled = new Set(map?.values());
  const has = (name: string) => source.columns.some((column) => column.name.toLowerCase() === name.toLowerCase());
  const missing = schema.columns.filter(
    (column) => !(isKey(column) && hasKeys) && !has(column.name) && !filled.has(column.name),
  );
  const mapped = [...(map?.keys() ?? [])].filter((name) => !source.columns.some((column) => column.name === name));
  const columns = [...missing.map(({ name }) => name), ...mapped].map(
    (name): FileColumn => ({ name, sql: quoteName(name), type: JSON_TEXT, text: "json" }),
  );
  return { ...source, columns: [...source.columns, ...columns] };
}

/** Whether rows may have columns that the first ones lack. */
function mayHaveMore({ json, own }: SourcePart): boolean {
  return json !== undefined && own === undefined;
}

const JSON_TEXT = { kind: "SIMPLE", name: "VARCHAR" } as const;

/** The user's query as the one part of the source. */
async function queryPart(connection: Connection, sources: readonly SourcePart[], sql: string): Promise<SourcePart> {
  const columnsOf = ({ columns, path }: SourcePart) =>
    columns.map((column) => `${toldSql(column, path)} AS ${quoteName(column.name)}`);
  const select = async (source: SourcePart) => {
    if (!source.json || !source.file) return `SELECT ${columnsOf(source).join(", ")} FROM ${source.relation}`;
    const others = columnsOf({ ...source, columns: source.columns.filter(({ text }) => text !== "json") });
    return `SELECT ${["*", ...others].join(", ")} FROM ${await jsonTable(connection, source.file)}`;
  };
  const union: string[] = [];
  for (const source of sources) union.push(await select(source));
  await run(connection, `CREATE OR REPLACE VIEW rows AS ${union.join(" UNION ALL BY NAME ")}`, "reading the source");
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
      const form = (column: FileColumn | undefined) =>
        JSON.stringify([column && fileTypeToSql(column.type), column?.text, column?.want, column?.timestampFormat]);
      const isSame =
        before.every((column) => column && column.text !== "json" && form(column) === form(before[0])) &&
        fileTypeToSql(before[0]!.type) === fileTypeToSql(type);
      const ofJson = sources.some(({ json }) => json);
      const rounded = ofJson && fileTypeToSql(type).includes("DOUBLE");
      const mixed = ofJson && holdsJson(type);
      return { ...(isSame ? before[0] : {}), name, sql: quoteName(name), ...NOT_OF_FILE, type, rounded, mixed };
    }),
  };
}

/** Speaks of the file's columns, of which a query shows what it likes. */
const NOT_OF_FILE = { check: undefined, json: undefined };

/** A query may do anything with a value, so that one that nobody can tell ends it. */
function toldSql({ sql, check, name }: FileColumn, path: string): string {
  if (check === undefined) return sql;
  return `CASE WHEN ${check.sql} THEN error(${quoteText(`column ${name} of ${path} has ${check.reason}`)}) ELSE ${sql} END`;
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

/**
 * The query that reads a part's rows from `from` on: its columns, then the checks, then the times of rows, then those of cells.
 * @param end before this row, in a part whose rows are numbered
 */
export function partQuery(part: ImportPart, from: number, end?: number): string {
  const { source } = part;
  const plain = `SELECT ${partExpressions(part).join(", ")} FROM ${source.relation}`;
  if (source.rowNumber === undefined) return from === 0 ? plain : `${plain} OFFSET ${from}`;
  const number = quoteName(source.rowNumber);
  const bounds = [...(from > 0 ? [`${number} >= ${from}`] : []), ...(end === undefined ? [] : [`${number} < ${end}`])];
  return bounds.length > 0 ? `${plain} WHERE ${bounds.join(" AND ")}` : plain;
}

function partExpressions({ source, match, timeColumns, cellTimes }: ImportPart): string[] {
  const { columns } = match;
  const { timestamp, ttl } = timeColumns;
  const values = columns.map(({ conversion }) => conversion.sql);
  // JSON is taken apart outside of DuckDB, which would change numbers on the way.
  if (source.json) return ["json", ...columns.filter(({ file }) => file.text !== "json").map(({ file }) => file.sql)];
  const checks = columns.flatMap(({ conversion: { check } }) =>
    check === undefined ? [] : [`coalesce(${check}, false)`],
  );
  const times = cellTimes?.columns.map(({ conversion }) => conversion) ?? [];
  return [
    ...values,
    ...checks,
    ...[timestamp, ttl].flatMap((column) => (column ? [column.sql] : [])),
    ...times.map(({ sql }) => sql),
    ...times.flatMap(({ check }) => (check === undefined ? [] : [`coalesce(${check}, false)`])),
  ];
}

/** @param refuse is told of rows that are no rows of this part */
export function chunkReader(
  { source, match, timeColumns, cellTimes }: ImportPart,
  scan: Scan,
  strict: boolean,
): ChunkReader {
  if (!source.json) return (chunk) => chunk;
  const { timestamp, ttl } = timeColumns;
  const wanted = match.columns.filter(({ file }) => file.text === "json").map(({ file }) => file.name);
  const times = [timestamp, ttl].flatMap((column) => (column ? [column.name] : []));
  const ofCells = cellTimes?.columns.map(({ file }) => file) ?? [];
  const outside = ofCells.map(({ name, inside }) => inside?.[0] ?? name);
  const names = [...new Set([...wanted, ...times, ...outside])];
  const known = new Set(source.columns.map(({ name }) => name));
  const { arena } = scan.columns[0]!;
  const rows = new JsonRows(names, arena, source.json.inside);
  const nested = new NestedTimes(ofCells, arena);
  return (chunk, refuse) => {
    const [texts, ...others] = chunk.columns;
    rows.read(
      texts!,
      chunk.rows,
      (row, name) => {
        if (strict && !known.has(name) && name !== source.json?.metadata)
          refuse(row, name, "the table has no such column");
      },
      (error) => refuse(error.row, undefined, error.message),
    );
    for (let row = 0; row < chunk.rows; row++) if (isNull(texts!, row)) refuse(row, undefined, undefined);
    const find = (name: string) => rows.columns[names.indexOf(name)]!;
    const columns = match.columns.map(({ file }) => (file.text === "json" ? find(file.name) : others.shift()!));
    const cellColumns = nested.read(find, chunk.rows, (error) =>
      refuse(error.row, source.json?.metadata, error.message),
    );
    return { rows: chunk.rows, columns: [...columns, ...times.map(find), ...cellColumns] };
  };
}
