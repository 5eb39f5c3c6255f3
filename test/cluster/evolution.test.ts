/*
 * Exports of a table that has changed since: what becomes of columns that came, went, or have another type now, in each
 * kind of format (docs/types.md, When file and table differ).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { exportTable, type ImportOptions, type ImportReport, importTable, UsageError } from "../../src/index.ts";
import { testClient, testKeyspace } from "./support.ts";

const FORMATS = ["parquet", "csv", "jsonl"] as const;

let client: Client;
let keyspace: string;
let directory: string;
let jobs = 0;

beforeAll(async () => {
  client = await testClient();
  keyspace = await testKeyspace(client, "evolution");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-evolution-"));
  await client.execute(`CREATE TYPE ${keyspace}.ty (a int, b text)`);
  await client.execute(
    `CREATE TABLE ${keyspace}.before (p int PRIMARY KEY, i int, l bigint, f float, d double, n decimal, s ascii, li list<int>, u frozen<ty>)`,
  );
  const insert = `INSERT INTO ${keyspace}.before (p, i, l, f, d, n, s, li, u) VALUES`;
  await client.execute(`${insert} (1, 2147483647, 5, 0.5, 0.5, 1.50, 's', [1, 2], {a: 1, b: 'x'})`);
  await client.execute(`${insert} (2, -1, 2147483648, 1.5, 0.1, 1E+3, 's', [3], {a: 2})`);
  const { host, port } = inject("cassandra");
  for (const format of FORMATS) {
    const connection = { hosts: [`${host}:${port}`] };
    await exportTable({
      connection,
      table: { keyspace, table: "before" },
      destination: join(directory, `f.${format}`),
    });
  }
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/** Imports the columns that are said into a new table of these. */
async function into(
  format: string,
  columns: string,
  chosen: readonly string[] | undefined,
  more: Partial<ImportOptions> = {},
): Promise<{ report: ImportReport; rows: object[] }> {
  const { host, port } = inject("cassandra");
  const table = `after_${jobs++}`;
  await client.execute(`CREATE TABLE ${keyspace}.${table} (${columns})`);
  const report = await importTable({
    connection: { hosts: [`${host}:${port}`] },
    table: { keyspace, table },
    sources: [join(directory, `f.${format}`)],
    jobDirectory: join(directory, table),
    columns: chosen,
    ...more,
  });
  const { rows } = await client.execute(`SELECT JSON * FROM ${keyspace}.${table}`);
  const objects = rows.map((row) => JSON.parse(row["[json]"]) as { p: number });
  return { report, rows: objects.sort((a, b) => a.p - b.p) };
}

describe.each(FORMATS)("in %s", (format) => {
  it("a column that the table lacks ends the import before anything is written, or is left out", async () => {
    await expect(into(format, "p int PRIMARY KEY, i int", undefined)).rejects.toThrow(UsageError);
    const { rows, report } = await into(format, "p int PRIMARY KEY, i int", undefined, { ignoreExtra: true });
    expect(rows).toEqual([
      { p: 1, i: 2147483647 },
      { p: 2, i: -1 },
    ]);
    expect(report.notices.join()).toMatch(/not in the table, and left out: (\w+, )*u/);
  });

  it("a column that the file lacks stays unset, and one of the key ends the import", async () => {
    const { rows, report } = await into(format, "p int PRIMARY KEY, i int, late text", ["p", "i", "late"]);
    expect(rows).toMatchObject([{ late: null }, { late: null }]);
    expect(report.notices.join()).toContain("not in the file, and left as they are: late");
    await expect(into(format, "p int, k int, i int, PRIMARY KEY (p, k)", ["p", "k", "i"])).rejects.toThrow(
      "no column of the file goes into k, which is in the primary key",
    );
  });

  it("a wider type takes every value", async () => {
    const columns = "p bigint PRIMARY KEY, i varint, l decimal, f double, s text, li list<bigint>";
    const { rows, report } = await into(format, columns, ["p", "i", "l", "f", "s", "li"]);
    expect(rows).toEqual([
      { p: 1, i: 2147483647, l: 5, f: 0.5, s: "s", li: [1, 2] },
      { p: 2, i: -1, l: 2147483648, f: 1.5, s: "s", li: [3] },
    ]);
    expect(report.rejected).toBe(0);
  });

  it.each([
    ["l", "int", 5],
    ["i", "smallint", -1],
    ["n", "int", 1000],
  ])("a narrower type rejects the rows that do not fit: %s as %s", async (name, type, value) => {
    const { rows, report } = await into(format, `p int PRIMARY KEY, ${name} ${type}`, ["p", name]);
    expect(rows).toMatchObject([{ [name]: value }]);
    expect(report).toMatchObject({ rows: 1, rejected: 1 });
  });

  it("fields that a type has got are null, and one that it lacks ends the import or rejects the row", async () => {
    await client.execute(`CREATE TYPE IF NOT EXISTS ${keyspace}.more (a bigint, b text, c int)`);
    await client.execute(`CREATE TYPE IF NOT EXISTS ${keyspace}.less (a int)`);
    const { rows } = await into(format, "p int PRIMARY KEY, u frozen<more>", ["p", "u"]);
    expect(rows).toEqual([
      { p: 1, u: { a: 1, b: "x", c: null } },
      { p: 2, u: { a: 2, b: null, c: null } },
    ]);
    const fewer = into(format, "p int PRIMARY KEY, u frozen<less>", ["p", "u"]);
    if (format === "parquet") await expect(fewer).rejects.toThrow("can't become less");
    else expect((await fewer).report).toMatchObject({ rows: 0, rejected: 2 });
  });
});

it("a type that means something else ends the import; a renamed column is mapped", async () => {
  await expect(into("parquet", "p int PRIMARY KEY, i boolean", ["p", "i"])).rejects.toThrow("i: INTEGER can't become");
  const map = new Map([["i", "renamed"]]);
  const { rows } = await into("parquet", "p int PRIMARY KEY, renamed int", ["p", "renamed"], { map });
  expect(rows[1]).toEqual({ p: 2, renamed: -1 });
});

it("a double that is no float rejects its row in Parquet; as text it would be rounded, which ends the import", async () => {
  const asFloat = (format: string) => into(format, "p int PRIMARY KEY, d float", ["p", "d"]);
  expect((await asFloat("parquet")).report).toMatchObject({ rows: 1, rejected: 1 });
  await expect(asFloat("csv")).rejects.toThrow("d: the digits of double would be rounded to those of float");
});
