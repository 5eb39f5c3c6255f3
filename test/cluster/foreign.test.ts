/*
 * Files of other writers (pyarrow, polars, DuckDB, fastparquet; Spark's are in test/spark): what they were told to write is
 * what the table then holds. The server makes the bytes to compare with out of JSON by itself.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import * as zlib from "node:zlib";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { EXIT_DONE } from "../../src/cli/faults.ts";
import { pythonWith } from "../readers/venv.ts";
import { Importing } from "./importing.ts";
import { serverRows } from "./wire.ts";

const FOREIGN = join(import.meta.dirname, "../foreign");
const python = await pythonWith(join(FOREIGN, "requirements.txt"));

/** Not in Node 20, which tests may run in. */
const HAS_ZSTD = "zstdDecompressSync" in zlib;

const COLUMNS = `id int PRIMARY KEY, i8 tinyint, i16 smallint, i32 int, i64 bigint, u8 smallint, u16 int, u32 bigint, u64 varint,
  f float, d double, b boolean, s text, y blob, de decimal, da date, ts timestamp, tn timestamp, tm time,
  l frozen<list<int>>, ll frozen<list<frozen<list<text>>>>, m frozen<map<text, int>>, st frozen<ab>, e text,
  fl frozen<list<int>>, n int`;

/** What the writers are told. */
const VALUES: readonly Record<string, unknown>[] = [
  {
    ...{ id: 1, i8: -128, i16: -32768, i32: -2147483648, i64: "-9223372036854775808" },
    ...{ u8: 255, u16: 65535, u32: 4294967295, u64: "18446744073709551615", f: 1.5, d: -1e300, b: true },
    ...{
      s: "é𝄞 a text beyond twelve bytes",
      y: "00ff",
      de: "-12345.6789",
      da: "1969-12-31",
      ts: -1,
      tn: 1700000000123,
    },
    ...{
      tm: 86399999999999,
      l: [1, -2],
      ll: [["a", "b"], []],
      m: { k: 1, "": 2 },
      st: { a: 1, b: "x" },
      e: "red",
      fl: [1, 2],
    },
  },
  { id: 2 },
  {
    ...{ id: 3, i8: 0, i16: 0, i32: 0, i64: "0", u8: 0, u16: 0, u32: 0, u64: "0", f: -0.1, d: 0.1, b: false },
    ...{ s: "", y: "", de: "0.0000", da: "2024-02-29", ts: 0, tn: 0, tm: 0 },
    ...{ l: [], ll: [], m: {}, st: { a: null, b: "" }, e: "green", fl: [3, 4] },
  },
];

interface Written {
  readonly file: string;
  readonly columns: readonly string[];
  readonly writer: string;
}

let world: Importing;
let written: readonly Written[] = [];

beforeAll(async () => {
  if (python === undefined) return;
  world = await Importing.open(
    "foreign",
    "CREATE TYPE $ks.ab (a int, b text)",
    `CREATE TABLE $ks.t (${COLUMNS})`,
    `CREATE TABLE $ks.told (${COLUMNS})`,
  );
  for (const row of VALUES) {
    const told = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, FORMS[name]?.(value) ?? value]));
    await world.client.execute(`INSERT INTO ${world.keyspace}.told JSON ?`, [JSON.stringify(told)], { prepare: true });
  }
  const values = await world.file("values.json", JSON.stringify(VALUES));
  const lines = execFileSync(python, ["-B", join(FOREIGN, "write.py"), values, world.directory], { encoding: "utf8" });
  const told = lines.trim().split("\n");
  expect(told.filter((line) => line.includes('"error"'))).toEqual([]);
  written = told.map((line) => JSON.parse(line) as Written);
});

afterAll(() => world?.close());

/** How the server's JSON writes what is told as numbers and hex. */
const FORMS: Readonly<Record<string, (value: unknown) => string>> = {
  y: (hex) => `0x${String(hex)}`,
  tm: (nanos) => timeText(Number(nanos)),
  ts: (millis) => new Date(Number(millis)).toISOString(),
  tn: (millis) => new Date(Number(millis)).toISOString(),
};

function timeText(nanos: number): string {
  const seconds = Math.floor(nanos / 1e9);
  const clock = new Date(seconds * 1000).toISOString().slice(11, 19);
  return `${clock}.${String(nanos % 1e9).padStart(9, "0")}`;
}

/** The cells of some columns as hex, by row. */
async function cells(table: string, columns: readonly string[], whole: boolean): Promise<string[]> {
  const { host, port } = inject("cassandra");
  const { rows } = await serverRows(host, port, `SELECT ${columns.join(", ")} FROM ${world.keyspace}.${table}`);
  const texts = rows.map((row) => row.map((cell) => cell?.toString("hex") ?? "null"));
  return texts
    .filter((row) => !whole || row.filter((cell) => cell === "null").length < 5)
    .map((row) => row.join(" "))
    .sort();
}

describe.skipIf(python === undefined)("what others wrote is what the table holds", () => {
  it.each([
    "pyarrow Parquet",
    "polars Parquet",
    "DuckDB Parquet",
    "fastparquet",
    "pyarrow Arrow",
    "pyarrow Feather",
    "polars Arrow",
  ])("%s", { timeout: 180_000 }, async (writer) => {
    const files = written.filter((one) => one.writer === writer);
    expect(files.length).toBeGreaterThan(0);
    for (const { file, columns } of files) {
      await world.empty();
      const { code, message, bad } = await world.import(file);
      if (/zstd\.arrow/.test(file) && !HAS_ZSTD) {
        expect([code, message]).toEqual([
          3,
          expect.stringContaining("compressed with zstd can't be read by this version"),
        ]);
        continue;
      }
      expect([file, code, message, bad]).toEqual([file, EXIT_DONE, "", []]);
      // fastparquet has no row with NULLs.
      const whole = writer === "fastparquet";
      expect([file, await cells("t", columns, false)]).toEqual([file, await cells("told", columns, whole)]);
    }
  });
});
