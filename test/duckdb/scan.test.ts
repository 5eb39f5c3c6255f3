/*
 * Scans queries over every type that columns have, and puts what was read into another table with the writing way that
 * other tests prove: the two tables must be equal, rows in the same order.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import duckdb, { type Connection } from "@duckdb/node-bindings";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isNull } from "../../src/base/column.ts";
import { DataError } from "../../src/base/errors.ts";
import { CHUNK_ROWS, ChunkFiller, logicalType } from "../../src/duckdb/chunk.ts";
import { Engine, run } from "../../src/duckdb/engine.ts";
import { readRows } from "../../src/duckdb/reader.ts";
import { describe as describeQuery, Scan } from "../../src/duckdb/scan.ts";

let engine: Engine;
let connection: Connection;
let copies = 0;

beforeAll(async () => {
  engine = await Engine.open({ memoryBytes: 512e6, threads: 2, tempDirectory: "", keepOrder: true });
  connection = await engine.connect();
});

afterAll(() => engine.close());

/** Scans a query into a table of its own; the number of rows. */
async function copy(sql: string): Promise<{ readonly table: string; readonly rows: number }> {
  const table = `copy_${copies++}`;
  await run(connection, `CREATE TABLE ${table} AS SELECT * FROM (${sql}) LIMIT 0`, "making a table");
  const scan = await Scan.open(await engine.connect(), sql, "scanning");
  const types = scan.columns.map(({ type }) => type);
  const filler = new ChunkFiller();
  const filled = duckdb.create_data_chunk(types.map(logicalType));
  const { arena } = scan.columns[0]!;
  const appender = duckdb.appender_create(connection, null, table);
  let rows = 0;
  for (let chunk = await scan.next(); chunk; chunk = await scan.next()) {
    duckdb.data_chunk_reset(filled);
    filler.fill(filled, { columns: chunk.columns, arena }, chunk.rows);
    duckdb.append_data_chunk(appender, filled);
    rows += chunk.rows;
  }
  duckdb.appender_close_sync(appender);
  return { table, rows };
}

/** Rows in which the copy differs from the query, both numbered in their order. */
async function differences(sql: string): Promise<{ readonly rows: number; readonly different: unknown[] }> {
  const { table, rows } = await copy(sql);
  const numbered = (from: string) => `SELECT row_number() OVER () AS n, t::VARCHAR AS r FROM (${from}) t`;
  const different = await readRows(
    connection,
    `SELECT * FROM (${numbered(sql)}) a FULL JOIN (${numbered(`SELECT * FROM ${table}`)}) b USING (n)
     WHERE a.r IS DISTINCT FROM b.r LIMIT 3`,
    "comparing",
  );
  return { rows, different };
}

const N = 5000;
const long = "'a text that is longer than an entry, number '||i";

/** A value of each type, from i; now and then NULL. */
const VALUES: readonly (readonly [name: string, sql: string])[] = [
  ["boolean", "i % 2 = 0"],
  ["tinyint", "(i % 256 - 128)::TINYINT"],
  ["smallint", "(i - 2500)::SMALLINT"],
  ["integer", "(i * 400_000 - 1_000_000_000)::INTEGER"],
  ["bigint", "i * 1_000_000_000_000_000 - 2_500_000_000_000_000_000"],
  ["float", "(i / 3)::FLOAT"],
  ["double", "CASE i % 5 WHEN 0 THEN '-0.0'::DOUBLE WHEN 1 THEN 'nan' WHEN 2 THEN '-inf' ELSE i / 7 END"],
  ["date", "'1970-01-01'::DATE + (i * 37 - 90_000)::INTEGER"],
  ["time", "make_timestamp_ns(i * 12_345_678_901)::TIME_NS"],
  ["timestamp", "to_timestamp(i * 123_456.789 - 300_000_000)"],
  ["uuid", "md5(i::VARCHAR)::UUID"],
  ["text", `CASE WHEN i % 3 = 0 THEN '' WHEN i % 3 = 1 THEN 'ß' || i ELSE ${long} END`],
  ["blob", `encode(${long})`],
  ["narrow decimals", "(i / 100)::DECIMAL(4,1)"],
  ["decimals of 9", "(i / 100)::DECIMAL(9,3)"],
  ["decimals of 18", "(i * 1e9)::DECIMAL(18,3)"],
  ["wide decimals", "(i * 1e15)::DECIMAL(38,9) * -1"],
  ["list", `list_transform(range(i % 4), x -> CASE WHEN x = 1 THEN NULL ELSE ${long} || x END)`],
  ["map", `MAP {i: ${long}, i + 1: NULL}`],
  ["struct", `{'a': i, 'b': CASE WHEN i % 4 = 0 THEN NULL ELSE ${long} END}`],
  ["nested", `[{'a': MAP {'k': [i, NULL]}, 'b': CASE WHEN i % 3 > 0 THEN {'c': ${long}, 'd': [[${long}]]} END}, NULL]`],
];

describe("a scan gives the rows of its query", () => {
  it.each(VALUES)("%s", { timeout: 30_000 }, async (_, value) => {
    const sql = `SELECT CASE WHEN i % 7 <> 6 THEN ${value} END AS v, i FROM range(${N}) r(i)`;
    expect(await differences(sql)).toEqual({ rows: N, different: [] });
  });

  it("in their order, of a Parquet file with dictionaries, sliced and put together anew", {
    timeout: 60_000,
  }, async () => {
    const directory = await mkdtemp(join(tmpdir(), "cqlduck-scan-"));
    const path = join(directory, "x.parquet");
    await run(
      connection,
      `COPY (SELECT i, 'one of some long values: ' || i % 17 AS s, [i, i + 1] AS l, {'s': 'also a long value: ' || i % 5} AS t
       FROM range(300_000) r(i)) TO '${path}' (ROW_GROUP_SIZE 20_480)`,
      "writing",
    );
    try {
      for (const list of ["*", "i, [s, NULL, s], {'x': s, 'y': t}, [t], MAP {s: l}"]) {
        const sql = `SELECT ${list} FROM '${path}' WHERE i % 3 <> 1`;
        expect(await differences(sql)).toEqual({ rows: 200_000, different: [] });
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("none of them where there are none", async () => {
    expect(await copy("SELECT 1 AS a, [{'b': 'x'}] AS c WHERE false")).toMatchObject({ rows: 0 });
  });
});

it("a scan fails with DuckDB's words for what it was doing", async () => {
  const sql = "SELECT CASE WHEN i < 100_000 THEN i ELSE ('x' || i)::INTEGER END FROM range(200_000) r(i)";
  const all = async () => {
    const scan = await Scan.open(connection, sql, "reading x.csv");
    while (await scan.next());
  };
  await expect(all()).rejects.toThrow(DataError);
  await expect(Scan.open(connection, "SELECT nothing", "reading x.csv")).rejects.toThrow(/^reading x.csv: .*nothing/);
});

it("columns are described without running the query", async () => {
  const described = await describeQuery(
    connection,
    "SELECT 1::UTINYINT AS a, ['x'::ENUM('x')] AS b, {'c': 1.5::DECIMAL(4,2), 'd': MAP {1::HUGEINT: [1, 2]::INTEGER[2]}} AS e",
    "describing",
  );
  expect(described).toEqual([
    { name: "a", type: { kind: "SIMPLE", name: "UTINYINT" } },
    { name: "b", type: { kind: "LIST", child: { kind: "SIMPLE", name: "ENUM" } } },
    {
      name: "e",
      type: {
        kind: "STRUCT",
        fields: [
          { name: "c", type: { kind: "DECIMAL", width: 4, scale: 2 } },
          {
            name: "d",
            type: {
              kind: "MAP",
              key: { kind: "SIMPLE", name: "HUGEINT" },
              value: { kind: "LIST", child: { kind: "SIMPLE", name: "INTEGER" }, length: 2 },
            },
          },
        ],
      },
    },
  ]);
});

it("chunks have no more rows than the encoders take at once", async () => {
  const scan = await Scan.open(connection, "SELECT i FROM range(10_000) r(i)", "scanning");
  for (let chunk = await scan.next(); chunk; chunk = await scan.next())
    expect(chunk.rows).toBeLessThanOrEqual(CHUNK_ROWS);
});

// Node 20 can't free a buffer.
it.runIf("transfer" in ArrayBuffer.prototype)("columns of a chunk are freed when the next one comes", async () => {
  const scan = await Scan.open(
    await engine.connect(),
    `SELECT range, [range] FROM range(${CHUNK_ROWS * 2})`,
    "scanning",
  );
  await scan.next();
  const [first, list] = scan.columns.map(({ bytes }) => bytes);
  const elements = scan.columns[1]!.children[0]!.bytes;
  expect([first!.length, list!.length, elements.length]).toEqual([CHUNK_ROWS * 8, CHUNK_ROWS * 16, CHUNK_ROWS * 8]);
  await scan.next();
  expect([first!.length, list!.length, elements.length]).toEqual([0, 0, 0]);
  await scan.settle();
});

it("columns tell of every value whether it is NULL", async () => {
  const scan = await Scan.open(
    connection,
    "SELECT i, CASE WHEN i = 2 THEN NULL ELSE [i] END AS l FROM range(3) r(i)",
    "scanning",
  );
  const chunk = await scan.next();
  const [whole, some] = chunk!.columns;
  expect([0, 1, 2].map((row) => [isNull(whole!, row), isNull(some!, row)])).toEqual([
    [false, false],
    [false, false],
    [false, true],
  ]);
  expect(isNull(some!.children[0]!, 0)).toBe(false);
});

describe("a scan that does not come to its end", () => {
  /** The rows before the failure, and the failure. */
  async function drained(scan: Scan): Promise<{ readonly rows: number; readonly error: unknown }> {
    let rows = 0;
    try {
      for (let chunk = await scan.next(); chunk; chunk = await scan.next()) rows += chunk.rows;
    } catch (error) {
      return { rows, error };
    }
    return { rows, error: undefined };
  }

  it("says why, instead of ending as if no row were left", async () => {
    const sql = "SELECT CASE WHEN i = 300_000 THEN error('the fault')::BIGINT ELSE i END AS i FROM range(400_000) r(i)";
    const { rows, error } = await drained(await Scan.open(await engine.connect(), sql, "scanning"));
    expect(rows).toBeLessThanOrEqual(300_000);
    expect(String(error)).toContain("scanning: Invalid Input Error: the fault");
  });

  it("fails where its engine is interrupted", async () => {
    const own = await Engine.open({ memoryBytes: 256e6, threads: 2, tempDirectory: "", keepOrder: true });
    try {
      const scan = await Scan.open(await own.connect(), "SELECT i FROM range(50_000_000) r(i)", "scanning");
      await scan.next();
      own.interrupt();
      expect(String((await drained(scan)).error)).toContain("scanning: INTERRUPT Error");
    } finally {
      own.close();
    }
  });

  it("is not ended by another statement of its connection, which is refused", async () => {
    const own = await engine.connect();
    const scan = await Scan.open(own, "SELECT i FROM range(400_000) r(i)", "scanning");
    await scan.next();
    await expect(run(own, "SELECT 1", "asking")).rejects.toThrow("runs no other statement");
    await expect(Scan.open(own, "SELECT 1", "asking")).rejects.toThrow("runs no other statement");
    expect(await drained(scan)).toEqual({ rows: 400_000 - CHUNK_ROWS, error: undefined });
    await run(own, "SELECT 1", "asking");
  });
});
