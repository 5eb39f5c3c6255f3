/*
 * Owns random CQL values as bytes, written with BigInt and no thought for speed, so that they owe nothing to src/types.
 */
import fc from "fast-check";
import { type Bytes, collection, concat, hex, int32, lengthAnd, toHex } from "./bytes.ts";

type Value = fc.Arbitrary<Uint8Array>;
export type Udts = Map<string, { fields: string[]; types: string[] }>;

/** A type, with its values. */
export interface Sample {
  readonly text: string;
  readonly value: Value;
  /** Bytes of a value, for vectors: as Cassandra 5.0 answers AbstractType.valueLengthIfFixed. */
  readonly fixed?: number;
  readonly udts: Udts;
}

export function bigEndian(value: bigint, size: number): Uint8Array {
  return hex(
    BigInt.asUintN(size * 8, value)
      .toString(16)
      .padStart(size * 2, "0"),
  );
}

export function varint(value: bigint): Uint8Array {
  let size = 1;
  while (BigInt.asIntN(size * 8, value) !== value) size++;
  return bigEndian(value, size);
}

function unsignedVint(value: bigint): Uint8Array {
  for (let more = 0; more < 8; more++) {
    if (value < 1n << BigInt(7 * (more + 1))) {
      const bytes = bigEndian(value, more + 1);
      bytes[0]! |= (0xff00 >> more) & 0xff;
      return bytes;
    }
  }
  return concat(hex("ff"), bigEndian(value, 8));
}

const vint = (value: bigint) => unsignedVint(BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)));

export const duration = (months: bigint, days: bigint, nanos: bigint) => concat(vint(months), vint(days), vint(nanos));

export const decimal = (unscaled: bigint, scale: number) => concat(int32(scale), varint(unscaled));

const raw = (size: number): Value => fc.uint8Array({ minLength: size, maxLength: size });
const big = fc.oneof(
  fc.bigInt({ min: -300n, max: 300n }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n }),
  fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }),
  fc
    .tuple(fc.constantFrom(1n, -1n), fc.nat(140), fc.integer({ min: -1, max: 1 }))
    .map(([s, n, d]) => s * 2n ** BigInt(n) + BigInt(d)),
);
const scale = fc.oneof(
  fc.integer({ min: -12, max: 40 }),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.constantFrom(-(2 ** 31), 2 ** 31 - 1),
);
const text: Value = fc
  .oneof(
    fc.string({ maxLength: 16 }),
    fc.string({ unit: "grapheme", maxLength: 20 }),
    fc.string({ minLength: 60, maxLength: 400 }),
    fc.string({ unit: "binary", maxLength: 300 }),
  )
  .map((value) => new TextEncoder().encode(value));
const durations: Value = fc
  .tuple(
    fc.constantFrom(1n, -1n),
    fc.bigInt(0n, 2n ** 31n - 1n),
    fc.bigInt(0n, 2n ** 31n - 1n),
    fc.bigInt(0n, 2n ** 63n - 1n),
  )
  .map(([sign, months, days, nanos]) => duration(sign * months, sign * days, sign * nanos));
const inet: Value = fc.oneof(
  raw(4),
  raw(16),
  raw(4).map((v4) => concat(hex("00000000000000000000ffff"), v4)),
  fc
    .array(fc.constantFrom("0000", "0001", "00ff", "0abc", "ffff"), { minLength: 8, maxLength: 8 })
    .map((g) => hex(g.join(""))),
);
/** Milliseconds whose microseconds are an int64. */
const timestamp: Value = fc.bigInt(-9223372036854775n, 9223372036854775n).map((ms) => bigEndian(ms, 8));

/** Types without parameters. */
export const NATIVE: Readonly<Record<string, { value: Value; fixed?: number }>> = {
  ascii: { value: fc.string({ unit: "binary-ascii", maxLength: 80 }).map((value) => new TextEncoder().encode(value)) },
  bigint: { value: raw(8), fixed: 8 },
  blob: { value: fc.uint8Array({ maxLength: 300 }) },
  boolean: { value: fc.constantFrom(hex("00"), hex("01")), fixed: 1 },
  counter: { value: raw(8) },
  date: {
    value: fc.oneof(raw(4), fc.constantFrom(hex("00000000"), hex("00000001"), hex("80000000"), hex("ffffffff"))),
  },
  decimal: { value: fc.tuple(big, scale).map(([unscaled, s]) => decimal(unscaled, s)) },
  double: { value: fc.oneof(raw(8), fc.constantFrom(hex("8000000000000000"), hex("7ff8000000000001"))), fixed: 8 },
  duration: { value: durations },
  float: { value: fc.oneof(raw(4), fc.constantFrom(hex("80000000"), hex("ffc00000"))), fixed: 4 },
  inet: { value: inet },
  int: { value: raw(4), fixed: 4 },
  smallint: { value: raw(2) },
  text: { value: text },
  time: { value: fc.bigInt(0n, 86_399_999_999_999n).map((ns) => bigEndian(ns, 8)) },
  timestamp: { value: timestamp, fixed: 8 },
  timeuuid: { value: raw(16), fixed: 16 },
  tinyint: { value: raw(1) },
  uuid: { value: raw(16), fixed: 16 },
  varchar: { value: text },
  varint: { value: big.map(varint) },
};

/** Any type, of up to `depth` levels, made of these. */
export function anyType(depth: number, natives = NATIVE): fc.Arbitrary<Sample> {
  const native: fc.Arbitrary<Sample> = fc
    .constantFrom(...Object.entries(natives).filter(([name]) => name !== "counter"))
    .map(([name, sample]) => ({ text: name, udts: new Map(), ...sample }));
  if (depth <= 1) return native;
  const inner = anyType(depth - 1, natives);
  return fc.oneof(
    { weight: 1, arbitrary: native },
    {
      weight: 2,
      arbitrary: inner.chain((element) => fc.constantFrom("list", "set").map((name) => listOf(name, element))),
    },
    { weight: 2, arbitrary: fc.tuple(inner, inner).map(([key, value]) => mapOf(key, value)) },
    { weight: 2, arbitrary: fc.array(inner, { minLength: 1, maxLength: 3 }).map(tupleOf) },
    { weight: 2, arbitrary: fc.array(inner, { minLength: 1, maxLength: 3 }).map(udtOf) },
    {
      weight: 2,
      arbitrary: fc.tuple(inner, fc.integer({ min: 1, max: 4 })).map(([element, n]) => vectorOf(element, n)),
    },
    { weight: 1, arbitrary: inner.map((type) => ({ ...type, text: `frozen<${type.text}>` })) },
  );
}

const merged = (...samples: Sample[]): Udts => new Map(samples.flatMap(({ udts }) => [...udts]));

export function listOf(name: string, element: Sample): Sample {
  const value = fc.array(element.value, { maxLength: 4 }).map((parts) => collection(parts.length, parts));
  return { text: `${name}<${element.text}>`, value, udts: element.udts };
}

export function mapOf(key: Sample, value: Sample): Sample {
  const entries = fc.uniqueArray(fc.tuple(key.value, value.value), { maxLength: 3, selector: ([k]) => toHex(k) });
  return {
    text: `map<${key.text}, ${value.text}>`,
    value: entries.map((all) => collection(all.length, all.flat())),
    udts: merged(key, value),
  };
}

function fieldsOf(types: Sample[]): Value {
  const fields: fc.Arbitrary<Bytes>[] = types.map(({ value }) => fc.option(value));
  return fc.tuple(...fields).map((all) => concat(...all.map(lengthAnd)));
}

export function tupleOf(types: Sample[]): Sample {
  return { text: `tuple<${types.map((t) => t.text).join(", ")}>`, value: fieldsOf(types), udts: merged(...types) };
}

let named = 0;

export function udtOf(types: Sample[]): Sample {
  const name = `Some "type" ${named++}`;
  const udts = merged(...types);
  udts.set(name, { fields: types.map((_, i) => ["a", "A", "Ünï code"][i]!), types: types.map((t) => t.text) });
  return { text: `"${name.replaceAll('"', '""')}"`, value: fieldsOf(types), udts };
}

export function vectorOf(element: Sample, dimension: number): Sample {
  const { fixed, udts } = element;
  const value = fc.array(element.value, { minLength: dimension, maxLength: dimension }).map((parts) => {
    if (fixed !== undefined) return concat(...parts);
    return concat(...parts.flatMap((part) => [unsignedVint(BigInt(part.length)), part]));
  });
  const sample = { text: `vector<${element.text}, ${dimension}>`, value, udts };
  return fixed === undefined ? sample : { ...sample, fixed: fixed * dimension };
}
