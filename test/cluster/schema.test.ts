/*
 * Proves that the statements of `schema` make what they were read from: every keyspace of the fixtures is made again
 * in another keyspace, and system_schema must hold the same rows of both.
 */
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { exportTable, type TextReport } from "../../src/index.ts";
import { inspect, type TableReport } from "../../src/operations/inspect.ts";
import { schemaStatements } from "../../src/operations/schema.ts";
import { fixtureFiles, loadCql, serverVersion } from "./cql.ts";
import { testClient, testKeyspace } from "./support.ts";

/** What the fixtures don't have. */
const MORE = [
  `CREATE TYPE KS."select" (a int, "from" text)`,
  `CREATE TYPE KS.needs_it (a frozen<"select">)`,
  `CREATE TABLE KS.nested (k int PRIMARY KEY, l list<frozen<"select">>, d list<'org.apache.cassandra.db.marshal.LexicalUUIDType'>)`,
  `CREATE INDEX "Idx" ON KS."QuotedNames" ("with""quote")`,
  `CREATE INDEX ON KS."QuotedNames" ("a,b")`,
  `CREATE MATERIALIZED VIEW KS."View" AS SELECT "Key", "select", "a'b" FROM KS."QuotedNames"
     WHERE "Key" IS NOT NULL AND "select" IS NOT NULL AND "a'b" IS NOT NULL
     PRIMARY KEY ("a'b", "Key", "select") WITH comment = 'it''s a view' AND gc_grace_seconds = 5`,
  `CREATE FUNCTION KS."Fn" ("Arg" list<int>, u needs_it, l list<frozen<tuple<int, text>>>)
     RETURNS NULL ON NULL INPUT RETURNS set<int> LANGUAGE java AS 'return null;'`,
  `CREATE FUNCTION KS.dollars () CALLED ON NULL INPUT RETURNS text LANGUAGE java AS 'return "it''s $$";'`,
  `CREATE FUNCTION KS.state (s map<text, bigint>, v text) CALLED ON NULL INPUT RETURNS map<text, bigint> LANGUAGE java AS 'return s;'`,
  `CREATE AGGREGATE KS."Agg" (text) SFUNC state STYPE map<text, bigint> INITCOND {'a': 1}`,
];

const MASKS: [type: string, mask: string][] = [
  ["blob", "mask_replace(0xab01)"],
  ["blob", "mask_hash('MD5')"],
  ["timestamp", "mask_replace('1969-12-31T23:59:59.999Z')"],
  ["date", "mask_replace('-5877641-06-23')"],
  ["time", "mask_replace('01:02:03.004')"],
  ["inet", "mask_replace('127.0.0.1')"],
  ["uuid", "mask_replace(f0f0f0f0-0000-4000-8000-00000000000a)"],
  ["duration", "mask_replace(1mo2d3h)"],
  ["double", "mask_replace(NaN)"],
  ["float", "mask_replace(-Infinity)"],
  ["decimal", "mask_replace(1.50)"],
  ["boolean", "mask_replace(true)"],
  ["ascii", "mask_replace('')"],
  ["text", "mask_replace(null)"],
  ["text", "own_mask(3, null)"],
  // The server holds these in forms that are not CQL's.
  ["frozen<list<text>>", "mask_replace(['a', ''])"],
  ["map<int, text>", "mask_replace({1: 'x)'})"],
  ["set<frozen<plain>>", "mask_replace({{a: 1, b: 'x'}})"],
  ["frozen<plain>", "mask_replace({a: 1, b: 'PRIMARY KEY,'})"],
  ["tuple<int, text>", "mask_replace((1, 'a:b'))"],
  ["vector<float, 2>", "mask_replace([1, 2])"],
];
const MASKED = [
  "CREATE TYPE KS.plain (a int, b text)",
  `CREATE FUNCTION KS.own_mask (v text, n int, l list<frozen<needs_it>>) CALLED ON NULL INPUT RETURNS text LANGUAGE java AS 'return v;'`,
  `CREATE TABLE KS.masks (k int PRIMARY KEY, ${MASKS.map(([type, mask], i) => `c${i} ${type} MASKED WITH ${mask}`).join(", ")})`,
  `CREATE TABLE KS.masked_keys (k frozen<list<int>> MASKED WITH mask_replace([1]), c int MASKED WITH mask_default(),
     "S x" map<int, int> static MASKED WITH mask_replace({1: 2}), s text static MASKED WITH mask_null(), PRIMARY KEY (k, c))`,
];

const TABLES = [
  ...["keyspaces", "types", "tables", "columns", "indexes", "views"],
  ...["functions", "aggregates", "column_masks", "triggers"],
];

let client: Client;
let keyspace: string;
let copy: string;
let connection: { hosts: string[] };

beforeAll(async () => {
  client = await testClient();
  const { host, port } = inject("cassandra");
  connection = { hosts: [`${host}:${port}`] };
  keyspace = await testKeyspace(client, "schema");
  copy = await testKeyspace(client, "copied");
  const version = await serverVersion(client);
  for (const file of fixtureFiles(version, false)) await loadCql(client, file, { keyspace });
  for (const cql of [...MORE, ...MASKED]) await client.execute(cql.replaceAll("KS", keyspace));
  await client.execute(`DROP KEYSPACE ${copy}`);
});

/** The rows of system_schema, with the copy's name for the keyspace's, and without the ids of tables. */
async function schemaRows(name: string): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const table of TABLES) {
    const cql = `SELECT JSON * FROM system_schema.${table} WHERE keyspace_name = ?`;
    const { rows } = await client.execute(cql, [name], { prepare: true, fetchSize: 10_000 });
    found[table] = rows.map((row) => {
      const { id: _, base_table_id: __, ...rest } = JSON.parse(row["[json]"]);
      return JSON.stringify(rest).replaceAll(keyspace, copy);
    });
  }
  return found;
}

async function run(statements: readonly string[]): Promise<void> {
  for (const statement of statements) {
    const cql = statement.replaceAll(keyspace, copy);
    await client.execute(cql).catch((error) => {
      throw new Error(`${error}\n${cql}`);
    });
  }
}

describe("the statements of a keyspace", () => {
  it("make it again, for every keyspace of the fixtures", { timeout: 300_000 }, async () => {
    const names = await client.execute("SELECT keyspace_name FROM system_schema.keyspaces");
    const ours = names.rows
      .map((row): string => row["keyspace_name"])
      // In the longest name there is no room for another.
      .filter((name) => name.startsWith(keyspace) && name.length < 48);
    expect(ours.length).toBeGreaterThan(4);
    for (const name of ours) {
      await run(await schemaStatements({ connection, keyspace: name }));
      const [made, expected] = [await schemaRows(name.replace(keyspace, copy)), await schemaRows(name)];
      for (const table of TABLES) expect(made[table], `${name}: ${table}`).toEqual(expected[table]);
      if (name === keyspace) {
        const counts = TABLES.map((table) => expected[table]!.length);
        // No trigger's class is at hand.
        expect(Math.min(...counts.slice(0, -1))).toBeGreaterThan(0);
        expect(expected["columns"]!.length).toBeGreaterThan(1000);
      }
    }
  });

  it("are not those of a virtual one, nor of one that isn't", async () => {
    await expect(schemaStatements({ connection, keyspace: "system_views" })).rejects.toThrow(/virtual/);
    await expect(schemaStatements({ connection, keyspace: `${keyspace}x` })).rejects.toThrow(UsageError);
  });
});

describe("the statements of a table", () => {
  const first = (statements: readonly string[]) =>
    statements.map((statement) => statement.split("\n")[0]!.replaceAll(keyspace, "ks"));

  it("are those of its types, itself, its indexes and views", async () => {
    const of = async (table: string) => first(await schemaStatements({ connection, keyspace, table }));
    expect(await of("base")).toEqual([
      "CREATE TABLE ks.base (",
      "CREATE INDEX base_ck ON ks.base (c);",
      "CREATE INDEX base_ffull ON ks.base (full(fm));",
      "CREATE INDEX base_lval ON ks.base (values(l));",
      "CREATE INDEX base_m_idx ON ks.base (keys(m));",
      "CREATE INDEX base_ment ON ks.base (entries(m));",
      "CREATE INDEX base_w_idx ON ks.base (w);",
      'CREATE MATERIALIZED VIEW ks."BaseSome" AS',
      "CREATE MATERIALIZED VIEW ks.base_by_v AS",
    ]);
    const masks = await of("masks");
    expect(masks.indexOf('CREATE TYPE ks."select" (a int, "from" text);')).toBe(
      masks.indexOf('CREATE TYPE ks.needs_it (a frozen<"select">);') - 1,
    );
    expect(masks.slice(-2)).toEqual([
      "CREATE FUNCTION ks.own_mask (v text, n int, l list<frozen<needs_it>>)",
      "CREATE TABLE ks.masks (",
    ]);
    expect(masks).toHaveLength(5);
    expect(await of("base_by_v")).toEqual(["CREATE MATERIALIZED VIEW ks.base_by_v AS"]);
  });

  it("say the options as the server has them", async () => {
    const [table] = await schemaStatements({ connection, keyspace, table: "options" });
    expect(table).toContain(`  AND comment = 'it''s "quoted"\nmulti-line; -- not a comment'\n`);
    expect(table).toContain("WITH CLUSTERING ORDER BY (c DESC)\n");
    expect(table).toContain("AND bloom_filter_fp_chance = 0.5\n");
  });

  it("are not those of one that isn't", async () => {
    await expect(schemaStatements({ connection, keyspace, table: "bases" })).rejects.toThrow(/no table .*bases/);
  });
});

describe("the statements of a file", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "cqlduck-schema-"));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it("make the table that it was exported from, a type that can only be altered to its form included", async () => {
    const path = join(directory, "evo.parquet");
    await exportTable({ connection, table: { keyspace, table: "udt_evo" }, destination: path });
    const [text] = await schemaStatements({ path });
    const into = await testKeyspace(client, "fromfile");
    // The names have no keyspace, and a driver's connection has no keyspace of its own.
    for (const cql of text!.split(/;(?=\n|$)/).filter((cql) => cql.trim() !== "")) {
      await client.execute(cql.replace(/^\s*(CREATE|ALTER) (TYPE|TABLE) /, `$1 $2 ${into}.`));
    }
    const columns = async (name: string) =>
      (await schemaRows(name))
        ["columns"]!.filter((row) => row.includes('"udt_evo"'))
        .map((row) => row.replaceAll(into, copy));
    expect(await columns(into)).toEqual(await columns(keyspace));
    expect((await schemaStatements({ path: directory }))[0]).toBe(text);
  });

  it("are in the sidecars of text files, which also say what the files hold", async () => {
    const destination = join(directory, "text");
    await exportTable({ connection, table: { keyspace, table: "udt_evo" }, destination, format: "csv", limit: 2 });
    expect(await schemaStatements({ path: destination })).toEqual(
      await schemaStatements({ path: join(directory, "evo.parquet") }),
    );
    const report = (await inspect({ path: destination })) as TextReport;
    expect(report).toMatchObject({
      ...{ kind: "text", rows: 2, notices: [], files: [{ format: "csv", compression: "uncompressed", rows: 2 }] },
      exports: [{ source: `${keyspace}.udt_evo`, files: 1 }],
    });
    expect(report.columns[0]).toEqual({ name: "k", cql: { name: "k", type: "int", kind: "partition_key" } });
    const file = report.files[0]!.path;
    await appendFile(file, "\n");
    await expect(schemaStatements({ path: file })).rejects.toThrow("was changed since it was exported");
    const changed = (await inspect({ path: file })) as TextReport;
    expect(changed).toMatchObject({ rows: null, exports: [], notices: [expect.stringContaining("was changed since")] });
    expect(changed.columns[0]).toEqual({ name: "k" });
  });
});

describe("inspecting a table", () => {
  const look = async (ks: string, table: string) =>
    (await inspect({ connection, table: { keyspace: ks, table } })) as TableReport;

  it("says its columns with their types in a file, its key, options, indexes and views", async () => {
    const report = await look(keyspace, "base");
    expect(report).toMatchObject({
      kind: "table",
      table: `${keyspace}.base`,
      primaryKey: "(k), c",
      options: { comment: "", gc_grace_seconds: 864_000, caching: { keys: "ALL" } },
      replication: { class: "SimpleStrategy", replication_factor: "1" },
      dataCenter: "datacenter1",
      nodes: 1,
      triggers: [],
      views: ["BaseSome", "base_by_v"],
    });
    expect(report.columns.slice(0, 3)).toEqual([
      { name: "k", cql: "int", duckdb: "INTEGER", kind: "partition_key", masked: false },
      { name: "c", cql: "int", duckdb: "INTEGER", kind: "clustering", order: "asc", masked: false },
      { name: "fm", cql: "frozen<map<text, int>>", duckdb: "MAP(VARCHAR, INTEGER)", kind: "regular", masked: false },
    ]);
    expect(report.indexes).toContainEqual({ name: "base_lval", target: "values(l)" });
    expect(report.tokenRanges).toBeGreaterThan(0);
    expect(report.estimates?.partitions).toBeGreaterThanOrEqual(0);
  });

  it("tells views, virtual tables and masks", async () => {
    expect(await look(keyspace, "base_by_v")).toMatchObject({ kind: "view", baseTable: `${keyspace}.base` });
    const virtual = await look("system_views", "clients");
    expect(virtual).toMatchObject({ kind: "virtual table", primaryKey: "(address), port", tokenRanges: 0 });
    const masked = (await look(keyspace, "masked")).columns.filter((column) => column.masked);
    expect(masked.map(({ name }) => name)).toEqual(["age", "email", "h", "n", "r", "ssn"]);
  });

  it("has a type for every column of the fixtures", { timeout: 120_000 }, async () => {
    const { rows } = await client.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?", [
      keyspace,
    ]);
    for (const row of rows) expect((await look(keyspace, row["table_name"])).columns.length).toBeGreaterThan(0);
  });
});
