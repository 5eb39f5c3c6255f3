/*
 * Imports of files that are not of our making, in every format and from every kind of place: what the table then holds,
 * what is refused before anything is written, and what becomes of rows that don't fit.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type ImportOptions, type ImportReport, importTable, planImport, UsageError } from "../../src/index.ts";
import { ask } from "./parquet.ts";
import { testClient, testKeyspace } from "./support.ts";

let client: Client;
let keyspace: string;
let directory: string;
let jobs = 0;

beforeAll(async () => {
  client = await testClient();
  keyspace = await testKeyspace(client, "importways");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-importways-"));
  await client.execute(`CREATE TABLE ${keyspace}.t (p int, c int, v text, n double, l list<int>, PRIMARY KEY (p, c))`);
  await client.execute(`CREATE TABLE ${keyspace}.s (p int, c int, st text static, v text, PRIMARY KEY (p, c))`);
  await client.execute(`CREATE TABLE ${keyspace}.counts (k int PRIMARY KEY, n counter)`);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

function file(name: string): string {
  return join(directory, name);
}

async function parquet(name: string, select: string, options = ""): Promise<string> {
  await mkdir(join(file(name), ".."), { recursive: true });
  await ask(`COPY (${select}) TO '${file(name)}' (FORMAT parquet${options})`);
  return file(name);
}

async function text(name: string, content: string | Buffer): Promise<string> {
  await mkdir(join(file(name), ".."), { recursive: true });
  await writeFile(file(name), content);
  return file(name);
}

type Said = Partial<ImportOptions>;

function asked(table: string, sources: readonly string[], more: Said): ImportOptions {
  const { host, port } = inject("cassandra");
  const jobDirectory = file(`job-${jobs++}`);
  return { connection: { hosts: [`${host}:${port}`] }, table: { keyspace, table }, sources, jobDirectory, ...more };
}

/** Imports into the emptied table; what it then holds, in the order of its keys. */
async function imported(
  sources: readonly string[],
  more: Said = {},
  table = "t",
): Promise<{ readonly report: ImportReport; readonly rows: Record<string, unknown>[] }> {
  await client.execute(`TRUNCATE ${keyspace}.${table}`);
  const report = await importTable(asked(table, sources, more));
  return { report, rows: await held(table) };
}

async function held(table = "t"): Promise<Record<string, unknown>[]> {
  const { rows } = await client.execute(`SELECT JSON * FROM ${keyspace}.${table}`);
  const objects = rows.map((row) => JSON.parse(row["[json]"]) as Record<string, number>);
  return objects.sort((a, b) => a["p"]! - b["p"]! || a["c"]! - b["c"]!);
}

const row = (p: number, c: number, more = {}) => ({ p, c, v: null, n: null, l: null, ...more });

describe("files come in", () => {
  it("as Parquet of other origin, with other types and names in other case", async () => {
    const path = await parquet(
      "a.parquet",
      "SELECT 1::UTINYINT AS P, 2::BIGINT AS C, 'x'::ENUM('x') AS v, 3 AS n, [4::BIGINT] AS l",
    );
    expect((await imported([path])).rows).toEqual([row(1, 2, { v: "x", n: 3, l: [4] })]);
  });

  it('as CSV, where empty and "" differ', async () => {
    const path = await text("a.csv", 'p,c,v,n,l\n1,1,"",1.5,"[1, 2]"\n1,2,,,\n1,3,"a, ""b""\nc",-0.0,\n');
    expect((await imported([path])).rows).toEqual([
      row(1, 1, { v: "", n: 1.5, l: [1, 2] }),
      row(1, 2),
      row(1, 3, { v: 'a, "b"\nc', n: -0 }),
    ]);
  });

  it("as CSV of another form, without header", async () => {
    const path = await text("form.txt", "1;2;'a;b'\n1;3;NULL\n");
    const csv = { header: false, delimiter: ";", quote: "'", nullText: "NULL" };
    const { rows } = await imported([path], { format: "csv", csv, columns: ["p", "c", "v"] });
    expect(rows).toEqual([row(1, 2, { v: "a;b" }), row(1, 3)]);
  });

  it("as JSON in an array, and as lines, also compressed", async () => {
    const lines = '{"p":1,"c":1,"n":1e0}\n\n{"c":2,"p":1,"v":"\\u0041","l":[]}\n';
    await text("json/a.jsonl.gz", gzipSync(lines));
    await text("json/b.json", '[{"p":2,"c":1,"l":[1]},\n {"p":2,"c":2}]');
    const { rows, report } = await imported([file("json")]);
    expect(rows).toEqual([row(1, 1, { n: 1 }), row(1, 2, { v: "A" }), row(2, 1, { l: [1] }), row(2, 2)]);
    expect(report.rows).toBe(4);
  });

  it("from a Hive-partitioned directory, whose names may need decoding", async () => {
    await parquet("hive/p=1/v=a%2Fb/x.parquet", "SELECT 5 AS c");
    await parquet("hive/p=2/v=__HIVE_DEFAULT_PARTITION__/x.parquet", "SELECT 6 AS c");
    await parquet("hive/_ignored/x.parquet", "SELECT 7 AS zzz");
    expect((await imported([file("hive")])).rows).toEqual([row(1, 5, { v: "a/b" }), row(2, 6)]);
    expect((await imported([file("hive")], { partitionFilter: new Map([["p", "2"]]) })).rows).toEqual([row(2, 6)]);
  });

  it("from several files and patterns, in the order they are named", async () => {
    await parquet("many/1.parquet", "SELECT 1 AS p, 1 AS c, 'first' AS v");
    await parquet("many/2.parquet", "SELECT 1 AS p, 1 AS c, 'second' AS v");
    expect((await imported([file("many/*.parquet")])).rows).toEqual([row(1, 1, { v: "second" })]);
    const turned = [file("many/2.parquet"), file("many/1.parquet")];
    expect((await imported(turned)).rows).toEqual([row(1, 1, { v: "first" })]);
  });

  it("with signs in their names that elsewhere are patterns", async () => {
    const path = await parquet("odd/a[1]?*.parquet", "SELECT 1 AS p, 1 AS c");
    expect((await imported([path])).rows).toEqual([row(1, 1)]);
  });

  it("through a query", async () => {
    const path = await parquet("q.parquet", "SELECT i AS p, i % 3 AS c, 'v' || i AS name FROM range(10) r(i)");
    const sql = "SELECT p::INT AS p, c, upper(name) AS v FROM rows WHERE p < 2 ORDER BY p";
    expect((await imported([path], { sql })).rows).toEqual([row(0, 0, { v: "V0" }), row(1, 1, { v: "V1" })]);
  });

  it("some rows of them", async () => {
    const paths = [
      await parquet("w1.parquet", "SELECT 1 AS p, i AS c FROM range(3) r(i)"),
      await text("w2.csv", "p,c\n2,0\n2,1\n2,2\n"),
      await parquet("w3.parquet", "SELECT 3 AS p, i AS c FROM range(3) r(i)"),
    ];
    const keys = async (more: Said) => (await imported(paths, more)).rows.map(({ p, c }) => `${p}${c}`).join(" ");
    expect(await keys({ skipRows: 2, maxRows: 3 })).toBe("12 20 21");
    expect(await keys({ skipRows: 5 })).toBe("22 30 31 32");
    expect(await keys({ skipRows: 7, maxRows: 100 })).toBe("31 32");
    expect(await keys({ maxRows: 1 })).toBe("10");
  });

  it("with no row in them", async () => {
    const path = await parquet("none.parquet", "SELECT 1 AS p, 1 AS c WHERE false");
    expect((await imported([path])).report).toMatchObject({ rows: 0, rejected: 0 });
  });
});

describe("rows are written", () => {
  it("with the timestamp and TTL that are said, or that a column has", async () => {
    const path = await parquet(
      "times.parquet",
      "SELECT 1 AS p, i AS c, 'x' AS v, 1000 + i AS w, 500 * i AS t FROM range(1, 3) r(i)",
    );
    const read = async () => {
      const { rows } = await client.execute(`SELECT c, writetime(v) AS w, ttl(v) AS t FROM ${keyspace}.t`);
      return rows.map((found) => [
        found["c"],
        Number(found["w"]),
        found["t"] > 400 ? Math.ceil(found["t"] / 500) : found["t"],
      ]);
    };
    const more = { columns: ["p", "c", "v"] };
    await imported([path], { ...more, timestamp: { column: "w" }, ttl: { column: "t" } });
    expect(await read()).toEqual([
      [1, 1001, 1],
      [2, 1002, 2],
    ]);
    await imported([path], { ...more, timestamp: { value: 77n }, ttl: { value: 1000n } });
    expect(await read()).toEqual([
      [1, 77, 2],
      [2, 77, 2],
    ]);
    const before = Date.now() * 1000;
    await imported([path], more);
    const [[, first], [, second]] = (await read()) as [[number, number], [number, number]];
    // The table has a list: rows are 16 µs apart.
    expect([second - first, first >= before]).toEqual([16, true]);
  });

  it("as updates, inserts that leave what is there, and deletes", async () => {
    const path = await parquet("m.parquet", "SELECT 1 AS p, i AS c, 'new' AS v FROM range(2) r(i)");
    await client.execute(`TRUNCATE ${keyspace}.t`);
    await client.execute(`INSERT INTO ${keyspace}.t (p, c, v, n) VALUES (1, 0, 'old', 1)`);
    const report = await importTable(asked("t", [path], { mode: "if-not-exists" }));
    expect(report).toMatchObject({ rows: 1, existing: 1, rejected: 0 });
    expect(await held()).toEqual([row(1, 0, { v: "old", n: 1 }), row(1, 1, { v: "new" })]);
    await importTable(asked("t", [path], { mode: "update" }));
    expect(await held()).toEqual([row(1, 0, { v: "new", n: 1 }), row(1, 1, { v: "new" })]);
    await importTable(asked("t", [path], { mode: "delete", maxRows: 1 }));
    expect(await held()).toEqual([row(1, 1, { v: "new" })]);
  });

  it("with NULLs that leave or delete what is there", async () => {
    const path = await parquet("nulls.parquet", "SELECT 1 AS p, 1 AS c, NULL::VARCHAR AS v, 2.0 AS n");
    await client.execute(`TRUNCATE ${keyspace}.t`);
    await client.execute(`INSERT INTO ${keyspace}.t (p, c, v, n) VALUES (1, 1, 'old', 1)`);
    await importTable(asked("t", [path], {}));
    expect(await held()).toEqual([row(1, 1, { v: "old", n: 2 })]);
    await importTable(asked("t", [path], { nulls: "write" }));
    expect(await held()).toEqual([row(1, 1, { n: 2 })]);
  });

  it("with static values, also of partitions without rows", async () => {
    const path = await text("s.csv", "p,c,st,v\n1,1,a,x\n1,2,a,y\n1,3,b,z\n2,,only,\n3,,,\n");
    const { report } = await imported([path], {}, "s");
    const { rows } = await client.execute(`SELECT p, c, st, v FROM ${keyspace}.s`);
    const found = rows.map((r) => `${r["p"]} ${r["c"]} ${r["st"]} ${r["v"]}`).sort();
    expect(found).toEqual(["1 1 b x", "1 2 b y", "1 3 b z", "2 null only null"]);
    expect(report).toMatchObject({ rows: 4, rejected: 1 });
  });

  it("of counters by adding, which is said", async () => {
    const path = await text("n.csv", "k,n\n1,5\n2,-3\n");
    await importTable(asked("counts", [path], {}));
    const report = await importTable(asked("counts", [path], {}));
    const { rows } = await client.execute(`SELECT k, n FROM ${keyspace}.counts`);
    expect(rows.map((r) => [r["k"], String(r["n"])]).sort()).toEqual([
      [1, "10"],
      [2, "-6"],
    ]);
    expect(report.notices.join()).toContain("counters are added");
  });
});

describe("nothing is written where", () => {
  async function refusal(sources: readonly string[], more: Said = {}): Promise<string> {
    await client.execute(`TRUNCATE ${keyspace}.t`);
    const error = await importTable(asked("t", sources, more)).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(UsageError);
    expect(await held()).toEqual([]);
    return `${(error as UsageError).message}\n${(error as UsageError).hint}`;
  }

  it("a column has no place in the table, unless it may be left out", async () => {
    const path = await parquet("extra.parquet", "SELECT 1 AS p, 1 AS c, 2 AS extra");
    expect(await refusal([path])).toMatch(/extra: the table has no such column[\s\S]*extra +INTEGER +-/);
    expect((await imported([path], { ignoreExtra: true })).rows).toEqual([row(1, 1)]);
  });

  it("the key is not in the file, unless a column is mapped to it", async () => {
    const path = await parquet("keyless.parquet", "SELECT 1 AS id, 1 AS c");
    expect(await refusal([path])).toMatch(/no column of the file goes into p, which is in the primary key/);
    expect((await imported([path], { map: new Map([["id", "p"]]) })).rows).toEqual([row(1, 1)]);
  });

  it("a type can't become another", async () => {
    const path = await parquet("types.parquet", "SELECT 1 AS p, 1 AS c, true AS n");
    expect(await refusal([path])).toContain("n: BOOLEAN can't become double");
  });

  it("two columns go into one", async () => {
    const path = await parquet("two.parquet", "SELECT 1 AS p, 1 AS c, 'a' AS v, 'b' AS w");
    expect(await refusal([path], { map: new Map([["w", "v"]]) })).toContain("both go into v");
  });

  it("a query over JSON would take decimals through DOUBLE", async () => {
    await client.execute(`CREATE TABLE IF NOT EXISTS ${keyspace}.d (p int, c int, v decimal, PRIMARY KEY (p, c))`);
    const path = await text("d.jsonl", '{"p":1,"c":1,"v":0.10000000000000000000001}\n');
    const sql = "SELECT * FROM rows";
    await expect(importTable(asked("d", [path], { sql }))).rejects.toThrow("--sql reads numbers of JSON as DOUBLE");
    const { rows } = await imported([path], {}, "d");
    expect(JSON.stringify(rows)).toContain('"v":');
  });

  it("there is no such file, or none with such a partition, or the query is wrong", async () => {
    expect(await refusal([file("nothing.parquet")])).toContain("there is no file or directory");
    expect(await refusal([file("no*thing")])).toContain("no file matches");
    await parquet("pf/p=1/x.parquet", "SELECT 1 AS c");
    expect(await refusal([file("pf")], { partitionFilter: new Map([["q", "1"]]) })).toContain("there are p");
    expect(await refusal([file("pf")], { sql: "SELECT nope FROM rows" })).toContain("nope");
  });
});

describe("a row that doesn't fit costs that row only", () => {
  it("and goes to a file, to be repaired and imported again", async () => {
    const long = "k".repeat(10);
    const lines = ["p,c,v,n,l", "1,1,a,,", "x,2,b,,", ",3,c,,", "1,4,d,1e999,", `1,5,${long},,"[1, null]"`, "1,6,e,,"];
    const path = await text("bad/p.csv", `${lines.join("\n")}\n`);
    const badRows = file("bad.jsonl");
    const { rows, report } = await imported([path], { badRows });
    expect(rows).toEqual([row(1, 1, { v: "a" }), row(1, 6, { v: "e" })]);
    expect(report).toMatchObject({ rows: 2, rejected: 4, badRows });
    const bad = (await readFile(badRows, "utf8")).trimEnd().split("\n");
    expect(bad.map((line) => JSON.parse(line) as object)).toMatchObject([
      { file: path, row: 2, column: "p", reason: "'x' is no int", values: { p: "x", c: "2", v: "b" } },
      { file: path, row: 3, column: "p", reason: "NULL in the primary key", values: { c: "3" } },
      { file: path, row: 4, column: "n", values: { n: "1e999" } },
      { file: path, row: 5, column: "l", values: { v: long, l: [1, null] } },
    ]);
    const repaired = bad.map((line) =>
      line.replace('"p":"x"', '"p":"2"').replaceAll("1e999", "1e99").replace("1, null", "1"),
    );
    const again = await text("again.jsonl", repaired.join("\n"));
    const second = await importTable(asked("t", [again], {}));
    expect(second).toMatchObject({ rows: 3, rejected: 1 });
    expect((await held()).map(({ p, c }) => `${p}${c}`)).toEqual(["11", "14", "15", "16", "22"]);
  });

  it("where the server refuses it", async () => {
    await client.execute(`CREATE TABLE IF NOT EXISTS ${keyspace}.k (k text PRIMARY KEY, v int)`);
    const path = await parquet(
      "k.parquet",
      "SELECT CASE i WHEN 1 THEN '' WHEN 3 THEN repeat('k', 70_000) ELSE 'k' || i END AS k, i::INT AS v FROM range(5) r(i)",
    );
    const badRows = file("bad-k.jsonl");
    const { report } = await imported([path], { badRows }, "k");
    expect(report).toMatchObject({ rows: 3, rejected: 2 });
    const bad = (await readFile(badRows, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(bad).toMatchObject([
      { row: 2, reason: expect.stringMatching(/Key may not be empty/), values: { k: "", v: 1 } },
      { row: 4, column: "k", reason: expect.stringMatching(/70000 bytes; 65535/) },
    ]);
  });

  it("until there are too many", async () => {
    const path = await parquet(
      "toomany.parquet",
      "SELECT 1 AS p, i AS c, CASE WHEN i < 20 THEN 0.1::DOUBLE ELSE 1.0 END AS n FROM range(30) r(i)",
    );
    await client.execute(`CREATE TABLE IF NOT EXISTS ${keyspace}.f (p int, c int, n float, PRIMARY KEY (p, c))`);
    const options = asked("f", [path], { maxErrors: 10, badRows: file("toomany.jsonl") });
    await expect(importTable(options)).rejects.toThrow("20 rows were rejected, and --max-errors allows 10");
    const report = await importTable({ ...options, maxErrors: -1, resume: true });
    expect(report).toMatchObject({ rows: 10, rejected: 20 });
    expect((await readFile(file("toomany.jsonl"), "utf8")).trimEnd().split("\n")).toHaveLength(20);
  });
});

it("a plan says what would be done, and nothing is written", async () => {
  const path = await parquet("plan.parquet", "SELECT 1 AS p, 1 AS c, 2 AS N");
  await client.execute(`TRUNCATE ${keyspace}.t`);
  expect(await planImport(asked("t", [path], {}))).toEqual({
    destination: `${keyspace}.t`,
    files: [{ path, format: "parquet", rows: 1 }],
    columns: [
      { file: "p", duckdb: "INTEGER", name: "p", cql: "int", kind: "partition_key" },
      { file: "c", duckdb: "INTEGER", name: "c", cql: "int", kind: "clustering" },
      { file: "N", duckdb: "INTEGER", name: "n", cql: "double", kind: "regular" },
    ],
    create: [],
    statements: [`INSERT INTO ${keyspace}.t (p, c, n) VALUES (?, ?, ?) USING TIMESTAMP ?`],
    rows: 1,
    requests: 1,
    sample: {
      ...{ rows: 1, files: 1, rowsOfEachFile: 2048, written: 1, rejected: 0, requests: 1, partitions: 1, reasons: [] },
    },
    notices: ["not in the file, and left as they are: l, v"],
  });
  expect(await held()).toEqual([]);
});

it("a plan tries the first wanted rows of each file", async () => {
  const of = (from: number, to: number) =>
    `SELECT i % 10 AS p, i AS c, 0.1::DOUBLE * (i % 2) AS n FROM range(${from}, ${to}) r(i)`;
  await client.execute(`CREATE TABLE IF NOT EXISTS ${keyspace}.plans (p int, c int, n float, PRIMARY KEY (p, c))`);
  const paths = [await parquet("s1.parquet", of(0, 5000)), await text("s2.csv", "p,c,n\n0,0,0\n0,x,0\n0,1,\n")];
  const { sample, rows, requests, files } = await planImport(asked("plans", paths, { skipRows: 1000, maxErrors: 0 }));
  // DOUBLE 0.1 is no float.
  expect(sample).toMatchObject({ rows: 2051, files: 2, written: 1026, rejected: 1025, partitions: 5 });
  expect(sample.reasons).toHaveLength(10);
  expect(sample.reasons[0]).toEqual({
    ...{ file: paths[0], row: 1002, line: null, column: "n", reason: "the value can't be kept exactly as float" },
  });
  expect([rows, files.map((file) => file.rows)]).toEqual([4003, [5000, 3]]);
  expect(requests).toBe(Math.ceil((4003 * sample.requests) / 2051));
  expect(sample.requests).toBeGreaterThan(5);
  const short = await planImport(asked("plans", paths, { skipRows: 4999, maxRows: 2 }));
  expect(short.sample).toMatchObject({ rows: 2, files: 2, written: 1, rejected: 1 });
  const { rows: held } = await client.execute(`SELECT * FROM ${keyspace}.plans`);
  expect(held).toEqual([]);
});
