/*
 * Exports of conditions and SELECTs on a real node, judged by the bytes that the server itself gives for the same
 * statement; and what is refused before anything is written.
 */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { ensureBinary } from "../../scripts/build/ensure.ts";
import {
  type ExportOptions,
  type ExportReport,
  exportTable,
  InterruptedError,
  planExport,
  resumeExport,
  schemaStatements,
} from "../../src/index.ts";
import { runBinary } from "./binary.ts";
import { isBefore, serverVersion } from "./cql.ts";
import { ask } from "./parquet.ts";
import { testClient, testKeyspace } from "./support.ts";
import { serverRows } from "./wire.ts";

const before5 = await (async () => {
  const { host, port } = inject("cassandra");
  return isBefore(await serverVersion(await testClient({ hosts: [host], port })), "5.0");
})();

const A = 20;
const B = 5;
const ROWS = A * B * 3;

let client: Client;
let keyspace: string;
let directory: string;
let files = 0;

beforeAll(async () => {
  await ensureBinary();
  client = await testClient();
  keyspace = await testKeyspace(client, "sources");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-sources-"));
  for (const statement of [
    `CREATE TYPE ${keyspace}.address (street text, zip int, tags set<text>)`,
    `CREATE TABLE ${keyspace}."T" (a int, "B" text, c int, s int static, v int, w text, m map<text, int>, u frozen<address>, d duration,
       PRIMARY KEY ((a, "B"), c)) WITH CLUSTERING ORDER BY (c DESC)`,
    `CREATE INDEX ON ${keyspace}."T" (v)`,
    `CREATE INDEX ON ${keyspace}."T" ("B")`,
    `CREATE FUNCTION ${keyspace}.twice (x int) RETURNS NULL ON NULL INPUT RETURNS int LANGUAGE java AS 'return 2 * x;'`,
    `CREATE FUNCTION ${keyspace}.plus (s int, x int) CALLED ON NULL INPUT RETURNS int LANGUAGE java AS 'return s + (x == null ? 0 : x);'`,
    `CREATE AGGREGATE ${keyspace}.total (int) SFUNC plus STYPE int INITCOND 0`,
  ]) {
    await client.execute(statement);
  }
  const insert = `INSERT INTO ${keyspace}."T" (a, "B", c, s, v, w, m, u, d) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1h)`;
  for (let a = 0; a < A; a++) {
    for (let b = 0; b < B; b++) {
      const queries = [0, 1, 2].map((c) => ({
        query: insert,
        params: [a, `b'${b}`, c, a, (a + c) % 7, c ? `w${b}` : null, { x: c }, { street: `s${a}`, zip: c, tags: null }],
      }));
      await client.batch(queries, { prepare: true });
    }
  }
}, 300_000);

afterAll(() => rm(directory, { recursive: true, force: true }));

function optionsFor(more: Partial<ExportOptions>): ExportOptions {
  const { host, port } = inject("cassandra");
  return { connection: { hosts: [`${host}:${port}`] }, destination: join(directory, `${files++}.parquet`), ...more };
}

const T = () => ({ table: { keyspace, table: "T" } });
const query = (text: string, more: Partial<ExportOptions> = {}) =>
  optionsFor({ query: text.replaceAll("$T", `${keyspace}."T"`).replaceAll("$ks", keyspace), ...more });

interface Compared {
  readonly report: ExportReport;
  readonly names: readonly string[];
}

/** Exports each value as its bytes, in small pages, and expects the rows that the server gives for `cql`. */
async function expectSameRows(options: ExportOptions, cql: string): Promise<Compared> {
  const { host, port } = inject("cassandra");
  // The server takes a comment only where a line ends it.
  const expected = (await serverRows(host, port, `${cql}\n`)).rows;
  const { columns } = await planExport(options);
  const types = new Map(columns.map(({ name }) => [name, "BLOB"]));
  const report = await exportTable({ ...options, types, pageSize: 7 });
  const names = columns.map(({ file }) => file);
  const cells = names.map((_, i) => `hex(c${i}) AS c${i}`).join(", ");
  const aliases = names.map((_, i) => `c${i}`).join(", ");
  const found = await ask(`SELECT ${cells} FROM '${options.destination}' AS t(${aliases})`);
  const textOf = (cells: readonly (string | null)[]) => cells.map((cell) => cell ?? "null").join(" ");
  expect(found.map((row) => textOf(Object.values(row) as (string | null)[])).sort()).toEqual(
    expected.map((row) => textOf(row.map((cell) => cell?.toString("hex").toUpperCase() ?? null))).sort(),
  );
  return { report, names };
}

describe("rows of a table that fulfil a condition", () => {
  const columns = `a, "B", c, s, d, m, u, v, w`;
  const same = (where: string, more: Partial<ExportOptions> = {}) =>
    expectSameRows(optionsFor({ ...T(), where, ...more }), `SELECT ${columns} FROM ${keyspace}."T" WHERE ${where}`);

  it("are found by token ranges, with an index or by filtering", async () => {
    for (const where of [
      "v = 3",
      "w = 'w1' ALLOW FILTERING",
      "c >= 1 AND v < 5 AND m['x'] = 2 allow filtering -- all of it",
      "(v = 3) AND (c = 1) ALLOW FILTERING",
      "a = 4 ALLOW FILTERING",
    ]) {
      const { report } = await same(where);
      expect([where, report.rows > 0, report.rows < ROWS, report.ranges > 16]).toEqual([where, true, true, true]);
    }
  });

  it("of which there are none make a file without rows", async () => {
    expect((await same("v = 99")).report).toMatchObject({ rows: 0, files: [{ rows: 0 }] });
  });

  it("of one partition, or some, are asked for at once", async () => {
    const once = async (where: string, whole: RegExp, rows: number) => {
      expect((await planExport(optionsFor({ ...T(), where }))).whole).toMatch(whole);
      expect((await same(where)).report).toMatchObject({ ranges: 1, rows });
    };
    await once(`a = 3 AND "B" = 'b''1'`, /one partition/, 3);
    await once(`a IN (3, 4) AND "B" = 'b''1' AND c > 0`, /IN on the partition key/, 4);
    await once(`token(a, "B") > 0 AND v = 1`, /token/, Number((await same(`token(a, "B") > 0 AND v = 1`)).report.rows));
  });

  it("are found by an index on a part of the partition key", async () => {
    expect((await same(`"B" = 'b''2'`)).report.rows).toBe(A * 3);
  });

  it("come with the columns asked for, at most so many, with writetimes", async () => {
    const options = optionsFor({ ...T(), where: "v = 3", columns: ["v", "a"], limit: 5, writetime: ["v"] });
    expect((await exportTable(options)).rows).toBe(5);
    expect(await ask(`SELECT DISTINCT v, v_writetime > 0 AS w FROM '${options.destination}'`)).toEqual([
      { v: 3, w: true },
    ]);
  });

  it.each([
    ["w = 'w1'", /ALLOW FILTERING/, /end it with ALLOW FILTERING/],
    ["ww = 1", /Undefined column name ww/, /the table has a, "B"|did you mean w/],
    ["v = 'x'", /Invalid STRING constant/, /it was sent SELECT/],
    ["v = = 1", /line 1/, /it was sent SELECT/],
    ["v = ?", /asks for values/, undefined],
    ["v = 1 LIMIT 3", /LIMIT isn't part/, /--limit/],
  ])("are refused in the server's words, and nothing is written: %s", async (where, message, hint) => {
    const options = optionsFor({ ...T(), where, destination: join(directory, "refused") });
    const refusal = { name: "UsageError", message: expect.stringMatching(message) };
    await expect(exportTable(options)).rejects.toMatchObject(
      hint ? { ...refusal, hint: expect.stringMatching(hint) } : refusal,
    );
    expect(existsSync(options.destination)).toBe(false);
  });
});

describe("what a SELECT gives", () => {
  const same = (text: string) => {
    const options = query(text);
    return expectSameRows(options, options.query!.replace(/;\s*$/, ""));
  };

  it.each([
    "SELECT * FROM $T;",
    `SELECT a AS "Id", "B", c, v, v, v AS "V", u.street, m['x'] FROM $T -- with aliases`,
    "SELECT JSON * FROM $T",
    `SELECT DISTINCT a, "B", s FROM $T`,
    `SELECT a, "B", count(*), max(c), $ks.total(v) AS total FROM $T GROUP BY a, "B"`,
    `SELECT a, "B", c, min(v) FROM $T GROUP BY a, "B", c`,
    `SELECT a, "B", c FROM $T PER PARTITION LIMIT 2`,
    `SELECT a, twice(v), $ks.twice(c), cast(v AS text), intAsBlob(v), (int)5, u, d FROM $T WHERE v = 3`,
    `SELECT writetime(v), ttl(w), c FROM $T WHERE w = 'w1' ALLOW FILTERING`,
    "SELECT a, v FROM $T WHERE v = 99",
  ])("comes by token ranges, row by row: %s", async (text) => {
    expect((await same(text)).report.ranges).toBeGreaterThan(16);
  });

  it.each([
    ["SELECT a, v FROM $T LIMIT 11", /LIMIT/, 11],
    ["SELECT count(*), max(v) AS most FROM $T", /aggregate/, 1],
    ["SELECT total(v) FROM $T", /aggregate/, 1],
    ["SELECT a, $ks.total(v) FROM $T", /aggregate/, 1],
    ["SELECT a, v FROM $T WHERE a = 1 AND \"B\" = 'b''1' ORDER BY c", /ORDER BY/, 3],
    ["SELECT a, v FROM $T WHERE a IN (1, 2) AND \"B\" IN ('b''1', 'b''2')", /IN on the partition key/, 12],
    ["SELECT v FROM $T WHERE a = 1 AND \"B\" = 'b''1'", /one partition/, 3],
    ["SELECT v FROM $T WHERE a = 1 AND \"B\" = 'b''1' GROUP BY c", /within partitions/, 3],
    ["SELECT v FROM $T WHERE token(a, \"B\") > token(1, 'x')", /token/, undefined],
    ["SELECT name, value FROM system_views.settings", /virtual/, undefined],
  ])("comes by one statement: %s", async (text, whole, rows) => {
    expect((await planExport(query(text))).whole).toMatch(whole);
    const { report } = await same(text);
    expect(report.ranges).toBe(1);
    if (rows !== undefined) expect(report.rows).toBe(rows);
  });

  it("of a view is that of a table", async () => {
    await client.execute(
      `CREATE MATERIALIZED VIEW ${keyspace}.by_c AS SELECT a, "B", c, v FROM ${keyspace}."T"
         WHERE a IS NOT NULL AND "B" IS NOT NULL AND c IS NOT NULL PRIMARY KEY (c, a, "B")`,
    );
    while (Number((await client.execute(`SELECT count(*) FROM ${keyspace}.by_c`)).rows[0]!["count"]) < ROWS);
    expect((await same("SELECT c, count(v) FROM $ks.by_c GROUP BY c")).report.rows).toBe(3);
  });

  it.skipIf(before5)("may be the nearest vectors, of which the server gives no pages", async () => {
    await client.execute(`CREATE TABLE ${keyspace}.vectors (k int PRIMARY KEY, v vector<float, 2>)`);
    await client.execute(`CREATE INDEX ON ${keyspace}.vectors (v) USING 'sai'`);
    for (let k = 0; k < 40; k++) {
      await client.execute(`INSERT INTO ${keyspace}.vectors (k, v) VALUES (${k}, [${k + 1}, ${40 - k}])`);
    }
    expect((await same("SELECT k, v FROM $ks.vectors ORDER BY v ANN OF [1, 2] LIMIT 30")).report.rows).toBe(30);
  });

  it("has the names and types of its result, and the kinds of the table's columns", async () => {
    const text = `SELECT c, a AS "Id", "B", "B" AS id, c, writetime(v), v AS x, ttl(x_), u, d, m FROM $T`.replace(
      "x_",
      "w",
    );
    const { columns } = await planExport(query(text));
    expect(columns.map(({ name, file, cql, kind }) => [name, file, cql, kind])).toEqual([
      ["c", "c", "int", "clustering"],
      ["Id", "Id", "int", "partition_key"],
      ["B", "B", "text", "partition_key"],
      ["id", "id_1", "text", "regular"],
      ["c_1", "c_1", "int", "regular"],
      ["writetime(v)", "writetime(v)", "bigint", "writetime"],
      ["x", "x", "int", "regular"],
      ["ttl(w)", "ttl(w)", "int", "ttl"],
      ["u", "u", "frozen<address>", "regular"],
      ["d", "d", "duration", "regular"],
      ["m", "m", "map<text, int>", "regular"],
    ]);
    const options = query(text);
    await exportTable(options);
    const [meta] = await ask(
      `SELECT decode(value) AS v FROM parquet_kv_metadata('${options.destination}') WHERE decode(key) = 'cqlduck.columns'`,
    );
    const told = (JSON.parse(String(meta!["v"])) as { name: string; of?: string }[]).filter(({ of }) => of);
    expect(told.map(({ name, of }) => [name, of])).toEqual([
      ["writetime(v)", "x"],
      ["ttl(w)", "w"],
    ]);
    const [row] = await ask(`SELECT u, d, m FROM '${options.destination}' WHERE "Id" = 3 AND c = 2`);
    expect(row).toEqual({
      u: { street: "s3", zip: 2, tags: null },
      d: { months: 0, days: 0, nanos: "3600000000000" },
      m: [{ key: "x", value: 2 }],
    });
  });

  it("brings the statements of a table that would hold it", async () => {
    const options = query(`SELECT c, v AS x, a AS "Id", twice(v), "B", writetime(v), u FROM $T WHERE v = 3`);
    await exportTable(options);
    const statements = (await schemaStatements({ path: options.destination })).join("\n");
    const copy = await testKeyspace(client, "sources_copy");
    for (const statement of statements.split(";\n")) {
      await client.execute(statement.replace(/^CREATE (TYPE|TABLE) /, `CREATE $1 ${copy}.`));
    }
    const { rows } = await client.execute(
      "SELECT column_name, kind, clustering_order FROM system_schema.columns WHERE keyspace_name = ? AND table_name = 'T'",
      [copy],
    );
    const order = rows.map((row) => [row["column_name"], row["kind"], row["clustering_order"]]);
    expect(order).toEqual(
      expect.arrayContaining([
        ["Id", "partition_key", "none"],
        ["B", "partition_key", "none"],
        ["c", "clustering", "desc"],
        [`${keyspace}.twice(v)`, "regular", "none"],
        ["u", "regular", "none"],
        ["x", "regular", "none"],
      ]),
    );
    expect(order).toHaveLength(6);
    const part = query("SELECT v FROM $T WHERE v = 3");
    await exportTable(part);
    expect((await schemaStatements({ path: part.destination })).join()).toContain("not all of these columns are here");
  });

  it("takes types by the names of its result", async () => {
    const options = query(`SELECT count(*), max(v) AS most FROM $T`, { types: new Map([["most", "BLOB"]]) });
    await exportTable(options);
    expect(await ask(`SELECT count, hex(most) AS most FROM '${options.destination}'`)).toEqual([
      { count: String(ROWS), most: "00000006" },
    ]);
    await expect(planExport(query("SELECT v FROM $T", { types: new Map([["vv", "BLOB"]]) }))).rejects.toMatchObject({
      message: '--type: the SELECT gives no column "vv"',
    });
  });

  it.each([
    ["SELECT * FROM T", /keyspace of T/],
    ["UPDATE $T SET v = 1 WHERE a = 1", /only a SELECT/],
    ["SELECT nope FROM $T", /Undefined column name nope/],
    ["SELECT * FROM $ks.nope", /no table/],
    ["SELECT * FROM $T WHERE v = :x", /asks for values/],
    ["SELECT a FROM $T WHERE a IN (1) AND \"B\" IN ('x') ORDER BY c", /ORDER BY and IN/],
  ])("is refused before anything is written: %s", async (text, message) => {
    await expect(exportTable(query(text))).rejects.toMatchObject({
      name: "UsageError",
      message: expect.stringMatching(message),
    });
  });

  it("goes without options that belong into it", async () => {
    for (const more of [
      { where: "v = 1" },
      { columns: ["v"] },
      { limit: 1 },
      { writetime: "all" },
      { ttl: ["v"] },
    ] as const) {
      await expect(planExport(query("SELECT v FROM $T", more))).rejects.toMatchObject({
        name: "UsageError",
        hint: "say it in the SELECT",
      });
    }
  });
});

describe("an export that did not end", () => {
  it("is refused with another SELECT or condition, and goes on with its own", async () => {
    const stop = async (options: ExportOptions) => {
      const controller = new AbortController();
      const stopped = exportTable({
        ...options,
        signal: controller.signal,
        onEvent: (event) => {
          if (event.kind === "phase" && event.phase === "read") controller.abort(new InterruptedError("SIGINT"));
        },
      });
      await expect(stopped).rejects.toBeInstanceOf(InterruptedError);
    };
    const first = query("SELECT a, v FROM $T WHERE v = 3");
    await stop(first);
    const other = query("SELECT a, v FROM $T WHERE v = 4", { destination: first.destination, resume: true });
    await expect(exportTable(other)).rejects.toMatchObject({
      message: expect.stringMatching(/begun with another SELECT$/),
    });
    const rows = (await client.execute(`SELECT a FROM ${keyspace}."T" WHERE v = 3`)).rowLength;
    expect(await resumeExport({ job: first.destination })).toMatchObject({ rows, source: first.query });
    const second = optionsFor({ ...T(), where: "v = 3" });
    await stop(second);
    await expect(exportTable({ ...second, where: "v = 4", resume: true })).rejects.toMatchObject({
      message: expect.stringMatching(/begun with another --where$/),
    });
    expect(await resumeExport({ job: second.destination })).toMatchObject({ rows });
  });

  it.each([
    ["by token ranges", `SELECT a, "B", c, v AS x FROM $T WHERE v < 5 ALLOW FILTERING`, "record-written:2"],
    ["by one statement", `SELECT a, "B", c, v AS x FROM $T LIMIT 250`, "record-written:2"],
    ["by groups", `SELECT a, "B", c, max(v) AS x FROM $T GROUP BY a, "B", c`, "record-written:2"],
    ["while it was published", `SELECT a, "B", c, v AS x FROM $T LIMIT 250`, "intent-written"],
  ])("killed by SIGKILL, %s, comes out whole", { timeout: 120_000 }, async (_, text, point) => {
    const { query: cql, destination } = query(text, { destination: join(directory, `killed-${files++}`) });
    const { host, port } = inject("cassandra");
    const segments = ["--page-size", "9", "--rows-per-file", "60"];
    const args = ["export", cql!, destination, "-H", `${host}:${port}`, ...segments];
    const killed = await runBinary(directory, args, { CQLDUCK_FAULT: point });
    expect(killed.signal).toBe("SIGKILL");
    expect((await runBinary(directory, args)).code).toBe(2);
    const resumed = await runBinary(directory, ["resume", destination, "--json"]);
    expect([resumed.code, JSON.parse(resumed.out).segments > 3]).toEqual([0, true]);
    const { rows } = await client.execute(cql!, [], { fetchSize: 5000 });
    const sum = rows.reduce((total, row) => total + row["x"], 0);
    const [found] = await ask(
      `SELECT count(*)::INT AS n, count(DISTINCT (a, "B", c))::INT AS keys, sum(x)::INT AS sum FROM '${destination}/*.parquet'`,
    );
    expect(found).toEqual({ n: rows.length, keys: rows.length, sum });
  });
});
