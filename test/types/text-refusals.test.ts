/* Which texts are refused, and in what words. */
import { describe, expect, test } from "vitest";
import { CellWriter } from "../../src/types/codec.ts";
import { cellsWritten, hex, thrown, toHex } from "./bytes.ts";
import { encoder, read, textColumn } from "./texts.ts";

/** Type, text, and what the refusal says. */
const REFUSED: [string, string, RegExp][] = [
  ["int", "", /'' is no int/],
  ["int", "-", /'-' is no int/],
  ["int", "+-5", /no int/],
  ["int", "1 2", /no int/],
  ["int", "0x10", /no int/],
  ["int", "1_000", /no int/],
  ["int", "1,000", /no int/],
  ["int", "five", /'five' is no int$/],
  ["int", "٥", /no int/],
  ["int", "1.5", /it has a fraction/],
  ["int", "15E-1", /it has a fraction/],
  ["int", "2147483648", /beyond its 4 bytes/],
  ["int", "-2147483649", /beyond its 4 bytes/],
  ["int", "9".repeat(30), /beyond its 4 bytes/],
  ["int", "1E999999999", /exponent is too large/],
  ["int", "NaN", /no int/],
  ["tinyint", "128", /beyond its 1 byte$/],
  ["tinyint", "-129", /beyond its 1 byte$/],
  ["smallint", "32768", /beyond its 2 bytes/],
  ["bigint", "", /no bigint/],
  ["bigint", "-", /no bigint/],
  ["bigint", "9223372036854775808", /beyond its 8 bytes/],
  ["bigint", "-9223372036854775809", /beyond its 8 bytes/],
  ["bigint", "99999999999999999999", /beyond its 8 bytes/],
  ["bigint", "123456789012345x", /no bigint/],
  ["counter", "1.5", /it has a fraction/],
  ["varint", "1.5", /it has a fraction/],
  ["varint", "", /no varint/],
  ["varint", "1E1001", /exponent is too large/],
  ["decimal", "", /no decimal/],
  ["decimal", ".", /no decimal/],
  ["decimal", "NaN", /no decimal/],
  ["decimal", "1.2.3", /no decimal/],
  ["decimal", "1,5", /no decimal/],
  ["decimal", "1E3000000000", /no decimal/],
  ["double", "", /no double/],
  ["double", ".", /no double/],
  ["double", "-", /no double/],
  ["double", "1e", /no double/],
  ["double", "1e+", /no double/],
  ["double", "1.5.5", /no double/],
  ["double", "0x1p3", /no double/],
  ["double", "-NaN", /no double/],
  ["double", "NaN(0x7ff0000000000000)", /no double/],
  ["double", "NaN(0x7fc00001)", /no double/],
  ["float", "NaN(0x7f800000)", /no float/],
  ["float", "NaN(0x7fg00001)", /no float/],
  ["double", "1e309", /too large/],
  ["double", "1e-400", /too close to zero/],
  [
    "float",
    "7.00649232162408535461864791644958065640130970938257885878534141944895541342930300743319094181060791015625e-46",
    /too close/,
  ],
  ["float", "340282356779733661637539395458142568448", /too large/],
  ["float", "-1e39", /too large/],
  ["float", "1e-46", /too close to zero/],
  ["boolean", "", /no boolean/],
  ["boolean", "yes", /no boolean/],
  ["boolean", "2", /no boolean/],
  ["boolean", "\x11", /no boolean/],
  ["boolean", "true!", /no boolean/],
  ["uuid", "550e8400-e29b-41d4-a716-44665544000", /no uuid/],
  ["uuid", "550e8400-e29b-41d4-a716-4466554400000", /no uuid/],
  ["uuid", "550e8400-e29b-41d4-a716-44665544000g", /no uuid/],
  ["uuid", "550e8400e29b41d4a716446655440000", /no uuid/],
  ["timeuuid", "550e8400-e29b-41d4-a716-446655440000", /no timeuuid: not of version 1/],
  ["blob", "", /no blob/],
  ["blob", "0", /no blob/],
  ["blob", "deadbeef", /no blob: 0x/],
  ["blob", "0xabc", /no blob/],
  ["blob", "0xzz", /not all are hexadecimal/],
  ["inet", "1.2.3", /no inet/],
  ["inet", "1.2.3.256", /no inet/],
  ["inet", "01.2.3.4", /no inet/],
  ["inet", "localhost", /no inet/],
  ["inet", "fe80::1%eth0", /no inet/],
  ["inet", "", /no inet/],
  ["date", "2024-02-30", /no date/],
  ["date", "2023-02-29", /no date/],
  ["date", "1900-02-29", /no date/],
  ["date", "2024-13-01", /no date/],
  ["date", "2024-00-01", /no date/],
  ["date", "2024-01-00", /no date/],
  ["date", "2024-1-1", /no date/],
  ["date", "24-01-01", /no date/],
  ["date", "2024/01/01", /no date/],
  ["date", "19782", /no date/],
  ["date", "2024-01-01T00:00:00Z", /no date/],
  ["date", "+5881580-07-12", /beyond its 32 bits/],
  ["date", "-5877641-06-22", /beyond its 32 bits/],
  ["time", "24:00:00", /no time/],
  ["time", "12:60:00", /no time/],
  ["time", "12:00:60", /no time/],
  ["time", "12:00:00.", /no time/],
  ["time", "12:00:00.1234567891", /more digits than nanoseconds/],
  ["time", "12:00:00Z", /no time/],
  ["timestamp", "", /no timestamp/],
  ["timestamp", "2024-01-15", /no Z, no offset/],
  ["timestamp", "2024-01-15T12:00:00", /no Z, no offset/],
  ["timestamp", "2024-01-15 12:00:00.000", /no Z, no offset/],
  ["timestamp", "2024-01-15T12:00:00.0001Z", /more digits than milliseconds/],
  ["timestamp", "2024-01-15T12:00:00.0000000001Z", /more digits than milliseconds/],
  ["timestamp", "2024-01-15T24:00:00Z", /no timestamp/],
  ["timestamp", "2024-01-15T12:00:00+25", /no timestamp/],
  ["timestamp", "2024-01-15T12:00:00+05:", /no timestamp/],
  ["timestamp", "2024-01-15T12:00:00Zx", /no timestamp/],
  ["timestamp", "2024-01-15T12:00:00 CET", /no timestamp/],
  ["timestamp", "+292278994-08-17T07:12:55.808Z", /beyond 64 bits/],
  ["timestamp", "1705320000.5", /no timestamp/],
  ["duration", "-", /no duration/],
  ["duration", "1", /no duration/],
  ["duration", "1d1mo", /no duration/],
  ["duration", "1d2d", /no duration/],
  ["duration", "1.5h", /no duration/],
  ["duration", "P", /no duration/],
  ["duration", "P1DT", /no duration/],
  ["duration", "1mo-2d", /no duration/],
  ["duration", "2147483648mo", /beyond 32 bits/],
  ["duration", "9223372036854775808ns", /beyond 32 bits of months/],
];

describe("what is refused", () => {
  test.each(REFUSED)("%s %j", (type, text, message) => {
    expect(thrown(() => read(type, "csv", text)).message).toMatch(message);
    expect(thrown(() => read(type, "json", JSON.stringify(text))).message).toMatch(message);
  });

  test.each<[string, string, RegExp]>([
    ["text", "5", /'5' where a string in quotes belongs/],
    ["text", "true", /'t' where a string in quotes belongs/],
    ["text", '["a"]', /'\[' where a string in quotes belongs/],
    ["ascii", '"é"', /no ascii/],
    ["int", "[1]", /'\[' where a value of type int belongs/],
    ["int", "true", /no int/],
    ["int", '""', /no int/],
    ["int", "", /the end where/],
    ["int", "1 2", /'2' where the end belongs, at byte 2/],
    ["int", "None", /no int/],
    ["text", '"\\ud800"', /half of a surrogate pair/],
    ["text", '"\\ud800\\u0041"', /half of a surrogate pair/],
    ["text", '"\\udc00"', /half of a surrogate pair/],
    ["text", '"\\ud83dx"', /half of a surrogate pair/],
    ["text", '"\\x41"', /an escape that JSON doesn't have/],
    ["text", '"\\u12"', /an escape that JSON doesn't have/],
    ["text", '"\\u12g4"', /an escape that JSON doesn't have/],
    ["text", '"a', /a string without an end/],
    ["text", '"a\\', /an escape that|a string without an end/],
    ["text", '"a\\n', /a string without an end/],
    ["text", '"a\tb"', /a control character in a string, at byte 2/],
    ["text", '"\\n\tb"', /a control character in a string/],
    ["list<int>", "[1, null]", /^element 1: a null inside a list/],
    ["set<int>", "[null]", /^element 0: a null inside a set/],
    ["list<int>", "[1, 2", /',' or '\]' belongs/],
    ["list<int>", "[1, 2,]", /^element 2: .*'\]' where a value of type int belongs/],
    ["list<int>", "[1 2]", /'2' where ',' or '\]' belongs/],
    ["list<int>", "[1]]", /']' where the end belongs/],
    ["list<int>", "{1}", /'\{' where the '\[' of a list belongs/],
    ["list<int>", "1", /'1' where the '\[' of a list belongs/],
    ["list<list<int>>", "[[1], [2, 3.5]]", /^element 1: element 1: '3.5' is no int: it has a fraction/],
    ["map<text, int>", '{"a": 1, "a": 2}', /entry 1: a key that the map has already/],
    ["map<int, int>", '{"1": 1, "1.0": 2}', /entry 1: a key that the map has already/],
    ["map<text, int>", '{"a": null}', /^entry 0: a null inside a map/],
    ["map<text, int>", "[[null, 1]]", /^entry 0: a null inside a map's key/],
    ["map<text, int>", '{"a" 1}', /'1' where ':' belongs/],
    ["map<text, int>", "{a: 1}", /'a' where a key in quotes belongs/],
    ["map<text, int>", '[["a"]]', /'\]' where ',' or|a value/],
    ["map<text, int>", '[["a", 1, 2]]', /'2' where the '\]' of a key/],
    ["map<text, int>", "[[]]", /key and its value/],
    ["map<int, int>", '{"x": 1}', /^entry 0: 'x' is no int/],
    ["map<list<int>, int>", '{"[1": 1}', /^entry 0: element 1: no such JSON/],
    ["tuple<int, int>", "[1]", /1 values for a tuple of 2/],
    ["tuple<int, int>", "[1, 2, 3]", /more than 2 values for a tuple of 2/],
    ["tuple<int, int>", '[1, "x"]', /^field 2: 'x' is no int/],
    ["tuple<int, int>", '{"1": 1, "2": 2}', /'\{' where the '\[' of a tuple/],
    ["point", '{"z": 1}', /a field 'z', which point doesn't have/],
    ["point", '{"X": 1}', /a field 'X', which point doesn't have/],
    ["point", '{"x": 1, "x": 2}', /the field 'x' twice/],
    ["point", '{"x": "a"}', /^field x: 'a' is no int/],
    ["point", "[1]", /'\[' where the '\{' of a point/],
    ["vector<float, 2>", "[1]", /1 values for a vector of 2/],
    ["vector<float, 2>", "[1, 2, 3]", /more than 2 values for a vector of 2/],
    ["vector<float, 2>", "[1, null]", /^element 1: a null inside a vector/],
    [
      "vector<'org.apache.cassandra.db.marshal.LexicalUUIDType', 1>",
      '["0x01"]',
      /^element 0: 1 bytes where all have 16/,
    ],
    ["vector<text, 1>", "[null]", /^element 0: a null inside a vector/],
  ])("JSON: %s %s", (type, json, message) => {
    expect(thrown(() => read(type, "json", json)).message).toMatch(message);
  });

  test("bytes that are not UTF-8", () => {
    for (const bad of ["ff", "c080", "eda080", "61616161c3"]) {
      expect(thrown(() => read("text", "csv", hex(bad))).message).toBe("bytes that are not UTF-8");
      expect(thrown(() => read("text", "json", hex(`22${bad}22`))).message).toBe("bytes that are not UTF-8");
    }
  });

  test("the hint says the way past it", () => {
    expect(thrown(() => read("timestamp", "csv", "2024-01-15 12:00:00")).hint).toMatch(/with Z for UTC/);
    expect(thrown(() => read("timestamp", "csv", "2024-01-15 12:00:00.1234Z")).hint).toMatch(/--truncate-times/);
    expect(thrown(() => read("list<timestamp>", "json", '["2024-01-15"]')).hint).toMatch(/with Z for UTC/);
  });

  test("a long value is named by its beginning", () => {
    expect(thrown(() => read("int", "csv", "x".repeat(1000))).message.length).toBeLessThan(120);
  });

  test("the row is named, the cells before it are kept, and one may go on behind it", () => {
    for (const [type, good, bad] of [
      ["int", "7", "x"],
      ["tuple<int, map<text, int>>", '[7, {"a": 7}]', '[7, {"a": 7, "b": "x"}]'],
      ["list<point>", '[{"x": 7}]', '[{"x": 7}, {"x": "x"}]'],
    ] as const) {
      for (const form of ["csv", "json"] as const) {
        const encode = encoder(type, form);
        const out = new CellWriter();
        const column = textColumn([bad, good, null, bad, good, bad]);
        expect(thrown(() => encode(column, 1, 5, out)).row).toBe(3);
        expect(out.cells).toBe(2);
        expect(out.length).toBe(out.index[0]! + out.index[1]!);
        encode(column, 4, 1, out);
        const [first, second, third, ...more] = cellsWritten(out);
        expect([toHex(first!), second, more]).toEqual([toHex(third!), null, []]);
        expect(toHex(first!)).toMatch(/00000007/);
      }
    }
  });
});
