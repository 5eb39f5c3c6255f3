/*
 * Spark reads what the other readers read (test/cluster/exact.test.ts), as far as it can: every table of fixtures/cql and
 * every extreme value, in every codec, files of several segments and directories, compared with the server's bytes.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { ExportOptions } from "../../src/operations/options.ts";
import type { CqlType } from "../../src/types/cql.ts";
import { fixtureFiles, loadCql, serverVersion } from "../cluster/cql.ts";
import { createExtremes, createIllFormed } from "../cluster/extremes.ts";
import { exportRefusedAsBlob, judgeColumns, tablesBelow } from "../cluster/judged.ts";
import { testClient, testKeyspace } from "../cluster/support.ts";
import { serverRows } from "../cluster/wire.ts";
import { judge, judgePython } from "../readers/venv.ts";
import { type Spark, SparkError, sparkPython, startSpark } from "./spark.ts";

const MINUTES = 60_000;
const CODECS = ["snappy", "zstd", "gzip", "lz4", "none"] as const;
/** With so little memory a segment ends after some hundred rows. */
const [COLUMNS, MEMORY, ROWS] = [60, 2e6, 2500] as const;
const TYPES = ["int", "text", "double", "frozen<list<int>>", "timestamp", "frozen<map<text, float>>"] as const;
/** The columns that Spark can't read. */
const WITH_TIME = {
  all_types: ["c_time"],
  i_1: ["v"],
  x_time: ["fl", "fu", "l", "m", "mk", "mm", "s", "t", "u", "v"],
};
const VALUES = [7, "twelve bytes and more", -0.5, [1, 2], new Date(-1), { k: 1.5 }] as const;

let client: Client;
let keyspace: string;
let directory: string;
let spark: Spark;
const python = (await judgePython()) && (await sparkPython());

beforeAll(async () => {
  if (python === undefined) return;
  client = await testClient();
  keyspace = await testKeyspace(client, "spark");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-files-"));
  spark = await startSpark(python);
}, 5 * MINUTES);

afterAll(async () => {
  await spark?.close();
  if (directory) await rm(directory, { recursive: true, force: true });
});

function has(type: CqlType, name: string): boolean {
  return type.name === name || type.of.some((part) => has(part, name));
}

interface Checked {
  readonly rows: number;
  readonly segments: number;
  /** Columns that were left out. */
  readonly left: readonly string[];
}

let made = 0;

/** Exports the columns of a table that Spark can read, and has the judge compare what Spark reads with the server. */
async function check(ks: string, table: string, more: Partial<ExportOptions> = {}): Promise<Checked> {
  const { host, port } = inject("cassandra");
  const all = (await serverRows(host, port, `SELECT * FROM "${ks}"."${table}" LIMIT 1`)).names;
  const columns = await judgeColumns(client, ks, table, all);
  const kept = columns.filter(({ type }) => !has(type, "time"));
  const names = kept.map(({ name }) => name);
  const quoted = names.map((name) => `"${name.replaceAll('"', '""')}"`).join(", ");
  const server = await serverRows(host, port, `SELECT ${quoted} FROM "${ks}"."${table}"`);
  const destination = join(directory, `${made++}.parquet`);
  const types = new Map<string, string>();
  const connection = { hosts: [`${host}:${port}`] };
  const fixed = { connection, table: { keyspace: ks, table }, columns: names, destination, empty: "null" } as const;
  const report = await exportRefusedAsBlob({ ...fixed, ...more }, types);
  const { stream } = await spark.read(report.destination);
  const asked = kept.map((column) => {
    const as = types.get(column.name);
    return as === undefined ? column : { ...column, as };
  });
  const { rows } = await judge(report.destination, asked, server.rows, { stream, emptyNull: true });
  expect(rows).toBe(server.rows.length);
  return { rows, segments: report.segments, left: all.filter((name) => !names.includes(name)) };
}

describe.skipIf(python === undefined)("each cell is the one that the server holds", () => {
  it("in every table and view of the fixtures", { timeout: 30 * MINUTES }, async () => {
    for (const file of fixtureFiles(await serverVersion(client), false)) await loadCql(client, file, { keyspace });
    await createExtremes(client, keyspace);
    await createIllFormed(client, keyspace);
    const failures: string[] = [];
    const left: Record<string, readonly string[]> = {};
    let rows = 0;
    for (const [at, { ks, table }] of (await tablesBelow(client, keyspace)).entries()) {
      try {
        const compression = { codec: CODECS[at % CODECS.length]! };
        const checked = await check(ks, table, { compression });
        rows += checked.rows;
        if (checked.left.length > 0) left[table] = checked.left;
      } catch (error) {
        failures.push(`${ks}.${table}: ${String(error)}`);
      }
    }
    expect(failures).toEqual([]);
    expect(rows).toBeGreaterThan(100);
    expect(left).toEqual(WITH_TIME);
  });
});

describe.skipIf(python === undefined)("files", () => {
  beforeAll(async () => {
    const names = Array.from({ length: COLUMNS }, (_, i) => `c${i}`);
    const columns = names.map((name, i) => `${name} ${TYPES[i % TYPES.length]}`).join(", ");
    await client.execute(`CREATE TABLE ${keyspace}.many (p int, k int, ${columns}, PRIMARY KEY (p, k))`);
    const few = names.slice(0, TYPES.length);
    const query = `INSERT INTO ${keyspace}.many (p, k, ${few.join(", ")}) VALUES (${"?, ".repeat(few.length + 1)}?)`;
    for (let p = 0; p < ROWS / 100; p++) {
      // Every third value is null, of each row another; a null that is written would be a tombstone.
      const row = (k: number) => VALUES.map((value, i) => ((i + k) % 3 === 0 ? undefined : value));
      const queries = Array.from({ length: 100 }, (_, k) => ({ query, params: [p, k, ...row(k)] }));
      await client.batch(queries, { prepare: true, logged: false });
    }
  }, 2 * MINUTES);

  const more = { memoryBytes: MEMORY, pageSize: 100 };

  it.each(CODECS)(
    "of several segments, whose row groups were joined, in %s",
    { timeout: 5 * MINUTES },
    async (codec) => {
      const { segments, ...checked } = await check(keyspace, "many", { ...more, compression: { codec } });
      expect(checked).toEqual({ rows: ROWS, left: [] });
      expect(segments).toBeGreaterThan(1);
    },
  );

  it("in a directory", { timeout: 5 * MINUTES }, async () => {
    const destination = join(directory, "parts");
    const { segments, ...checked } = await check(keyspace, "many", { ...more, destination });
    expect(checked).toEqual({ rows: ROWS, left: [] });
    expect(segments).toBeGreaterThan(1);
  });
});

describe.skipIf(python === undefined)("what Spark can't read", () => {
  it.each([
    ["a time", "v time", {}, /Illegal Parquet type: INT64 \(TIME\(NANOS/],
    ["a time in a list", "v list<time>", {}, /Illegal Parquet type: INT64 \(TIME\(NANOS/],
    ["a native uuid", "v uuid", { uuid: "native" }, /Illegal Parquet type: FIXED_LEN_BYTE_ARRAY \(UUID/],
    ["brotli", "v int", { compression: { codec: "brotli" } }, /BrotliCodec was not found/],
  ] as const)("is %s", { timeout: 5 * MINUTES }, async (_, column, more, reason) => {
    const { host, port } = inject("cassandra");
    const table = `refused_${made++}`;
    await client.execute(`CREATE TABLE ${keyspace}.${table} (k int PRIMARY KEY, ${column})`);
    await client.execute(`INSERT INTO ${keyspace}.${table} (k) VALUES (1)`);
    const destination = join(directory, `${table}.parquet`);
    const connection = { hosts: [`${host}:${port}`] };
    await exportRefusedAsBlob({ connection, table: { keyspace, table }, destination, ...more }, new Map());
    const error = await spark.read(destination).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(SparkError);
    expect((error as Error).message).toMatch(reason);
  });
});
