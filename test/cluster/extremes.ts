/*
 * Owns the values at the limits of every CQL type, written as raw bytes: no codec of ours or the driver's stands
 * between this file and the server. Each value gets a row of its own, alone and inside collections, tuples and UDTs.
 */
import type { Client } from "cassandra-driver";
import { decimal, duration, fields, hex, integer, list, map, varint, vector } from "./bytes.ts";
import { isBefore, serverVersion } from "./cql.ts";

interface Extremes {
  readonly type: string;
  readonly values: readonly Buffer[];
  /** Legal only by itself: too long for a map key, or empty where an element must not be. */
  readonly alone?: readonly Buffer[];
  /** duration has no order, so it is no set element or map key. */
  readonly unordered?: boolean;
}

const empty = Buffer.alloc(0);

function integers(length: number, ...more: bigint[]): Buffer[] {
  const limit = 2n ** BigInt(8 * length - 1);
  return [-limit, -limit + 1n, -1n, 0n, 1n, limit - 2n, limit - 1n, ...more].map((value) => integer(length, value));
}

/** One to four bytes of UTF-8 a character, 70 characters. */
const longText = "aé日😀~ßﷺ🦆zЖ".repeat(7);

const texts = [
  "",
  " ",
  "twelve bytes",
  "thirteen byte",
  "日本語日",
  "日本語日é",
  "\u0000",
  "a\u0000b",
  "line\r\nfeed\ttab",
  "\ufeffbom",
  "\uffff",
  "\u{10ffff}",
  "e\u0301",
  "'\"\\,;",
  "NULL",
  longText,
].map((text) => Buffer.from(text));

const asciis = ["", " ", "twelve bytes", "thirteen byte", "\u0000", "\u007f", "a".repeat(70)].map((text) =>
  Buffer.from(text),
);

const doubles = [
  "0000000000000000",
  "8000000000000000",
  "7ff0000000000000",
  "fff0000000000000",
  // NaN: the canonical one, negative, with a payload, signalling
  "7ff8000000000000",
  "fff8000000000000",
  "7ff8000000000abc",
  "7ff0000000000001",
  "ffffffffffffffff",
  // smallest and largest subnormal, smallest normal, largest
  "0000000000000001",
  "8000000000000001",
  "000fffffffffffff",
  "0010000000000000",
  "7fefffffffffffff",
  "ffefffffffffffff",
  // 0.1 and 2^53 + 2
  "3fb999999999999a",
  "4340000000000001",
].map(hex);

const floats = [
  "00000000",
  "80000000",
  "7f800000",
  "ff800000",
  "7fc00000",
  "ffc00000",
  "7fc00abc",
  "7f800001",
  "ffffffff",
  "00000001",
  "80000001",
  "007fffff",
  "00800000",
  "7f7fffff",
  "ff7fffff",
  "3dcccccd",
].map(hex);

const hundredDigits = 10n ** 100n - 1n;
const decimals = [
  decimal(0, 0n),
  decimal(1, 0n),
  decimal(-1, 0n),
  decimal(1, 10n),
  decimal(2, 100n),
  decimal(38, 10n ** 38n - 1n),
  decimal(39, 10n ** 38n),
  decimal(0, -(10n ** 38n)),
  decimal(18, -123_456_789_012_345_678_901n),
  decimal(50, hundredDigits),
  decimal(0, -hundredDigits),
  decimal(-100, hundredDigits),
  decimal(2 ** 31 - 1, 1n),
  decimal(2 ** 31 - 1, 0n),
  decimal(-(2 ** 31), -1n),
  decimal(-(2 ** 31), 0n),
];

const varints = [
  ...[0n, 1n, -1n, 127n, 128n, -128n, -129n, 255n, 256n],
  ...[2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 64n - 1n, 2n ** 64n],
  ...[2n ** 127n - 1n, 2n ** 127n, -(2n ** 127n), -(2n ** 127n) - 1n, 2n ** 128n - 1n, 2n ** 128n],
  ...[2n ** 200n, -(2n ** 200n), hundredDigits, -hundredDigits],
].map(varint);

/** Days around both ends, DuckDB's infinities among them, the epoch (2^31), and years 0, 1, 1582, 9999 and 10000. */
const dates = [
  ...[0, 1, 2, 3, 4, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1],
  ...[2 ** 32 - 5, 2 ** 32 - 4, 2 ** 32 - 3, 2 ** 32 - 2, 2 ** 32 - 1],
  ...[-719_529, -719_528, -719_163, -719_162, -141_428, 2_932_896, 2_932_897].map((day) => day + 2 ** 31),
].map((day) => integer(4, day));

/** Milliseconds: int64, what fits DuckDB's microseconds and nanoseconds, what fits Date, and years 1, 9999 and 10000. */
const timestamps = integers(
  8,
  ...[-(2n ** 63n) + 2n, 2n ** 63n - 3n],
  ...[9_223_372_036_854_775n, 9_223_372_036_854_776n, -9_223_372_036_854_775n, -9_223_372_036_854_776n],
  ...[9_223_372_036_854n, 9_223_372_036_855n, -9_223_372_036_854n, -9_223_372_036_855n],
  ...[8_640_000_000_000_000n, 8_640_000_000_000_001n, -8_640_000_000_000_000n, -8_640_000_000_000_001n],
  ...[-62_135_596_800_001n, -62_135_596_800_000n, 253_402_300_799_999n, 253_402_300_800_000n],
  ...[-1001n, -1000n, -999n, 999n],
);

const int32 = 2 ** 31 - 1;
const int64 = 2n ** 63n - 1n;
const durations = [
  duration(0, 0, 0n),
  duration(1, 0, 0n),
  duration(0, 1, 0n),
  duration(0, 0, 1n),
  duration(-1, -1, -1n),
  duration(14, 3, 14_706_000_000_001n),
  duration(int32, int32, int64),
  duration(-int32, -int32, -int64),
  duration(-int32 - 1, -int32 - 1, -int64 - 1n),
  duration(0, 0, -int64 - 1n),
  // a day of 24 hours is not one day, twelve months are a year
  duration(12, 0, 86_400_000_000_000n),
  duration(0, 0, 999n),
];

const inets = [
  "00000000",
  "7f000001",
  "ffffffff",
  "00000000000000000000000000000000",
  "00000000000000000000000000000001",
  "00000000000000000000ffff01020304",
  "00000000000000000000000001020304",
  "fe800000000000000000000000000001",
  "20010db8000000000000000000000001",
  "ffffffffffffffffffffffffffffffff",
].map(hex);

const uuids = [
  "00000000000000000000000000000000",
  "ffffffffffffffffffffffffffffffff",
  "f0f0f0f0000040008000000000000000",
  "80000000000010008000000000000000",
  "0190163d8694739b9f2d3ba0c4b9a8d5",
].map(hex);

const timeuuids = [
  "00000000000010008080808080808080",
  "ffffffffffff1fffbf7f7f7f7f7f7f7f",
  "50554d6e29bb11e5b345feff819cdc9f",
  "1381400041dd11b28000000000000000",
].map(hex);

const day = 86_400_000_000_000n;
const times = [0n, 1n, 999n, 1000n, 43_200_000_000_000n, day - 1000n, day - 1n].map((value) => integer(8, value));

const blobs = [1, 2, 12, 13, 255, 256, 65_535].map((length) => Buffer.alloc(length, 0xc3));
const longBlobs = [65_536, 2 ** 20].map((length) => Buffer.alloc(length, "0123456789abcdef", "hex"));

export const everyType: readonly Extremes[] = [
  { type: "ascii", values: asciis },
  { type: "bigint", values: integers(8, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n), alone: [empty] },
  { type: "blob", values: [empty, hex("00"), hex("ff"), ...blobs], alone: longBlobs },
  { type: "boolean", values: ["00", "01"].map(hex), alone: [empty] },
  { type: "date", values: dates },
  { type: "decimal", values: decimals, alone: [empty] },
  { type: "double", values: doubles, alone: [empty] },
  { type: "duration", values: durations, unordered: true },
  { type: "float", values: floats, alone: [empty] },
  { type: "inet", values: inets, alone: [empty] },
  { type: "int", values: integers(4), alone: [empty] },
  { type: "smallint", values: integers(2) },
  { type: "text", values: texts },
  { type: "time", values: times },
  { type: "timestamp", values: timestamps, alone: [empty] },
  { type: "timeuuid", values: timeuuids, alone: [empty] },
  { type: "tinyint", values: integers(1) },
  { type: "uuid", values: uuids, alone: [empty] },
  { type: "varint", values: varints, alone: [empty] },
];

/** A row: raw bytes by column, besides the key. */
type Row = Readonly<Record<string, Buffer>>;

async function insertRows(client: Client, table: string, rows: readonly Row[]): Promise<void> {
  for (const [key, row] of rows.entries()) {
    const columns = Object.keys(row);
    const marks = columns.map(() => ", ?").join("");
    const insert = `INSERT INTO ${table} (${["k", ...columns].join(", ")}) VALUES (?${marks})`;
    // Bound as blob a value reaches the server as it is; the server reads it as the column's type.
    await client.execute(insert, [key, ...Object.values(row)], { hints: ["int", ...columns.map(() => "blob")] });
  }
}

/** The value alone and in everything that can hold it. */
function variants(value: Buffer, unordered: boolean): Row {
  const one = integer(4, 1);
  const everywhere = {
    v: value,
    l: list(value, value),
    fl: list(value),
    m: map([one, value]),
    t: fields(value, null),
    u: fields(value, list(value), null),
    fu: fields(null, list(value), value),
  };
  return unordered ? everywhere : { ...everywhere, s: list(value), mk: map([value, one]), mm: map([value, value]) };
}

async function createTypeTable(client: Client, keyspace: string, extremes: Extremes): Promise<string> {
  const { type, values, alone = [], unordered = false } = extremes;
  const udt = `u_${type}`;
  const table = `x_${type}`;
  const keyed = unordered ? "" : `, s set<${type}>, mk map<${type}, int>, mm map<${type}, ${type}>`;
  await client.execute(`CREATE TYPE ${keyspace}.${udt} (a ${type}, b frozen<list<${type}>>, c ${type})`);
  await client.execute(
    `CREATE TABLE ${keyspace}.${table} (k int PRIMARY KEY, v ${type}, l list<${type}>, fl frozen<list<${type}>>,
      m map<int, ${type}>, t tuple<${type}, int>, u ${udt}, fu frozen<${udt}>${keyed})`,
  );
  const together: Row = { l: list(...values), fl: list(...values), ...(unordered ? {} : { s: list(...values) }) };
  const rows = [...values.map((value) => variants(value, unordered)), ...alone.map((v) => ({ v })), together, {}];
  await insertRows(client, `${keyspace}.${table}`, rows);
  return table;
}

/** map → list → tuple → map → set: full, and ending in nothing at every level. */
async function createNested(client: Client, keyspace: string): Promise<string> {
  await client.execute(`CREATE TYPE ${keyspace}.u_leaf (a frozen<map<text, frozen<set<double>>>>, b decimal)`);
  await client.execute(
    `CREATE TABLE ${keyspace}.x_nested (k int PRIMARY KEY,
      v map<text, frozen<list<frozen<tuple<int, frozen<map<text, frozen<set<double>>>>>>>>>,
      u frozen<list<frozen<map<int, frozen<tuple<frozen<u_leaf>, text>>>>>>)`,
  );
  const [text, key] = [Buffer.from(longText), integer(4, -1)];
  const depths = [
    map([text, list(...doubles)], [empty, list()]),
    map([text, list()]),
    map(),
    null, // no value, where the type allows one
  ];
  const rows: Row[] = depths.map((inner) => ({
    v: map([text, list(fields(key, inner), fields(null, inner))]),
    u: list(map([key, fields(fields(inner, decimals[9]!), text)]), map([key, fields(inner && fields(inner), empty)])),
  }));
  rows.push({ v: map([empty, list()]), u: list(map()) }, { u: list() }, {});
  await insertRows(client, `${keyspace}.x_nested`, rows);
  return "x_nested";
}

async function createVectors(client: Client, keyspace: string): Promise<string> {
  await client.execute(
    `CREATE TABLE ${keyspace}.x_vector (k int PRIMARY KEY, f vector<float, 3>, d vector<double, 1>, t vector<text, 2>,
      l vector<frozen<list<int>>, 2>, v vector<frozen<vector<float, 2>>, 2>, s list<frozen<vector<float, 2>>>)`,
  );
  const rows: Row[] = floats.map((value, i) => ({
    f: vector(false, value, floats[0]!, value),
    d: doubles[i]!,
    t: vector(true, texts[i]!, empty),
    l: vector(true, list(value), list()),
    v: vector(false, value, value, value, value),
    s: list(vector(false, value, value)),
  }));
  await insertRows(client, `${keyspace}.x_vector`, [...rows, {}]);
  return "x_vector";
}

/** Values that the server keeps although the protocol gives them no meaning, or that have a shorter equal. By type. */
export const illFormed: readonly (readonly [type: string, values: readonly Buffer[]])[] = [
  // surrogates, an overlong NUL, a code point above U+10FFFF: no UTF-8
  ["text", ["eda080", "61eda0bdedb88062", "c080", "f4908080"].map(hex)],
  ["time", [-1n, day, 2n ** 63n - 1n].map((value) => integer(8, value))],
  ["boolean", ["02", "ff"].map(hex)],
  ["varint", ["0001", "ffff", "00000000000000000000000000000000000000007f"].map(hex)],
  ["decimal", ["00000000", "000000010000000a"].map(hex)],
  // elements of no bytes, which are neither null nor a number
  ["frozen<list<int>>", [list(empty), list(integer(4, 1), empty)]],
  ["set<int>", [list(empty)]],
  ["map<int, int>", [map([integer(4, 1), empty]), map([empty, integer(4, 1)])]],
  ["tuple<int, int>", [empty, fields(empty, null), fields(integer(4, 1))]],
];

/** Creates the tables `i_0`, `i_1`, … with the ill-formed values, in the order of `illFormed`; returns their names. */
export async function createIllFormed(client: Client, keyspace: string): Promise<string[]> {
  const tables = illFormed.map((_, i) => `i_${i}`);
  for (const [i, [type, values]] of illFormed.entries()) {
    const table = `${keyspace}.${tables[i]}`;
    await client.execute(`CREATE TABLE ${table} (k int PRIMARY KEY, v ${type})`);
    await insertRows(
      client,
      table,
      values.map((v) => ({ v })),
    );
  }
  return tables;
}

/** Creates the tables `x_…` with all extreme values; returns their names. */
export async function createExtremes(client: Client, keyspace: string): Promise<string[]> {
  const tables: string[] = [];
  for (const extremes of everyType) tables.push(await createTypeTable(client, keyspace, extremes));
  tables.push(await createNested(client, keyspace));
  if (!isBefore(await serverVersion(client), "5.0")) tables.push(await createVectors(client, keyspace));
  return tables;
}
