/*
 * The judge itself is judged: it must accept the bytes spelled out by hand in cases.ts, and find every fault that a test
 * puts into a file. A judge that says yes to everything would make all the tests behind it worthless.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CqlType } from "../../src/types/cql.ts";
import { type Case, cql, NESTED, NUMBERS, noValue, SCALARS, udt, VECTORS, vector } from "./cases.ts";
import {
  type Difference,
  type JudgeCell,
  type JudgeColumn,
  JudgeError,
  type JudgeOptions,
  judge,
  judgePython,
  READERS,
} from "./venv.ts";

// The first run ever installs the readers.
const python = await judgePython();
const [int, text] = [cql("int"), cql("text")];
const SECONDS = 1000;

interface FileColumn extends JudgeColumn {
  /** The type as system_schema writes it, for the metadata. */
  readonly text: string;
  /** DuckDB's type. */
  readonly sql: string;
  readonly file?: string;
}

const ID: FileColumn = { name: "id", type: int, text: "int", sql: "INTEGER" };
const column = (type: CqlType, text: string, sql: string): FileColumn => ({ name: "v", type, text, sql });
const V_INT = column(int, "int", "INTEGER");
const V_TEXT = column(text, "text", "VARCHAR");

let connection: DuckDBConnection;
let directory: string;
let files = 0;

beforeAll(async () => {
  connection = await (await DuckDBInstance.create(":memory:", { threads: "1" })).connect();
  directory = await mkdtemp(join(tmpdir(), "cqlduck-judge-test-"));
});

afterAll(async () => {
  connection.closeSync();
  await rm(directory, { recursive: true, force: true });
});

const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`;

function metadataOf(columns: readonly FileColumn[]): Record<string, string> {
  const entries = columns.map(({ name, text, file }, at) => {
    return { column: file ?? name, name, type: text, kind: at === 0 ? "partition_key" : "regular" };
  });
  return {
    "cqlduck.schema": "CREATE TABLE t (id int PRIMARY KEY)",
    "cqlduck.columns": JSON.stringify(entries),
    "cqlduck.source": "ks.t",
    "cqlduck.exported_at": "2026-11-21T10:00:00.000Z",
    "cqlduck.version": "0.1.0",
  };
}

/** Writes rows of SQL values; a file name is made up unless said. */
async function parquet(
  columns: readonly FileColumn[],
  rows: readonly (readonly string[])[],
  { file = `f${files++}.parquet`, metadata = metadataOf(columns) } = {},
): Promise<string> {
  const path = join(directory, file);
  await mkdir(dirname(path), { recursive: true });
  const names = columns.map((c) => `"${(c.file ?? c.name).replaceAll('"', '""')}"`);
  const select = (row: readonly string[]) =>
    `SELECT ${row.map((value, at) => `(${value})::${columns[at]!.sql} AS ${names[at]}`).join(", ")}`;
  const nothing = `${select(columns.map(() => "NULL"))} LIMIT 0`;
  const query = rows.length === 0 ? nothing : rows.map(select).join(" UNION ALL ");
  const pairs = Object.entries(metadata).map(([key, value]) => `${quoted(key)}: ${quoted(value)}`);
  // Dictionaries of DuckDB's merge 0.0 and -0.0.
  const options = `FORMAT parquet, DICTIONARY_SIZE_LIMIT 0, KV_METADATA {${pairs.join(", ")}}`;
  await connection.run(`COPY (${query}) TO ${quoted(path)} (${options})`);
  return path;
}

/** The wide table of some cases: row k has the k-th value of every type, and null where a type has fewer. */
function wide(cases: readonly Case[]) {
  const columns = [ID, ...cases.map((c): FileColumn => ({ name: c.label, type: c.type, text: c.text, sql: c.sql }))];
  const numbers = [...Array(Math.max(...cases.map((c) => c.values.length))).keys()];
  const sql = numbers.map((at) => [String(at), ...cases.map((c) => c.values[at]?.[0] ?? "NULL")]);
  const cells = numbers.map((at) => [id(at), ...cases.map((c) => c.values[at]?.[1] ?? null)]);
  return { columns, sql, cells };
}

const id = (value: number) => value.toString(16).padStart(8, "0");

/** What the judge finds, none if it says equal. */
async function findings(
  file: string,
  columns: readonly JudgeColumn[],
  rows: readonly (readonly JudgeCell[])[],
  options?: JudgeOptions,
): Promise<readonly Difference[]> {
  try {
    await judge(file, columns, rows, options);
    return [];
  } catch (error) {
    if (error instanceof JudgeError) return error.differences;
    throw error;
  }
}

const v = (expected: string | null, got: string | null, row = 1) => ({
  row: { id: id(row) },
  column: "v",
  expected,
  got,
});

describe.skipIf(python === undefined)("values", { timeout: 120 * SECONDS }, () => {
  const groups = { NUMBERS, SCALARS, NESTED, VECTORS };
  for (const [name, cases] of Object.entries(groups)) {
    test.for(READERS)(`${name}: every value of every type is accepted from %s`, async (reader) => {
      const { columns, sql, cells } = wide(cases);
      const verdict = await judge(await parquet(columns, sql), columns, cells.toReversed(), { reader });
      expect(verdict).toMatchObject({ rows: cells.length, cells: cells.length * columns.length, normalised: 0 });
    });

    test.for(READERS)(`${name}: one wrong value of each type is found by %s`, async (reader) => {
      const { columns, sql, cells } = wide(cases);
      const faulty = sql.map((row, at) =>
        row.map((value, c) => (cases[c - 1]?.wrong.at === at ? cases[c - 1]!.wrong.sql : value)),
      );
      const found = await findings(await parquet(columns, faulty), columns, cells, { reader });
      const expected = cases.map(({ label, values, wrong }) => {
        return { row: { id: id(wrong.at) }, column: label, expected: values[wrong.at]![1], got: wrong.got };
      });
      expect(new Set(found)).toEqual(new Set(expected));
    });
  }
});

describe.skipIf(python === undefined)("rows", { timeout: 60 * SECONDS }, () => {
  const columns = [ID, V_INT];
  const rows = [
    [id(1), id(10)],
    [id(2), id(20)],
  ];

  test("values swapped between two rows are found, the order of rows is not", async () => {
    expect(
      await findings(
        await parquet(columns, [
          ["2", "20"],
          ["1", "10"],
        ]),
        columns,
        rows,
      ),
    ).toEqual([]);
    const swapped = await findings(
      await parquet(columns, [
        ["1", "20"],
        ["2", "10"],
      ]),
      columns,
      rows,
    );
    expect(new Set(swapped)).toEqual(new Set([v(id(10), id(20), 1), v(id(20), id(10), 2)]));
  });

  test("a missing row, a row too many and a row twice", async () => {
    const one = await parquet(columns, [["1", "10"]]);
    const second = { row: { id: id(2) }, cells: { id: id(2), v: id(20) } };
    expect(await findings(one, columns, rows)).toEqual([{ ...second, problem: "only on the server" }]);
    const more = await parquet(columns, [
      ["1", "10"],
      ["2", "20"],
    ]);
    expect(await findings(more, columns, rows.slice(0, 1))).toEqual([{ ...second, problem: "only in the file" }]);
    const twice = await parquet(columns, [
      ["1", "10"],
      ["2", "20"],
      ["2", "20"],
    ]);
    expect(await findings(twice, columns, rows)).toEqual([{ ...second, problem: "only in the file" }]);
  });

  test("an empty table", async () => {
    const empty = await parquet(columns, []);
    expect(await judge(empty, columns, [])).toMatchObject({ rows: 0 });
    expect(await findings(empty, columns, rows)).toHaveLength(2);
  });

  test("a directory is its files, without those of a name with _", async () => {
    await parquet(columns, [["1", "10"]], { file: "d/part-00000.parquet" });
    await parquet(columns, [["2", "20"]], { file: "d/deeper/part-00001.parquet" });
    await parquet(columns, [["3", "30"]], { file: "d/_cqlduck/part-00002.parquet" });
    await parquet(columns, [["3", "30"]], { file: "d/_part.parquet" });
    await writeFile(join(directory, "d/_SUCCESS"), "");
    for (const reader of READERS)
      expect(await judge(join(directory, "d"), columns, rows, { reader })).toMatchObject({ files: 2 });
    await mkdir(join(directory, "none"));
    expect(await findings(join(directory, "none"), columns, [])).toMatchObject([{ problem: "no Parquet file" }]);
  });

  test("'' is not null, one way or the other", async () => {
    const file = await parquet(
      [ID, V_TEXT],
      [
        ["1", "''"],
        ["2", "NULL"],
      ],
    );
    const found = await findings(
      file,
      [ID, V_TEXT],
      [
        [id(1), null],
        [id(2), ""],
      ],
    );
    expect(new Set(found)).toEqual(new Set([v(null, "", 1), v("", null, 2)]));
  });
});
