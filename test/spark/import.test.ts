/*
 * Files that Spark wrote, in every form that it has for times, by both of its calendars and partitioned: what it was told is
 * what the table then holds. The server makes the cells to compare with out of JSON by itself.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { EXIT_DONE, EXIT_REJECTED } from "../../src/cli/faults.ts";
import { Importing } from "../cluster/importing.ts";
import { serverRows } from "../cluster/wire.ts";
import { type Spark, sparkPython, startSpark } from "./spark.ts";

const MINUTES = 60_000;
const COLUMNS = `id int PRIMARY KEY, i8 tinyint, i16 smallint, i64 bigint, f float, d double, b boolean, s text, y blob,
  de decimal, dl decimal, da date, ts timestamp, tn timestamp, l frozen<list<int>>, ll list<frozen<list<text>>>,
  m map<text, int>, md map<date, timestamp>, st frozen<ab>, ls frozen<list<frozen<ab>>>`;

/** Spark's type of each column, and the values of the rows: as Spark's SQL writes them, and as the server's JSON does. */
const VALUES: Readonly<Record<string, readonly [type: string, ...rows: (readonly [spark: string, json: unknown])[]]>> =
  {
    id: ["int", ["1", 1], ["2", 2], ["3", 3]],
    i8: ["tinyint", ["-128", -128], ["NULL", null], ["0", 0]],
    i16: ["smallint", ["-32768", -32768], ["NULL", null], ["0", 0]],
    i64: ["bigint", ["9223372036854775807", "9223372036854775807"], ["NULL", null], ["0", 0]],
    f: ["float", ["1.5", 1.5], ["NULL", null], ["'-0.0'", "-0.0"]],
    d: ["double", ["-1e300", -1e300], ["NULL", null], ["'NaN'", "NaN"]],
    b: ["boolean", ["true", true], ["NULL", null], ["false", false]],
    s: ["string", ["'é𝄞 a text beyond twelve bytes'", "é𝄞 a text beyond twelve bytes"], ["NULL", null], ["''", ""]],
    y: ["binary", ["X'00FF'", "0x00ff"], ["NULL", null], ["X''", "0x"]],
    de: ["decimal(9,4)", ["-12345.6789", "-12345.6789"], ["NULL", null], ["0", "0.0000"]],
    dl: [
      "decimal(38,10)",
      ["1234567890123456789012345678.0123456789", "1234567890123456789012345678.0123456789"],
      ["NULL", null],
      ["-0.0000000001", "-0.0000000001"],
    ],
    da: ["date", ["'1500-03-01'", "1500-03-01"], ["NULL", null], ["'0001-01-01'", "0001-01-01"]],
    ts: [
      "timestamp",
      ["'1500-02-28 23:59:59.999'", "1500-02-28T23:59:59.999Z"],
      ["NULL", null],
      ["'2024-02-29 12:00:00.123'", "2024-02-29T12:00:00.123Z"],
    ],
    tn: [
      "timestamp_ntz",
      ["'1500-03-01 00:00:00'", "1500-03-01T00:00:00.000Z"],
      ["NULL", null],
      ["'9999-12-31 23:59:59.999'", "9999-12-31T23:59:59.999Z"],
    ],
    l: ["array<int>", ["array(1, -2)", [1, -2]], ["NULL", null], ["array()", []]],
    ll: ["array<array<string>>", ["array(array('a', ''), array())", [["a", ""], []]], ["NULL", null], ["NULL", null]],
    m: ["map<string,int>", ["map('k', 1, '', 2)", { k: 1, "": 2 }], ["NULL", null], ["NULL", null]],
    md: [
      "map<date,timestamp>",
      [
        "map(DATE'1582-10-04', TIMESTAMP'0001-01-01 00:00:00', DATE'2024-01-01', TIMESTAMP'1969-12-31 23:59:59.999')",
        { "1582-10-04": "0001-01-01T00:00:00.000Z", "2024-01-01": "1969-12-31T23:59:59.999Z" },
      ],
      ["NULL", null],
      ["NULL", null],
    ],
    st: [
      "struct<a:int,da:date>",
      ["named_struct('a', 1, 'da', DATE'1000-02-28')", { a: 1, da: "1000-02-28" }],
      ["NULL", null],
      ["named_struct('a', NULL, 'da', NULL)", { a: null, da: null }],
    ],
    ls: [
      "array<struct<a:int,da:date>>",
      [
        "array(named_struct('a', 1, 'da', DATE'0004-03-01'), named_struct('a', 2, 'da', DATE'1582-10-15'))",
        [
          { a: 1, da: "0004-03-01" },
          { a: 2, da: "1582-10-15" },
        ],
      ],
      ["NULL", null],
      ["NULL", null],
    ],
  };
const ROWS = 3;

let world: Importing;
let spark: Spark;
const python = await sparkPython();

beforeAll(async () => {
  if (python === undefined) return;
  world = await Importing.open(
    "sparkimport",
    "CREATE TYPE $ks.ab (a int, da date)",
    `CREATE TABLE $ks.t (${COLUMNS})`,
    `CREATE TABLE $ks.told (${COLUMNS})`,
    "CREATE TABLE $ks.parts (p text, d date, n int, k int, v text, PRIMARY KEY ((p, d, n), k))",
    "CREATE TABLE $ks.zone (id int PRIMARY KEY, da date, ts timestamp, l frozen<list<timestamp>>)",
  );
  for (let row = 1; row <= ROWS; row++) {
    const told = Object.entries(VALUES).flatMap(([name, values]) => {
      const [, json] = values[row] as readonly [string, unknown];
      return json === null ? [] : [[name, json] as const];
    });
    const json = JSON.stringify(Object.fromEntries(told));
    await world.client.execute(`INSERT INTO ${world.keyspace}.told JSON ? DEFAULT UNSET`, [json], { prepare: true });
  }
  spark = await startSpark(python);
}, 5 * MINUTES);

afterAll(async () => {
  await spark?.close();
  await world?.close();
});

/** The cells of a table as hex, by row. */
async function cells(table: string): Promise<string[]> {
  const { host, port } = inject("cassandra");
  const names = Object.keys(VALUES).join(", ");
  const { rows } = await serverRows(host, port, `SELECT ${names} FROM ${world.keyspace}.${table}`);
  return rows.map((row) => row.map((cell) => cell?.toString("hex") ?? "null").join(" ")).sort();
}

function query(): string {
  const row = (number: number) =>
    Object.entries(VALUES).map(([name, values]) => `CAST(${values[number]![0]} AS ${values[0]}) AS ${name}`);
  return Array.from({ length: ROWS }, (_, i) => `SELECT ${row(i + 1).join(", ")}`).join(" UNION ALL ");
}

describe.skipIf(python === undefined)("what Spark wrote is what the table holds", () => {
  it.each(
    ["CORRECTED", "LEGACY"].flatMap((mode) =>
      ["INT96", "TIMESTAMP_MICROS", "TIMESTAMP_MILLIS"].map((times) => [times, mode] as const),
    ),
  )("with times as %s, by the calendar of %s", { timeout: 5 * MINUTES }, async (times, mode) => {
    const directory = join(world.directory, `${mode}-${times}`);
    await spark.write(query(), directory, {
      "spark.sql.parquet.datetimeRebaseModeInWrite": mode,
      "spark.sql.parquet.int96RebaseModeInWrite": mode,
      "spark.sql.parquet.outputTimestampType": times,
      // Fixed-length decimals of the older form.
      "spark.sql.parquet.writeLegacyFormat": String(times === "INT96"),
      "spark.sql.parquet.compression.codec": times === "INT96" ? "snappy" : "zstd",
    });
    await world.empty();
    const { code, message, bad } = await world.import(directory);
    expect([code, message, bad]).toEqual([EXIT_DONE, "", []]);
    expect(await cells("t")).toEqual(await cells("told"));
    // A query sees them as they are.
    await world.empty();
    expect(await world.import(directory, "t", { sql: "SELECT * FROM rows" })).toMatchObject({ code: EXIT_DONE });
    expect(await cells("t")).toEqual(await cells("told"));
  });

  it("below directories of its own making", { timeout: 5 * MINUTES }, async () => {
    const texts = ["a", "a/b=c:d%e", "é ü", " ", "NULL", "1", "{x}[y]*?", "'q\"", "\\", "a\nb\tc", "#", "~^|"];
    const rows = texts.map((p, k) => ({ p, d: k % 2 ? "2024-02-29" : "0999-12-31", n: k - 5, k, v: `v${k}` }));
    const literal = (text: string) => `unbase64('${Buffer.from(text).toString("base64")}')`;
    const selects = rows.map(
      ({ p, d, n, k, v }) =>
        `SELECT CAST(${literal(p)} AS STRING) AS p, DATE'${d}' AS d, ${n} AS n, ${k} AS k, '${v}' AS v`,
    );
    const directory = join(world.directory, "parts");
    await spark.write([...selects, "SELECT NULL, DATE'2024-01-01', 1, 99, 'null'"].join(" UNION ALL "), directory, {}, [
      "p",
      "d",
      "n",
    ]);
    const { code, bad } = await world.import(directory, "parts");
    // Spark's name for a NULL, which is no key.
    expect([code, bad]).toMatchObject([EXIT_REJECTED, [{ column: "p", reason: "NULL in the primary key" }]]);
    const found = await world.client.execute(`SELECT JSON * FROM ${world.keyspace}.parts`);
    const held = found.rows.map((row) => JSON.parse(row["[json]"]) as { k: number });
    expect(held.sort((a, b) => a.k - b.k)).toEqual(rows);
  });

  it("but for instants before 1900 by the old calendar of a zone", { timeout: 5 * MINUTES }, async () => {
    const directory = join(world.directory, "zone");
    const row = (id: number, time: string) =>
      `SELECT ${id} AS id, DATE'1500-03-01' AS da, TIMESTAMP'${time}Z' AS ts, array(TIMESTAMP'${time}Z', NULL) AS l`;
    await spark.write([row(1, "1899-12-31 23:59:59"), row(2, "1900-01-02 00:00:00")].join(" UNION ALL "), directory, {
      "spark.sql.parquet.datetimeRebaseModeInWrite": "LEGACY",
      "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
      "spark.sql.session.timeZone": "America/New_York",
    });
    const columns = ["id", "da", "ts"];
    const { code, bad, report } = await world.import(directory, "zone", { columns });
    expect([code, bad]).toMatchObject([EXIT_REJECTED, [{ column: "ts", row: 1 }]]);
    expect(report?.notices.join()).toMatch(/column ts has timestamps .*America\/New_York/);
    const { rows } = await world.client.execute(`SELECT JSON * FROM ${world.keyspace}.zone`);
    expect(rows.map((found) => JSON.parse(found["[json]"]))).toEqual([
      { id: 2, da: "1500-03-01", ts: "1900-01-02 00:00:00.000Z", l: null },
    ]);
    const sql = await world.import(directory, "zone", { columns, sql: "SELECT id, da, ts FROM rows" });
    expect([sql.code, sql.message]).toEqual([3, expect.stringContaining("America/New_York")]);
  });
});
