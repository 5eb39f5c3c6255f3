import { describe, expect, it } from "vitest";
import { Arena, createColumn } from "../../src/base/column.ts";
import { CellWriter, type Encode } from "../../src/types/codec.ts";
import { parseCqlType } from "../../src/types/cql.ts";
import { keepingAll } from "../../src/types/table.ts";
import { bigEndian, decimal } from "./arbitraries.ts";
import { collection, concat, hex, int32, lengthAnd, thrown } from "./bytes.ts";

const column = createColumn({ kind: "BLOB" }, new Arena());

/** Encodes values that are bytes already. */
function encodeAll(type: string, values: readonly Uint8Array[]): CellWriter {
  const asTheyAre: Encode = (_, first, count, out) => {
    for (const value of values.slice(first, first + count)) {
      out.reserve(value.length);
      out.bytes.set(value, out.length);
      out.cell(out.length, value.length);
      out.length += value.length;
    }
  };
  const out = new CellWriter();
  keepingAll(parseCqlType(type, new Map()), asTheyAre)(column, 0, values.length, out);
  return out;
}

const [one, ten] = [int32(1), int32(10)];
const [short, long, other] = [decimal(10n, 1), decimal(100n, 2), decimal(11n, 1)];
const [nan, oddNan] = [hex("7ff8000000000000"), hex("7ff8000000000abc")];
const [zero, minusZero] = [hex("0000000000000000"), hex("8000000000000000")];
const set = (...parts: Uint8Array[]) => collection(parts.length, parts);
const map = (...parts: Uint8Array[]) => collection(parts.length / 2, parts);

describe("of what Cassandra takes for the same, both are refused", () => {
  it.each<[string, Uint8Array]>([
    ["set<decimal>", set(short, other, long)],
    ["set<decimal>", set(decimal(0n, 5), decimal(0n, -3))],
    ["set<decimal>", set(decimal(-1n, -3), decimal(-1000n, 0))],
    ["set<double>", set(nan, zero, oddNan)],
    ["set<float>", set(hex("7fc00000"), hex("ffc00000"))],
    ["set<frozen<list<decimal>>>", set(set(short), set(long))],
    [
      "set<frozen<tuple<int, decimal>>>",
      set(concat(lengthAnd(null), lengthAnd(short)), concat(lengthAnd(null), lengthAnd(long))),
    ],
    ["set<frozen<map<int, decimal>>>", set(map(one, short), map(one, long))],
    ["set<frozen<vector<double, 1>>>", set(nan, oddNan)],
    ["set<frozen<vector<decimal, 1>>>", set(concat(hex("05"), short), concat(hex("05"), long))],
    ["map<decimal, int>", map(short, one, long, one)],
    ["map<int, int>", map(one, one, ten, ten, one, ten)],
  ])("%s", (type, value) => {
    const error = thrown(() => encodeAll(type, [set(), value]));
    expect([error.row, error.message]).toEqual([
      1,
      expect.stringMatching(/^(element|entry) [12]:? ?.*(keep|already)$/),
    ]);
  });
});

it("what differs for Cassandra, or does not differ at all, is kept", () => {
  const kept: [string, Uint8Array[]][] = [
    ["set<decimal>", [set(short, other), set(short, short), set()]],
    ["set<double>", [set(zero, minusZero), set(nan, nan)]],
    [
      "set<frozen<tuple<decimal, decimal>>>",
      [set(concat(lengthAnd(short), lengthAnd(null)), concat(lengthAnd(null), lengthAnd(short)))],
    ],
    ["map<decimal, decimal>", [map(short, short, other, long)]],
    ["map<bigint, blob>", [map(bigEndian(1n, 8), one, bigEndian(2n, 8), one)]],
    ["list<decimal>", [set(short, long)]],
    // no values of the type
    ["set<decimal>", [hex("00"), concat(int32(2), int32(100)), concat(int32(2), int32(-7), short)]],
    ["map<int, int>", [concat(int32(2), lengthAnd(one)), concat(int32(2), lengthAnd(one), int32(900))]],
  ];
  for (const [type, values] of kept) expect(encodeAll(type, values).cells).toBe(values.length);
});
