/* Types are read from what system_schema and users write, and become what the type table says. */
import { describe, expect, test } from "vitest";
import { typeToSql } from "../../src/base/column.ts";
import { DataError, UsageError } from "../../src/base/errors.ts";
import { duckdbTypeFromText } from "../../src/types/column-type.ts";
import { parseCqlType } from "../../src/types/cql.ts";
import { cqlTypeToText } from "../../src/types/cql-type.ts";
import { valueText } from "../../src/types/table.ts";
import { bigEndian } from "./arbitraries.ts";
import { codec, hex } from "./bytes.ts";

const UDTS = new Map([
  ["addr", { fields: ["street", "zip", "tags"], types: ["text", "int", "frozen<set<text>>"] }],
  ["Outer Type", { fields: ["Id", "id"], types: ["int", "frozen<addr>"] }],
  ["a<b>", { fields: ["x"], types: ["int"] }],
  ["list", { fields: ["x"], types: ["int"] }],
  ["duration2", { fields: [], types: [] }],
]);

describe("parseCqlType", () => {
  test.each([
    ["int", "INTEGER"],
    ["varchar", "VARCHAR"],
    ["empty", "BLOB"],
    ["map<text, frozen<list<frozen<tuple<int, text>>>>>", 'MAP(VARCHAR, STRUCT("1" INTEGER, "2" VARCHAR)[])'],
    ["vector<float, 4>", "FLOAT[]"],
    ["frozen<vector<frozen<vector<int, 2>>, 3>>", "INTEGER[][]"],
    ["frozen<addr>", 'STRUCT("street" VARCHAR, "zip" INTEGER, "tags" VARCHAR[])'],
    ['frozen<"Outer Type">', 'STRUCT("Id" INTEGER, "id_1" STRUCT("street" VARCHAR, "zip" INTEGER, "tags" VARCHAR[]))'],
    ['set<frozen<"a<b>">>', 'STRUCT("x" INTEGER)[]'],
    ["frozen<list>", 'STRUCT("x" INTEGER)'],
    ["'org.apache.cassandra.db.marshal.CompositeType(org.apache.cassandra.db.marshal.UTF8Type,x)'", "BLOB"],
    ["list<'org.apache.cassandra.db.marshal.DynamicCompositeType(a=>b)'>", "BLOB[]"],
    ["timeuuid", "VARCHAR"],
    ["duration", 'STRUCT("months" INTEGER, "days" INTEGER, "nanos" BIGINT)'],
    ["time", "TIME_NS"],
    ["timestamp", "TIMESTAMPTZ"],
  ])("%s becomes %s", (text, sql) => {
    expect(typeToSql(codec(text, {}, UDTS).column)).toBe(sql);
  });

  test("what is read is kept", () => {
    expect(parseCqlType("frozen<addr>", UDTS)).toEqual({
      name: "udt",
      of: [
        { name: "text", of: [] },
        { name: "int", of: [] },
        { name: "set", of: [{ name: "text", of: [] }] },
      ],
      udt: { name: "addr", fields: ["street", "zip", "tags"] },
    });
    expect(parseCqlType("vector<float, 4>", UDTS)).toEqual({
      name: "vector",
      of: [{ name: "float", of: [] }],
      dimension: 4,
    });
    expect(parseCqlType("'a.b.C'", UDTS)).toEqual({ name: "custom", of: [], className: "a.b.C" });
  });

  test.each(['map<text, frozen<"Outer Type">>', "vector<float, 4>", "'a.b.C(x)'", "tuple<int, text>"])(
    "%s is written again",
    (text) => {
      expect(cqlTypeToText(parseCqlType(text, UDTS))).toBe(text.replace(/frozen<(.*?)>/, "$1"));
    },
  );

  test.each([
    "",
    "nope",
    '"Addr"',
    "list<",
    "list<int",
    "list<int>>",
    "map<int>",
    "list<int, int>",
    "vector<int>",
    "vector<int, 0>",
    "int<text>",
    "frozen<int",
    "tuple<>",
    "custom",
    "udt",
    "int text",
    "list<$>",
    "toString",
    "constructor",
  ])("'%s' is refused", (text) => {
    const known = new Map([...UDTS].filter(([name]) => name !== "list"));
    expect(() => parseCqlType(text, known)).toThrow(DataError);
  });
});

describe("duckdbTypeFromText", () => {
  test.each([
    ["boolean", "BOOLEAN"],
    ["int", "INTEGER"],
    ["Decimal( 10 , 2 )", "DECIMAL(10,2)"],
    ["NUMERIC(5)", "DECIMAL(5,0)"],
    ["decimal", "DECIMAL(18,3)"],
    ["varchar[]", "VARCHAR[]"],
    ["BIGINT[ ][]", "BIGINT[][]"],
    ["map(text, decimal(4,1)[])", "MAP(VARCHAR, DECIMAL(4,1)[])"],
    ['STRUCT("a b" int, B "X"[])', undefined],
    ['STRUCT("a ""b" int, B text[])', 'STRUCT("a ""b" INTEGER, "B" VARCHAR[])'],
    ["timestamp with time zone", "TIMESTAMPTZ"],
    ["time_ns", "TIME_NS"],
    ["bytea", "BLOB"],
    ["uuid", "UUID"],
    ["HUGEINT", undefined],
    ["TIMESTAMP", undefined],
    ["DECIMAL(39,0)", undefined],
    ["DECIMAL(2,3)", undefined],
    ["INT[3]", undefined],
    ["INT INT", undefined],
    ["MAP(INT)", undefined],
    ["STRUCT()", undefined],
    ["", undefined],
    ["toString", undefined],
    ["CONSTRUCTOR", undefined],
  ])("%s is %s", (text, sql) => {
    if (sql) expect(typeToSql(duckdbTypeFromText(text))).toBe(sql);
    else expect(() => duckdbTypeFromText(text)).toThrow(UsageError);
  });
});

describe("what a type can't become", () => {
  test.each([
    ["decimal", "DATE", "decimal can't become DATE", "possible: VARCHAR, DECIMAL(p,s), BLOB"],
    ["varint", "DECIMAL(10,2)", "varint can't become DECIMAL(10,2)", "possible: VARCHAR, BIGINT, DECIMAL(p,0), BLOB"],
    ["uuid", "BIGINT", "uuid can't become BIGINT", "possible: VARCHAR, UUID, BLOB"],
    ["date", "VARCHAR", "date can't become VARCHAR", "possible: DATE, INTEGER, BLOB"],
    ["text", "INTEGER", "text can't become INTEGER", "possible: VARCHAR, BLOB"],
    ["blob", "VARCHAR", "blob can't become VARCHAR", "possible: BLOB"],
    ["list<decimal>", "DATE[]", "decimal can't become DATE", "possible: VARCHAR, DECIMAL(p,s), BLOB"],
    ["list<decimal>", "DECIMAL(1,0)", "list<decimal> can't become DECIMAL(1,0)", "possible: a LIST, BLOB"],
    ["map<int, int>", "INTEGER[]", "map<int, int> can't become INTEGER[]", "possible: a MAP, BLOB"],
    ["addr", 'STRUCT("street" VARCHAR)', "addr can't become STRUCT", "possible: a STRUCT of the same fields, BLOB"],
    ["addr", 'STRUCT("zip" VARCHAR, street INT, tags BLOB)', "addr can't become STRUCT", "a STRUCT of the same fields"],
  ])("%s as %s", (type, want, message, hint) => {
    const wanted = duckdbTypeFromText(want);
    expect(() => codec(type, { want: wanted }, UDTS)).toThrow(message);
    expect(() => codec(type, { want: wanted }, UDTS)).toThrow(
      expect.objectContaining({ name: "UsageError", hint: expect.stringContaining(hint) }),
    );
  });

  test("a udt takes what is wanted of its fields, under its own names", () => {
    const want = duckdbTypeFromText("STRUCT(STREET BLOB, zip INT, tags BLOB[])");
    expect(typeToSql(codec("addr", { want }, UDTS).column)).toBe('STRUCT("street" BLOB, "zip" INTEGER, "tags" BLOB[])');
  });
});

test.each([
  ["int", "ffffffff", "-1"],
  ["int", "", "0x"],
  ["varint", "00ffffffffffffffff", "18446744073709551615"],
  ["text", "6f276b", "'o''k'"],
  ["text", "c080", "0xc080"],
  ["boolean", "02", "true"],
  ["blob", "00ff", "0x00ff"],
  ["decimal", "00000002ff38", "-2.00"],
  ["decimal", "00", "0x00"],
  ["uuid", "f0f0f0f000004000800000000000000a", "f0f0f0f0-0000-4000-8000-00000000000a"],
  ["uuid", "f0", "0xf0"],
  ["inet", "7f000001", "127.0.0.1"],
  ["timestamp", "0000018df4dc5495", "2024-02-29T12:34:56.789Z"],
  ["timestamp", "7fffffffffffffff", "9223372036854775807 ms since 1970"],
  ["date", "80000000", "1970-01-01"],
  ["date", "ffffffff", "2147483647 days since 1970"],
  ["time", Buffer.from(bigEndian(45_296_789_012_345n, 8)).toString("hex"), "12:34:56.789012345"],
  ["float", "3dcccccd", "0.1"],
  ["double", "8000000000000000", "-0.0"],
  ["double", "3ff8000000000000", "1.5"],
  ["list<int>", "00000000", "0x00000000"],
])("a message names %s %s as %s", (type, bytes, text) => {
  expect(valueText(parseCqlType(type, UDTS), hex(bytes))).toBe(text);
});
