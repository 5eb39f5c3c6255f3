/*
 * Files of every kind looked at: made by DuckDB itself, so that no export has a part in it.
 */
import { copyFile, mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError, UsageError } from "../../src/base/errors.ts";
import { type FilesReport, inspect } from "../../src/operations/inspect.ts";
import { schemaStatements } from "../../src/operations/schema.ts";
import { readRowGroups } from "../../src/parquet/footer.ts";
import { Judge } from "../parquet/duckdb.ts";

let directory: string;
let judge: Judge;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "cqlduck-inspect-"));
  judge = await Judge.start();
});
afterAll(async () => {
  judge.close();
  await rm(directory, { recursive: true, force: true });
});

const look = async (name: string) => (await inspect({ path: join(directory, name) })) as FilesReport;

const COLUMNS = `range::INTEGER AS n, range || '' AS text, [range] AS list, {'a': range, 'b': ['x']} AS struct,
  TIMESTAMPTZ '2024-02-29 12:00:00+02' + to_seconds(range) AS ts, if(range % 2 = 0, range::DECIMAL(20, 3), NULL) AS d,
  uuid() AS id, NULL::INTEGER AS none, 'NaN'::DOUBLE AS nan`;

describe("a file", () => {
  it("says its columns, sizes and statistics over all row groups", async () => {
    const keyValues = "KV_METADATA {other: 'it''s'}";
    await judge.write(
      join(directory, "a.parquet"),
      `SELECT ${COLUMNS} FROM range(5000)`,
      `ROW_GROUP_SIZE 2048, COMPRESSION zstd, ${keyValues}`,
    );
    const report = await look("a.parquet");
    expect(report).toMatchObject({
      kind: "parquet",
      rows: 5000,
      rowGroups: 3,
      codecs: ["ZSTD"],
      createdBy: [expect.stringContaining("DuckDB")],
      exports: [],
      metadata: { other: "it's" },
      otherSchemas: [],
    });
    expect(report.columns.map(({ name, duckdb, parquet }) => [name, duckdb, parquet])).toEqual([
      ["n", "INTEGER", "INT32 INT_32"],
      ["text", "VARCHAR", "BYTE_ARRAY UTF8"],
      ["list", "BIGINT[]", "LIST"],
      ["struct", "STRUCT(a BIGINT, b VARCHAR[])", "group"],
      ["ts", "TIMESTAMP WITH TIME ZONE", "INT64 TIMESTAMP(MICROS, UTC)"],
      ["d", "DECIMAL(20,3)", "FIXED_LEN_BYTE_ARRAY(16) DECIMAL(20,3)"],
      ["id", "UUID", "FIXED_LEN_BYTE_ARRAY(16) UUID"],
      ["none", "INTEGER", "INT32 INT_32"],
      ["nan", "DOUBLE", "DOUBLE"],
    ]);
    const statistics = Object.fromEntries(report.columns.map((column) => [column.name, column.statistics]));
    // As numbers: as texts 999 would be the greatest.
    expect(statistics["n"]).toEqual({ nulls: 0, min: "0", max: "4999", exact: true });
    expect(statistics["text"]).toEqual({ nulls: 0, min: "0", max: "999", exact: true });
    expect(statistics["list"]).toBeUndefined();
    expect(statistics["ts"]?.max).toBe("2024-02-29 11:23:19+00");
    expect(statistics["d"]).toEqual({ nulls: 2500, min: "0.000", max: "4998.000", exact: true });
    expect(statistics["none"]).toEqual({ nulls: 5000, min: null, max: null, exact: true });
    expect(statistics["nan"]).toMatchObject({ nulls: 0, min: null, max: null });
    const sizes = report.columns.reduce((sum, column) => sum + column.compressedBytes, 0);
    expect(sizes).toBe(report.compressedBytes);
    expect(report.compressedBytes).toBeLessThan(report.bytes);
  });

  it("says that a long value's bound is not the value", async () => {
    await judge.write(join(directory, "long.parquet"), "SELECT repeat('x', 3000) AS s");
    const { statistics } = (await look("long.parquet")).columns[0]!;
    expect([statistics?.exact, statistics?.min?.length]).toEqual([false, 256]);
  });

  it("says what an export wrote down", async () => {
    const said = JSON.stringify([{ column: "ID_1", name: "ID", type: "int", kind: "clustering" }]);
    await judge.write(
      join(directory, "ours.parquet"),
      `SELECT 1 AS id, 2 AS "ID_1"`,
      `KV_METADATA {"cqlduck.columns": '${said}', "cqlduck.source": 'ks.t', "cqlduck.exported_at": '2026-01-01T00:00:00Z',
        "cqlduck.version": '0.1.0', "cqlduck.schema": 'CREATE TABLE t (…);'}`,
    );
    const report = await look("ours.parquet");
    expect(report.columns.map((column) => column.cql)).toEqual([
      undefined,
      { name: "ID", type: "int", kind: "clustering" },
    ]);
    expect(report.exports).toEqual([
      { source: "ks.t", exportedAt: "2026-01-01T00:00:00Z", version: "0.1.0", files: 1 },
    ]);
    expect(report.metadata).toEqual({});
    expect(await schemaStatements({ path: join(directory, "ours.parquet") })).toEqual(["CREATE TABLE t (…);"]);
  });

  it("is taken by its name, whatever signs are in it", async () => {
    await mkdir(join(directory, "odd[1]"));
    await mkdir(join(directory, "odd1"));
    await judge.write(join(directory, "odd1", "it''s.parquet"), "SELECT 1 AS other");
    await judge.write(join(directory, "odd[1]", "it''s.parquet"), "SELECT 1 AS one, 2 AS two");
    expect((await look("odd[1]")).columns.map(({ name }) => name)).toEqual(["one", "two"]);
  });

  // Made by pyarrow: in each column one bound is what DuckDB can't write, or ends its engine.
  it("has statistics of times that nobody could write: those bounds are unknown, all else is said", async () => {
    await copyFile(join(import.meta.dirname, "extreme-times.parquet"), join(directory, "times.parquet"));
    const report = await look("times.parquet");
    expect(report).toMatchObject({ rows: 2, rowGroups: 1, compressedBytes: 741, codecs: ["UNCOMPRESSED"] });
    expect(report.columns.map(({ name, statistics: found }) => [name, found?.nulls, found?.min, found?.max])).toEqual([
      ["us", 0, null, "1970-01-01 00:00:00+00"],
      ["ms", 0, "1970-01-01 00:00:00", null],
      ["ns", 0, null, "1970-01-01 00:00:00"],
      ["tn", 0, null, "00:00:00"],
      ["tu", 0, "00:00:00", null],
      ["tm", 0, null, "00:00:00"],
      ["in", undefined, undefined, undefined],
      ["n", 0, "1", "2"],
      ["ok", 0, "1970-01-01 00:00:00", "1970-01-01 00:00:00.000001"],
    ]);
    expect(report.files.map(({ path }) => path)).toEqual([join(directory, "times.parquet")]);
    expect(await readRowGroups(join(directory, "times.parquet"))).toEqual([{ rows: 2, uncompressedBytes: 741 }]);
  });

  it("may have no rows, and no row groups", async () => {
    await judge.write(join(directory, "none.parquet"), "SELECT 1 AS a WHERE false");
    expect(await look("none.parquet")).toMatchObject({ rows: 0, rowGroups: 0, codecs: [], compressedBytes: 0 });
  });
});

describe("a directory", () => {
  it("counts all files but those that readers leave out, and tells schemas apart", async () => {
    const root = join(directory, "mixed");
    for (const name of ["year=2023", "year=2024", "_cqlduck", ".hidden"]) {
      await mkdir(join(root, name), { recursive: true });
      await judge.write(join(root, name, "a.parquet"), "SELECT 1 AS a, 2 AS b");
    }
    await judge.write(join(root, "year=2024", "b.parquet"), "SELECT 'x' AS a, 3 AS c");
    await writeFile(join(root, "_SUCCESS"), "");
    await writeFile(join(root, "notes.txt"), "");
    const report = await look("mixed");
    expect(report).toMatchObject({ rows: 3, partitionedBy: ["year"] });
    expect(report.files.map(({ path, rows }) => [path.slice(root.length + 1), rows])).toEqual([
      ["year=2023/a.parquet", 1],
      ["year=2024/a.parquet", 1],
      ["year=2024/b.parquet", 1],
    ]);
    // Columns that stand in the paths are not in the files.
    expect(report.columns.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(report.otherSchemas).toEqual([
      {
        files: [join(root, "year=2024", "b.parquet")],
        differences: [
          "a is VARCHAR (BYTE_ARRAY UTF8), not INTEGER (INT32 INT_32)",
          "no column b",
          "also c, INTEGER (INT32 INT_32)",
        ],
      },
    ]);
  });

  it("without Parquet files is refused", async () => {
    await mkdir(join(directory, "empty"));
    await expect(look("empty")).rejects.toThrow(UsageError);
    await expect(look("absent")).rejects.toThrow(UsageError);
  });
});

describe("a file that is damaged, or no Parquet file", () => {
  it("is named", async () => {
    await mkdir(join(directory, "damaged"));
    await judge.write(join(directory, "damaged", "a.parquet"), "SELECT 1 AS a");
    const cut = join(directory, "damaged", "cut.parquet");
    await copyFile(join(directory, "damaged", "a.parquet"), cut);
    await truncate(cut, 60);
    for (const name of ["damaged", "damaged/cut.parquet"]) {
      await expect(look(name)).rejects.toThrow(DataError);
      await expect(look(name)).rejects.toThrow(/cut\.parquet: not a whole Parquet file/);
    }
    await writeFile(join(directory, "text"), "no Parquet file at all");
    await expect(look("text")).rejects.toThrow(/text: not a whole Parquet file/);
  });

  it("of other origin has no CQL to show", async () => {
    await judge.write(join(directory, "foreign.parquet"), "SELECT 1 AS a");
    await expect(schemaStatements({ path: join(directory, "foreign.parquet") })).rejects.toThrow(UsageError);
  });
});
