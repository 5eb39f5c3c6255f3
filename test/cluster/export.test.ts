/*
 * Exports of a real cluster: every row once, whatever the ranges and the shape of the table; destinations; interruption.
 */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, types } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type ExportOptions, type ExportReport, exportTable, InterruptedError, planExport } from "../../src/index.ts";
import { loadCql } from "./cql.ts";
import { ask } from "./parquet.ts";
import { testClient, testKeyspace } from "./support.ts";

let client: Client;
let keyspace: string;
let directory: string;

beforeAll(async () => {
  client = await testClient();
  keyspace = await testKeyspace(client, "export");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-export-"));
  await client.execute(`CREATE TABLE ${keyspace}.many (k int PRIMARY KEY, v text)`);
  await insert("many (k, v) VALUES (?, ?)", 20_000, 1, (i) => [i, `value ${i}`]);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/** Inserts rows in batches; a batch should be of one partition. */
async function insert(into: string, rows: number, batch: number, row: (i: number) => unknown[]): Promise<void> {
  const query = `INSERT INTO ${keyspace}.${into}`;
  let next = 0;
  const worker = async () => {
    for (let from = next; from < rows; from = next) {
      next += batch;
      const queries = Array.from({ length: Math.min(batch, rows - from) }, (_, i) => ({
        query,
        params: row(from + i),
      }));
      if (batch === 1) await client.execute(query, queries[0]!.params, { prepare: true });
      else await client.batch(queries, { prepare: true, logged: false });
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

let names = 0;

function optionsFor(table: string, more: Partial<ExportOptions> = {}): ExportOptions {
  const { host, port } = inject("cassandra");
  return {
    connection: { hosts: [`${host}:${port}`] },
    table: { keyspace, table },
    destination: join(directory, `${names++}.parquet`),
    ...more,
  };
}

function run(table: string, more: Partial<ExportOptions> = {}): Promise<ExportReport> {
  return exportTable(optionsFor(table, more));
}

describe("every row is in the files once", () => {
  it.each([1, 8, 32, 128, 1024])("read by %i ranges", async (splits) => {
    const report = await run("many", { splits });
    expect([report.rows, report.ranges, report.retries]).toEqual([20_000, splits, 0]);
    const [found] = await ask(
      `SELECT count(*)::INT AS n, count(DISTINCT k)::INT AS keys, bool_and(v = 'value ' || k) AS same FROM '${report.destination}'`,
    );
    expect(found).toEqual({ n: 20_000, keys: 20_000, same: true });
  });

  it("of one giant partition", { timeout: 180_000 }, async () => {
    await client.execute(`CREATE TABLE ${keyspace}.giant (p int, c int, v text, PRIMARY KEY (p, c))`);
    await insert("giant (p, c, v) VALUES (1, ?, ?)", 200_000, 200, (i) => [i, `cell ${i % 50}`]);
    const report = await run("giant");
    const [found] = await ask(
      `SELECT count(*)::INT AS n, count(DISTINCT c)::INT AS keys, min(c)::INT AS least, max(c)::INT AS most FROM '${report.destination}'`,
    );
    expect(found).toEqual({ n: 200_000, keys: 200_000, least: 0, most: 199_999 });
  });

  it("of partitions with static values only", async () => {
    await client.execute(`CREATE TABLE ${keyspace}.statics (p int, c int, s text static, v int, PRIMARY KEY (p, c))`);
    await insert("statics (p, s) VALUES (?, ?)", 500, 1, (i) => [i, `s${i}`]);
    await insert("statics (p, c, v) VALUES (?, 7, 8)", 250, 1, (i) => [i * 2]);
    const report = await run("statics");
    const [found] = await ask(
      `SELECT count(*)::INT AS n, count(c)::INT AS rows, count(DISTINCT s)::INT AS statics FROM '${report.destination}'`,
    );
    expect(found).toEqual({ n: 500, rows: 250, statics: 500 });
  });

  it("of an empty table: one file without rows, in both layouts", async () => {
    await client.execute(`CREATE TABLE ${keyspace}.nothing (k int PRIMARY KEY, v frozen<map<text, int>>)`);
    const file = await run("nothing");
    expect(file.files).toHaveLength(1);
    expect(await ask(`SELECT count(*)::INT AS n FROM '${file.destination}'`)).toEqual([{ n: 0 }]);
    const parts = await run("nothing", { destination: join(directory, "nothing") });
    expect((await readdir(parts.destination)).sort()).toEqual(["_SUCCESS", "_cqlduck", "part-00000.parquet"]);
  });

  it("of a table of 1,000 columns, within the default memory", { timeout: 180_000 }, async () => {
    await loadCql(client, "11_wide_1000_cols.cql", { keyspace });
    const columns = Array.from({ length: 1000 }, (_, i) => `c${String(i).padStart(4, "0")}`);
    const [row] = (await client.execute(`SELECT * FROM ${keyspace}.wide1000 WHERE k = 1`, [], { prepare: true })).rows;
    const values = columns.map((name) => row![name]);
    await insert(
      `wide1000 (k, ${columns.join(", ")}) VALUES (?, ${columns.map(() => "?").join(", ")})`,
      300,
      1,
      (i) => [i + 10, ...values],
    );
    const report = await run("wide1000");
    expect(report.rows).toBe(303);
    const [found] = await ask(
      `SELECT count(DISTINCT k)::INT AS n, count(c0000)::INT AS a, count(DISTINCT (c0001, c0009, c0998)) AS b FROM '${report.destination}'`,
    );
    expect(found).toMatchObject({ n: 303 });
  });

  it("with values of a megabyte, in pages and segments of few rows", { timeout: 180_000 }, async () => {
    await client.execute(`CREATE TABLE ${keyspace}.blobs (k int PRIMARY KEY, b blob)`);
    await insert("blobs (k, b) VALUES (?, ?)", 150, 1, (i) => [i, Buffer.alloc(1 << 20, i)]);
    const report = await run("blobs", { destination: join(directory, "blobs") });
    expect(report.segments).toBeGreaterThan(1);
    const [found] = await ask(
      `SELECT count(DISTINCT k)::INT AS n, bool_and(octet_length(b) = 1048576 AND left(hex(b), 4) = repeat(lpad(hex(k), 2, '0'), 2)) AS same,
         count(DISTINCT md5(b))::INT AS contents
       FROM '${report.destination}/*.parquet'`,
    );
    expect(found).toEqual({ n: 150, same: true, contents: 150 });
  });
});

describe("what is not an ordinary table", () => {
  it("a virtual table is read by one scan", async () => {
    const { rows } = await client.execute("SELECT count(*) FROM system_views.settings");
    const table = { keyspace: "system_views", table: "settings" };
    const report = await run("", { table });
    expect([report.rows, report.ranges]).toEqual([Number(rows[0]!["count"]), 1]);
    const [found] = await ask(
      `SELECT count(DISTINCT name)::INT AS n FROM '${report.destination}' WHERE name IS NOT NULL`,
    );
    expect(found).toEqual({ n: report.rows });
  });

  it("tables that each node has for itself are read by one scan, whatever their tokens are", async () => {
    const batches = await run("", { table: { keyspace: "system", table: "batches" } });
    expect([batches.rows, batches.ranges]).toEqual([0, 1]);
    const sql = "SELECT count(*) AS n FROM local";
    const { destination } = await run("", { table: { keyspace: "system", table: "local" }, sql });
    expect(await ask(`FROM '${destination}'`)).toEqual([{ n: "1" }]);
  });

  it("a name of two columns that DuckDB can't tell apart becomes two", async () => {
    await client.execute(`CREATE TABLE ${keyspace}."Names" ("Id" int PRIMARY KEY, id int, "ID" int)`);
    await client.execute(`INSERT INTO ${keyspace}."Names" ("Id", id, "ID") VALUES (1, 2, 3)`);
    const report = await run("Names");
    // In the order of SELECT *, where capitals stand before small letters.
    expect(await ask(`SELECT * FROM '${report.destination}'`)).toEqual([{ Id: 1, ID_1: 3, id_2: 2 }]);
  });
});

describe("zero-length values of types that have none", () => {
  it("end the export, naming column and key, or become NULL where that is said", async () => {
    await client.execute(`CREATE TABLE ${keyspace}.empties (k text PRIMARY KEY, v int)`);
    await client.execute(`INSERT INTO ${keyspace}.empties (k, v) VALUES ('here', blobAsInt(0x))`);
    await expect(run("empties")).rejects.toMatchObject({
      name: "DataError",
      message: expect.stringContaining(`column v of ${keyspace}.empties, the row with k = 'here': a zero-length value`),
      hint: "--empty null makes it NULL, or --type v=BLOB keeps the bytes as they are",
    });
    const report = await run("empties", { empty: "null" });
    expect(report.notices).toEqual(["column v: 1 zero-length values became NULL"]);
    expect(await ask(`SELECT * FROM '${report.destination}'`)).toEqual([{ k: "here", v: null }]);
    const bytes = await run("empties", { types: new Map([["v", "BLOB"]]) });
    expect(await ask(`SELECT octet_length(v)::INT AS n FROM '${bytes.destination}'`)).toEqual([{ n: 0 }]);
  });
});

describe("a chosen part of a table", () => {
  it("has the columns in the order asked for, at most so many rows", async () => {
    const report = await run("many", { columns: ["v", "k"], limit: 123, pageSize: 10 });
    expect(report.rows).toBe(123);
    const described = await ask(`DESCRIBE SELECT * FROM '${report.destination}'`);
    expect(described.map((row) => row["column_name"])).toEqual(["v", "k"]);
  });

  it("has the types asked for", async () => {
    await client.execute(`CREATE TABLE ${keyspace}.prices (k uuid PRIMARY KEY, price decimal, n varint, at timestamp)`);
    await insert("prices (k, price, n, at) VALUES (uuid(), ?, ?, ?)", 10, 1, (i) => [
      types.BigDecimal.fromString(`${i}.25`),
      types.Integer.fromNumber(i),
      new Date(i),
    ]);
    const chosen = new Map([
      ["price", "DECIMAL(10,2)"],
      ["n", "BIGINT"],
      ["at", "BIGINT"],
    ]);
    const report = await run("prices", { types: chosen, uuid: "native" });
    const described = await ask(`DESCRIBE SELECT * FROM '${report.destination}'`);
    expect(Object.fromEntries(described.map((row) => [row["column_name"], row["column_type"]]))).toEqual({
      k: "UUID",
      price: "DECIMAL(10,2)",
      n: "BIGINT",
      at: "BIGINT",
    });
    expect(
      await ask(
        `SELECT sum(price)::VARCHAR AS price, sum(n)::INT AS n, max("at")::INT AS most FROM '${report.destination}'`,
      ),
    ).toEqual([{ price: "47.50", n: 45, most: 9 }]);
    await expect(run("prices", { types: new Map([["price", "DECIMAL(2,2)"]]) })).rejects.toMatchObject({
      name: "DataError",
      message: expect.stringMatching(/^column price of .*, the row with k = [0-9a-f-]{36}: /),
    });
    expect((await run("prices")).decimals).toEqual({ n: "DECIMAL(1,0)", price: "DECIMAL(3,2)" });
  });
});

describe("a name that does not exist", () => {
  it("is refused with the nearest one there is", async () => {
    const refusal = (hint: string) => expect.objectContaining({ name: "UsageError", hint });
    await expect(run("prices", { columns: ["pric"] })).rejects.toEqual(refusal("did you mean price?"));
    await expect(run("prices", { types: new Map([["prise", "BLOB"]]) })).rejects.toEqual(
      refusal("did you mean price?"),
    );
    await expect(run("pricse")).rejects.toEqual(refusal("did you mean prices?"));
    const table = { keyspace: `${keyspace}_`, table: "prices" };
    await expect(run("", { table })).rejects.toEqual(refusal(`did you mean ${keyspace}?`));
  });
});

describe("the plan", () => {
  it("says what would be read and written, and writes nothing", async () => {
    const options = optionsFor("many");
    const plan = await planExport(options);
    expect(plan.columns.map((column) => [column.name, column.cql, column.duckdb, column.kind])).toEqual([
      ["k", "int", "INTEGER", "partition_key"],
      ["v", "text", "VARCHAR", "regular"],
    ]);
    expect(plan.cql).toBe(`SELECT k, v FROM ${keyspace}.many WHERE token(k) > ? AND token(k) <= ?`);
    expect(plan.ranges).toBeGreaterThan(16);
    expect(existsSync(options.destination)).toBe(false);
  });
});

describe("a destination", () => {
  it("that is there already is refused and untouched", async () => {
    const file = join(directory, "there.parquet");
    await writeFile(file, "mine");
    await expect(run("many", { destination: file })).rejects.toMatchObject({ name: "UsageError" });
    const full = join(directory, "full");
    await mkdir(full);
    await writeFile(join(full, "mine.txt"), "mine");
    await expect(run("many", { destination: full })).rejects.toMatchObject({ name: "UsageError" });
    expect(await readdir(full)).toEqual(["mine.txt"]);
  });

  it("shows nothing while it is written, nor after an interruption; --restart begins again", async () => {
    const destination = join(directory, "stopped.parquet");
    const controller = new AbortController();
    const seen: boolean[] = [];
    const stopped = run("many", {
      destination,
      splits: 200,
      signal: controller.signal,
      onEvent: (event) => {
        seen.push(existsSync(destination));
        if (event.kind === "progress" && event.rows > 0) controller.abort(new InterruptedError("SIGINT"));
      },
    });
    await expect(stopped).rejects.toBeInstanceOf(InterruptedError);
    expect(seen).not.toContain(true);
    expect(existsSync(destination)).toBe(false);
    await expect(run("many", { destination })).rejects.toMatchObject({ name: "UsageError", message: /unfinished/ });
    expect((await run("many", { destination, restart: true })).rows).toBe(20_000);
    expect((await readdir(directory)).filter((name) => name.startsWith("stopped"))).toEqual(["stopped.parquet"]);
  });
});
