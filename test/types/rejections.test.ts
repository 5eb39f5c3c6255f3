/* Bytes and values that can't be kept exactly are errors that name the row and a way past it. */
import { describe, expect, test } from "vitest";
import { Arena, createColumn } from "../../src/base/column.ts";
import { duckdbTypeFromText } from "../../src/types/column-type.ts";
import { bigEndian } from "./arbitraries.ts";
import {
  type Bytes,
  cellsOf,
  codec,
  collection,
  concat,
  decode,
  encode,
  hex,
  int32,
  lengthAnd,
  thrown,
  toHex,
  values,
} from "./bytes.ts";

const BLOB = /--type \{column\}=BLOB/;

/** Type, good bytes, bad bytes. */
const BAD: [string, string, string][] = [
  ["boolean", "01", "02"],
  ["boolean", "01", "ff"],
  ["boolean", "01", "0100"],
  ["tinyint", "01", "0001"],
  ["smallint", "0001", "01"],
  ["int", "00000001", "000001"],
  ["bigint", "0000000000000001", "00000001"],
  ["float", "00000000", "0000000000000000"],
  ["double", "0000000000000000", "00000000"],
  ["timestamp", "0000000000000000", "00000000"],
  ["date", "80000000", "8000"],
  ["time", "0000000000000000", "00004e94914f0000"],
  ["time", "0000000000000000", "ffffffffffffffff"],
  ["uuid", "f0f0f0f000004000800000000000000a", "f0f0f0f0"],
  ["inet", "7f000001", "7f0000"],
  ["varint", "01", "0001"],
  ["varint", "01", "ffff"],
  ["varint", "01", "ff80"],
  ["decimal", "0000000001", "000000000001"],
  ["decimal", "0000000001", "00000000"],
  ["decimal", "0000000001", "0000"],
  ["duration", "000200", "0002"],
  ["duration", "000200", "00020000"],
  ["duration", "000200", "00800200"],
  ["duration", "000200", "f1000000020002"],
  ["duration", "000200", "00f10000000202"],
  ["duration", "000200", "ffff"],
  ["text", "61", "c080"],
  ["text", "61", "eda080"],
  ["text", "61", "f4908080"],
  ["text", "61", "ff"],
  ["text", "61", "61c3"],
  ["text", "61", "e282"],
  ["text", "61", "61616161e28261"],
  ["text", "61", "f8888080"],
  ["text", "61", `${"61".repeat(100)}c080`],
  ["text", "61", `${"61".repeat(300)}eda080`],
  ["text", "61", `c3a9${"61".repeat(100)}f4908080`],
  ["text", "61", "61616161616161616161616180"],
  ["ascii", "61", "c3a9"],
  ["ascii", "61", "6161616180"],
  ["list<int>", "00000000", "000000"],
  ["list<int>", "00000000", "0000000000"],
  ["list<int>", "00000000", "ffffffff"],
  ["list<int>", "00000000", "7fffffff"],
  ["list<int>", "00000000", "0000000100000004000000"],
  ["list<int>", "00000000", "00000001fffffffe"],
  ["list<text>", "00000000", "00000001fffffffe"],
  ["map<int, int>", "00000000", "0000000100000004 00000001"],
  ["map<int, int>", "00000000", "00000001 ffffffff ffffffff"],
  ["tuple<int>", "ffffffff", "ffffffff00"],
  ["tuple<int>", "ffffffff", "ffffffffffffffff"],
  ["tuple<int>", "ffffffff", "0000000500000000"],
  ["vector<float, 2>", "0000000000000000", "00000000"],
  ["vector<float, 2>", "0000000000000000", "000000000000000000000000"],
  ["vector<text, 2>", "01610162", "0161"],
  ["vector<text, 2>", "01610162", "0161016200"],
  ["vector<text, 2>", "01610162", "8001610162"],
];

describe("bytes that are not the canonical form", () => {
  test.each(BAD)("%s: %s is good, %s is not", (type, good, bad) => {
    const arena = new Arena();
    const made = codec(type);
    const ok = hex(good);
    const cells = cellsOf([ok, ok, ok, hex(bad), ok], arena);
    const error = thrown(() => made.decode(cells, 1, 4, createColumn(made.column, arena)));
    expect(error.row).toBe(3);
    expect(error.hint).toMatch(BLOB);
    expect(values(decode(made, [ok, null]))[1]).toBeNull();
    expect(values(decode(codec(type, { want: { kind: "BLOB" } }), [hex(bad)]))).toEqual([bad.replaceAll(" ", "")]);
  });

  test.each(BAD)("%s: the same inside others, %s is good, %s is not", (type, good, bad) => {
    const ok = hex(good);
    const list = (...of: Bytes[]) => collection(of.length, of);
    const row = (v: Uint8Array) => concat(lengthAnd(int32(1)), lengthAnd(list(list(ok), list(), list(ok, ok, v))));
    const made = codec(`tuple<int, frozen<list<frozen<set<${type}>>>>>`);
    const error = thrown(() =>
      decode(made, [row(ok), null, row(ok), row(ok), row(hex(bad)), row(ok), row(ok), row(ok), row(ok), row(ok)]),
    );
    // The second of the two calls that decode() makes: it begins at cell 5.
    expect(error.row).toBe(4);
    expect(error.message).toMatch(/^field 2: element 2: element 2: /);
    expect(error.hint).toMatch(BLOB);
  });

  test("a text that is cut off where the next cell would complete it", () => {
    for (const [cut, next] of [
      ["c3", "a9"],
      ["61626364e2", "82ac"],
      ["f09f98", "80"],
    ] as const) {
      expect(thrown(() => decode(codec("text"), [hex(cut), hex(next), null, null]))).toMatchObject({ row: 0 });
    }
  });

  test("inside a map and inside a vector", () => {
    const map = (key: string, value: string) => collection(2, [hex("05"), hex("01"), hex(key), hex(value)]);
    const cells = [map("06", "01"), null, map("06", "02")];
    expect(thrown(() => decode(codec("map<varint, boolean>"), [...cells, null, null, null]))).toMatchObject({
      row: 2,
      message: /^a value: byte 2/,
    });
    expect(thrown(() => decode(codec("map<varint, boolean>"), [null, map("0006", "01"), null, null]))).toMatchObject({
      row: 1,
      message: /^a key: /,
    });
    expect(
      thrown(() => decode(codec("vector<boolean, 3>"), [hex("010101"), null, hex("010102"), null, null, null])),
    ).toMatchObject({ row: 2, message: /^element 2: / });
    const vector = concat(hex("01"), hex("01"), hex("02"), hex("0001"));
    expect(thrown(() => decode(codec("vector<varint, 2>"), [null, vector, null, null]))).toMatchObject({
      row: 1,
      message: /^element 1: /,
    });
  });

  test("a key that --empty null would make NULL", () => {
    const made = codec("map<int, int>", { empty: "null" });
    const error = thrown(() =>
      decode(made, [collection(1, [int32(1), hex("")]), collection(1, [hex(""), int32(1)]), null, null]),
    );
    expect(error).toMatchObject({ row: 1, message: "a map key that is NULL", hint: BLOB });
  });
});

describe("values that a wanted type can't hold", () => {
  test.each([
    ["timestamp", undefined, toHex(bigEndian(9223372036854776n, 8))!, "BIGINT"],
    ["timestamp", undefined, toHex(bigEndian(-9223372036854776n, 8))!, "BIGINT"],
    ["timestamp", undefined, "8000000000000000", "BIGINT"],
    ["varint", "BIGINT", "008000000000000000", "VARCHAR"],
    ["varint", "DECIMAL(2,0)", "64", "VARCHAR"],
    ["decimal", "DECIMAL(4,2)", "0000000301", "VARCHAR"],
    ["decimal", "DECIMAL(4,2)", "000000002710", "VARCHAR"],
    ["decimal", "DECIMAL(38,2)", "7fffffff01", "VARCHAR"],
    ["decimal", "DECIMAL(38,2)", "8000000001", "VARCHAR"],
    ["decimal", "DECIMAL(16,0)", "00000000470de4df820000ff", "VARCHAR"],
  ])("%s as %s: %s", (type, want, bytes, instead) => {
    const made = codec(type, want ? { want: duckdbTypeFromText(want) } : {});
    const error = thrown(() => decode(made, [null, hex(bytes), null, null]));
    expect(error.row).toBe(1);
    expect(error.hint).toContain(`--type {column}=${instead}`);
  });

  test("the message says the value", () => {
    const made = codec("decimal", { want: duckdbTypeFromText("DECIMAL(4,2)") });
    expect(thrown(() => decode(made, [hex("0000000301")])).message).toBe("0.001 does not fit DECIMAL(4,2)");
  });
});

test("zero-length values are errors that say both ways past them", () => {
  const error = thrown(() => decode(codec("int"), [int32(1), hex(""), null, null]));
  expect(error.row).toBe(1);
  expect(error.hint).toContain("--empty null");
  expect(error.hint).toMatch(BLOB);
});

describe("columns that can't be written", () => {
  /** A column of texts, as a foreign file has it, encoded by another type's codec. */
  const texts = (type: string, ...of: string[]) => {
    const column = decode(
      codec("text"),
      of.map((text) => new TextEncoder().encode(text)),
    );
    return encode(codec(type), column).map(toHex);
  };

  test.each([
    ["varint", "007", "07"],
    ["varint", "+128", "0080"],
    ["varint", "-12345678901234567890123456789012345678901", "DB"],
    ["decimal", "-0.00", "0000000200"],
    ["decimal", "1e3", "fffffffd01"],
    ["decimal", ".5", "0000000105"],
    ["decimal", "5.", "0000000005"],
    ["uuid", "F0F0F0F0-0000-4000-8000-00000000000A", "f0f0f0f000004000800000000000000a"],
    ["inet", "::FFFF:1.2.3.4", "00000000000000000000ffff01020304"],
    ["inet", "1:2:3:4:5:6:7.8.9.10", "0001000200030004000500060708090a"],
    ["inet", "2001:db8::", "20010db8000000000000000000000000"],
  ])("%s also reads '%s'", (type, text, bytes) => {
    if (bytes === "DB") expect(BigInt.asIntN(136, BigInt(`0x${texts(type, text)[0]}`))).toBe(BigInt(text));
    else expect(texts(type, text)).toEqual([bytes]);
  });

  test.each([
    ["varint", "1.0"],
    ["varint", "1e3"],
    ["varint", ""],
    ["varint", "-"],
    ["varint", "0x10"],
    ["varint", "12 "],
    ["decimal", ""],
    ["decimal", "1.2.3"],
    ["decimal", "1e"],
    ["decimal", "e5"],
    ["decimal", "1E+2147483649"],
    ["decimal", "1E-2147483648"],
    ["decimal", "NaN"],
    ["uuid", "f0f0f0f0-0000-4000-8000-00000000000"],
    ["uuid", "f0f0f0f0-0000-4000-8000-00000000000g"],
    ["uuid", "f0f0f0f0000004000-8000-000000000000a"],
    ["inet", "1.2.3"],
    ["inet", "1.2.3.256"],
    ["inet", "01.2.3.4"],
    ["inet", "1:2:3:4:5:6:7"],
    ["inet", "1:2:3:4:5:6:7:8:9"],
    ["inet", "1::2::3"],
    ["inet", ":1"],
    ["inet", "fe80::1%eth0"],
    ["inet", "localhost"],
    ["ascii", "é"],
  ])("%s does not read '%s'", (type, bad) => {
    const good = { varint: "1", decimal: "1", uuid: "f0f0f0f0-0000-4000-8000-00000000000a", inet: "::" }[type] ?? "a";
    expect(thrown(() => texts(type, good, good, bad, good)).row).toBe(2);
  });

  test("an instant with microseconds, a time of 24:00", () => {
    const micros = decode(codec("bigint"), [bigEndian(1_000n, 8), bigEndian(-1n, 8)]);
    expect(thrown(() => encode(codec("timestamp"), micros))).toMatchObject({ row: 1 });
    const nanos = decode(codec("bigint"), [bigEndian(0n, 8), bigEndian(86_400_000_000_000n, 8)]);
    expect(thrown(() => encode(codec("time"), nanos))).toMatchObject({ row: 1 });
  });

  test("a list of another length than the vector's, and NULL in a vector", () => {
    const lists = decode(codec("list<int>"), [collection(2, [int32(1), int32(2)]), null, collection(1, [int32(1)])]);
    expect(thrown(() => encode(codec("vector<int, 2>"), lists))).toMatchObject({
      row: 2,
      message: "1 elements for a vector of 2",
    });
    const withNull = decode(codec("list<int>"), [collection(2, [int32(1), null])]);
    expect(thrown(() => encode(codec("vector<int, 2>"), withNull))).toMatchObject({ row: 0 });
  });

  test("a duration without its days, and one of two signs", () => {
    const fields = (days: Bytes) => concat(lengthAnd(int32(1)), lengthAnd(days), lengthAnd(bigEndian(1n, 8)));
    const tuples = decode(codec("tuple<int, int, bigint>"), [fields(int32(1)), fields(null), fields(int32(-1))]);
    const made = codec("duration");
    expect(thrown(() => encode(made, tuples))).toMatchObject({ row: 1 });
    expect(thrown(() => encode(made, decode(codec("tuple<int, int, bigint>"), [fields(int32(-1))])))).toMatchObject({
      row: 0,
    });
  });

  test("inside others, the row is the outer one", () => {
    const utf8 = (text: string) => new TextEncoder().encode(text);
    const lists = decode(codec("list<text>"), [
      collection(1, [utf8("1")]),
      null,
      collection(2, [utf8("1"), utf8("x")]),
    ]);
    expect(thrown(() => encode(codec("list<varint>"), lists))).toMatchObject({
      row: 2,
      message: "element 1: 'x' is not a whole number",
    });
    const tuples = decode(codec("tuple<text>"), [lengthAnd(utf8("1")), null, lengthAnd(utf8("y"))]);
    expect(thrown(() => encode(codec("tuple<varint>"), tuples))).toMatchObject({
      row: 2,
      message: "field 1: 'y' is not a whole number",
    });
  });
});

test("lists whose elements do not stand in the order of the rows are written all the same", () => {
  const made = codec("list<int>");
  const column = decode(made, [
    collection(1, [int32(1)]),
    collection(2, [int32(2), int32(3)]),
    null,
    collection(1, [int32(4)]),
  ]);
  // Rows 0 and 1 change places, row 3 takes the elements of row 1 too.
  const swapped = column.i32.slice(0, 4);
  column.i32.copyWithin(0, 4, 8);
  column.i32.set(swapped, 4);
  column.i32.copyWithin(12, 0, 4);
  expect(encode(made, column).map(toHex)).toEqual(
    [collection(2, [int32(2), int32(3)]), collection(1, [int32(1)]), null, collection(2, [int32(2), int32(3)])].map(
      toHex,
    ),
  );
});
