/*
 * What becomes of values of DuckDB's types in columns of CQL types: the bytes that the server would get, or a row that is
 * rejected, or no way at all. DuckDB runs the casts; the bytes are made here independently.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Connection, Engine, run } from "../../../src/duckdb/engine.ts";
import { describe as describeQuery, Scan } from "../../../src/duckdb/scan.ts";
import { type ConvertibleColumn, convert } from "../../../src/operations/import/convert.ts";
import { CellWriter, ValueError } from "../../../src/types/codec.ts";
import { parseCqlType } from "../../../src/types/cql.ts";
import { decimal, fields, integer, list, map, varint } from "../../cluster/bytes.ts";

let engine: Engine;
let connection: Connection;

const UDTS = new Map([["u", { fields: ["a", "b"], types: ["bigint", "text"] }]]);

beforeAll(async () => {
  engine = await Engine.open({ memoryBytes: 256e6, threads: 1, tempDirectory: "", keepOrder: true });
  connection = await engine.connect();
  await run(connection, "SET TimeZone = 'UTC'", "preparing");
});

afterAll(() => engine.close());

/** The bytes of a value as a cell, "rejected", or "impossible". */
async function outcome(
  value: string,
  type: string,
  more: Partial<ConvertibleColumn & { truncateTimes: boolean }> = {},
) {
  const [column] = await describeQuery(connection, `SELECT ${value} AS x`, "describing");
  const options = { truncateTimes: more.truncateTimes ?? false };
  const found = convert(parseCqlType(type, UDTS), { sql: "x", type: column!.type, own: false, ...more }, options);
  if (!found) return "impossible";
  const sql = `SELECT ${found.sql}, coalesce(${found.check ?? "false"}, false) FROM (SELECT ${value} AS x)`;
  const scan = await Scan.open(connection, sql, "scanning");
  const chunk = await scan.next();
  await scan.settle();
  const [cells, check] = chunk!.columns;
  if (check!.bytes[0] === 1) return "rejected";
  const out = new CellWriter();
  try {
    found.encode(cells!, 0, 1, out);
  } catch (error) {
    if (error instanceof ValueError) return "rejected";
    throw error;
  }
  const [at, size] = out.index;
  return size! < 0 ? null : Buffer.from(out.bytes.subarray(at!, at! + size!)).toString("hex");
}

function hexOf(bytes: Buffer): string {
  return bytes.toString("hex");
}

const text = (value: string) => hexOf(Buffer.from(value));
const float = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatBE(value);
  return hexOf(bytes);
};
const double = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return hexOf(bytes);
};
const uuid = "123e4567-e89b-12d3-a456-426614174000";

const CASES: readonly (readonly [value: string, type: string, expected: string | null])[] = [
  // integers go where they fit
  ["7::TINYINT", "bigint", hexOf(integer(8, 7))],
  ["255::UTINYINT", "smallint", hexOf(integer(2, 255))],
  ["255::UTINYINT", "tinyint", "rejected"],
  ["-129::BIGINT", "tinyint", "rejected"],
  ["-128::BIGINT", "tinyint", hexOf(integer(1, -128))],
  ["18446744073709551615::UBIGINT", "bigint", "rejected"],
  ["18446744073709551615::UBIGINT", "varint", hexOf(varint(18446744073709551615n))],
  ["170141183460469231731687303715884105727::HUGEINT", "varint", hexOf(varint(2n ** 127n - 1n))],
  ["5::HUGEINT", "int", hexOf(integer(4, 5))],
  ["NULL::BIGINT", "int", null],
  // fractions stay fractions
  ["1.0::DOUBLE", "int", hexOf(integer(4, 1))],
  ["1.5::DOUBLE", "int", "rejected"],
  ["'-0.0'::DOUBLE", "int", "rejected"],
  ["'nan'::DOUBLE", "int", "rejected"],
  ["1e300", "bigint", "rejected"],
  ["2.50::DECIMAL(5,2)", "int", "rejected"],
  ["2.00::DECIMAL(5,2)", "int", hexOf(integer(4, 2))],
  ["2.00::DECIMAL(5,2)", "decimal", hexOf(decimal(2, 200n))],
  ["2::INTEGER", "decimal", hexOf(decimal(0, 2n))],
  ["0.1::DOUBLE", "decimal", hexOf(decimal(1, 1n))],
  ["'nan'::DOUBLE", "decimal", "rejected"],
  ["'-0.0'::DOUBLE", "decimal", "rejected"],
  ["1e20::DOUBLE", "varint", hexOf(varint(10n ** 20n))],
  ["1.5::DECIMAL(3,1)", "varint", "rejected"],
  // floating point keeps every bit
  ["1.5::FLOAT", "double", double(1.5)],
  ["0.1::FLOAT", "double", double(Math.fround(0.1))],
  ["0.1::DOUBLE", "float", "rejected"],
  ["0.5::DOUBLE", "float", float(0.5)],
  ["'-0.0'::DOUBLE", "float", float(-0)],
  ["'inf'::DOUBLE", "float", float(Number.POSITIVE_INFINITY)],
  ["16777217::INTEGER", "float", "rejected"],
  ["16777216::INTEGER", "float", float(16777216)],
  ["9007199254740993::BIGINT", "double", "rejected"],
  ["9007199254740992::BIGINT", "double", double(9007199254740992)],
  // times
  ["'2024-01-01 00:00:00.123'::TIMESTAMP", "timestamp", hexOf(integer(8, 1704067200123n))],
  ["'2024-01-01 00:00:00.123456'::TIMESTAMP", "timestamp", "rejected"],
  ["'2024-01-01 00:00:00.123000001'::TIMESTAMP_NS", "timestamp", "rejected"],
  ["'2024-01-01 00:00:00'::TIMESTAMP_S", "timestamp", hexOf(integer(8, 1704067200000n))],
  ["'1969-12-31 23:59:59.999'::TIMESTAMP_MS", "timestamp", hexOf(integer(8, -1n))],
  ["'infinity'::TIMESTAMP", "timestamp", "rejected"],
  ["'2024-01-01'::DATE", "timestamp", hexOf(integer(8, 1704067200000n))],
  ["'2024-01-01'::DATE", "date", hexOf(integer(4, 2n ** 31n + 19723n))],
  ["'2024-01-01 00:00:00'::TIMESTAMP", "date", hexOf(integer(4, 2n ** 31n + 19723n))],
  ["'2024-01-01 00:00:01'::TIMESTAMP", "date", "rejected"],
  ["'12:34:56.789012'::TIME", "time", hexOf(integer(8, 45296789012000n))],
  ["'12:34:56.789012+00'::TIMETZ", "time", hexOf(integer(8, 45296789012000n))],
  ["'24:00:00+00'::TIMETZ", "time", "rejected"],
  ["'12:34:56+01'::TIMETZ", "time", "rejected"],
  ["1704067200123::BIGINT", "timestamp", "impossible"],
  ["19723::INTEGER", "date", "impossible"],
  // texts
  ["'x'::ENUM('x')", "text", text("x")],
  [`'${uuid}'::UUID`, "text", text(uuid)],
  [`'${uuid}'::UUID`, "uuid", uuid.replaceAll("-", "")],
  [`'${uuid}'`, "uuid", uuid.replaceAll("-", "")],
  [`unhex('${uuid.replaceAll("-", "")}')`, "uuid", uuid.replaceAll("-", "")],
  ["unhex('00')", "uuid", "rejected"],
  ["encode('ä')", "text", text("ä")],
  ["unhex('ff')", "text", "rejected"],
  ["unhex('ff')", "blob", "ff"],
  ["unhex('ff')", "int", "impossible"],
  ["'12'", "int", hexOf(integer(4, 12))],
  ["'12.5'", "int", "rejected"],
  ["1", "text", "impossible"],
  ["'a'", "blob", "rejected"],
  ["'0x0a'", "blob", "0a"],
  ["true", "int", "impossible"],
  // nested
  ["[1, NULL]::BIGINT[]", "list<int>", "rejected"],
  ["[1, 300]::BIGINT[]", "list<tinyint>", "rejected"],
  ["[1, 2]::UTINYINT[]", "list<int>", hexOf(list(integer(4, 1), integer(4, 2)))],
  ["[1, 2]::INTEGER[2]", "set<bigint>", hexOf(list(integer(8, 1), integer(8, 2)))],
  ["[1.5, 2.0]::DOUBLE[]", "list<int>", "rejected"],
  ["[1.0, 2.0]::FLOAT[2]", "vector<float, 2>", float(1) + float(2)],
  ["[1.0]::FLOAT[]", "vector<float, 2>", "rejected"],
  ["MAP {'a': 1::BIGINT}", "map<text, int>", hexOf(map([Buffer.from("a"), integer(4, 1)]))],
  ["{'B': 'x', 'a': 1::INTEGER}", "u", hexOf(fields(integer(8, 1), Buffer.from("x")))],
  ["{'a': 1::INTEGER}", "u", hexOf(fields(integer(8, 1), null))],
  ["{'a': 1, 'b': 'x', 'c': 2}", "u", "impossible"],
  ["{'first': 1::BIGINT, 'second': 'x'}", "tuple<int, text>", hexOf(fields(integer(4, 1), Buffer.from("x")))],
  ["{'first': 1}", "tuple<int, text>", "impossible"],
  ["[{'a': 1::TINYINT, 'b': NULL::VARCHAR}]", "list<frozen<u>>", hexOf(list(fields(integer(8, 1), null)))],
];

describe("a value is converted only where nothing of it is lost", () => {
  it.each(CASES)("%s to %s: %s", async (value, type, expected) => {
    expect(await outcome(value, type)).toBe(expected);
  });
});

describe("what our own exports wrote is taken at its word", () => {
  it.each([
    ["1704067200123::BIGINT", "timestamp", hexOf(integer(8, 1704067200123n))],
    ["19723::INTEGER", "date", hexOf(integer(4, 2n ** 31n + 19723n))],
    ["unhex('')", "int", ""],
    ["unhex('ff')", "text", "ff"],
    ["[unhex('')]", "list<int>", hexOf(list(Buffer.alloc(0)))],
  ])("%s to %s: %s", async (value, type, expected) => {
    expect(await outcome(value, type, { own: true })).toBe(expected);
  });
});

describe("--truncate-times takes what is below a millisecond away", () => {
  it.each([
    ["'2024-01-01 00:00:00.123999'::TIMESTAMP", 1704067200123n],
    ["'1969-12-31 23:59:59.999999'::TIMESTAMPTZ", -1n],
    ["'1969-12-31 23:59:59.998000001'::TIMESTAMP_NS", -2n],
    ["'1969-12-31 23:59:59.997999999'::TIMESTAMP_NS", -3n],
    ["'2024-01-01 00:00:00.123'::TIMESTAMP_MS", 1704067200123n],
  ])("%s: %s", async (value, expected) => {
    expect(await outcome(value, "timestamp", { truncateTimes: true })).toBe(hexOf(integer(8, expected)));
  });

  it("in texts too", async () => {
    const value = "'2024-01-01T00:00:00.123999Z'";
    expect(await outcome(value, "timestamp", { truncateTimes: true })).toBe(hexOf(integer(8, 1704067200123n)));
    expect(await outcome(value, "timestamp")).toBe("rejected");
  });
});
