/*
 * Owns the text forms of docs/types.md, written from a value's bytes with BigInt, Date and JSON.stringify, so that
 * they owe nothing to src/types; and columns of such texts, read.
 */
import { Arena, type ColumnBuffer, createColumn, setNull } from "../../src/base/column.ts";
import type { Encode } from "../../src/types/codec.ts";
import { type CqlType, parseCqlType, type UserTypes } from "../../src/types/cql.ts";
import { textEncoder } from "../../src/types/table.ts";
import type { TextOptions } from "../../src/types/text-reader.ts";
import { type Bytes, encodeWith, toHex } from "./bytes.ts";

/** A VARCHAR column of the texts. */
export function textColumn(texts: readonly (string | Uint8Array | null)[]): ColumnBuffer {
  const column = createColumn({ kind: "VARCHAR" }, new Arena(), texts.length);
  column.arena.append(new Uint8Array(3));
  const entries = new DataView(column.bytes.buffer);
  for (const [row, text] of texts.entries()) {
    column.rows++;
    if (text === null) {
      setNull(column, row);
      continue;
    }
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    entries.setInt32(row * 16, bytes.length, true);
    if (bytes.length <= 12) column.bytes.set(bytes, row * 16 + 4);
    else {
      column.bytes.set(bytes.subarray(0, 4), row * 16 + 4);
      entries.setBigInt64(row * 16 + 8, BigInt(column.arena.append(bytes)), true);
    }
  }
  return column;
}

const UDTS: UserTypes = new Map([
  ["point", { fields: ["x", "y"], types: ["int", "text"] }],
  ["cased", { fields: ["a", "A"], types: ["int", "int"] }],
]);

/** How texts of a type, which may be of `point` and `cased`, are read. */
export function encoder(type: string, form: "csv" | "json", options: Partial<TextOptions> = {}): Encode {
  return textEncoder(parseCqlType(type, UDTS), form, { truncateTimes: false, ...options });
}

/** The bytes that a text is read as. */
export function read(
  type: string,
  form: "csv" | "json",
  text: string | Uint8Array,
  options: Partial<TextOptions> = {},
): Bytes {
  return encodeWith(encoder(type, form, options), textColumn([text]))[0]!;
}

const utf8 = (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

function signed(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${toHex(bytes)}`));
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function float(bytes: Uint8Array): string {
  const value = bytes.length === 4 ? view(bytes).getFloat32(0) : view(bytes).getFloat64(0);
  if (Object.is(value, -0)) return "-0.0";
  if (bytes.length === 8 || !Number.isFinite(value)) return String(value);
  let digits = 1;
  while (Math.fround(Number(value.toPrecision(digits))) !== value) digits++;
  return String(Number(value.toPrecision(digits)));
}

/** java.math.BigDecimal.toString, as its documentation says. */
function decimal(bytes: Uint8Array): string {
  const scale = BigInt(view(bytes).getInt32(0));
  const unscaled = signed(bytes.subarray(4));
  const sign = unscaled < 0n ? "-" : "";
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString();
  const adjusted = -scale + BigInt(digits.length - 1);
  if (scale === 0n) return sign + digits;
  if (scale > 0n && adjusted >= -6n) {
    const padded = digits.padStart(Number(scale) + 1, "0");
    return `${sign}${padded.slice(0, -Number(scale))}.${padded.slice(-Number(scale))}`;
  }
  const mantissa = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits;
  return `${sign}${mantissa}E${adjusted < 0n ? "" : "+"}${adjusted}`;
}

const CYCLE = 146_097n;

/** The calendar repeats every 400 years: Date is asked for a day of those from 1970. */
function date(days: bigint): string {
  const cycles = (days - (((days % CYCLE) + CYCLE) % CYCLE)) / CYCLE;
  const [year, month, day] = new Date(Number(days - cycles * CYCLE) * 86_400_000).toISOString().slice(0, 10).split("-");
  const full = BigInt(year!) + cycles * 400n;
  const size = (full < 0n ? -full : full).toString().padStart(4, "0");
  return `${full < 0n ? "-" : full > 9999n ? "+" : ""}${size}-${month}-${day}`;
}

function timestamp(milliseconds: bigint): string {
  const ofDay = ((milliseconds % 86_400_000n) + 86_400_000n) % 86_400_000n;
  return `${date((milliseconds - ofDay) / 86_400_000n)}${new Date(Number(ofDay)).toISOString().slice(10)}`;
}

function time(nanos: bigint): string {
  const part = (unit: bigint, of: bigint) => ((nanos / unit) % of).toString().padStart(2, "0");
  const fraction = (nanos % 1_000_000_000n).toString().padStart(9, "0");
  return `${part(3_600_000_000_000n, 24n)}:${part(60_000_000_000n, 60n)}:${part(1_000_000_000n, 60n)}.${fraction}`;
}

function vint(bytes: Uint8Array): { value: bigint; rest: Uint8Array } {
  let more = 0;
  while (more < 8 && (bytes[0]! & (0x80 >> more)) !== 0) more++;
  const rest = bytes.subarray(1 + more);
  const head = more < 7 ? BigInt(bytes[0]! & (0x7f >> more)) : 0n;
  const tail = more === 0 ? 0n : BigInt(`0x${toHex(bytes.subarray(1, 1 + more))}`);
  return { value: (head << BigInt(8 * more)) | tail, rest };
}

/** As Cassandra's Duration.toString, with 0s for none. */
function duration(bytes: Uint8Array): string {
  const numbers: bigint[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const next = vint(rest);
    numbers.push(next.value & 1n ? -(next.value >> 1n) - 1n : next.value >> 1n);
    rest = next.rest;
  }
  const [months, days, nanos] = numbers.map((value) => (value < 0n ? -value : value)) as [bigint, bigint, bigint];
  const units: [bigint, string][] = [
    [months / 12n, "y"],
    [months % 12n, "mo"],
    [days, "d"],
    [nanos / 3_600_000_000_000n, "h"],
    [(nanos / 60_000_000_000n) % 60n, "m"],
    [(nanos / 1_000_000_000n) % 60n, "s"],
    [(nanos / 1_000_000n) % 1000n, "ms"],
    [(nanos / 1000n) % 1000n, "us"],
    [nanos % 1000n, "ns"],
  ];
  const text = units.map(([count, unit]) => (count === 0n ? "" : `${count}${unit}`)).join("");
  return numbers.some((value) => value < 0n) ? `-${text}` : text || "0s";
}

function inet(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = toHex(bytes)!.match(/.{4}/g)!;
  if (/^0{20}ffff/.test(toHex(bytes)!)) return `::ffff:${bytes.subarray(12).join(".")}`;
  return groups.map((group) => group.replace(/^0{1,3}/, "")).join(":");
}

function uuid(bytes: Uint8Array): string {
  return toHex(bytes)!.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** The texts of types that are one text each. */
const PLAIN: Readonly<Record<string, (bytes: Uint8Array) => string>> = {
  ascii: utf8,
  text: utf8,
  boolean: (bytes) => (bytes[0] === 1 ? "true" : "false"),
  float,
  double: float,
  decimal,
  date: (bytes) => date(BigInt(view(bytes).getUint32(0)) - 0x80000000n),
  timestamp: (bytes) => timestamp(signed(bytes)),
  time: (bytes) => time(signed(bytes)),
  duration,
  inet,
  uuid,
  timeuuid: uuid,
  ...Object.fromEntries(
    ["tinyint", "smallint", "int", "bigint", "counter", "varint"].map((name) => [
      name,
      (bytes: Uint8Array) => signed(bytes).toString(),
    ]),
  ),
  ...Object.fromEntries(["blob", "custom", "empty"].map((name) => [name, (bytes: Uint8Array) => `0x${toHex(bytes)}`])),
};
/** Types whose JSON is a number or a word, where JSON has one for the value. */
const BARE = /^(true|false|-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?)$/;
const BARE_TYPES = new Set(["boolean", "float", "double", "decimal", "tinyint", "smallint", "int", "bigint", "varint"]);

/** How a map is written whose keys are not text. */
export type MapForm = "pairs" | "object";

/** The text of a value in a CSV field. */
export function csvText(type: CqlType, bytes: Uint8Array, maps: MapForm = "pairs"): string {
  return PLAIN[type.name]?.(bytes) ?? jsonText(type, bytes, maps);
}

/** The value in JSON. */
export function jsonText(type: CqlType, bytes: Bytes, maps: MapForm = "pairs"): string {
  if (bytes === null) return "null";
  const plain = PLAIN[type.name]?.(bytes);
  if (plain !== undefined) {
    const isBare = BARE_TYPES.has(type.name) && BARE.test(plain) && plain !== "-0.0";
    return isBare ? plain : JSON.stringify(plain);
  }
  const parts = partsOf(type, bytes);
  const text = (part: Bytes, i: number) => jsonText(type.of[i % type.of.length]!, part, maps);
  if (type.name === "map") {
    const entries = parts.flatMap((part, i) => (i % 2 === 0 ? [[part, parts[i + 1]!] as const] : []));
    const [key, value] = type.of as [CqlType, CqlType];
    const isText = key.name === "text" || key.name === "ascii";
    if (!isText && maps === "pairs") return `[${entries.map(([k, v]) => `[${text(k, 0)},${text(v, 1)}]`).join(",")}]`;
    const named = entries.map(([k, v]) => `${JSON.stringify(csvText(key, k!, maps))}: ${jsonText(value, v, maps)}`);
    return `{${named.join(", ")}}`;
  }
  if (!type.udt) return `[${parts.map(text).join(", ")}]`;
  return `{${type.udt.fields.map((name, i) => `${JSON.stringify(name)}:${text(parts[i]!, i)}`).join(",")}}`;
}

/** The values that a nested one is made of; of a map, keys and values take turns. */
function partsOf(type: CqlType, bytes: Uint8Array): Bytes[] {
  const parts: Bytes[] = [];
  const isCounted = ["list", "set", "map"].includes(type.name);
  let rest = bytes.subarray(isCounted ? 4 : 0);
  const takes = (size: number) => {
    parts.push(size < 0 ? null : rest.subarray(0, size));
    rest = rest.subarray(Math.max(size, 0));
  };
  if (type.name !== "vector") {
    while (rest.length > 0) {
      const size = view(rest).getInt32(0);
      rest = rest.subarray(4);
      takes(size);
    }
    return parts;
  }
  const fixed = fixedSize(type.of[0]!);
  for (let i = 0; i < type.dimension!; i++) {
    if (fixed !== undefined) takes(fixed);
    else {
      const next = vint(rest);
      rest = next.rest;
      takes(Number(next.value));
    }
  }
  return parts;
}

const SIZES: Readonly<Record<string, number>> = {
  ...{ bigint: 8, boolean: 1, double: 8, empty: 0, float: 4, int: 4, timestamp: 8, timeuuid: 16, uuid: 16 },
};

function fixedSize(type: CqlType): number | undefined {
  if (type.name !== "vector") return SIZES[type.name];
  const element = fixedSize(type.of[0]!);
  return element === undefined ? undefined : element * type.dimension!;
}
