/* Whatever a type's bytes are, decoding and encoding them gives the same bytes again. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ColumnType } from "../../src/base/column.ts";
import { duckdbTypeFromText } from "../../src/types/column-type.ts";
import { TYPES } from "../../src/types/table.ts";
import {
  anyType,
  bigEndian,
  decimal,
  listOf,
  mapOf,
  NATIVE,
  type Sample,
  tupleOf,
  udtOf,
  varint,
  vectorOf,
} from "./arbitraries.ts";
import { type Bytes, codec, concat, decode, encode, hex, toHex } from "./bytes.ts";

function native(name: string): Sample {
  return { text: name, udts: new Map(), ...NATIVE[name]! };
}

function column(value: fc.Arbitrary<Uint8Array>): fc.Arbitrary<{ cells: Bytes[]; step: number }> {
  return fc.record({ cells: fc.array(fc.option(value), { maxLength: 24 }), step: fc.integer({ min: 1, max: 24 }) });
}

function comesBack(sample: Sample, cells: Bytes[], step: number, options: Parameters<typeof codec>[1] = {}): void {
  const made = codec(sample.text, options, sample.udts);
  const decoded = decode(made, cells, step);
  expect(decoded.rows).toBe(cells.length);
  expect(encode(made, decoded, step).map(toHex)).toEqual(cells.map(toHex));
}

const nested: Record<string, Sample> = {
  list: listOf("list", native("text")),
  set: listOf("set", native("uuid")),
  map: mapOf(native("text"), native("decimal")),
  tuple: tupleOf([native("int"), native("text"), native("duration")]),
  udt: udtOf([native("varint"), native("inet"), listOf("list", native("double"))]),
  vector: vectorOf(native("float"), 3),
  "vector of a type without a fixed length": vectorOf(native("smallint"), 3),
  custom: { text: "'org.apache.cassandra.db.marshal.BytesType'", value: NATIVE.blob!.value, udts: new Map() },
  empty: { text: "empty", value: fc.constant(new Uint8Array(0)), udts: new Map() },
};
const all = { ...Object.fromEntries(Object.keys(NATIVE).map((name) => [name, native(name)])), ...nested };

describe("bytes come back", () => {
  test("the samples here are of every type of the table", () => {
    expect(Object.keys(all)).toEqual(expect.arrayContaining(Object.keys(TYPES)));
  });

  test.each(Object.entries(all))("%s", (_, sample) => {
    fc.assert(fc.property(column(sample.value), ({ cells, step }) => comesBack(sample, cells, step)));
  });

  test.each(Object.entries(all))("%s as raw bytes", (_, sample) => {
    const want: ColumnType = { kind: "BLOB" };
    fc.assert(
      fc.property(column(sample.value), ({ cells, step }) => comesBack(sample, cells, step, { want })),
      { numRuns: 20 },
    );
  });

  test("types nested four deep", () => {
    const property = fc.property(
      anyType(4).chain((sample) => fc.tuple(fc.constant(sample), column(sample.value))),
      ([sample, { cells, step }]) => comesBack(sample, cells, step),
    );
    fc.assert(property, { numRuns: 250 });
  });
});

const digits38 = fc.bigInt(-(10n ** 38n) + 1n, 10n ** 38n - 1n);
const anyBytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
const smallDecimals = (limit: bigint, scale: number) =>
  fc.bigInt(-limit + 1n, limit - 1n).map((v) => decimal(v, scale));
const entriesOf = (value: fc.Arbitrary<Uint8Array>) =>
  value.map((v) => concat(hex("00000001"), hex("00000004"), hex("00000007"), lengthOf(v), v));
const lengthOf = (bytes: Uint8Array) => bigEndian(BigInt(bytes.length), 4);

/** A type, what it is wanted to become, and values that fit. */
const WANTED: [string, string, fc.Arbitrary<Uint8Array>][] = [
  ["decimal", "DECIMAL(4,2)", smallDecimals(10n ** 4n, 2)],
  ["decimal", "DECIMAL(9,0)", smallDecimals(10n ** 9n, 0)],
  ["decimal", "DECIMAL(18,18)", smallDecimals(10n ** 18n, 18)],
  ["decimal", "DECIMAL(38,10)", digits38.map((v) => decimal(v, 10))],
  ["varint", "BIGINT", fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(varint)],
  ["varint", "DECIMAL(38,0)", digits38.map(varint)],
  ["varint", "DECIMAL(3,0)", fc.bigInt(-999n, 999n).map(varint)],
  ["uuid", "UUID", anyBytes(16)],
  ["timeuuid", "UUID", anyBytes(16)],
  ["timestamp", "BIGINT", anyBytes(8)],
  ["date", "INTEGER", anyBytes(4)],
  ["map<int, decimal>", "MAP(BLOB, DECIMAL(10,2))", entriesOf(smallDecimals(10n ** 10n, 2))],
  ["map<int, list<int>>", "MAP(INTEGER, BLOB)", entriesOf(fc.uint8Array({ maxLength: 30 }))],
  ["vector<timestamp, 2>", "BIGINT[]", anyBytes(16)],
  ["tuple<uuid>", 'STRUCT("1" UUID)', anyBytes(16).map((v) => concat(lengthOf(v), v))],
];

describe("bytes come back from what is wanted", () => {
  test.each(WANTED)("%s as %s", (text, type, value) => {
    const sample = { text, value, udts: new Map() };
    const options = { want: duckdbTypeFromText(type) };
    expect(codec(text, options).column).toEqual(options.want);
    fc.assert(fc.property(column(value), ({ cells, step }) => comesBack(sample, cells, step, options)));
  });

  test("uuid under --uuid native, also nested", () => {
    const sample = listOf("list", { ...native("timeuuid") });
    expect(codec(sample.text, { uuid: "native" }).column).toEqual({ kind: "LIST", child: { kind: "UUID" } });
    fc.assert(
      fc.property(column(sample.value), ({ cells, step }) => comesBack(sample, cells, step, { uuid: "native" })),
    );
  });
});
