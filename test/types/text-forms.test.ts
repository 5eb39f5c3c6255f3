/* Which texts are taken as which value. Which are refused is in text-refusals.test.ts. */
import { describe, expect, test } from "vitest";
import { duckdbTypeFromText } from "../../src/types/column-type.ts";
import { bigEndian, decimal, duration, varint } from "./arbitraries.ts";
import { collection, concat, encodeWith, f32, f64, hex, int32, lengthAnd, toHex } from "./bytes.ts";
import { encoder, read, textColumn } from "./texts.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const ms = (text: string) => bigEndian(BigInt(Date.parse(text)), 8);
const NOON = ms("2024-01-15T12:00:00.000Z");

/** Type, texts, and the bytes they all are; in CSV and, quoted, in JSON. */
const TAKEN: [string, string[], Uint8Array][] = [
  ["int", ["5", "+5", "005", "5.0", "5.000", "5.", "0.5e1", "50E-1", " 5\t"], int32(5)],
  ["int", ["-2147483648", "-2147483648.0"], int32(-(2 ** 31))],
  ["int", ["2147483647"], int32(2 ** 31 - 1)],
  ["int", ["0", "-0", "0e9", "0.0", "00000000000000000000000"], int32(0)],
  ["tinyint", ["-128", "-1.28E2"], hex("80")],
  ["tinyint", ["127"], hex("7f")],
  ["smallint", ["-32768"], hex("8000")],
  ["smallint", ["32767", "32767.00"], hex("7fff")],
  ["bigint", ["9223372036854775807", "9223372036854775807.0", "0009223372036854775807"], hex("7fffffffffffffff")],
  ["bigint", ["-9223372036854775808"], hex("8000000000000000")],
  ["bigint", ["9007199254740993"], hex("0020000000000001")],
  ["bigint", ["-4294967296000000"], bigEndian(-4294967296000000n, 8)],
  ["bigint", ["1E18"], bigEndian(10n ** 18n, 8)],
  ["counter", ["-1"], hex("ffffffffffffffff")],
  ["varint", ["1E3", "1000", "1000.0"], varint(1000n)],
  ["varint", [`1${"0".repeat(60)}`, `1${"0".repeat(60)}.0`, "1E60"], varint(10n ** 60n)],
  ["decimal", ["1.10", "+1.10", "110E-2", " 1.10 "], decimal(110n, 2)],
  ["decimal", ["1E+3", "1e3"], decimal(1n, -3)],
  ["decimal", ["-0.00", "0.00", ".00"], decimal(0n, 2)],
  ["decimal", [`0.${"1".repeat(40)}`], decimal(BigInt("1".repeat(40)), 40)],
  ["double", ["0.1", ".1", "1e-1", "0.1000000000000000055511151231257827"], f64(0.1)],
  ["double", ["-0", "-0.0", "-0e0", "-.0"], f64(-0)],
  ["double", ["NaN", "nan", "NAN"], hex("7ff8000000000000")],
  ["double", ["NaN(0x7ff8000000000000)"], hex("7ff8000000000000")],
  ["double", ["NaN(0xfff0000000000001)", "nan(0xFFF0000000000001)"], hex("fff0000000000001")],
  ["float", ["NaN(0xffc00001)"], hex("ffc00001")],
  ["double", ["Infinity", "+inf", "INF"], f64(Number.POSITIVE_INFINITY)],
  ["double", ["-Infinity", "-inf"], f64(Number.NEGATIVE_INFINITY)],
  ["double", ["9007199254740993", "9007199254740992.9999"], f64(9007199254740992)],
  ["double", ["1.7976931348623157e308", "1.7976931348623158E+308"], f64(Number.MAX_VALUE)],
  ["double", ["5e-324", "0.5e-323"], f64(Number.MIN_VALUE)],
  ["double", ["1e23"], f64(1e23)],
  ["float", ["NaN"], hex("7fc00000")],
  ["float", ["-0.0"], hex("80000000")],
  ["float", ["16777217", "16777217.000000000"], f32(16777216)],
  // Above the middle between two floats by less than a double can tell.
  ["float", ["16777217.0000000001"], f32(16777218)],
  ["float", ["16777218.9999999999"], f32(16777218)],
  ["float", ["16777219"], f32(16777220)],
  ["float", ["3.4028235677973366e38", "340282356779733661637539395458142568447.99"], hex("7f7fffff")],
  ["float", ["1e-45", "1.4012984643248171e-45"], hex("00000001")],
  [
    "float",
    ["7.00649232162408535461864791644958065640130970938257885878534141944895541342930300743319094181060791015626e-46"],
    hex("00000001"),
  ],
  ["boolean", ["true", "True", "TRUE", "tRuE", "1"], hex("01")],
  ["boolean", ["false", "False", "FALSE", "0"], hex("00")],
  [
    "uuid",
    ["550e8400-e29b-41d4-a716-446655440000", "550E8400-E29B-41D4-A716-446655440000"],
    hex("550e8400e29b41d4a716446655440000"),
  ],
  ["timeuuid", ["d2177dd0-eaa2-11de-a572-001b779c76e3"], hex("d2177dd0eaa211dea572001b779c76e3")],
  ["blob", ["0xDEadbeef", "0XdeadBEEF"], hex("deadbeef")],
  ["blob", ["0x"], hex("")],
  ["'org.example.Own'", ["0x01"], hex("01")],
  ["inet", ["127.0.0.1"], hex("7f000001")],
  ["inet", ["::1", "0:0:0:0:0:0:0:1", "0000::0001"], hex("00000000000000000000000000000001")],
  ["inet", ["::ffff:1.2.3.4", "::FFFF:102:304"], hex("00000000000000000000ffff01020304")],
  ["inet", ["2001:db8::a", "2001:DB8::A"], hex("20010db800000000000000000000000a")],
  ["date", ["1970-01-01"], hex("80000000")],
  ["date", ["2024-02-29", "+2024-02-29"], bigEndian(2n ** 31n + 19782n, 4)],
  ["date", ["-5877641-06-23"], hex("00000000")],
  ["date", ["+5881580-07-11", "5881580-07-11"], hex("ffffffff")],
  ["date", ["0000-03-01"], bigEndian(2n ** 31n - 719468n, 4)],
  ["time", ["12:34:56.123456789"], bigEndian(45296123456789n, 8)],
  ["time", ["12:34", "12:34:00", "12:34:00.000000000000"], bigEndian(45240000000000n, 8)],
  ["time", ["23:59:59.999999999"], bigEndian(86399999999999n, 8)],
  [
    "timestamp",
    [
      "2024-01-15T12:00:00.000Z",
      "2024-01-15T12:00:00Z",
      "2024-01-15t12:00z",
      "2024-01-15 12:00:00.000000000Z",
      "2024-01-15 12:00:00.000+0000",
      "2024-01-15 12:00:00+00",
      "2024-01-15 12:00:00 UTC",
      "2024-01-15T12:00:00UTC",
      "2024-01-15T17:30:00+05:30",
      "2024-01-15T17:30:00+0530",
      "2024-01-14T23:00:00-13",
      "2024-01-15T12:00:00.0 -00:00",
      "1705320000000",
      "  2024-01-15T12:00:00Z ",
    ],
    NOON,
  ],
  ["timestamp", ["1969-12-31T23:59:59.999Z", "-1"], bigEndian(-1n, 8)],
  ["timestamp", ["9999-12-31T23:59:59.999Z"], ms("9999-12-31T23:59:59.999Z")],
  ["timestamp", ["-0001-02-28T00:00:00Z"], ms("-000001-02-28T00:00:00Z")],
  ["timestamp", ["+292278994-08-17T07:12:55.807Z", "9223372036854775807"], hex("7fffffffffffffff")],
  ["timestamp", ["-292275055-05-16T16:47:04.192Z"], hex("8000000000000000")],
  [
    "duration",
    ["1y2mo3w4d5h6m7s8ms9us10ns", "1Y2MO3W4D5H6M7S8MS9µS10NS", "1y2mo3w4d5h6m7s8ms9μs10ns"],
    duration(14n, 25n, 18367008009010n),
  ],
  ["duration", ["-1mo2d", "-P1M2D"], duration(-1n, -2n, 0n)],
  ["duration", ["P1Y2M3DT4H5M6S", "P0001-02-03T04:05:06", "14mo3d4h5m6s"], duration(14n, 3n, 14706000000000n)],
  ["duration", ["P2W", "14d", "P14D"], duration(0n, 14n, 0n)],
  ["duration", ["PT1.5S", "1500ms", "PT1.500000000S"], duration(0n, 0n, 1500000000n)],
  ["duration", ["0s", "0d", "P0D", "PT0S", ""], duration(0n, 0n, 0n)],
  ["duration", ["2147483647mo", "178956970y7mo"], duration(2147483647n, 0n, 0n)],
  ["duration", ["-9223372036854775808ns"], duration(0n, 0n, -(2n ** 63n))],
];

describe("what is taken", () => {
  test.each(TAKEN)("%s %j", (type, texts, bytes) => {
    for (const text of texts) {
      expect([text, toHex(read(type, "csv", text))]).toEqual([text, toHex(bytes)]);
      expect([text, toHex(read(type, "json", JSON.stringify(text)))]).toEqual([text, toHex(bytes)]);
    }
  });

  test("text and ascii as they are, spaces and all", () => {
    for (const text of [
      "",
      " ",
      " a\t",
      "null",
      "0x",
      '"',
      "é日😀",
      "\0\n",
      "x".repeat(500),
      "\n".repeat(300),
      `${"é".repeat(200)}`,
    ]) {
      expect(toHex(read("text", "csv", text))).toBe(toHex(utf8(text)));
      expect(toHex(read("text", "json", ` ${JSON.stringify(text)}\n`))).toBe(toHex(utf8(text)));
    }
    expect(read("ascii", "csv", " ~")).toEqual(utf8(" ~"));
  });

  test.each<[string, string, Uint8Array]>([
    ["text", '"\\u00e9\\ud83d\\ude00\\/\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u20AC"', utf8('é😀/"\\\b\f\n\r\t\0€')],
    ["int", "12.0", int32(12)],
    ["bigint", "9007199254740993", hex("0020000000000001")],
    ["decimal", "1.10", decimal(110n, 2)],
    ["decimal", "-12345678901234567890.00", decimal(-1234567890123456789000n, 2)],
    ["double", "-0.0", f64(-0)],
    ["double", "NaN", hex("7ff8000000000000")],
    ["boolean", "true", hex("01")],
    ["boolean", "0", hex("00")],
    ["timestamp", "1705320000000", NOON],
    ["list<int>", " [ 1 ,\n2 ] ", collection(2, [int32(1), int32(2)])],
    ["list<int>", "[]", collection(0, [])],
    ["set<text>", '["a"]', collection(1, [utf8("a")])],
    ["list<uuid>", "[550e8400-e29b-41d4-a716-446655440000]", collection(1, [hex("550e8400e29b41d4a716446655440000")])],
    ["map<text, int>", '{"": 1, "b\\n": 2}', collection(2, [utf8(""), int32(1), utf8("b\n"), int32(2)])],
    ["map<text, int>", '[["b", 2]]', collection(1, [utf8("b"), int32(2)])],
    ["map<int, int>", '{"5": 1}', collection(1, [int32(5), int32(1)])],
    ["map<int, int>", '[[5, 1], ["6", "2"]]', collection(2, [int32(5), int32(1), int32(6), int32(2)])],
    ["map<int, int>", "{}", collection(0, [])],
    ["map<int, int>", "[]", collection(0, [])],
    ["map<list<int>, int>", '{"[1]": 1}', collection(1, [collection(1, [int32(1)]), int32(1)])],
    ["tuple<int, text>", "[null, null]", concat(lengthAnd(null), lengthAnd(null))],
    ["tuple<int, text>", '[1, ""]', concat(lengthAnd(int32(1)), lengthAnd(utf8("")))],
    ["point", '{"y": "b", "x": 1}', concat(lengthAnd(int32(1)), lengthAnd(utf8("b")))],
    ["point", '{"\\u0079": "b"}', concat(lengthAnd(null), lengthAnd(utf8("b")))],
    ["point", "{}", concat(lengthAnd(null), lengthAnd(null))],
    ["cased", '{"A": 2, "a": 1}', concat(lengthAnd(int32(1)), lengthAnd(int32(2)))],
    ["cased", '{"a": 1, "A_1": 2}', concat(lengthAnd(int32(1)), lengthAnd(int32(2)))],
    ["vector<float, 2>", "[1, 2.5]", concat(f32(1), f32(2.5))],
    ["vector<text, 2>", `["a", "${"b".repeat(128)}"]`, concat(hex("0161"), hex("8080"), utf8("b".repeat(128)))],
    ["vector<text, 1>", `["${"b".repeat(70_000)}"]`, concat(hex("c11170"), utf8("b".repeat(70_000)))],
  ])("JSON: %s %s", (type, json, bytes) => {
    expect(toHex(read(type, "json", json))).toBe(toHex(bytes));
    if (/[<]|point|cased/.test(type)) expect(toHex(read(type, "csv", json))).toBe(toHex(bytes));
  });

  test("null in JSON is NULL, and so is it in a nested type's CSV; NULL is NULL", () => {
    for (const type of ["int", "text", "list<int>", "map<text, int>", "tuple<int>", "point", "vector<int, 1>"]) {
      expect(encodeWith(encoder(type, "json"), textColumn(["null", null, " null "]))).toEqual([null, null, null]);
    }
    expect(read("list<int>", "csv", "null")).toBeNull();
    expect(read("text", "csv", "null")).toEqual(utf8("null"));
  });

  test.each<[string, string, string, Uint8Array]>([
    ["int", "BLOB", "0x", hex("")],
    ["text", "BLOB", "0xff", hex("ff")],
    ["date", "INTEGER", "-1", hex("7fffffff")],
    ["date", "INTEGER", "2147483647", hex("ffffffff")],
    ["timestamp", "BIGINT", "-1", hex("ffffffffffffffff")],
    ["list<int>", "BLOB", "0x00", hex("00")],
    ["list<int>", "BLOB[]", '["0x01"]', collection(1, [hex("01")])],
    ["vector<date, 1>", "INTEGER[]", "[1]", hex("0480000001")],
    ["map<int, date>", "MAP(BLOB, INTEGER)", '[["0x01", 0]]', collection(1, [hex("01"), hex("80000000")])],
    [
      "tuple<int, date>",
      'STRUCT("1" BLOB, "2" INTEGER)',
      '["0x01", 0]',
      concat(lengthAnd(hex("01")), lengthAnd(hex("80000000"))),
    ],
    ["point", "STRUCT(x INTEGER, y BLOB)", '{"x": 1, "y": "0xff"}', concat(lengthAnd(int32(1)), lengthAnd(hex("ff")))],
  ])("%s that was written as %s: %s", (type, want, text, bytes) => {
    const isPlain = !/[<]|point/.test(type) || text.startsWith("0x");
    const options = { want: duckdbTypeFromText(want) };
    expect(toHex(read(type, "csv", text, options))).toBe(toHex(bytes));
    expect(toHex(read(type, "json", isPlain ? JSON.stringify(text) : text, options))).toBe(toHex(bytes));
  });

  test("digits beyond milliseconds are cut where that is allowed", () => {
    const cut = (text: string) =>
      toHex(encodeWith(encoder("timestamp", "csv", { truncateTimes: true }), textColumn([text]))[0]!);
    expect(cut("2024-01-15T12:00:00.000999999Z")).toBe(toHex(NOON));
    expect(cut("2024-01-15T12:00:00.00000000001Z")).toBe(toHex(NOON));
    expect(cut("1969-12-31T23:59:59.9999Z")).toBe(toHex(bigEndian(-1n, 8)));
  });
});
