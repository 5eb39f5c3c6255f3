/*
 * The judge's rules beyond plain values: what it lets pass although bytes differ and what not, the types that a file may
 * have instead of the default, and what a file must say of itself.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cql, noValue, udt, vector } from "./cases.ts";
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
  valueColumn,
} from "./support.ts";
import { type JudgeOptions, judge, judgePython, READERS } from "./venv.ts";

const python = await judgePython();
const SECONDS = 1000;
const [int, text] = [cql("int"), cql("text")];
let files: TestFiles;

beforeAll(async () => {
  files = await openFiles();
});

afterAll(() => files.close());

/** A value in the file, the bytes that the server has, and what the judge shows; the last two only where they differ. */
type Corner = readonly [column: FileColumn, sql: string, hex: string, expected?: string | null, got?: string | null];

/** Judges one row that has a column for each corner; one call of Python for all of them. */
async function expectCorners(corners: readonly Corner[], options?: JudgeOptions) {
  const columns = [ID, ...corners.map(([column], at) => ({ ...column, name: `v${at}` }))];
  const file = await files.parquet(columns, [["1", ...corners.map(([, sql]) => sql)]]);
  const found = await findings(file, columns, [[id(1), ...corners.map(([, , hex]) => hex)]], options);
  const expected = corners.flatMap(([, , , hex, got], at) => {
    return hex === undefined ? [] : [{ row: { id: id(1) }, column: `v${at}`, expected: hex, got: got ?? null }];
  });
  expect(found).toEqual(expected);
}

const V_LIST = valueColumn(cql("list", int), "list<int>", "INTEGER[]");

describe.skipIf(python === undefined)("fields that an old value lacks", { timeout: 60 * SECONDS }, () => {
  const evo = udt("evo", { a: int, b: text });
  const EVO = "STRUCT(a INTEGER, b VARCHAR)";
  const V_EVO = valueColumn(evo, "evo", EVO);
  const V_TUPLE = valueColumn(
    cql("tuple", int, evo),
    "frozen<tuple<int, frozen<evo>>>",
    `STRUCT("1" INTEGER, "2" ${EVO})`,
  );
  const V_EVOS = valueColumn(cql("list", evo), "list<frozen<evo>>", `${EVO}[]`);
  const V_MAP = valueColumn(cql("map", evo, evo), "map<frozen<evo>, frozen<evo>>", `MAP(${EVO}, ${EVO})`);
  const V_VECTOR = valueColumn(vector(2, evo), "vector<evo, 2>", `${EVO}[]`);
  const [old, full] = ["0000000400000001", "0000000400000001ffffffff"];

  test("equal null, at the top and nested, and nothing else", async () => {
    await expectCorners([
      [V_EVO, "(1, NULL)", old],
      [V_EVO, "(NULL, NULL)", ""],
      [V_EVO, "(1, '')", old, full, `${old}00000000`],
      [V_EVO, "NULL", old, full, null],
      [V_TUPLE, "(2, (1, NULL))", `000000040000000200000008${old}`],
      [V_EVOS, "[(1, NULL)]", `0000000100000008${old}`],
      [V_MAP, "MAP {(1, NULL): (1, NULL)}", `0000000100000008${old}00000008${old}`],
      [V_VECTOR, "[(1, NULL), (1, '')]", `08${old}0c${old}00000000`],
    ]);
  });

  test("are counted", async () => {
    const rows = [
      [id(1), old],
      [id(2), full],
    ];
    const file = await files.parquet(
      [ID, V_EVO],
      [
        ["1", "(1, NULL)"],
        ["2", "(1, NULL)"],
      ],
    );
    expect(await judge(file, [ID, V_EVO], rows)).toMatchObject({ normalised: 1 });
  });
});

describe.skipIf(python === undefined)("zero-length values and nulls", { timeout: 60 * SECONDS }, () => {
  const V_VARINTS = valueColumn(vector(1, cql("varint")), "vector<varint, 1>", "VARCHAR[]");
  const V_FLOATS = valueColumn(vector(2, cql("float")), "vector<float, 2>", "FLOAT[]");
  const V_DURATION = valueColumn(cql("duration"), "duration", "STRUCT(months INTEGER, days INTEGER, nanos BIGINT)");
  const V_RAW = { ...valueColumn(int, "int", "BLOB"), as: "BLOB" };

  test("are not the same", async () => {
    const [element, empty] = ["00000001ffffffff", "0000000100000000"];
    await expectCorners([
      [V_INT, "NULL", "", "", null],
      [V_LIST, "[NULL]", empty, empty, element],
      [V_LIST, "[NULL]", "00000000", "00000000", element],
      [V_VARINTS, "[NULL]", "00", "00", noValue("null in a vector")],
      [V_FLOATS, "[1, NULL]", "3f80000000000000", "3f80000000000000", `3f800000${noValue("null in a vector")}`],
      [V_DURATION, "(1, NULL, 3)", "020006", "020006", noValue("a duration: null part")],
      [V_LIST, "[1]", "000000010000000400000001ff", "000000010000000400000001ff", "000000010000000400000001"],
    ]);
  });

  test("are the same where --empty null was said, except those of text, blob and BLOB columns", async () => {
    const corners: Corner[] = [
      [V_INT, "NULL", ""],
      [V_LIST, "NULL", ""],
      [V_LIST, "[NULL]", "0000000100000000"],
      [V_VARINTS, "[NULL]", "00"],
      [V_DURATION, "NULL", ""],
      [V_TEXT, "NULL", "", "", null],
      [V_RAW, "''::BLOB", ""],
      [V_RAW, "NULL", "", "", null],
    ];
    await expectCorners(corners, { emptyNull: true });
  });
});

describe.skipIf(python === undefined)("types asked for instead of the default", { timeout: 120 * SECONDS }, () => {
  const asked = (name: string, sql: string) => ({ ...valueColumn(cql(name), name, sql), as: sql });
  const uuid = "f0f1f2f3-f4f5-4000-8000-00000000000a";
  const good: [name: string, sql: string, value: string, hex: string][] = [
    ["uuid", "UUID", `'${uuid}'`, uuid.replaceAll("-", "")],
    ["decimal", "DECIMAL(4,2)", "'1.5'", "000000010f"],
    ["decimal", "DECIMAL(10,2)", "'-12.30'", "00000002fb32"],
    ["decimal", "DECIMAL(38,0)", "'-1000'", "fffffffdff"],
    ["varint", "BIGINT", "'-9223372036854775808'", "8000000000000000"],
    ["varint", "DECIMAL(38,0)", `'-${"9".repeat(38)}'`, "b4c4b357a5793b85f675ddc000000001"],
    ["timestamp", "BIGINT", "'-9223372036854775808'", "8000000000000000"],
    ["date", "INTEGER", "'-1'", "7fffffff"],
    ["int", "BLOB", "'\\x01\\x02'::BLOB", "0102"],
    ["text", "BLOB", "'\\xC0\\x80'::BLOB", "c080"],
  ];

  test.for(READERS)("values are the same from %s", async (reader) => {
    const columns = [ID, ...good.map(([name, sql], at) => ({ ...asked(name, sql), name: `v${at}` }))];
    const file = await files.parquet(columns, [["1", ...good.map(([, , value]) => value)]]);
    expect(await findings(file, columns, [[id(1), ...good.map(([, , , hex]) => hex)]], { reader })).toEqual([]);
    const none = [id(1), ...good.map(() => "0a0b0c0d0e0f0a0b0c0d0e0f0a0b0c0d")];
    const found = await findings(file, columns, [none], { reader });
    expect(found.map(({ got }) => got)).toHaveLength(good.length);
  });

  test("a DECIMAL that rounded is found", async () => {
    await expectCorners([[asked("decimal", "DECIMAL(4,1)"), "'1.2'", "000000027d", "000000027d", "000000010c"]]);
  });

  test("nested, by --uuid native and by name", async () => {
    const list = valueColumn(cql("list", cql("uuid")), "list<uuid>", "UUID[]");
    const hex = `0000000100000010${uuid.replaceAll("-", "")}`;
    const struct = 'STRUCT("1" BIGINT, "2" MAP(DECIMAL(9,0), DATE[]))';
    const tuple = {
      ...valueColumn(
        cql("tuple", cql("timestamp"), cql("map", cql("varint"), cql("list", cql("date")))),
        "frozen<tuple<timestamp, frozen<map<varint, frozen<list<date>>>>>>",
        struct,
      ),
      as: struct,
    };
    const map = "00000001000000010c0000000c000000010000000480000000";
    const corners: Corner[] = [
      [{ ...list, as: "UUID[]" }, `['${uuid}']`, hex],
      [tuple, "(-1, MAP {12: [make_date(0)]})", `00000008ffffffffffffffff00000019${map}`],
    ];
    await expectCorners(corners);
    await expectCorners([[list, `['${uuid}']`, hex], ...corners], { uuid: "native" });
  });
});

describe.skipIf(python === undefined)("values that DuckDB does not write", { timeout: 60 * SECONDS }, () => {
  const IDS = "pa.array([1], pa.int32())";
  const entry = (key: string, value: number) => `00000008${key.padEnd(16, "0")}00000004${id(value)}`;
  const all = `00000003${entry("0", 1)}${entry("80", 2)}${entry("0", 3)}`;
  const floats = "00000002000000047fc1234500000004ff800001";

  test("duplicate keys of a map, keys 0.0 and -0.0, payloads of NaN inside lists", async () => {
    const columns = [
      ID,
      valueColumn(cql("map", cql("double"), int), "map<double, int>", ""),
      { ...valueColumn(cql("list", cql("float")), "list<float>", ""), name: "l" },
    ];
    const file = await files.pyarrow(columns, [
      IDS,
      "pa.array([[(0.0, 1), (-0.0, 2), (0.0, 3)]], pa.map_(pa.float64(), pa.int32()))",
      "pa.ListArray.from_arrays([0, 2], pa.array(np.array([0x7fc12345, 0xff800001], '<u4').view('<f4')))",
    ]);
    expect(await findings(file, columns, [[id(1), all, floats]])).toEqual([]);
    const [twice, quiet] = [`00000002${entry("0", 1)}${entry("80", 2)}`, floats.replace("ff800001", "ffc00001")];
    expect(await findings(file, columns, [[id(1), twice, quiet]])).toEqual([
      { row: { id: id(1) }, column: "v", expected: twice, got: all },
      { row: { id: id(1) }, column: "l", expected: quiet, got: floats },
    ]);
  });

  test("text that is not UTF-8", async () => {
    const columns = [ID, V_TEXT];
    const file = await files.pyarrow(columns, [IDS, "pa.array([b'\\xed\\xa0\\x80'], pa.binary()).view(pa.string())"]);
    expect(await findings(file, columns, [[id(1), "eda080"]])).toEqual([]);
    expect(await findings(file, columns, [[id(1), "efbfbd"]])).toMatchObject([{ expected: "efbfbd", got: "eda080" }]);
  });
});

describe.skipIf(python === undefined)("what a file says of itself", { timeout: 120 * SECONDS }, () => {
  const columns = [ID, V_INT];
  const rows = [["1", "2"]];

  /** The problems that the judge finds in a directory of files, one line a problem, without the paths. */
  async function expectProblems(directory: string, expected: readonly string[]) {
    const found = await findings(join(files.directory, directory), columns, [[id(1), id(2)]]);
    expect(found.map(({ file, problem }) => `${file?.split(/[\\/]/).at(-1)}: ${problem}`)).toEqual(expected);
  }

  test("every key of the metadata is there", async () => {
    const keys = Object.keys(metadataOf(columns)).sort();
    for (const key of keys) {
      const { [key]: _, ...metadata } = metadataOf(columns);
      await files.parquet(columns, rows, { file: `keys/${key}.parquet`, metadata });
    }
    const metadata = { ...metadataOf(columns), "cqlduck.exported_at": "yesterday" };
    await files.parquet(columns, rows, { file: "keys/time.parquet", metadata });
    await expectProblems("keys", [
      ...keys.map((key) => `${key}.parquet: no ${key} in the metadata`),
      "time.parquet: cqlduck.exported_at is not an ISO time: yesterday",
    ]);
  });

  test("cqlduck.columns has the file's names, CQL names, types and kinds", async () => {
    const entries = JSON.parse(metadataOf(columns)["cqlduck.columns"]!);
    for (const change of [{ column: "w" }, { kind: "key" }, { name: "w" }, { type: "bigint" }]) {
      const text = JSON.stringify([entries[0], { ...entries[1], ...change }]);
      const metadata = { ...metadataOf(columns), "cqlduck.columns": text };
      await files.parquet(columns, rows, { file: `columns/${Object.keys(change)[0]}.parquet`, metadata });
    }
    const renamed = [ID, { ...V_INT, file: "v_1" }];
    await files.parquet(renamed, rows, { file: "columns/twin.parquet" });
    await expectProblems("columns", [
      "column.parquet: cqlduck.columns names ['id', 'w'], the file has ['id', 'v']",
      "kind.parquet: column v: kind 'key' in cqlduck.columns",
      "name.parquet: cqlduck.columns has the CQL names ['id', 'w'], the cells ['id', 'v']",
      "twin.parquet: file names ['id', 'v_1'] do not fit the CQL names ['id', 'v']",
      "type.parquet: column v: type 'bigint' in cqlduck.columns is not its type",
    ]);
  });

  test("columns are of the CQL type's Arrow type", async () => {
    await files.parquet([ID, { ...V_INT, sql: "BIGINT" }], rows, { file: "types/bigint.parquet" });
    await files.parquet([ID, { ...V_INT, sql: "INTEGER[]" }], [["1", "[2]"]], { file: "types/list.parquet" });
    await files.parquet([ID, V_INT, { ...V_INT, name: "w" }], [["1", "2", "3"]], { file: "types/more.parquet" });
    await expectProblems("types", [
      "bigint.parquet: column v: Arrow type int64, expected int32",
      "list.parquet: column v: Arrow type list<int32>, expected int32",
      "more.parquet: cqlduck.columns has the CQL names ['id', 'v', 'w'], the cells ['id', 'v']",
      "more.parquet: 3 columns, the cells have 2",
    ]);
  });
});

describe.skipIf(python === undefined)("names and calls", { timeout: 60 * SECONDS }, () => {
  test("names that DuckDB can't tell apart have _1", async () => {
    const twins: FileColumn[] = [
      { ...ID, name: "Id", file: "Id" },
      { ...V_INT, name: "ID", file: "ID_1" },
      valueColumn(udt("t", { A: int, a: int }), "frozen<t>", 'STRUCT("A" INTEGER, a_1 INTEGER)'),
    ];
    const file = await files.parquet(twins, [["1", "2", "(3, 4)"]]);
    expect(await findings(file, twins, [[id(1), id(2), "00000004000000030000000400000004"]])).toEqual([]);
  });

  test("a wrong call ends with 2", () => {
    const script = join(import.meta.dirname, "judge.py");
    const call = (...args: string[]) => spawnSync(python!, ["-B", script, ...args]).status;
    expect(call("missing.parquet")).toBe(2);
    expect(call("missing.parquet", "missing.jsonl")).toBe(2);
  });
});
