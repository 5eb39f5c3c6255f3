/* Whatever a type's bytes are, the text that docs/types.md gives them, read again, gives the same bytes. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCqlType } from "../../src/types/cql.ts";
import { TYPES, textEncoder, valueText } from "../../src/types/table.ts";
import { anyType, bigEndian, listOf, mapOf, NATIVE, type Sample, tupleOf, udtOf, vectorOf } from "./arbitraries.ts";
import { type Bytes, encodeWith, toHex } from "./bytes.ts";
import { csvText, jsonText, type MapForm, textColumn } from "./texts.ts";

/** No text tells one NaN from another, and a timeuuid has to be one. */
const isOneNaN = (bytes: Uint8Array) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const value = bytes.length === 4 ? view.getFloat32(0) : view.getFloat64(0);
  return !Number.isNaN(value) || ["7fc00000", "7ff8000000000000"].includes(toHex(bytes)!);
};
const timed = (bytes: Uint8Array) => bytes.map((byte, i) => (i === 6 ? (byte & 15) | 16 : byte));
const READABLE: typeof NATIVE = {
  ...NATIVE,
  float: { ...NATIVE.float!, value: NATIVE.float!.value.filter(isOneNaN) },
  double: { ...NATIVE.double!, value: NATIVE.double!.value.filter(isOneNaN) },
  timestamp: { value: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map((ms) => bigEndian(ms, 8)), fixed: 8 },
  timeuuid: { ...NATIVE.timeuuid!, value: NATIVE.timeuuid!.value.map(timed) },
};

function native(name: string): Sample {
  return { text: name, udts: new Map(), ...READABLE[name]! };
}

const CUSTOM = "'org.apache.cassandra.db.marshal.BytesType'";
const all: Record<string, Sample> = {
  ...Object.fromEntries(Object.keys(READABLE).map((name) => [name, native(name)])),
  list: listOf("list", native("text")),
  set: listOf("set", native("uuid")),
  map: mapOf(native("text"), native("decimal")),
  "map of other keys": mapOf(native("double"), native("blob")),
  "map of nested keys": mapOf(tupleOf([native("text"), native("date")]), mapOf(native("ascii"), native("int"))),
  tuple: tupleOf([native("int"), native("text"), native("duration")]),
  udt: udtOf([native("varint"), native("inet"), listOf("list", native("double"))]),
  vector: vectorOf(native("float"), 3),
  "vector of a type without a fixed length": vectorOf(native("text"), 3),
  custom: { text: CUSTOM, value: NATIVE.blob!.value, udts: new Map() },
  empty: { text: "empty", value: fc.constant(new Uint8Array(0)), udts: new Map() },
};

const column = (value: fc.Arbitrary<Uint8Array>) => fc.array(fc.option(value), { maxLength: 24 });

function comesBack(sample: Sample, form: "csv" | "json", cells: Bytes[], maps: MapForm): void {
  const type = parseCqlType(sample.text, sample.udts);
  const encode = textEncoder(type, form, { truncateTimes: false });
  const write = (bytes: Bytes) => {
    if (form === "json") return jsonText(type, bytes, maps);
    return bytes && csvText(type, bytes, maps);
  };
  const texts = textColumn(cells.map(write));
  expect(encodeWith(encode, texts).map(toHex)).toEqual(cells.map(toHex));
}

describe("bytes come back from text", () => {
  test("the samples here are of every type of the table", () => {
    expect(Object.keys(all)).toEqual(expect.arrayContaining(Object.keys(TYPES)));
  });

  for (const form of ["csv", "json"] as const) {
    test.each(Object.entries(all))(`%s in ${form}`, (_, sample) => {
      fc.assert(
        fc.property(column(sample.value), (cells) => comesBack(sample, form, cells, "pairs")),
        { numRuns: 50 },
      );
    });

    test(`types nested four deep in ${form}`, () => {
      const property = fc.property(
        anyType(4, READABLE).chain((sample) => fc.tuple(fc.constant(sample), column(sample.value))),
        fc.constantFrom<MapForm>("pairs", "object"),
        ([sample, cells], maps) => comesBack(sample, form, cells, maps),
      );
      fc.assert(property, { numRuns: 120 });
    });
  }
});

describe("values as messages name them are read again", () => {
  test.each([
    "bigint",
    "blob",
    "boolean",
    "date",
    "decimal",
    "double",
    "float",
    "inet",
    "int",
    "time",
    "uuid",
    "varint",
  ])("%s", (name) => {
    const type = parseCqlType(name, new Map());
    const isDate = (bytes: Uint8Array) => !valueText(type, bytes).includes("since");
    const value = name === "date" ? READABLE.date!.value.filter(isDate) : READABLE[name]!.value;
    const property = fc.property(fc.array(value, { maxLength: 8 }), (cells) => {
      const encode = textEncoder(type, "csv", { truncateTimes: false });
      const texts = textColumn(cells.map((bytes) => valueText(type, bytes)));
      expect(encodeWith(encode, texts).map(toHex)).toEqual(cells.map(toHex));
    });
    fc.assert(property);
  });
});
