/*
 * Every table of fixtures/cql and every extreme value: exported, read back by readers that are not ours, and compared
 * cell by cell with the bytes that the server holds.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { ExportOptions } from "../../src/operations/options.ts";
import { judge, judgePython, READERS, type Reader } from "../readers/venv.ts";
import { fixtureFiles, loadCql, serverVersion } from "./cql.ts";
import { createExtremes, createIllFormed } from "./extremes.ts";
import { exportRefusedAsBlob, judgeColumns, tablesBelow } from "./judged.ts";
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
  extension = "parquet",
): Promise<Checked> {
  const { host, port } = inject("cassandra");
  const server = await serverRows(host, port, `SELECT * FROM "${ks}"."${table}"`);
  const destination = join(directory, `${files++}.${extension}`);
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
  const columns = (await judgeColumns(client, ks, table, server.names)).map((column) => {
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
    for (const { ks, table } of await tablesBelow(client, keyspace)) {
      if (!tables.test(table)) continue;
      try {
        const checked = await check(ks, table, readers, { empty: "null", ...more(ks, table) });
        rows += checked.rows;
        if (checked.refused.length) refused[table] = checked.refused;
      } catch (error) {
        failures.push(`${ks}.${table}: ${String(error)}`);
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

  it("as Arrow streams", { timeout: 300_000 }, async () => {
    const refused: Record<string, string[]> = {};
    for (const { ks, table } of await tablesBelow(client, keyspace)) {
      if (!/^(all_types$|x_)/.test(table)) continue;
      const checked = await check(ks, table, ["pyarrow"], { empty: "null" }, "arrow");
      if (checked.refused.length) refused[table] = checked.refused;
    }
    expect(refused).toEqual({ all_types: REFUSED["all_types"], x_timestamp: REFUSED["x_timestamp"] });
    await check(keyspace, "all_types", ["pyarrow"], { empty: "null", uuid: "native" }, "arrows");
    for (const table of ["all_types", "x_nested"]) {
      const sql = `SELECT * FROM ${quoted(keyspace)}.${quoted(table)}`;
      await check(keyspace, table, ["pyarrow"], { empty: "null", sql }, "arrow");
    }
  });
});
