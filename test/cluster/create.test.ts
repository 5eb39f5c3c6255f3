/*
 * Imports that make their table: out of what our exports say of themselves, for every table of fixtures/cql, and for files
 * of other origin; what is refused, and that nothing is made then.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import {
  DataError,
  exportTable,
  type ImportOptions,
  type ImportReport,
  importTable,
  planImport,
  UsageError,
} from "../../src/index.ts";
import type { ExportOptions } from "../../src/operations/options.ts";
import { fixtureFiles, loadCql, serverVersion } from "./cql.ts";
import { ask } from "./parquet.ts";
import { testClient, testKeyspace } from "./support.ts";
import { serverRows } from "./wire.ts";

let client: Client;
let keyspace: string;
let directory: string;
let jobs = 0;

beforeAll(async () => {
  client = await testClient();
  keyspace = await testKeyspace(client, "create");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-create-"));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

type Said = Partial<ImportOptions>;

function asked(table: string, sources: readonly string[], more: Said = {}): ImportOptions {
  const { host, port } = inject("cassandra");
  const jobDirectory = join(directory, `job-${jobs++}`);
  const connection = { hosts: [`${host}:${port}`] };
  return { connection, table: { keyspace, table }, sources, jobDirectory, create: true, maxErrors: 0, ...more };
}

const created = (table: string, sources: readonly string[], more: Said = {}): Promise<ImportReport> =>
  importTable(asked(table, sources, more));

const key = (partition: string[], clustering: string[] = []) => ({ primaryKey: { partition, clustering } });

async function exported(ks: string, table: string, name: string, more: Partial<ExportOptions> = {}): Promise<string> {
  const { host, port } = inject("cassandra");
  const destination = join(directory, name);
  const types = new Map<string, string>();
  for (;;) {
    try {
      const connection = { hosts: [`${host}:${port}`] };
      await exportTable({ connection, table: { keyspace: ks, table }, destination, types, restart: true, ...more });
      return destination;
    } catch (error) {
      // Values that only go as their bytes.
      const refused = error instanceof DataError ? /^column (\S+) of /.exec(error.message)?.[1] : undefined;
      if (refused === undefined || types.has(refused)) throw error;
      types.set(refused, "BLOB");
    }
  }
}

async function parquet(name: string, select: string): Promise<string> {
  await ask(`COPY (${select}) TO '${join(directory, name)}' (FORMAT parquet)`);
  return join(directory, name);
}

async function text(name: string, content: string): Promise<string> {
  await writeFile(join(directory, name), content);
  return join(directory, name);
}

/** The columns of a table as the server holds them, and the fields of its keyspace's types. */
async function shape(ks: string, table: string): Promise<string[]> {
  const { rows } = await client.execute(
    "SELECT column_name, type, kind, position, clustering_order FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?",
    [ks, table],
    { prepare: true },
  );
  return rows.map((row) =>
    ["column_name", "type", "kind", "position", "clustering_order"].map((c) => row[c]).join(" "),
  );
}

async function types(ks: string): Promise<Record<string, string>> {
  const { rows } = await client.execute("SELECT * FROM system_schema.types WHERE keyspace_name = ?", [ks]);
  const fieldsOf = (fields: string[], of: string[]) => fields.map((field, i) => `${field} ${of[i]}`).join(", ");
  return Object.fromEntries(rows.map((row) => [row["type_name"], fieldsOf(row["field_names"], row["field_types"])]));
}

async function tables(ks = keyspace): Promise<string[]> {
  const { rows } = await client.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?", [ks]);
  return rows.map((row): string => row["table_name"]);
}

async function held(ks: string, table: string): Promise<string[]> {
  const { host, port } = inject("cassandra");
  const { rows } = await serverRows(host, port, `SELECT * FROM "${ks}"."${table}"`);
  return rows.map((row) => row.map((cell) => cell?.toString("hex") ?? "null").join(" ")).sort();
}

async function json(table: string): Promise<Record<string, unknown>[]> {
  const { rows } = await client.execute(`SELECT JSON * FROM ${keyspace}.${table}`);
  return rows.map((row) => JSON.parse(row["[json]"]) as Record<string, unknown>);
}

async function refusal(table: string, sources: readonly string[], more: Said = {}): Promise<string> {
  const before = [await tables(), await types(keyspace)];
  const error = await created(table, sources, more).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(UsageError);
  expect([await tables(), await types(keyspace)]).toEqual(before);
  return `${(error as UsageError).message}\n${(error as UsageError).hint}`;
}

/** Tables whose rows can't come back as the very bytes: see import.test.ts. */
const NOT_COMPARED = ["udt_evo", "x_nested", "all_types"];
const UNWRITABLE = ["i_5"];

/** Each kind of type, key and name. */
const FIXTURES = /^(01|07|09|18|22)/;

it("tables of the fixtures are made again, with their rows, out of their exports", { timeout: 300_000 }, async () => {
  const files = fixtureFiles(await serverVersion(client), false);
  for (const file of files.filter((name) => FIXTURES.test(basename(name)))) await loadCql(client, file, { keyspace });
  const failures: string[] = [];
  let made = 0;
  const found = await client.execute("SELECT keyspace_name, table_name FROM system_schema.tables");
  const sources = found.rows.map((row): [string, string] => [row["keyspace_name"], row["table_name"]]);
  const replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
  for (const [i, [ks, table]] of sources.filter(([name]) => name.startsWith(keyspace)).entries()) {
    if (UNWRITABLE.includes(table)) continue;
    try {
      const copies = `${keyspace}_${ks === keyspace ? "" : Buffer.from(ks).toString("hex").slice(-6)}n`;
      await client.execute(`CREATE KEYSPACE IF NOT EXISTS "${copies}" WITH replication = ${replication}`);
      const path = await exported(ks, table, `all-${i}${i % 3 ? ".parquet" : ".csv"}`);
      await created(`c_${i}`, [path], { table: { keyspace: copies, table: `c_${i}` } });
      expect(await shape(copies, `c_${i}`)).toEqual(await shape(ks, table));
      expect(await types(ks)).toMatchObject(await types(copies));
      if (!NOT_COMPARED.includes(table)) expect(await held(copies, `c_${i}`)).toEqual(await held(ks, table));
      made++;
    } catch (error) {
      failures.push(`${ks}.${table}: ${String(error)}`);
    }
  }
  expect(failures).toEqual([]);
  expect(made).toBeGreaterThan(5);
});

describe("out of files of other origin", () => {
  it("each type of Parquet has one that takes its values", async () => {
    const path = await parquet(
      "types.parquet",
      `SELECT 1::BIGINT AS id, 'r' AS "Region", true AS b, 1::TINYINT AS i1, 1::SMALLINT AS i2, 1::INTEGER AS i4,
        255::UTINYINT AS u1, 65535::USMALLINT AS u2, 4294967295::UINTEGER AS u4, 18446744073709551615::UBIGINT AS u8,
        1.5::FLOAT AS f4, 0.1::DOUBLE AS f8, 1.50::DECIMAL(10,2) AS de, DATE '2024-01-31' AS da, TIME '10:00:00.5' AS ti,
        TIMESTAMP '2024-01-31 10:00:00.123' AS ts, 'e'::ENUM ('e') AS en, 'x'::BLOB AS bl,
        'ABCDEF00-0000-0000-0000-000000000000'::UUID AS uu, []::BIGINT[] AS li, MAP {'k': [1.5::DOUBLE]} AS ma,
        {'x': 1, 'Y z': {'order': 'q'}} AS st, {'1': 1, '2': 'a'} AS tu`,
    );
    await created("types", [path], key(["region"], ["id"]));
    expect(await json("types")).toEqual([
      {
        ...{ '"Region"': "r", id: 1, b: true, i1: 1, i2: 1, i4: 1, u1: 255, u2: 65535, u4: 4294967295 },
        ...{
          u8: Number("18446744073709551615"),
          f4: 1.5,
          f8: 0.1,
          de: 1.5,
          da: "2024-01-31",
          ti: "10:00:00.500000000",
        },
        ...{ ts: "2024-01-31 10:00:00.123Z", en: "e", bl: "0x78", uu: "abcdef00-0000-0000-0000-000000000000" },
        ...{ li: [], ma: { k: [1.5] }, st: { x: 1, '"Y z"': { order: "q" } }, tu: [1, "a"] },
      },
    ]);
    expect((await shape(keyspace, "types")).map((line) => line.replace(/ (regular -1 none)$/, "")).sort()).toEqual([
      "Region text partition_key 0 none",
      ...["b boolean", "bl blob", "da date", "de decimal", "en text", "f4 float", "f8 double", "i1 tinyint"],
      ...["i2 smallint", "i4 int", "id bigint clustering 0 asc", "li frozen<list<bigint>>"],
      ...["ma frozen<map<text, frozen<list<double>>>>", "st frozen<types_st>", "ti time", "ts timestamp"],
      ...["tu frozen<tuple<int, text>>", "u1 smallint", "u2 int", "u4 bigint", "u8 varint", "uu uuid"],
    ]);
    expect(await types(keyspace)).toMatchObject({
      types_st: "x int, Y z frozen<types_st_y_z>",
      types_st_y_z: "order text",
    });
  });

  it("CSV has types whose values stand there as they would be written, and text", async () => {
    const path = await text(
      "sniffed.csv",
      [
        "id,code,amount,big,ok,day,at,uid,zero,none",
        "1,7,1.50,1,true,2024-01-01,2024-01-01T00:00:00Z,00000000-0000-0000-0000-000000000001,-0,",
        "2,007,2,12345678901234567890,false,2024-01-02,2024-01-01T00:00:00.5Z,00000000-0000-0000-0000-000000000002,1,",
      ].join("\n"),
    );
    await created("sniffed", [path], key(["id"]));
    const found = (await shape(keyspace, "sniffed")).map((line) => line.split(" ").slice(0, 2).join(" "));
    expect(found.sort()).toEqual([
      ...["amount decimal", "at timestamp", "big decimal", "code text", "day date", "id bigint", "none text"],
      ...["ok boolean", "uid uuid", "zero text"],
    ]);
    expect((await json("sniffed")).map(({ code }) => code).sort()).toEqual(["007", "7"]);
  });

  it("directories have the types of the values in their names", async () => {
    await ask(
      `COPY (SELECT i AS id, 2024 AS year, '01' AS month FROM range(3) r(i)) TO '${join(directory, "hive")}' (FORMAT parquet, PARTITION_BY (year, month))`,
    );
    await created("hive", [join(directory, "hive")], key(["id"]));
    expect((await json("hive")).every(({ year, month }) => year === 2024 && month === "01")).toBe(true);
  });

  it("JSON has the keys of all objects, and the types of their values", async () => {
    const lines = ['{"id":1,"n":1.50,"o":{"a":1},"w":5}', '{"id":2,"late":[true],"o":{"b":["x"]},"n":2}', "broken"];
    const path = await text("made.jsonl", lines.join("\n"));
    const report = await created("made", [path], { ...key(["id"]), maxErrors: 1 });
    expect(report).toMatchObject({ rows: 2, rejected: 1 });
    expect((await json("made")).sort((a, b) => Number(a["id"]) - Number(b["id"]))).toEqual([
      { id: 1, late: null, n: 1.5, o: { a: 1, b: null }, w: 5 },
      { id: 2, late: [true], n: 2, o: { a: null, b: ["x"] }, w: null },
    ]);
    expect(await shape(keyspace, "made")).toContain("n decimal regular -1 none");
  });

  it("several files have the columns of all of them, in the wider type", async () => {
    const paths = [
      await parquet("w1.parquet", "SELECT 1::INT AS id, 1::INT AS n, 1::FLOAT AS f"),
      await parquet("w2.parquet", "SELECT 2::BIGINT AS id, 1.5::DECIMAL(4,1) AS n, 'x' AS more"),
      await text("w3.csv", "id,more\n3,7\n"),
    ];
    await created("wider", paths, key(["id"]));
    expect((await shape(keyspace, "wider")).map((line) => line.split(" ").slice(0, 2).join(" ")).sort()).toEqual([
      ...["f float", "id bigint", "more text", "n decimal"],
    ]);
    expect(await json("wider")).toHaveLength(3);
    const odd = await parquet("w4.parquet", "SELECT 1 AS id, true AS n");
    expect(await refusal("wider2", [paths[0]!, odd], key(["id"]))).toMatch(/column n is int in .*w1.* boolean in .*w4/);
  });

  it("names, columns and queries of the user's decide which columns there are", async () => {
    const path = await parquet("mine.parquet", "SELECT 1 AS userId, 'a' AS name, 2 AS x");
    await created("mapped", [path], { ...key(["id"]), map: new Map([["userId", "id"]]), columns: ["id", "name"] });
    expect(await json("mapped")).toEqual([{ id: 1, name: "a" }]);
    const sql = "SELECT userId::BIGINT AS id, [1.5, 2]::FLOAT[2] AS v FROM rows";
    await created("queried", [path], { ...key(["id"]), sql });
    expect(await shape(keyspace, "queried")).toContain("v vector<float, 2> regular -1 none");
    const plain = await text("plain.csv", "5,x\n");
    await created("plain", [plain], { ...key(["k"]), csv: { header: false }, columns: ["k", "v"] });
    expect(await json("plain")).toEqual([{ k: 5, v: "x" }]);
  });
});

describe("the table of an export", () => {
  beforeAll(async () => {
    await client.execute(`CREATE TYPE ${keyspace}.ty (a int, "B" text)`);
    await client.execute(
      `CREATE TABLE ${keyspace}.src (p int, c int, s text static, v frozen<ty>, l list<int>, PRIMARY KEY (p, c)) WITH CLUSTERING ORDER BY (c DESC)`,
    );
    await client.execute(`INSERT INTO ${keyspace}.src (p, c, s, v, l) VALUES (1, 2, 's', {a: 1, "B": 'b'}, [1, 2])`);
  });

  it("is used where it is there and the same, so that an import can be gone on with", async () => {
    const path = await exported(keyspace, "src", "again.parquet");
    const first = await created("again", [path]);
    const second = await created("again", [path]);
    expect(first.notices.join()).toContain("again is new, with default options");
    expect(second.notices.join()).toContain("again is there already, with the same columns");
    expect(await held(keyspace, "again")).toEqual(await held(keyspace, "src"));
    expect(await shape(keyspace, "again")).toEqual(await shape(keyspace, "src"));
  });

  it("is not touched where it is another one, which is shown", async () => {
    const path = await exported(keyspace, "src", "other.parquet");
    await client.execute(`CREATE TABLE ${keyspace}.other (p int, c bigint, v frozen<ty>, x int, PRIMARY KEY (p, c))`);
    const text = await refusal("other", [path]);
    expect(text).toMatch(/c +int, clustering 1 descending +bigint, clustering 1 +<- differs/);
    expect(text).toMatch(/x +- +int +<- differs/);
    expect(text).toMatch(/v +frozen<ty> +frozen<ty>\n/);
    expect(text).toContain("leave out --create");
  });

  it("is not made where a type of its is another one, which is shown", async () => {
    const path = await exported(keyspace, "src", "type.parquet");
    const there = await testKeyspace(client, "create_types");
    await client.execute(`CREATE TYPE ${there}.ty (a bigint, "B" text)`);
    const text = await refusal("t", [path], { table: { keyspace: there, table: "t" } });
    expect(text).toMatch(/in the file +\(a int, "B" text\)\n +in the keyspace +\(a bigint, "B" text\)/);
    expect(await tables(there)).toEqual([]);
  });

  it("needs a key where the export left it out, and may have another", async () => {
    const some = await exported(keyspace, "src", "some.parquet", { columns: ["v", "s"] });
    expect(await refusal("keyless", [some])).toContain("nothing in");
    await created("keyed", [some], key(["s"], ["v"]));
    expect(await shape(keyspace, "keyed")).toEqual(["s text partition_key 0 none", "v frozen<ty> clustering 0 asc"]);
    const whole = await exported(keyspace, "src", "whole.jsonl");
    await created("turned", [whole], key(["c"], ["p", "l"]));
    expect(await shape(keyspace, "turned")).toContain("l frozen<list<int>> clustering 1 asc");
    expect(await json("turned")).toMatchObject([{ c: 2, p: 1, s: "s", l: [1, 2], v: { a: 1 } }]);
  });
});

describe("nothing is made", () => {
  it("by a plan, which says what would be", async () => {
    const path = await parquet(
      "p.parquet",
      "SELECT i AS id, {'x': i} AS s, CASE i WHEN 2 THEN NULL ELSE 1 END AS k FROM range(3) r(i)",
    );
    const plan = await planImport(asked("planned", [path], key(["k"], ["id"])));
    expect(plan).toMatchObject({
      rows: 3,
      requests: 1,
      create: [
        `CREATE TYPE ${keyspace}.planned_s (x bigint);`,
        `CREATE TABLE ${keyspace}.planned (\n  k int,\n  id bigint,\n  s frozen<planned_s>,\n  PRIMARY KEY ((k), id)\n);`,
      ],
      sample: {
        ...{ rows: 3, files: 1, written: 2, rejected: 1, requests: 1, partitions: 1 },
        reasons: [{ file: path, row: 3, column: "k", reason: "NULL in the primary key" }],
      },
    });
    expect(await tables()).not.toContain("planned");
    expect(Object.keys(await types(keyspace))).not.toContain("planned_s");
  });

  it("where the command, the files or the server refuse it", async () => {
    const path = await parquet("no.parquet", "SELECT 1 AS id, {'x': 1} AS s, INTERVAL 1 DAY AS i");
    expect(await refusal("no", [path], key(["id"]))).toContain("column i: no CQL type holds INTERVAL");
    const mixed = await text("mixed.jsonl", '{"id":1,"n":1}\n{"id":2,"n":"x"}\n');
    expect(await refusal("no", [mixed], key(["id"]))).toContain("column n: its values are of several kinds");
    const good = await parquet("good.parquet", "SELECT 1 AS id, {'x': 1} AS s");
    expect(await refusal("no", [good])).toMatch(/nothing in .* says the primary key[\s\S]*--primary-key 'id'/);
    expect(await refusal("no", [good], key(["ix"]))).toContain("did you mean id?");
    expect(await refusal("no", [good], { ...key(["id"]), map: new Map([["id", "s"]]) })).toMatch(/column s is int/);
    expect(await refusal("no", [good], { ...key(["id"]), badRows: good })).toContain("exists already");
    // The type is made, and dropped again.
    expect(await refusal("No Table", [good], key(["id"]))).toContain("running CREATE TABLE");
    const missing = importTable({ ...asked("no", [good]), create: false });
    await expect(missing).rejects.toMatchObject({ hint: expect.stringContaining("--create makes it") });
  });

  it("in a keyspace that is not there is refused with the statement that makes one for this cluster", async () => {
    const path = await parquet("advised.parquet", "SELECT 1 AS id");
    const advised = `${keyspace}_advised`;
    const more = { ...key(["id"]), table: { keyspace: advised, table: "t" } };
    const [statement = ""] = /CREATE KEYSPACE .*/.exec(await refusal("t", [path], more)) ?? [];
    await client.execute(statement);
    try {
      // Written and read at LOCAL_QUORUM.
      expect((await created("t", [path], more)).rows).toBe(1);
    } finally {
      await client.execute(`DROP KEYSPACE ${advised}`);
    }
  });
});
