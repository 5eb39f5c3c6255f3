/*
 * Arrow streams as readers that are not ours see them: values of every type beside the bytes that Cassandra has for them,
 * batches cut by rows and by bytes, lists in any order, and what a schema says.
 */
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Arena, createColumn } from "../../src/base/column.ts";
import { DataError } from "../../src/base/errors.ts";
import { Engine } from "../../src/duckdb/engine.ts";
import { RowFeed } from "../../src/duckdb/feed.ts";
import { arrowFormat } from "../../src/formats/arrow.ts";
import { readSchemaKeyValues } from "../../src/formats/arrowmessage.ts";
import { duckdbTypeFromText } from "../../src/types/column-type.ts";
import { type Case, cql, NESTED, NUMBERS, SCALARS, VECTORS } from "../readers/cases.ts";
import { type FileColumn, ID, id, metadataOf, valueColumn } from "../readers/support.ts";
import { judge, judgePython } from "../readers/venv.ts";
import { type TestEngine, testEngine } from "./support.ts";

const TIMEOUT = { timeout: 120_000 };
const python = await judgePython();
let engine: TestEngine;
let files = 0;

beforeAll(async () => {
  engine = await testEngine();
});

afterAll(() => engine.close());

/** A stream of the queries' rows, a piece each. */
async function stream(columns: readonly FileColumn[], ...queries: string[]): Promise<string> {
  const format = arrowFormat(
    columns.map(({ name, type, sql }) => ({ name, cql: type, type: duckdbTypeFromText(sql) })),
    metadataOf(columns),
  );
  const path = join(engine.directory, `${files++}.arrows`);
  const pieces = [];
  for (const [i, from] of queries.entries()) {
    const rows = { from: `(${from})`, expressions: columns.map((_, c) => `c${c}`), exactFloats: false };
    const piece = `${path}.${i}`;
    pieces.push({ path: piece, rows: await format.writePiece(engine.connection, rows, piece) });
  }
  await format.join(pieces, path, new AbortController().signal);
  return path;
}

/** SELECT of rows of SQL values. */
function selectOf(columns: readonly FileColumn[], rows: readonly (readonly string[])[]): string {
  const row = (values: readonly string[]) =>
    `SELECT ${values.map((value, i) => `(${value})::${columns[i]!.sql} AS c${i}`).join(", ")}`;
  return rows.map(row).join(" UNION ALL ");
}

/** Row k has the k-th value of every type, and NULL where a type has fewer. */
function wide(cases: readonly Case[]) {
  const columns = [ID, ...cases.map((c): FileColumn => ({ name: c.label, type: c.type, text: c.text, sql: c.sql }))];
  const numbers = [...Array(Math.max(...cases.map((c) => c.values.length)) + 1).keys()];
  const sql = numbers.map((at) => [String(at), ...cases.map((c) => c.values[at]?.[0] ?? "NULL")]);
  const cells = numbers.map((at) => [id(at), ...cases.map((c) => c.values[at]?.[1] ?? null)]);
  return { columns, sql, cells };
}

describe.skipIf(python === undefined)("a stream holds the bytes", TIMEOUT, () => {
  const all = wide([...NUMBERS, ...SCALARS, ...NESTED, ...VECTORS]);

  test("of every type, in one piece and in a piece a row", async () => {
    const one = await stream(all.columns, selectOf(all.columns, all.sql));
    expect(await judge(one, all.columns, all.cells)).toMatchObject({ rows: all.cells.length, normalised: 0 });
    const many = await stream(all.columns, ...all.sql.map((row) => selectOf(all.columns, [row])));
    expect(await judge(many, all.columns, all.cells)).toMatchObject({ rows: all.cells.length, normalised: 0 });
  });

  test("of types that a user asked for: decimals of each width, UUID, also nested", async () => {
    const uuid = "f0f1f2f3-f4f5-4000-8000-00000000000a";
    const asked = (name: string, type: string): FileColumn => ({ ...valueColumn(cql(name), name, type), as: type });
    const listOf = { ...valueColumn(cql("list", cql("uuid")), "list<uuid>", "UUID[]"), as: "UUID[]" };
    const cases: readonly (readonly [FileColumn, string, string])[] = [
      [asked("decimal", "DECIMAL(4,2)"), "-1.25", "00000002" + "83"],
      [asked("decimal", "DECIMAL(9,2)"), "-1.25", "00000002" + "83"],
      [asked("decimal", "DECIMAL(18,2)"), "1.25", "00000002" + "7d"],
      [asked("varint", "DECIMAL(38,0)"), "-18446744073709551616", "ff0000000000000000"],
      [asked("uuid", "UUID"), `'${uuid}'`, uuid.replaceAll("-", "")],
      [asked("uuid", "UUID"), `'${uuid.replace(/^f0/, "00")}'`, `00${uuid.replaceAll("-", "").slice(2)}`],
      [listOf, `['${uuid}', NULL]`, `0000000200000010${uuid.replaceAll("-", "")}ffffffff`],
    ];
    const columns = [ID, ...cases.map(([column], at) => ({ ...column, name: `v${at}` }))];
    const sql = [
      ["1", ...cases.map(([, value]) => value)],
      ["2", ...cases.map(() => "NULL")],
    ];
    const cells = [
      [id(1), ...cases.map(([, , hex]) => hex)],
      [id(2), ...cases.map(() => null)],
    ];
    expect(await judge(await stream(columns, selectOf(columns, sql)), columns, cells)).toMatchObject({ rows: 2 });
  });

  test("of many batches, cut by rows", async () => {
    const N = 70_000;
    const list = valueColumn(cql("list", cql("int")), "list<int>", "INTEGER[]");
    const bool = { ...valueColumn(cql("boolean"), "boolean", "BOOLEAN"), name: "b" };
    const text = { ...valueColumn(cql("text"), "text", "VARCHAR"), name: "t" };
    // Its only NULL is long past when its batch ends.
    const once = { ...valueColumn(cql("int"), "int", "INTEGER"), name: "once" };
    const columns = [ID, list, bool, text, once];
    const query = `SELECT i::INTEGER AS c0, CASE WHEN i % 5 > 0 THEN [i, NULL][1:i % 3] END::INTEGER[] AS c1,
      CASE WHEN i > 30_000 AND i % 7 = 0 THEN NULL ELSE i % 2 = 0 END AS c2, 'a text that is not short ' || i AS c3,
      CASE WHEN i <> 5 THEN i END::INTEGER AS c4 FROM range(${N}) r(i)`;
    const path = await stream(columns, query);
    const cells = Array.from({ length: N }, (_, i) => {
      const elements = [`00000004${id(i)}`, "ffffffff"].slice(0, i % 3);
      return [
        id(i),
        i % 5 > 0 ? id(elements.length) + elements.join("") : null,
        i > 30_000 && i % 7 === 0 ? null : i % 2 === 0 ? "01" : "00",
        Buffer.from(`a text that is not short ${i}`).toString("hex"),
        i === 5 ? null : id(i),
      ];
    });
    expect(await judge(path, columns, cells)).toMatchObject({ rows: N });
    expect(await judge(path, columns, cells, { reader: "polars" })).toMatchObject({ rows: N });
  });

  test("of rows that are bigger than a batch, beside small ones", async () => {
    const columns = [ID, valueColumn(cql("text"), "text", "VARCHAR")];
    const size = (i: number) => (i % 10 === 3 ? 9_000_000 : i % 3);
    const query = `SELECT i::INTEGER AS c0, repeat('x', CASE WHEN i % 10 = 3 THEN 9_000_000 ELSE i % 3 END) AS c1 FROM range(30) r(i)`;
    const path = await stream(columns, query);
    const cells = Array.from({ length: 30 }, (_, i) => [id(i), "78".repeat(size(i))]);
    expect(await judge(path, columns, cells)).toMatchObject({ rows: 30 });
    expect(await batchesOf(path)).toBe(4);
  });

  test("of lists that lie in DuckDB with gaps between them", async () => {
    const columns = [ID, valueColumn(cql("list", cql("text")), "list<text>", "VARCHAR[]")];
    const path = await stream(
      columns,
      "SELECT i::INTEGER AS c0, ['a' || i, 'long enough to lie elsewhere ' || i, NULL][i % 3 + 1:2] AS c1 FROM range(3000) r(i)",
    );
    const framed = (text: string) => `${id(text.length)}${Buffer.from(text).toString("hex")}`;
    const cells = Array.from({ length: 3000 }, (_, i) => {
      const elements = [framed(`a${i}`), framed(`long enough to lie elsewhere ${i}`)].slice(i % 3);
      return [id(i), id(elements.length) + elements.join("")];
    });
    expect(await judge(path, columns, cells)).toMatchObject({ rows: 3000 });
  });

  test("of none", async () => {
    expect(
      await judge(await stream(all.columns, `${selectOf(all.columns, all.sql)} LIMIT 0`), all.columns, []),
    ).toMatchObject({ rows: 0 });
  });
});

/** Record batches in a stream: messages without the schema and the end. */
async function batchesOf(path: string): Promise<number> {
  const script = "import sys, pyarrow.ipc; print(sum(1 for _ in pyarrow.ipc.open_stream(sys.argv[1])))";
  return Number(execFileSync((await judgePython())!, ["-c", script, path]));
}

describe("a schema", () => {
  const columns = [ID, valueColumn(cql("text"), "text", "VARCHAR")];

  test("tells what was said of the file", async () => {
    const path = await stream(columns, "SELECT 1 AS c0, 'x' AS c1");
    expect(Object.fromEntries(await readSchemaKeyValues(path))).toEqual(metadataOf(columns));
  });

  test.each([
    ["another file", Buffer.from("PAR1 and so on, as long as a prefix"), /no message begins it/],
    ["a prefix alone", Buffer.from("ffffffff10000000", "hex"), /no message begins it|ends in its schema/],
    ["nothing", Buffer.alloc(0), /ends in its schema/],
    ["noise", Buffer.concat([Buffer.from("ffffffff40000000", "hex"), Buffer.alloc(64, 0x7f)]), /no Arrow stream/],
  ])("is not read from %s", async (_, bytes, says) => {
    const path = join(engine.directory, `${files++}.arrow`);
    await writeFile(path, bytes);
    await expect(readSchemaKeyValues(path)).rejects.toThrow(DataError);
    await expect(readSchemaKeyValues(path)).rejects.toThrow(says);
  });

  test("is not read from one that was cut", async () => {
    const whole = await readFile(await stream(columns, "SELECT 1 AS c0, 'x' AS c1"));
    const path = join(engine.directory, `${files++}.arrow`);
    await writeFile(path, whole.subarray(0, 100));
    await expect(readSchemaKeyValues(path)).rejects.toThrow(/is no Arrow stream/);
  });
});

test.skipIf(python === undefined)("what is said of a piece is said of its batches", TIMEOUT, async () => {
  const path = join(engine.directory, "said.arrows");
  const format = arrowFormat([{ name: "v", type: { kind: "INTEGER" }, cql: cql("int") }], {});
  const keyValues = { "cqlduck.partition": '{"p":null}' };
  const rows = { from: "(SELECT 1 AS c0)", expressions: ["c0"], exactFloats: false, keyValues };
  const piece = { path: `${path}.0`, rows: await format.writePiece(engine.connection, rows, `${path}.0`) };
  await format.join([piece], path, new AbortController().signal);
  const script = `import sys, pyarrow.ipc
batch, said = pyarrow.ipc.open_stream(sys.argv[1]).read_next_batch_with_custom_metadata()
print(batch.to_pydict(), said[b"cqlduck.partition"].decode())`;
  expect(String(execFileSync((await judgePython())!, ["-c", script, path]))).toBe("{'v': [1]} {\"p\":null}\n");
});

test("a file that can't be written ends reading the rows, and the engine can be closed", TIMEOUT, async () => {
  const own = await Engine.open({ memoryBytes: 100e6, threads: 2, tempDirectory: "" });
  const connection = await own.connect();
  const type = { kind: "INTEGER" } as const;
  const feed = new RowFeed(connection, [type]);
  const arena = new Arena();
  const column = createColumn(type, arena);
  column.rows = 2048;
  let chunks = 0;
  const source = {
    columns: [column],
    arena,
    rewind() {},
    next: () => (chunks++ < 1000 ? 2048 : 0),
  };
  const path = join(engine.directory, "there.arrows");
  await writeFile(path, "theirs");
  const format = arrowFormat([{ name: "v", type, cql: cql("int") }], {});
  const rows = { from: feed.from, expressions: ["c0"], exactFloats: false };
  const written = feed.serve(source, () => format.writePiece(connection, rows, path));
  await expect(written).rejects.toThrow(/can't make .*there\.arrows: it exists already/);
  own.close();
  expect(String(await readFile(path))).toBe("theirs");
});

test("types are those of the columns, else nothing is written", async () => {
  const format = arrowFormat([{ name: "v", type: { kind: "INTEGER" }, cql: cql("int") }], {});
  const rows = { from: "(SELECT 1::BIGINT AS c0)", expressions: ["c0"], exactFloats: false };
  await expect(format.writePiece(engine.connection, rows, join(engine.directory, "no.arrows"))).rejects.toThrow(
    /is read as INTEGER/,
  );
});
