/*
 * How CSV quotes and what it makes of NULL, whatever the signs are; and how timestamps are written on request.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CsvDialect, csvFormat, keepsTimestamps } from "../../src/formats/csv.ts";
import { bigEndian } from "../types/arbitraries.ts";
import { type Bytes, hex } from "../types/bytes.ts";
import { type TestColumn, type TestEngine, testColumn, testEngine } from "./support.ts";
import { parseCsv } from "./textparsers.ts";

const PLAIN: CsvDialect = { header: true, delimiter: ",", quote: '"', escape: '"', null: "" };
const TEXTS = [
  "a",
  "",
  "NULL",
  "N A",
  "x,y",
  "x|y",
  "x||y",
  'q"r',
  "q'r",
  "b\\c",
  "\\",
  "l\nm",
  "l\r\nm",
  "\r",
  "\ufeffb",
  " s ",
  "\t",
  "\0",
];
let engine: TestEngine;
let files = 0;

beforeAll(async () => {
  engine = await testEngine();
});
afterAll(() => engine.close());

async function written(dialect: CsvDialect, columns: readonly TestColumn[], cells: readonly (readonly Bytes[])[]) {
  const rows = await engine.table(columns, cells);
  const format = csvFormat(columns, dialect, "none");
  const [piece, path] = [join(engine.directory, `${files++}.piece`), join(engine.directory, `${files++}.csv`)];
  const ordered = { ...rows, from: `(SELECT * FROM ${rows.from} ORDER BY rowid)` };
  const count = await format.writePiece(engine.connection, ordered, piece);
  expect(count).toBe(cells[0]!.length);
  await format.join([{ path: piece, rows: count }], path, new AbortController().signal);
  return readFile(path, "utf8");
}

test.each([
  {},
  { null: "NULL" },
  { null: "N A", delimiter: "|" },
  { delimiter: "\t", quote: "'", escape: "'" },
  { escape: "\\", null: "N" },
  { header: false },
] satisfies Partial<CsvDialect>[])("texts and NULL come back with %j", async (some) => {
  const dialect = { ...PLAIN, escape: some.quote ?? '"', ...some };
  const values = [...TEXTS, null];
  const bytes = values.map((text) => (text === null ? null : new Uint8Array(Buffer.from(text))));
  const columns = [testColumn('a"b', "text"), testColumn("x,y", "text"), testColumn("n", "int")];
  const text = await written(dialect, columns, [bytes, bytes.toReversed(), bytes.map(() => hex("00000007"))]);
  const records = parseCsv(text, dialect);
  if (dialect.header) expect(records.shift()).toEqual(['a"b', "x,y", "n"]);
  expect(records).toEqual(values.map((value, i) => [value, values.toReversed()[i], "7"]));
});

test("a byte order mark of the first value is not at the start of the file", async () => {
  const bom = new Uint8Array(Buffer.from("\ufeffx"));
  expect(await written({ ...PLAIN, header: false }, [testColumn("a", "text")], [[bom]])).toBe('"\ufeffx"\n');
  expect(await written(PLAIN, [testColumn("\ufeffa", "int")], [[hex("00000001")]])).toBe('"\ufeffa"\n1\n');
});

test("timestamps are written in a format of the user's, in UTC", async () => {
  const dialect = { ...PLAIN, timestampFormat: "%d.%m.%Y %H:%M:%S.%g" };
  const columns = [testColumn("t", "timestamp"), testColumn("l", "list<timestamp>")];
  const time = bigEndian(BigInt(Date.UTC(2024, 10, 27, 0, 36, 32, 123)), 8);
  const text = await written(dialect, columns, [[time], [Uint8Array.from([0, 0, 0, 1, 0, 0, 0, 8, ...time])]]);
  expect(text).toBe('t,l\n27.11.2024 00:36:32.123,"[""2024-11-27T00:36:32.123Z""]"\n');
});

test("a format is known to lose something, or to be none", async () => {
  expect(await keepsTimestamps("%Y-%m-%d %H:%M:%S.%g")).toBe(true);
  expect(await keepsTimestamps("%Y-%m-%d %H:%M:%S")).toBe(false);
  await expect(keepsTimestamps("%Q")).rejects.toThrow(/--timestamp-format %Q: .*Unrecognized format/);
});
