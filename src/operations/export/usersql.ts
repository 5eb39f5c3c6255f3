/*
 * Owns the user's SQL over the rows of an export (--sql): it is checked and bound before anything is read, sees nothing
 * but the table's rows, and its result is kept in types that lose nothing.
 */
import { typeToSql } from "../../base/column.ts";
import { CqlduckError, DataError, messageOf, UsageError } from "../../base/errors.ts";
import { uniqueNames } from "../../base/names.ts";
import { fileList, quoteName, quoteText } from "../../duckdb/copy.ts";
import { type Connection, Engine, fromHere, run } from "../../duckdb/engine.ts";
import { readRows } from "../../duckdb/reader.ts";
import { cqlTypeToText } from "../../types/cql-type.ts";
import { nearestCqlType, storedType } from "../../types/stored-type.ts";
import type { Source } from "../source/source.ts";
import { claimed, valueOfNoType } from "./claims.ts";
import { ownColumns, type ResultColumn } from "./resultcolumns.ts";

const CHECK_MEMORY = 128e6;
/** No table of Cassandra's has such a name. */
const CHECKED_ROWS = '"rows to check"';
/** What DuckDB takes for databases and schemas of its own: a table of such a keyspace is known by its name alone. */
const OWN_SCHEMAS = new Set(["system", "temp", "memory", "information_schema", "pg_catalog"]);

/**
 * The columns that the SQL gives. One that is like a column of the table in name and type is taken for it; any other has
 * the CQL type nearest to its own.
 * @throws UsageError for SQL that is no SELECT, or that DuckDB refuses
 */
export async function describeSql(source: Source, sql: string): Promise<ResultColumn[]> {
  const engine = await Engine.open({ memoryBytes: CHECK_MEMORY, threads: 1, tempDirectory: "" });
  try {
    const connection = await engine.connect();
    const own = ownColumns(source);
    const list = own.map(({ type }, i) => `c${i} ${typeToSql(type)}`).join(", ");
    await run(connection, `CREATE TABLE ${CHECKED_ROWS} (${list})`, "checking --sql");
    await showRows(connection, source, CHECKED_ROWS);
    await run(connection, "SET enable_external_access = false", "checking --sql");
    await checkSelect(connection, sql);
    const described = await refusing(() =>
      readRows<{ column_name: string; column_type: string }>(
        connection,
        `DESCRIBE SELECT * FROM ${selectOf(sql)}`,
        "checking --sql",
      ),
    );
    const files = uniqueNames(described.map((column) => column.column_name));
    return described.map(({ column_name: name, column_type: text }, i) => {
      const type = storedType(text);
      const same = own.find((column) => column.file === name && typeToSql(column.type) === typeToSql(type));
      if (same) return { ...same, file: files[i]! };
      const cql = nearestCqlType(type);
      return { name, file: files[i]!, kind: "regular", cql, cqlText: cqlTypeToText(cql), type };
    });
  } finally {
    engine.close();
  }
}

async function checkSelect(connection: Connection, sql: string): Promise<void> {
  const [found] = await readRows<{ error: boolean; message: string | null; statements: number }>(
    connection,
    `SELECT (j ->> 'error')::BOOLEAN AS error, j ->> 'error_message' AS message,
      coalesce(json_array_length(j -> 'statements'), 0)::INTEGER AS statements
    FROM (SELECT json_serialize_sql(${quoteText(withoutEnd(sql))})::JSON AS j)`,
    "checking --sql",
  );
  if (found?.error) throw refused(/^Only SELECT/.test(found.message ?? "") ? "it is no SELECT" : `${found.message}`);
  if (found?.statements !== 1) throw refused("it is not one SELECT");
}

/**
 * Makes the rows known to the user's SQL: by the table's name, with its keyspace or without.
 * @param from what stands behind FROM, with the columns c0, c1, …
 */
export async function showRows(connection: Connection, source: Source, from: string): Promise<void> {
  const { keyspace, table } = source.schema;
  const doing = "checking --sql";
  const list = ownColumns(source)
    .map(({ file }, i) => `c${i} AS ${quoteName(file)}`)
    .join(", ");
  const schemas = OWN_SCHEMAS.has(keyspace.toLowerCase()) ? ["main"] : ["main", keyspace];
  await run(connection, "SET TimeZone = 'UTC'", doing);
  for (const schema of schemas) {
    const name = `${quoteName(schema)}.${quoteName(table)}`;
    await run(connection, `CREATE SCHEMA IF NOT EXISTS ${quoteName(schema)}`, doing);
    await run(connection, `CREATE OR REPLACE VIEW ${name} AS SELECT ${list} FROM ${from}`, doing);
  }
}

/** Shuts all files but those of the directory off from what the connection's engine runs from now on. */
export async function confine(connection: Connection, directory: string): Promise<void> {
  const inside = fromHere(`${directory}/`);
  for (const setting of [
    // Files are read by patterns, whose escapes DuckDB compares as they are.
    `SET allowed_directories = list_concat([${quoteText(inside)}], ${fileList([inside])})`,
    "SET enable_external_access = false",
    "SET lock_configuration = true",
  ]) {
    await run(connection, setting, "preparing --sql");
  }
}

/** The user's SQL with its columns as they are kept. */
export function storedQuery(sql: string, columns: readonly ResultColumn[]): string {
  const names = columns.map((_, i) => `c${i}`).join(", ");
  const casts = columns.map((column, i) => claimed(column, `c${i}::${typeToSql(column.type)}`)).join(", ");
  return `SELECT ${casts} FROM (SELECT * FROM ${selectOf(sql)}) _user(${names})`;
}

/** What the user's SQL fails with while it runs; failures of the disk and of memory stay what they are. */
export function failureOfSql(error: unknown): unknown {
  if (error instanceof CqlduckError && !(error instanceof DataError)) return error;
  const claim = valueOfNoType(error);
  if (claim) return claim;
  const text = messageOf(error).replace(/^writing .*?: (?=\w[\w ]* Error: )/, "");
  return new DataError(`--sql: ${firstLine(text)}`, {
    hint: "nothing was published; begin again with another --sql and --restart",
    cause: error,
  });
}

/** As it stands behind FROM; a comment at its end must not take the bracket along. */
function selectOf(sql: string): string {
  return `(\n${withoutEnd(sql)}\n)`;
}

function withoutEnd(sql: string): string {
  return sql.replace(/[\s;]+$/, "");
}

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw refused(firstLine(messageOf(error).replace(/^checking --sql: /, "")), error);
  }
}

function refused(why: string, cause?: unknown): UsageError {
  return new UsageError(`--sql: ${why}`, {
    hint: "write one SELECT of DuckDB's; the rows are the table's, by its name: SELECT … FROM orders",
    cause,
  });
}

function firstLine(text: string): string {
  return text.split("\n").filter(Boolean).slice(0, 2).join(" ");
}
