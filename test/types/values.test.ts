/* What values become, spelled out: the corners that a real server or DuckDB was seen to have. */
import { describe, expect, test } from "vitest";
import { duckdbTypeFromText } from "../../src/types/column-type.ts";
import { bigEndian, decimal, duration, varint } from "./arbitraries.ts";
import { codec, collection, concat, decode, encode, hex, int32, lengthAnd, toHex, values } from "./bytes.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

/** Type, bytes, and the value they become. The bytes of decimal, duration and vector are what Cassandra 5.0.5 writes. */
const SPELLED: [string, string | Uint8Array, unknown][] = [
  ["tinyint", "80", -128],
  ["tinyint", "7f", 127],
  ["smallint", "8000", -32768],
  ["smallint", "7fff", 32767],
  ["int", "80000000", -2147483648],
  ["int", "7fffffff", 2147483647],
  ["bigint", "8000000000000000", -9223372036854775808n],
  ["bigint", "7fffffffffffffff", 9223372036854775807n],
  ["counter", "ffffffffffffffff", -1n],
  ["boolean", "00", false],
  ["boolean", "01", true],
  ["double", "7ff0000000000000", Number.POSITIVE_INFINITY],
  ["double", "0000000000000001", 4.9e-324],
  ["double", "7fefffffffffffff", 1.7976931348623157e308],
  ["double", "8000000000000000", -0],
  ["float", "ff800000", Number.NEGATIVE_INFINITY],
  ["float", "7f7fffff", 3.4028234663852886e38],
  ["float", "80000000", -0],
  ["text", "", ""],
  ["text", "00", "\0"],
  ["text", utf8("twelve bytes"), "twelve bytes"],
  ["text", utf8("thirteen byte"), "thirteen byte"],
  ["text", utf8("é e\u0301 日本語 😀 ﷽"), "é e\u0301 日本語 😀 ﷽"],
  ["text", "efbbbf61", "\ufeffa"],
  ["text", "f48fbfbf", "\u{10ffff}"],
  ["ascii", utf8("~ !"), "~ !"],
  ["blob", "", ""],
  ["blob", "deadbeef", "deadbeef"],
  ["varint", "00", "0"],
  ["varint", "ff", "-1"],
  ["varint", "0080", "128"],
  ["varint", "7fffffffffff", "140737488355327"],
  ["varint", "800000000000", "-140737488355328"],
  ["varint", "80000000000000000000000000000001", "-170141183460469231731687303715884105727"],
  ["varint", varint(10n ** 68n - 1n), "9".repeat(68)],
  ["decimal", "0000000000", "0"],
  ["decimal", "0000000200", "0.00"],
  ["decimal", "fffffffd01", "1E+3"],
  ["decimal", "fffffff600", "0E+10"],
  ["decimal", "0000000303e8", "1.000"],
  ["decimal", "0000000701", "1E-7"],
  ["decimal", "0000000601", "0.000001"],
  ["decimal", "000000147b", "1.23E-18"],
  ["decimal", "800000010c", "1.2E+2147483648"],
  ["decimal", "7fffffff01", "1E-2147483647"],
  ["decimal", "0000000700", "0E-7"],
  ["decimal", "0000000600", "0.000000"],
  ["decimal", "0000000bf1", "-1.5E-10"],
  ["decimal", "0000000901869f", "0.000099999"],
  ["decimal", decimal(12345n, -(2 ** 31)), "1.2345E+2147483652"],
  ["decimal", decimal(12345n, 2 ** 31 - 1), "1.2345E-2147483643"],
  ["decimal", decimal(-(10n ** 30n), 30), `-1.${"0".repeat(30)}`],
  ["decimal", decimal(-5n, 1), "-0.5"],
  ["uuid", "f0f0f0f000004000800000000000000a", "f0f0f0f0-0000-4000-8000-00000000000a"],
  ["timeuuid", "50554d6e29bb11e5b345feff819cdc9f", "50554d6e-29bb-11e5-b345-feff819cdc9f"],
  ["inet", "7f000001", "127.0.0.1"],
  ["inet", "ffffffff", "255.255.255.255"],
  ["inet", "00000000000000000000ffff01020304", "::ffff:1.2.3.4"],
  ["inet", "00000000000000000000000000000000", "::"],
  ["inet", "00000000000000000000000001020304", "::102:304"],
  ["inet", "fe800000000000000000000000000001", "fe80::1"],
  ["inet", "ffffffffffffffffffffffffffffffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["inet", "20010db8000000000001000000000001", "2001:db8::1:0:0:1"],
  ["inet", "20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"],
  ["inet", "00010000000000000000000000000000", "1::"],
  ["timestamp", bigEndian(-1n, 8), -1000n],
  ["timestamp", bigEndian(8640000000000001n, 8), 8640000000000001000n],
  ["timestamp", bigEndian(9223372036854775n, 8), 9223372036854775000n],
  ["timestamp", bigEndian(-9223372036854775n, 8), -9223372036854775000n],
  ["date", "80000000", 0],
  ["date", "7fffffff", -1],
  ["date", "00000000", -2147483648],
  ["date", "00000001", -2147483647],
  ["date", "ffffffff", 2147483647],
  ["time", "0000000000000000", 0n],
  ["time", "00004e94914effff", 86399999999999n],
  ["duration", "010305", { months: -1, days: -2, nanos: -3n }],
  [
    "duration",
    "f0fffffffef0fffffffefffffffffffffffffe",
    { months: 2147483647, days: 2147483647, nanos: 9223372036854775807n },
  ],
  [
    "duration",
    "f0fffffffff0ffffffffffffffffffffffffff",
    { months: -2147483648, days: -2147483648, nanos: -9223372036854775808n },
  ],
  ["duration", duration(-178956970n * 12n - 7n, 0n, 0n), { months: -2147483647, days: 0, nanos: 0n }],
  ["list<int>", "00000000", []],
  ["list<int>", "00000002 00000004 00000003 00000004 00000001", [3, 1]],
  ["set<text>", collection(2, [utf8("a"), utf8("")]), ["a", ""]],
  ["map<text, int>", collection(1, [utf8("k1"), int32(1)]), [{ key: "k1", value: 1 }]],
  ["tuple<int, text>", concat(lengthAnd(int32(1)), lengthAnd(null)), { 1: 1, 2: null }],
  ["vector<text, 2>", concat(hex("02616280c8"), utf8("x".repeat(200))), ["ab", "x".repeat(200)]],
  ["vector<smallint, 3>", "02000102fffe020003", [1, -2, 3]],
  [
    "vector<vector<int, 2>, 2>",
    "00000001000000020000000300000004",
    [
      [1, 2],
      [3, 4],
    ],
  ],
  [
    "vector<frozen<list<int>>, 2>",
    "1400000002000000040000000100000004000000020c000000010000000400000003",
    [[1, 2], [3]],
  ],
  ["vector<boolean, 2>", "0100", [true, false]],
  ["'org.apache.cassandra.db.marshal.CompositeType(a)'", "0001", "0001"],
];

describe("values", () => {
  test.each(SPELLED)("%s %s", (type, bytes, value) => {
    const cell = typeof bytes === "string" ? hex(bytes) : bytes;
    const made = codec(type);
    const column = decode(made, [null, cell, cell]);
    expect(values(column)).toEqual([null, value, value]);
    expect(encode(made, column).map(toHex)).toEqual([null, toHex(cell), toHex(cell)]);
  });

  test.each([
    ["list<int>", collection(2, [int32(1), null]), [1, null]],
    ["map<text, int>", collection(1, [utf8("k1"), null]), [{ key: "k1", value: null }]],
  ])("a NULL in a %s is read, and refused in writing", (type, bytes, value) => {
    const made = codec(type);
    const column = decode(made, [bytes]);
    expect(values(column)).toEqual([value]);
    expect(() => encode(made, column)).toThrow("a NULL inside a collection");
  });

  test.each([
    ["uuid", "UUID", "f0f0f0f000004000800000000000000a", "70f0f0f000004000800000000000000a"],
    ["timestamp", "BIGINT", "7fffffffffffffff", 9223372036854775807n],
    ["date", "INTEGER", "00000000", -2147483648],
    ["varint", "BIGINT", "80", -128n],
    ["varint", "BIGINT", "8000000000000000", -9223372036854775808n],
    ["varint", "DECIMAL(38,0)", "00ff", 255n],
    ["decimal", "DECIMAL(4,2)", "00000002cfc7", -12345],
    ["decimal", "DECIMAL(4,2)", "0000000001", 100],
    ["decimal", "DECIMAL(4,2)", "0000000303e8", 100],
    ["decimal", "DECIMAL(9,2)", "7fffffff00", 0],
    ["decimal", "DECIMAL(18,2)", "fffffffd01", 100000n],
    ["decimal", "DECIMAL(38,37)", "00000000ff", -(10n ** 37n)],
    ["text", "BLOB", "c080", "c080"],
    ["int", "BLOB", "", ""],
    ["list<int>", "BLOB", "ff", "ff"],
  ])("%s as %s: %s", (type, wanted, bytes, value) => {
    const fitting = wanted === "DECIMAL(4,2)" && value === -12345 ? "DECIMAL(5,2)" : wanted;
    const made = codec(type, { want: duckdbTypeFromText(fitting) });
    expect(values(decode(made, [hex(bytes), null]))).toEqual([value, null]);
  });
});

describe("notes", () => {
  test.each([
    ["double", "3ff0000000000000", false],
    ["double", "7ff8000000000000", false],
    ["double", "7ff0000000000000", false],
    ["double", "fff0000000000000", false],
    ["double", "8000000000000000", true],
    ["double", "fff8000000000000", true],
    ["double", "7ff0000000000001", true],
    ["double", "7ff8000000000001", true],
    ["float", "3f800000", false],
    ["float", "7fc00000", false],
    ["float", "ff800000", false],
    ["float", "80000000", true],
    ["float", "7fc00001", true],
    ["float", "7f800001", true],
    ["list<float>", toHex(collection(1, [hex("80000000")]))!, true],
    ["vector<float, 1>", "80000000", true],
  ])("%s %s needs its exact bits: %s", (type, bytes, expected) => {
    expect(decode(codec(type), [hex(bytes)]).notes.exactFloatBits).toBe(expected);
  });

  test("zero-length values become NULL where asked, and are counted", () => {
    for (const type of [
      "int",
      "bigint",
      "boolean",
      "double",
      "float",
      "inet",
      "varint",
      "decimal",
      "uuid",
      "timestamp",
      "duration",
      "list<int>",
      "map<int, int>",
      "vector<float, 2>",
    ]) {
      const column = decode(codec(type, { empty: "null" }), [hex(""), null, hex("")]);
      expect([type, values(column), column.notes.emptied]).toEqual([type, [null, null, null], 2]);
    }
    for (const type of ["text", "ascii", "blob"]) {
      const column = decode(codec(type, { empty: "null" }), [hex("")]);
      expect([values(column), column.notes.emptied]).toEqual([[""], 0]);
    }
    const nested = decode(codec("list<int>", { empty: "null" }), [collection(2, [hex(""), int32(5)])]);
    expect([values(nested), nested.notes.emptied]).toEqual([[[null, 5]], 1]);
  });

  test("a zero-length tuple is one whose fields are all missing", () => {
    const column = decode(codec("tuple<int, text>"), [hex(""), null]);
    expect([values(column), column.notes.evolved]).toEqual([[{ "1": null, "2": null }, null], 1]);
  });

  test("values with fewer fields than the type get NULLs, and are counted", () => {
    const udts = new Map([
      ["addr", { fields: ["street", "zip", "tags"], types: ["text", "int", "frozen<set<text>>"] }],
    ]);
    const made = codec("frozen<addr>", {}, udts);
    const column = decode(made, [
      lengthAnd(utf8("only")),
      null,
      concat(lengthAnd(null), lengthAnd(int32(1)), lengthAnd(null)),
    ]);
    expect(values(column)).toEqual([
      { street: "only", zip: null, tags: null },
      null,
      { street: null, zip: 1, tags: null },
    ]);
    expect(column.notes.evolved).toBe(1);
    expect(encode(made, column).map(toHex)[0]).toBe(toHex(concat(lengthAnd(utf8("only")), int32(-1), int32(-1))));
  });

  test("fields of one name in two cases get two names", () => {
    const udts = new Map([["u", { fields: ["Id", "id", "ID", "id_1"], types: ["int", "int", "int", "int"] }]]);
    const { column } = codec("u", {}, udts);
    expect(column.kind === "STRUCT" && column.fields.map(({ name }) => name)).toEqual(["Id", "id_2", "ID_3", "id_1"]);
  });

  test.each([
    [["0000000303e8"], 1, 3],
    [["0000000303e8", "fffffffd01"], 4, 3],
    [["fffffff600"], 1, 0],
    [["00000002ff"], 0, 2],
    [["7fffffff01"], 0, 2147483647],
  ])("decimals %s need %i digits before the point and %i behind", (cells, integer, fraction) => {
    const { notes } = decode(codec("decimal"), cells.map(hex));
    expect([notes.integerDigits, notes.fractionDigits]).toEqual([integer, fraction]);
  });

  test("varints tell their digits too", () => {
    expect(decode(codec("varint"), [hex("9c"), hex("05")]).notes.integerDigits).toBe(3);
  });
});
