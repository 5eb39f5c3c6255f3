/*
 * Imports of what the server would lose or count twice without a word, and of rejected rows once more: nothing is.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { exportTable, type ImportOptions, importTable } from "../../src/index.ts";
import { ask } from "./parquet.ts";
import { testClient, testKeyspace } from "./support.ts";
import { serverRows } from "./wire.ts";

let client: Client;
let keyspace: string;
let directory: string;
let jobs = 0;

beforeAll(async () => {
  client = await testClient();
  keyspace = await testKeyspace(client, "importkept");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-importkept-"));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

const file = (name: string) => join(directory, name);

async function parquet(name: string, select: string): Promise<string> {
  await ask(`COPY (${select}) TO '${file(name)}' (FORMAT parquet)`);
  return file(name);
}

async function text(name: string, content: string): Promise<string> {
  await mkdir(join(file(name), ".."), { recursive: true });
  await writeFile(file(name), content);
  return file(name);
}

function asked(table: string, sources: readonly string[], more: Partial<ImportOptions>): ImportOptions {
  const { host, port } = inject("cassandra");
  const jobDirectory = file(`job-${jobs++}`);
  return { connection: { hosts: [`${host}:${port}`] }, table: { keyspace, table }, sources, jobDirectory, ...more };
}

it("static counters are added once a partition, in whatever order and file its rows come", async () => {
  const table = `${keyspace}.tallies`;
  await client.execute(`CREATE TABLE ${table} (p int, c int, s counter static, n counter, PRIMARY KEY (p, c))`);
  const head = "p,c,s,n\n";
  const one = await text("tallies/1.csv", `${head}1,1,7,1\n2,1,5,1\n1,2,7,1\n3,,9,\n`);
  const two = await text("tallies/2.csv", `${head}1,3,7,1\n3,,9,\n2,2,6,1\n2,3,,1\n`);
  const report = await importTable(asked("tallies", [one, two], {}));
  const { rows } = await client.execute(`SELECT p, c, s, n FROM ${table}`);
  const found = rows.map((r) => [r["p"], r["c"], r["s"], r["n"]].join(" ")).sort();
  expect(found).toEqual(["1 1 7 1", "1 2 7 1", "1 3 7 1", "2 1 5 1", "2 3 5 1", "3  9 "]);
  expect(report.rejected).toBe(1);
  expect(report.notices.join()).toContain("the partition's static counters were added already, with other values");
  await expect(importTable(asked("tallies", [one], { skipRows: 1 }))).rejects.toThrow("static counters");
});

it("static lists are written once a partition where a second time would have the same timestamp", async () => {
  await client.execute(`CREATE TABLE ${keyspace}.lists (p int, c int, l list<int> static, v int, PRIMARY KEY (p, c))`);
  const path = await text(
    "lists.csv",
    'p,c,l,v\n1,1,"[1, 2]",1\n2,1,"[3]",1\n1,2,"[1, 2]",1\n2,2,"[3]",1\n3,,"[4]",\n3,1,"[4]",1\n',
  );
  const report = await importTable(asked("lists", [path], { timestamp: { value: 5n } }));
  expect([report.rows, report.rejected]).toEqual([6, 0]);
  const { rows } = await client.execute(`SELECT p, c, l FROM ${keyspace}.lists`);
  const found = rows.map((r) => `${r["p"]} ${r["c"]} ${r["l"]}`).sort();
  expect(found).toEqual(["1 1 1,2", "1 2 1,2", "2 1 3", "2 2 3", "3 1 4"]);
});

it("a row is rejected of whose set or map the server would keep one of two that differ", async () => {
  const table = `${keyspace}.merged`;
  await client.execute(
    `CREATE TABLE ${table} (k int PRIMARY KEY, s set<decimal>, f frozen<map<decimal, int>>, d set<double>, m map<int, int>)`,
  );
  const lines = [
    '{"k":1,"s":["1.0","1.00"]}',
    '{"k":2,"f":[["1.0",1],["1.00",2]]}',
    '{"k":3,"d":["NaN","NaN(0x7ff8000000000001)"]}',
    '{"k":4,"s":["1.0","1.0","1.1"],"f":[["1.0",1]],"d":["0.0","-0.0"]}',
  ];
  const jsonl = await text("merged.jsonl", lines.join("\n"));
  const arrays = await parquet(
    "merged.parquet",
    "SELECT * FROM (VALUES (5, ['1.0', '1.00']), (6, ['1.0', '1.1'])) AS t(k, s)",
  );
  const { notices, ...report } = await importTable(asked("merged", [jsonl, arrays], {}));
  const { rows } = await client.execute(`SELECT JSON k, s, d FROM ${table}`);
  expect(rows.map((r) => r["[json]"]).sort()).toEqual([
    '{"k": 4, "s": [1.0, 1.1], "d": [-0.0, 0.0]}',
    '{"k": 6, "s": [1.0, 1.1], "d": null}',
  ]);
  expect(report).toMatchObject({ rows: 2, rejected: 4 });
  expect(notices.filter((notice) => notice.includes("takes for the same"))).toHaveLength(4);

  // In descending order it keeps the bytes, whatever they say.
  const bytes = "0000000200000005000000010a000000050000000264";
  for (const [order, kept] of [
    ["ASC", []],
    ["DESC", [bytes]],
  ] as const) {
    const keyed = `keyed_${order}`.toLowerCase();
    await client.execute(
      `CREATE TABLE ${keyspace}.${keyed} (k int, c frozen<set<decimal>>, PRIMARY KEY (k, c)) WITH CLUSTERING ORDER BY (c ${order})`,
    );
    await importTable(asked(keyed, [await text("keyed.jsonl", '{"k":1,"c":["1.0","1.00"]}')], {}));
    const { host, port } = inject("cassandra");
    const held = await serverRows(host, port, `SELECT c FROM ${keyspace}.${keyed}`);
    expect(held.rows.map(([cell]) => cell?.toString("hex"))).toEqual(kept);
  }
});

it("a row is rejected whose timeuuid is none, whatever it comes from", async () => {
  await client.execute(`CREATE TABLE ${keyspace}.timed (k int PRIMARY KEY, v timeuuid, l list<timeuuid>)`);
  const [good, bad] = ["f0f0f0f0-0000-1000-8000-000000000000", "f0f0f0f0-0000-4000-8000-000000000000"];
  const values = `(VALUES (1, '${good}', ['${good}']), (2, '${bad}', NULL), (3, NULL, ['${bad}'])) t(k, v, l)`;
  const sources = [
    await parquet("timed1.parquet", `SELECT * FROM ${values}`),
    await parquet("timed2.parquet", `SELECT k + 10 AS k, v::UUID AS v, l::UUID[] AS l FROM ${values}`),
    await text("timed3.jsonl", `{"k":21,"v":"${good}"}\n{"k":22,"v":"${bad}"}\n{"k":23,"l":["${bad}"]}\n`),
  ];
  const badRows = file("timed-bad.jsonl");
  const report = await importTable(asked("timed", sources, { badRows }));
  const { rows } = await client.execute(`SELECT k FROM ${keyspace}.timed`);
  expect(rows.map((r) => r["k"] as number).sort()).toEqual([1, 11, 21]);
  expect(report).toMatchObject({ rows: 3, rejected: 6 });
  const reasons = (await readFile(badRows, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).reason);
  expect(reasons).toEqual(Array.from({ length: 6 }, () => expect.stringMatching(/version/)));
});

it("files below a directory that is named json are what they are", async () => {
  const { host, port } = inject("cassandra");
  const connection = { hosts: [`${host}:${port}`] };
  const table = { keyspace, table: "named" };
  await client.execute(`CREATE TABLE ${keyspace}.named (k int PRIMARY KEY, json int)`);
  for (const format of ["json", "jsonl", "csv"] as const) {
    await client.execute(`INSERT INTO ${keyspace}.named (k, json) VALUES (1, 7)`);
    const destination = file(`named-${format}`);
    await exportTable({ connection, table, destination, format, partitionBy: [{ column: "json" }] });
    await client.execute(`TRUNCATE ${keyspace}.named`);
    await importTable(asked("named", [destination], {}));
    const { rows } = await client.execute(`SELECT JSON * FROM ${keyspace}.named`);
    expect(rows.map((row) => row["[json]"])).toEqual(['{"k": 1, "json": 7}']);
  }
});

it("files without a line come in, where an export says what their columns are", async () => {
  const { host, port } = inject("cassandra");
  await client.execute(`CREATE TABLE ${keyspace}.none (p int, c int, s int static, PRIMARY KEY (p, c))`);
  for (const name of ["none.csv", "none.csv.gz", "none.jsonl", "none.json"]) {
    const more = name.includes("csv") ? { header: false, delimiter: "\t" } : {};
    const connection = { hosts: [`${host}:${port}`] };
    await exportTable({ connection, table: { keyspace, table: "none" }, destination: file(name), ...more });
    expect(await importTable(asked("none", [file(name)], {}))).toMatchObject({ rows: 0, rejected: 0 });
  }
});

it.each(["parquet", "csv", "jsonl", "arrow"] as const)(
  "a table without rows, by partition as %s, has its columns",
  async (format) => {
    const table = { keyspace, table: `none_${format}` };
    await client.execute(`CREATE TABLE ${keyspace}.none_${format} (p text, c int, v int, PRIMARY KEY (p, c))`);
    const { connection } = asked(table.table, [], {});
    const destination = file(`none-${format}`);
    await exportTable({ connection, table, destination, format, partitionBy: [{ column: "p" }] });
    const report = await importTable(asked(table.table, [destination], {}));
    expect([report.rows, report.rejected]).toEqual([0, 0]);
  },
);

it("rows are updated, or inserted where there are none, out of static columns alone", async () => {
  const table = `${keyspace}.statics`;
  await client.execute(`CREATE TABLE ${table} (p int, c int, s int static, PRIMARY KEY (p, c))`);
  const path = await text("statics.csv", "p,c,s\n1,1,7\n1,2,7\n2,1,8\n");
  const found = async () => {
    const { rows } = await client.execute(`SELECT p, c, s FROM ${table}`);
    return rows.map((r) => [r["p"], r["c"], r["s"]].join(" ")).sort();
  };
  await importTable(asked("statics", [path], { mode: "update" }));
  expect(await found()).toEqual(["1  7", "2  8"]);
  await importTable(asked("statics", [path], { mode: "if-not-exists" }));
  expect(await found()).toEqual(["1 1 7", "1 2 7", "2 1 8"]);
});

it.each(["csv", "jsonl"])(
  "a line as long as the digits of 10 MB comes in, as %s",
  { timeout: 60_000 },
  async (format) => {
    const table = `${keyspace}.long_${format}`;
    await client.execute(`CREATE TABLE ${table} (k int PRIMARY KEY, v blob)`);
    const digits = `0x${"c3".repeat(10_000_000)}`;
    const lines = format === "csv" ? `k,v\n1,${digits}\n2,0x\n` : `{"k": 1, "v": "${digits}"}\n{"k": 2, "v": "0x"}\n`;
    for (const [name, content] of [
      ["long", lines],
      ["longer.gz", gzipSync(lines, { level: 1 })],
    ] as const) {
      const path = file(name.replace(/^\w+/, `$&.${format}`));
      await writeFile(path, content);
      expect(await importTable(asked(`long_${format}`, [path], {}))).toMatchObject({ rows: 2, rejected: 0 });
    }
    const { rows } = await client.execute(`SELECT v FROM ${table} WHERE k = 1`);
    expect((rows[0]!["v"] as Buffer).equals(Buffer.alloc(10_000_000, 0xc3))).toBe(true);
  },
);
