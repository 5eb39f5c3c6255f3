/*
 * The text of every type's values, written as CSV and JSON by DuckDB, says exactly what their bytes do.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { csvFormat } from "../../src/formats/csv.ts";
import { jsonFormat } from "../../src/formats/json.ts";
import { anyType, NATIVE, type Sample } from "../types/arbitraries.ts";
import { type Bytes, encodeWith, hex, toHex } from "../types/bytes.ts";
import { encoder, textColumn } from "../types/texts.ts";
import { type TestEngine, testColumn, testEngine } from "./support.ts";
import { csvValue, says } from "./textjudge.ts";
import { objectOf, parseCsv, parseJson } from "./textparsers.ts";

const DIALECT = { header: false, delimiter: ",", quote: '"', escape: '"', null: "" };
const ROWS = 400;
let engine: TestEngine;

beforeAll(async () => {
  engine = await testEngine();
});
afterAll(() => engine.close());

/** Writes cells in both formats and fails on the first that doesn't come out as it is. */
async function checkExact(
  samples: readonly Sample[],
  cells: readonly (readonly Bytes[])[],
): Promise<(string | null)[][]> {
  // A first column that is never null, so that no line is empty.
  const rows = cells[0]!.length;
  const columns = [testColumn("n", "int"), ...samples.map((s, i) => testColumn(`c${i}`, s.text, s.udts))];
  const all = [Array.from({ length: rows }, () => hex("00000001")), ...cells];
  const table = await engine.table(columns, all);
  const order = { ...table, from: `(SELECT * FROM ${table.from} ORDER BY rowid)` };
  const [csv, json] = [join(engine.directory, "x.csv"), join(engine.directory, "x.jsonl")];
  await csvFormat(columns, DIALECT, "none").writePiece(engine.connection, order, csv);
  await jsonFormat(columns, { layout: "lines", pretty: false }, "none").writePiece(engine.connection, order, json);
  const records = parseCsv(await readFile(csv, "utf8"));
  const lines = (await readFile(json, "utf8")).split("\n").slice(0, -1);
  expect([records.length, lines.length]).toEqual([rows, rows]);
  for (let row = 0; row < rows; row++) {
    const members = objectOf(parseJson(lines[row]!))!;
    expect(members.map(([key]) => key)).toEqual(columns.map(({ name }) => name));
    columns.forEach(({ cql }, i) => {
      const bytes = all[i]![row] ?? null;
      const text = records[row]![i]!;
      const member = members[i]![1];
      if (!says(cql, bytes, csvValue(cql, text), false) || !says(cql, bytes, member, true)) {
        expect({ type: samples[i - 1]?.text, csv: text, json: member }).toEqual({ bytes: toHex(bytes) });
      }
    });
  }
  await Promise.all([rm(csv), rm(json)]);
  return records.map((record) => record.slice(1));
}

/** What the import makes of the texts of a column. */
function readBack(type: string, texts: readonly (string | null)[]): Bytes[] {
  return encodeWith(encoder(type, "csv"), textColumn(texts));
}

/** Values that random ones seldom are. */
const CORNERS: Record<string, string[]> = {
  float: [
    "00000000",
    "80000000",
    "7f800000",
    "ff800000",
    "7fc00000",
    "ffc00000",
    "7f800001",
    "00000001",
    "807fffff",
    "7f7fffff",
    "3dcccccd",
    "4b800000",
    "15ae43fd",
  ],
  double: [
    "0000000000000000",
    "8000000000000000",
    "7ff0000000000000",
    "fff0000000000000",
    "7ff8000000000000",
    "7ff8000000000001",
    "fff8000000000000",
    "0000000000000001",
    "7fefffffffffffff",
    "4340000000000001",
    "3fb999999999999a",
    "43e0000000000000",
    "44b52d02c7e14af6",
  ],
  timestamp: [
    "0000000000000000",
    "ffffffffffffffff",
    "ffffc77cedd32800",
    "ffffc77cedd327ff",
    "0000e677d21fdbff",
    "0000e677d21fdc00",
    "ffffc774e98f1400",
    "ffffc774e98f13ff",
    "0020c49ba5e353f7",
    "ffdf3b645a1cac09",
  ],
  date: [
    "80000000",
    "7fffffff",
    "7ff506c5",
    "7ff506c4",
    "7ff50559",
    "7ff50558",
    "802cc0a1",
    "802cc0a2",
    "fffffffe",
    "00000002",
    "00000000",
    "00000001",
    "ffffffff",
  ],
  time: [
    "0000000000000000",
    "0000000000000001",
    "00004e94914effff",
    "000000003b9aca00",
    "000000003b9aca01",
    "0000000005f5e100",
  ],
  duration: [
    "000000",
    "f0fffffffff0ffffffffffffffffffffffffff",
    "010101",
    "020406",
    "00f0ffffffff00",
    "0000fffffffffffffffffe",
  ],
  text: [
    "",
    "22",
    "5c",
    "0a",
    "0d0a",
    "2c",
    "00",
    "7f",
    "1f",
    "e280a8",
    "efbbbf61",
    "4e554c4c",
    "20",
    "f09f9880",
    "27",
  ],
  varint: ["00", "ff", "0080", "ff7f", "0100000000000000000000"],
  decimal: [
    "0000000000",
    "0000000200",
    "fffffffd01",
    "000000029c",
    "0000000701",
    "000000060a",
    "7fffffff01",
    "8000000001",
  ],
  inet: [
    "7f000001",
    "00000000000000000000000000000000",
    "00000000000000000000ffff01020304",
    "20010db8000000000000000000000001",
    "00010000000000010000000000000001",
  ],
};

describe("exact as CSV and as JSON", () => {
  test.each(Object.entries(NATIVE))("%s", async (name, { value }) => {
    const corners = (CORNERS[name] ?? []).map(hex);
    const random = fc.sample(fc.option(value), ROWS);
    const cells = [null, ...corners, ...random];
    const texts = await checkExact([{ text: name, value, udts: new Map() }], [cells]);
    // The random ones are of any version, and only those of version 1 can be stored.
    if (name === "timeuuid") return;
    expect(
      readBack(
        name,
        texts.map(([text]) => text!),
      ).map(toHex),
    ).toEqual(cells.map(toHex));
  });

  test("types nested four deep", { timeout: 30_000 }, async () => {
    const nested = fc.sample(anyType(4), 20);
    for (let at = 0; at < nested.length; at += 10) {
      const samples = nested.slice(at, at + 10);
      await checkExact(
        samples,
        samples.map(({ value }) => fc.sample(fc.option(value), 30)),
      );
    }
  });
});
