/*
 * Every table of fixtures/cql and every extreme value: exported, read back by readers that are not ours, and compared
 * cell by cell with the bytes that the server holds.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { DataError, type ExportReport, exportTable } from "../../src/index.ts";
import type { ExportOptions } from "../../src/operations/options.ts";
import { parseCqlType } from "../../src/types/cql.ts";
import { type JudgeColumn, judge, judgePython, READERS, type Reader } from "../readers/venv.ts";
import { fixtureFiles, loadCql, serverVersion } from "./cql.ts";
import { createExtremes, createIllFormed } from "./extremes.ts";
import { testClient, testKeyspace } from "./support.ts";
import { serverRows } from "./wire.ts";

let client: Client;
let keyspace: string;
let directory: string;
const python = await judgePython();

/** Tables with values that only their bytes can carry, and the columns that have them. */
const REFUSED: Record<string, string[]> = {
  // milliseconds beyond what microseconds in 64 bits hold
  all_types: ["c_timestamp"],
  x_timestamp: ["fl", "fu", "l", "m", "mk", "mm", "s", "t", "u", "v"],
  // text, time, boolean, varint, decimal that are not of their type's form; a map with a zero-length key
  i_0: ["v"],
  i_1: ["v"],
  i_2: ["v"],
  i_3: ["v"],
  i_4: ["v"],
  i_7: ["v"],
};

beforeAll(async () => {
  client = await testClient();
  keyspace = await testKeyspace(client, "exact");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-exact-"));
  for (const file of fixtureFiles(await serverVersion(client), false)) await loadCql(client, file, { keyspace });
  await createExtremes(client, keyspace);
  await createIllFormed(client, keyspace);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

async function tablesOf(name: string): Promise<string[]> {
  const tables = await client.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?", [name]);
  const views = await client.execute("SELECT view_name FROM system_schema.views WHERE keyspace_name = ?", [name]);
  return [...tables.rows.map((row) => row["table_name"]), ...views.rows.map((row) => row["view_name"])];
}

async function columnsOf(ks: string, table: string, names: readonly string[]): Promise<JudgeColumn[]> {
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

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

let files = 0;

interface Checked {
  readonly rows: number;
  /** Columns that were refused as they are, and then exported as BLOB. */
  readonly refused: string[];
}

/** Exports a table, refused columns as their bytes, and has the readers compare it with the server. */
async function check(
  ks: string,
  table: string,
  readers: readonly Reader[],
  more: Partial<ExportOptions> = {},
): Promise<Checked> {
  const { host, port } = inject("cassandra");
  const server = await serverRows(host, port, `SELECT * FROM "${ks}"."${table}"`);
  const destination = join(directory, `${files++}.parquet`);
  const types = new Map<string, string>();
  const options = {
    connection: { hosts: [`${host}:${port}`] },
    table: { keyspace: ks, table },
    destination,
    types,
    ...more,
  };
  const report = await exportRefusedAsBlob(options, types);
  expect(report.rows).toBe(server.rows.length);
  const columns = (await columnsOf(ks, table, server.names)).map((column) => {
    const as = types.get(column.name);
    return as === undefined ? column : { ...column, as };
  });
  for (const reader of readers) {
    const { rows } = await judge(destination, columns, server.rows, {
      reader,
      emptyNull: more.empty === "null",
      uuid: more.uuid ?? "text",
    });
    expect(rows).toBe(server.rows.length);
  }
  return { rows: server.rows.length, refused: [...types.keys()] };
}

/** Does what the hint of a refused column says, until none is refused. */
async function exportRefusedAsBlob(options: ExportOptions, types: Map<string, string>): Promise<ExportReport> {
  for (;;) {
    try {
      return await exportTable({ ...options, restart: true });
    } catch (error) {
      const refused =
        error instanceof DataError ? /^column (\S+) of .*, the row with /.exec(error.message)?.[1] : undefined;
      if (refused === undefined || types.has(refused)) throw error;
      types.set(refused, "BLOB");
    }
  }
}

describe.skipIf(python === undefined)("each cell is the one that the server holds", () => {
  it.each([
    ["in every table and view of the fixtures", ["pyarrow", "duckdb"], /^/, () => ({})],
    [
      "also of every type where rows are staged, and go through SQL",
      ["pyarrow"],
      /^(x_|i_|all_types$)/,
      (ks: string, table: string) => ({ sql: `SELECT * FROM ${quoted(ks)}.${quoted(table)}` }),
    ],
  ] as const)("%s", { timeout: 900_000 }, async (_, readers, tables, more) => {
    const failures: string[] = [];
    const refused: Record<string, string[]> = {};
    let rows = 0;
    const names = await client.execute("SELECT keyspace_name FROM system_schema.keyspaces");
    const ours = names.rows.map((row) => row["keyspace_name"] as string).filter((name) => name.startsWith(keyspace));
    for (const ks of ours) {
      for (const table of (await tablesOf(ks)).filter((name) => tables.test(name))) {
        try {
          const checked = await check(ks, table, readers, { empty: "null", ...more(ks, table) });
          rows += checked.rows;
          if (checked.refused.length) refused[table] = checked.refused;
        } catch (error) {
          failures.push(`${ks}.${table}: ${String(error)}`);
        }
      }
    }
    expect(failures).toEqual([]);
    expect(rows).toBeGreaterThan(100);
    expect(refused).toEqual(REFUSED);
  });

  it("for polars too", async () => {
    await check(keyspace, "all_types", ["polars"], { empty: "null" });
    await check(keyspace, "x_nested", ["polars"], { empty: "null" });
  });

  it("with native uuids", async () => {
    await check(keyspace, "all_types", READERS, { empty: "null", uuid: "native" });
  });
});
