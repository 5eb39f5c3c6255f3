/*
 * Every table of fixtures/cql and every extreme value: exported in each format, the table emptied, imported again; then
 * the server must hold the very bytes that it held before.
 */
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, types } from "cassandra-driver";
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
  await createParts();
});

const KEYS = ["a/b %41", "", "__HIVE_DEFAULT_PARTITION__", "NULL", "ß=c", "-0\0'"];

/** A table whose values are hard to put into names. */
async function createParts(): Promise<void> {
  await client.execute(
    `CREATE TABLE ${keyspace}.parts ("K" text, k int, d date, at timestamp, n decimal, v text, PRIMARY KEY (("K", d), at))`,
  );
  const insert = `INSERT INTO ${keyspace}.parts ("K", k, d, at, n, v) VALUES (?, ?, ?, ?, ?, ?)`;
  for (const [i, key] of KEYS.entries()) {
    const day = types.LocalDate.fromString(i === 0 ? "-0044-03-15" : `2024-0${i}-29`.replace("02-29", "02-28"));
    const at = new Date(i === 1 ? -1 : 1_700_000_000_000 + i * 86_400_000);
    const n = i % 2 ? types.BigDecimal.fromString(`${i}.500`) : null;
    await client.execute(insert, [key, i, day, at, n, i % 3 ? key : null], { prepare: true });
  }
}

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

/** Sends a table through files of a name, or of a directory. */
async function roundTrip(ks: string, table: string, name: string, more: Partial<ExportOptions> = {}): Promise<void> {
  const { host, port } = inject("cassandra");
  const connection = { hosts: [`${host}:${port}`] };
  const destination = join(directory, `${files++}${name}`);
  const target = { keyspace: ks, table };
  await exportExactly({ connection, table: target, destination, ...more }, new Map(more.types));
  await client.execute(`TRUNCATE "${ks}"."${table}"`);
  await importTable({
    connection,
    table: target,
    sources: [destination],
    jobDirectory: `${destination}.job`,
    maxErrors: 0,
  });
}

describe("every cell comes back as it was", () => {
  it.each([
    ["Parquet", [".parquet"]],
    ["text, of one form or the other", [".csv.gz", ".jsonl"]],
  ])("in every table of the fixtures, by way of %s", { timeout: 900_000 }, async (_, names) => {
    const failures: string[] = [];
    let rows = 0;
    const found = await client.execute("SELECT keyspace_name, table_name FROM system_schema.tables");
    for (const [i, row] of found.rows.entries()) {
      const [ks, table]: [string, string] = [row["keyspace_name"], row["table_name"]];
      if (!ks.startsWith(keyspace) || UNWRITABLE.includes(table)) continue;
      const look = EVOLVED.includes(table) ? values : held;
      try {
        const before = await look(ks, table);
        await roundTrip(ks, table, names[i % names.length]!);
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

  describe("out of directories whose names hold values", () => {
    const FORMS: readonly [string, Partial<ExportOptions>][] = [
      ["Parquet", {}],
      [
        "Parquet, of numbers",
        {
          types: new Map([
            ["d", "INTEGER"],
            ["at", "BIGINT"],
          ]),
        },
      ],
      ["CSV", { format: "csv", compression: { codec: "zstd" } }],
      [
        "CSV, of numbers",
        {
          format: "csv",
          types: new Map([
            ["d", "INTEGER"],
            ["at", "BIGINT"],
          ]),
        },
      ],
      ["JSONL", { format: "jsonl", writetime: "all" }],
    ];

    it.each(FORMS)("%s", async (_, form) => {
      const before = await held(keyspace, "parts");
      expect(before).toHaveLength(KEYS.length);
      for (const partitionBy of [
        [{ column: "K" }, { column: "n" }, { column: "v" }],
        [{ column: "d" }, { column: "at", part: "year" as const }, { column: "at" }, { column: "k" }],
      ]) {
        await roundTrip(keyspace, "parts", "", { ...form, partitionBy });
        expect(await held(keyspace, "parts")).toEqual(before);
      }
    });
  });

  it("with timestamps at the ends of what microseconds in 64 bits reach, whose dates DuckDB can't write", async () => {
    await client.execute(`CREATE TABLE ${keyspace}.ends (k int PRIMARY KEY, at timestamp)`);
    for (const [k, ms] of ["-9223372036854775", "9223372036854775"].entries()) {
      await client.execute(`INSERT INTO ${keyspace}.ends (k, at) VALUES (${k}, ${ms})`);
    }
    const before = await held(keyspace, "ends");
    for (const column of ["at", "k"]) {
      for (const format of ["parquet", "jsonl"] as const) {
        await roundTrip(keyspace, "ends", "", { format, partitionBy: [{ column }] });
        expect(await held(keyspace, "ends")).toEqual(before);
      }
    }
  });

  it.each<[string, Partial<ExportOptions>]>([
    [".csv", { header: false, delimiter: ";", quote: "'", escape: "\\", nullText: "NULL" }],
    [".csv", { timestampFormat: "%d.%m.%Y %H:%M:%S.%g", writetime: "all" }],
    [".json", { pretty: true, ttl: "all" }],
  ])("out of *%s in another form, which its sidecar says: %j", async (name, form) => {
    const before = await held(keyspace, "parts");
    await roundTrip(keyspace, "parts", name, form);
    expect(await held(keyspace, "parts")).toEqual(before);
  });

  it("but a text file that was changed since is one of other origin, which is said", async () => {
    const { host, port } = inject("cassandra");
    const connection = { hosts: [`${host}:${port}`] };
    const table = { keyspace, table: "parts" };
    const destination = join(directory, "changed.csv");
    await exportTable({ connection, table, destination });
    await appendFile(destination, "added,2024-01-01,2024-01-01T00:00:00Z,7,,\n");
    const map = new Map([["k_1", "k"]]);
    const report = await importTable({
      connection,
      table,
      sources: [destination],
      map,
      jobDirectory: `${destination}.job`,
    });
    expect(report).toMatchObject({ rows: 7, rejected: 0 });
    expect(report.notices.join()).toContain("changed.csv was changed since it was exported");
  });
});
