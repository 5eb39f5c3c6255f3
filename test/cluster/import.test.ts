/*
 * Every table of fixtures/cql and every extreme value: exported, the table emptied, imported again; then the server must
 * hold the very bytes that it held before.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { DataError, type ExportReport, exportTable, importTable } from "../../src/index.ts";
import type { ExportOptions } from "../../src/operations/options.ts";
import { fixtureFiles, loadCql, serverVersion } from "./cql.ts";
import { createExtremes, createIllFormed } from "./extremes.ts";
import { testClient, testKeyspace } from "./support.ts";
import { serverRows } from "./wire.ts";

let client: Client;
let keyspace: string;
let directory: string;
let files = 0;

/** Tables with values of fewer fields than their type has now: they come back with the missing ones as null. */
const EVOLVED = ["udt_evo", "x_nested"];
/** The same in one cell, of a table whose zero-length values the server's own JSON fails on. */
const LAST_FIELDS_MISSING = "all_types";
/** A frozen list that the server made a null of a zero-length element in, which it takes from nobody. */
const UNWRITABLE = ["i_5"];

beforeAll(async () => {
  client = await testClient();
  keyspace = await testKeyspace(client, "import");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-import-"));
  for (const file of fixtureFiles(await serverVersion(client), false)) await loadCql(client, file, { keyspace });
  await createExtremes(client, keyspace);
  await createIllFormed(client, keyspace);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/** The cells of all rows in hex, sorted. */
async function held(ks: string, table: string): Promise<string[]> {
  const { host, port } = inject("cassandra");
  const { rows } = await serverRows(host, port, `SELECT * FROM "${ks}"."${table}"`);
  const text = (cell: Buffer | null) => cell?.toString("hex") ?? "null";
  const whole = (cell: string) => (table === LAST_FIELDS_MISSING ? cell.replace(/(ffffffff)+$/, "") : cell);
  return rows.map((row) => row.map((cell) => whole(text(cell))).join(" ")).sort();
}

/** The values of all rows as the server writes them, sorted. */
async function values(ks: string, table: string): Promise<string[]> {
  const { rows } = await client.execute(`SELECT JSON * FROM "${ks}"."${table}"`);
  return rows.map((row) => row["[json]"] as string).sort();
}

/** Exports, with columns that are refused as their bytes. */
async function exportExactly(options: ExportOptions, types: Map<string, string>): Promise<ExportReport> {
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

/** Sends a table through a file. */
async function roundTrip(ks: string, table: string): Promise<void> {
  const { host, port } = inject("cassandra");
  const connection = { hosts: [`${host}:${port}`] };
  const destination = join(directory, `${files++}.parquet`);
  const name = { keyspace: ks, table };
  await exportExactly({ connection, table: name, destination }, new Map());
  await client.execute(`TRUNCATE "${ks}"."${table}"`);
  await importTable({
    connection,
    table: name,
    sources: [destination],
    jobDirectory: `${destination}.job`,
    maxErrors: 0,
  });
}

describe("every cell comes back as it was", () => {
  it("in every table of the fixtures", { timeout: 900_000 }, async () => {
    const failures: string[] = [];
    let rows = 0;
    const found = await client.execute("SELECT keyspace_name, table_name FROM system_schema.tables");
    for (const row of found.rows) {
      const [ks, table]: [string, string] = [row["keyspace_name"], row["table_name"]];
      if (!ks.startsWith(keyspace) || UNWRITABLE.includes(table)) continue;
      const look = EVOLVED.includes(table) ? values : held;
      try {
        const before = await look(ks, table);
        await roundTrip(ks, table);
        const after = await look(ks, table);
        expect(after).toEqual(before);
        rows += after.length;
      } catch (error) {
        failures.push(`${ks}.${table}: ${String(error)}`);
      }
    }
    expect(failures).toEqual([]);
    expect(rows).toBeGreaterThan(100);
  });
});
