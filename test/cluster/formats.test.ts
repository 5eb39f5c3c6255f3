/*
 * Exports as text: every table of fixtures/cql and every extreme value as CSV and JSON, compared cell by cell with the
 * bytes that the server holds by parsers that are not ours.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { DataError, exportTable } from "../../src/index.ts";
import type { ExportOptions } from "../../src/operations/options.ts";
import { type CqlType, parseCqlType } from "../../src/types/cql.ts";
import { csvValue, says } from "../formats/textjudge.ts";
import { arrayOf, type Json, objectOf, parseCsv, parseJson } from "../formats/textparsers.ts";
import { fixtureFiles, loadCql, serverVersion } from "./cql.ts";
import { createExtremes, createIllFormed } from "./extremes.ts";
import { testClient, testKeyspace } from "./support.ts";
import { serverRows } from "./wire.ts";

let client: Client;
let keyspace: string;
let directory: string;

beforeAll(async () => {
  client = await testClient();
  keyspace = await testKeyspace(client, "texts");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-texts-"));
  for (const file of fixtureFiles(await serverVersion(client), false)) await loadCql(client, file, { keyspace });
  await createExtremes(client, keyspace);
  await createIllFormed(client, keyspace);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

interface Column {
  readonly name: string;
  readonly type: CqlType;
}

async function columnsOf(ks: string, table: string, names: readonly string[]): Promise<Column[]> {
  const udts = await client.execute("SELECT * FROM system_schema.types WHERE keyspace_name = ?", [ks]);
  const types = new Map(
    udts.rows.map((row) => [row["type_name"], { fields: row["field_names"], types: row["field_types"] }]),
  );
  const query = "SELECT column_name, type FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?";
  const { rows } = await client.execute(query, [ks, table]);
  const texts = new Map(rows.map((row) => [row["column_name"], row["type"]]));
  return names.map((name) => ({ name, type: parseCqlType(texts.get(name), types) }));
}

/** How a file is read: its rows as values by column. */
const READERS: Record<string, (text: string, columns: readonly Column[]) => Json[][]> = {
  "x.csv": (text, columns) => {
    const [header, ...records] = parseCsv(text);
    expect(header).toHaveLength(columns.length);
    return records.map((record) => columns.map(({ type }, i) => csvValue(type, record[i] ?? null)));
  },
  "x.jsonl": (text) =>
    text
      .split("\n")
      .slice(0, -1)
      .map((line) => membersOf(parseJson(line))),
  "x.json": (text) => (arrayOf(parseJson(text)) ?? []).map(membersOf),
};

function membersOf(object: Json): Json[] {
  return (objectOf(object) ?? []).map(([, value]) => value);
}

const RAW: CqlType = { name: "blob", of: [] };
let files = 0;

/** Exports a table in each of the formats and fails where a file's rows are not the server's. */
async function check(ks: string, table: string, names: readonly string[]): Promise<number> {
  const { host, port } = inject("cassandra");
  const server = await serverRows(host, port, `SELECT * FROM "${ks}"."${table}"`);
  const types = new Map<string, string>();
  const all = await columnsOf(ks, table, server.names);
  for (const name of names) {
    const destination = join(directory, `${files++}${name}${name === "x.csv" ? ".gz" : ""}`);
    const connection = { hosts: [`${host}:${port}`] };
    const pretty = name === "x.json" ? true : undefined;
    await exportRefusedAsBlob(
      { connection, table: { keyspace: ks, table }, destination, types, pretty, empty: "null" },
      types,
    );
    const columns = all.map((column) => (types.has(column.name) ? { ...column, type: RAW } : column));
    const bytes = await readFile(destination);
    const rows = READERS[name]!((name === "x.csv" ? gunzipSync(bytes) : bytes).toString("utf8"), columns);
    expectSame(`${ks}.${table} as ${name}`, columns, server.rows, rows, name !== "x.csv");
  }
  return server.rows.length;
}

/** Does what the hint of a refused column says, until none is refused. */
async function exportRefusedAsBlob(options: ExportOptions, types: Map<string, string>): Promise<void> {
  for (;;) {
    try {
      await exportTable({ ...options, restart: true });
      return;
    } catch (error) {
      const refused =
        error instanceof DataError ? /^column (\S+) of .*, the row with /.exec(error.message)?.[1] : undefined;
      if (refused === undefined || types.has(refused)) throw error;
      types.set(refused, "BLOB");
    }
  }
}

function expectSame(
  what: string,
  columns: readonly Column[],
  server: readonly (readonly (Buffer | null)[])[],
  rows: readonly (readonly Json[])[],
  bare: boolean,
): void {
  expect([what, rows.length]).toEqual([what, server.length]);
  const left = new Set(rows);
  for (const cells of server) {
    const isIt = (row: readonly Json[]) =>
      row.length === columns.length && columns.every(({ type }, i) => says(type, cells[i] ?? null, row[i]!, bare));
    const found = [...left].find(isIt);
    if (found === undefined) {
      const texts = cells.map((cell) => cell?.toString("hex"));
      throw new Error(`${what}: no row says ${JSON.stringify(texts)}; left: ${JSON.stringify([...left].slice(0, 2))}`);
    }
    left.delete(found);
  }
}

it("each cell is the one that the server holds, in every table and view of the fixtures", {
  timeout: 600_000,
}, async () => {
  const failures: string[] = [];
  const formats = Object.keys(READERS);
  let rows = 0;
  const { rows: keyspaces } = await client.execute("SELECT keyspace_name FROM system_schema.keyspaces");
  for (const ks of keyspaces.map((row) => row["keyspace_name"] as string).filter((name) => name.startsWith(keyspace))) {
    const tables = await client.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?", [ks]);
    const views = await client.execute("SELECT view_name FROM system_schema.views WHERE keyspace_name = ?", [ks]);
    const names = [...tables.rows.map((row) => row["table_name"]), ...views.rows.map((row) => row["view_name"])];
    for (const table of names as string[]) {
      try {
        // The formats take turns, but for the tables that have all types.
        const inTurn = [formats[files % formats.length]!];
        rows += await check(ks, table, /^(all_types|x_nested)$/.test(table) ? formats : inTurn);
      } catch (error) {
        failures.push(`${ks}.${table}: ${String(error).slice(0, 3000)}`);
      }
    }
  }
  expect(failures).toEqual([]);
  expect(rows).toBeGreaterThan(100);
});
