/*
 * The judge itself is judged: it must accept the bytes spelled out by hand in cases.ts, and find every fault that a test
 * puts into a file. A judge that says yes to everything would make all the tests behind it worthless.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Case, NESTED, NUMBERS, SCALARS, VECTORS } from "./cases.ts";
import {
  type FileColumn,
  findings,
  ID,
  id,
  metadataOf,
  openFiles,
  type TestFiles,
  V_INT,
  V_TEXT,
  valueDiffers as v,
} from "./support.ts";
import { judge, judgePython, READERS } from "./venv.ts";

// The first run ever installs the readers.
const python = await judgePython();
const SECONDS = 1000;
let files: TestFiles;

beforeAll(async () => {
  files = await openFiles();
});

afterAll(() => files.close());

/** The wide table of some cases: row k has the k-th value of every type, and null where a type has fewer. */
function wide(cases: readonly Case[]) {
  const columns = [ID, ...cases.map((c): FileColumn => ({ name: c.label, type: c.type, text: c.text, sql: c.sql }))];
  const numbers = [...Array(Math.max(...cases.map((c) => c.values.length))).keys()];
  const sql = numbers.map((at) => [String(at), ...cases.map((c) => c.values[at]?.[0] ?? "NULL")]);
  const cells = numbers.map((at) => [id(at), ...cases.map((c) => c.values[at]?.[1] ?? null)]);
  return { columns, sql, cells };
}

describe.skipIf(python === undefined)("values", { timeout: 120 * SECONDS }, () => {
  // As many types as the judge shows differences, and no more calls of Python than needed.
  const groups = { "numbers, nested": [...NUMBERS, ...NESTED], "scalars, vectors": [...SCALARS, ...VECTORS] };
  for (const [name, cases] of Object.entries(groups)) {
    test.for(READERS)(`${name}: every value of every type is accepted from %s`, async (reader) => {
      const { columns, sql, cells } = wide(cases);
      const verdict = await judge(await files.parquet(columns, sql), columns, cells.toReversed(), { reader });
      expect(verdict).toMatchObject({ rows: cells.length, cells: cells.length * columns.length, normalised: 0 });
    });

    test.for(READERS)(`${name}: one wrong value of each type is found by %s`, async (reader) => {
      const { columns, sql, cells } = wide(cases);
      const faulty = sql.map((row, at) =>
        row.map((value, c) => (cases[c - 1]?.wrong.at === at ? cases[c - 1]!.wrong.sql : value)),
      );
      const found = await findings(await files.parquet(columns, faulty), columns, cells, { reader });
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
        await files.parquet(columns, [
          ["2", "20"],
          ["1", "10"],
        ]),
        columns,
        rows,
      ),
    ).toEqual([]);
    const swapped = await findings(
      await files.parquet(columns, [
        ["1", "20"],
        ["2", "10"],
      ]),
      columns,
      rows,
    );
    expect(new Set(swapped)).toEqual(new Set([v(id(10), id(20), 1), v(id(20), id(10), 2)]));
  });

  test("a missing row, a row too many and a row twice", async () => {
    const one = await files.parquet(columns, [["1", "10"]]);
    const second = { row: { id: id(2) }, cells: { id: id(2), v: id(20) } };
    expect(await findings(one, columns, rows)).toEqual([{ ...second, problem: "only on the server" }]);
    const more = await files.parquet(columns, [
      ["1", "10"],
      ["2", "20"],
    ]);
    expect(await findings(more, columns, rows.slice(0, 1))).toEqual([{ ...second, problem: "only in the file" }]);
    const twice = await files.parquet(columns, [
      ["1", "10"],
      ["2", "20"],
      ["2", "20"],
    ]);
    expect(await findings(twice, columns, rows)).toEqual([{ ...second, problem: "only in the file" }]);
  });

  test("'' is not null, one way or the other", async () => {
    const file = await files.parquet(
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

  test("an empty table", async () => {
    const empty = await files.parquet(columns, []);
    expect(await judge(empty, columns, [])).toMatchObject({ rows: 0 });
    expect(await findings(empty, columns, rows)).toHaveLength(2);
  });
});

describe.skipIf(python === undefined)("files", { timeout: 60 * SECONDS }, () => {
  const columns = [ID, V_INT];
  const rows = [
    [id(1), id(10)],
    [id(2), id(20)],
  ];

  test("a directory is its files, without those of a name with _", async () => {
    await files.parquet(columns, [["1", "10"]], { file: "d/part-00000.parquet" });
    await files.parquet(columns, [["2", "20"]], { file: "d/deeper/part-00001.parquet" });
    await files.parquet(columns, [["3", "30"]], { file: "d/_cqlduck/part-00002.parquet" });
    await files.parquet(columns, [["3", "30"]], { file: "d/_part.parquet" });
    await writeFile(join(files.directory, "d/_SUCCESS"), "");
    for (const reader of READERS)
      expect(await judge(join(files.directory, "d"), columns, rows, { reader })).toMatchObject({ files: 2 });
    await mkdir(join(files.directory, "none"));
    expect(await findings(join(files.directory, "none"), columns, [])).toMatchObject([{ problem: "no data file" }]);
  });
});

describe.skipIf(python === undefined)("values in paths", { timeout: 60 * SECONDS }, () => {
  const columns = [ID, { ...V_TEXT, path: true as const }];
  const rows = [
    [id(1), "61"],
    [id(2), "62"],
  ];
  const write = (file: string, sql: string, value: string) => {
    const metadata = { ...metadataOf([ID, V_TEXT]), "cqlduck.partition": JSON.stringify({ v: value }) };
    return files.parquet([ID], [[sql]], { file, metadata });
  };

  test("are compared by every reader, and so is what the files say of them", async () => {
    await write("h/v=a/p.parquet", "1", "a");
    await write("h/v=b/p.parquet", "2", "b");
    const wrong = [rows[0]!, [id(2), "63"]];
    for (const reader of [...READERS, "metadata"] as const) {
      const directory = join(files.directory, "h");
      expect(await findings(directory, columns, rows, { reader })).toEqual([]);
      expect(await findings(directory, columns, wrong, { reader })).toEqual([v("63", "62", 2)]);
    }
  });

  test("that the metadata has otherwise than the path differ", async () => {
    await write("m/v=a/p.parquet", "1", "a");
    await write("m/v=b/p.parquet", "2", "x");
    const directory = join(files.directory, "m");
    expect(await findings(directory, columns, rows, { reader: "pyarrow" })).toEqual([]);
    expect(await findings(directory, columns, rows, { reader: "metadata" })).toEqual([v("62", "78", 2)]);
  });
});
