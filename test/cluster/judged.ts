/*
 * Owns what the tests that have a judge share: the tables there are, their columns as the judge takes them, and
 * exports in which the columns that are refused come as their bytes.
 */
import type { Client } from "cassandra-driver";
import { DataError } from "../../src/base/errors.ts";
import type { ExportReport } from "../../src/jobs/events.ts";
import { exportTable } from "../../src/operations/export.ts";
import type { ExportOptions } from "../../src/operations/options.ts";
import { parseCqlType } from "../../src/types/cql.ts";
import type { JudgeColumn } from "../readers/venv.ts";

/** Every table and view of a keyspace and of those named after it. */
export async function tablesBelow(client: Client, keyspace: string): Promise<{ ks: string; table: string }[]> {
  const tables = await client.execute("SELECT keyspace_name AS ks, table_name AS name FROM system_schema.tables");
  const views = await client.execute("SELECT keyspace_name AS ks, view_name AS name FROM system_schema.views");
  return [...tables.rows, ...views.rows]
    .map((row) => ({ ks: row["ks"] as string, table: row["name"] as string }))
    .filter(({ ks }) => ks.startsWith(keyspace));
}

/** The columns of a table that have these names, in this order. */
export async function judgeColumns(
  client: Client,
  ks: string,
  table: string,
  names: readonly string[],
): Promise<JudgeColumn[]> {
  const udts = await client.execute("SELECT * FROM system_schema.types WHERE keyspace_name = ?", [ks]);
  const types = new Map(
    udts.rows.map((row) => [row["type_name"], { fields: row["field_names"], types: row["field_types"] }]),
  );
  const columns = await client.execute(
    "SELECT column_name, type FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?",
    [ks, table],
  );
  const texts = new Map(columns.rows.map((row) => [row["column_name"], row["type"]]));
  return names.map((name) => ({ name, type: parseCqlType(texts.get(name), types) }));
}

/** Does what the hint of a refused column says, until none is refused; `types` gets those that were. */
export async function exportRefusedAsBlob(options: ExportOptions, types: Map<string, string>): Promise<ExportReport> {
  for (;;) {
    try {
      return await exportTable({ ...options, types, restart: true });
    } catch (error) {
      const refused =
        error instanceof DataError ? /^column (\S+) of .*, the row with /.exec(error.message)?.[1] : undefined;
      if (refused === undefined || types.has(refused)) throw error;
      types.set(refused, "BLOB");
    }
  }
}
