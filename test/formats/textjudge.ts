/*
 * Owns the judging of texts: their comparison with the bytes that the server holds. Written from CQL's own descriptions;
 * shares nothing with src but types.
 */
import type { CqlType } from "../../src/types/cql.ts";
import { arrayOf, type Json, objectOf, parseJson } from "./textparsers.ts";

/** What of a cell a column of CSV holds: the text alone where JSON would have quotes around it. */
export function csvValue(type: CqlType, text: string | null): Json {
  if (text === null) return null;
  return NESTED.has(type.name) ? parseJson(text) : { string: text };
}

const EMPTY_IS_A_VALUE = new Set(["text", "ascii", "blob", "custom", "empty", "tuple", "udt"]);
const NESTED = new Set(["list", "set", "map", "tuple", "udt", "vector"]);

/** Whether a text says exactly what the bytes do. `bare`: numbers and booleans must be JSON's own, not texts. */
export function says(type: CqlType, cell: Uint8Array | null, json: Json, bare: boolean): boolean {
  // As --empty null has it.
  const bytes = cell?.length === 0 && !EMPTY_IS_A_VALUE.has(type.name) ? null : cell;
  if (bytes === null || json === null) return bytes === null && json === null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const reader = { view, bytes, at: 0 };
  const parts = () => PARTS[type.name]!(type, reader, json);
  if (NESTED.has(type.name)) return parts();
  const text =
    typeof json === "boolean" ? String(json) : "number" in json ? json.number : "string" in json ? json.string : "";
  const isBare = typeof json === "boolean" || "number" in json;
  if (type.name === "float" || type.name === "double") {
    const [value, read] = type.name === "float" ? floatBits(view, text) : doubleBits(view, text);
    const needsQuotes = /[^-+.\deE]/.test(text) || text === "-0.0";
    return value === read && (!bare || isBare === !needsQuotes);
  }
  const expected = scalarText(type.name, bytes, view);
  return text === expected && (!bare || isBare === BARE.has(type.name));
}

const BARE = new Set(["boolean", "tinyint", "smallint", "int", "bigint", "counter", "varint", "decimal"]);

interface Reader {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  at: number;
}

function sized(reader: Reader): Uint8Array | null {
  const size = reader.view.getInt32(reader.at);
  reader.at += 4;
  if (size < 0) return null;
  reader.at += size;
  return reader.bytes.subarray(reader.at - size, reader.at);
}

const PARTS: Record<string, (type: CqlType, reader: Reader, json: Json) => boolean> = {
  list: elements,
  set: elements,
  map(type, reader, json) {
    const count = reader.view.getInt32(0);
    reader.at = 4;
    const [keyType, valueType] = type.of as [CqlType, CqlType];
    const isObject = keyType.name === "text" || keyType.name === "ascii";
    const entries = isObject
      ? (objectOf(json) ?? []).map(([key, value]) => [{ string: key }, value] as const)
      : (arrayOf(json) ?? []).map((pair) => arrayOf(pair) ?? []);
    if (entries.length !== count) return false;
    return entries.every((entry) => {
      const [key, value] = [sized(reader), sized(reader)];
      return entry.length === 2 && says(keyType, key, entry[0]!, true) && says(valueType, value, entry[1]!, true);
    });
  },
  tuple(type, reader, json) {
    const array = arrayOf(json);
    return array?.length === type.of.length && type.of.every((part, i) => says(part, fieldOf(reader), array[i]!, true));
  },
  udt(type, reader, json) {
    const members = objectOf(json) ?? [];
    const names = distinct(type.udt!.fields);
    if (members.length !== names.length) return false;
    return type.of.every((part, i) => members[i]![0] === names[i] && says(part, fieldOf(reader), members[i]![1], true));
  },
  vector(type, reader, json) {
    const array = arrayOf(json);
    if (array === undefined || array.length !== type.dimension) return false;
    const fixed = fixedLength(type.of[0]!);
    return array.every((value) => {
      let size = fixed;
      if (size === undefined) {
        const first = reader.bytes[reader.at++]!;
        const more = Math.clz32(~(first << 24));
        size = more > 7 ? 0 : first & (0xff >> (more + 1));
        for (let i = 0; i < more; i++) size = size * 256 + reader.bytes[reader.at++]!;
      }
      reader.at += size;
      return says(type.of[0]!, reader.bytes.subarray(reader.at - size, reader.at), value, true);
    });
  },
};

/** As Cassandra 5.0 answers AbstractType.valueLengthIfFixed, for types that tests put into vectors. */
const FIXED: Record<string, number> = {
  bigint: 8,
  boolean: 1,
  double: 8,
  float: 4,
  int: 4,
  timestamp: 8,
  timeuuid: 16,
  uuid: 16,
};

function fixedLength(type: CqlType): number | undefined {
  if (type.name !== "vector") return FIXED[type.name];
  const element = fixedLength(type.of[0]!);
  return element === undefined ? undefined : element * type.dimension!;
}

function elements(type: CqlType, reader: Reader, json: Json): boolean {
  const array = arrayOf(json);
  const count = reader.view.getInt32(0);
  reader.at = 4;
  return array?.length === count && array.every((value) => says(type.of[0]!, sized(reader), value, true));
}

/** A field, null where an old value ends before it. */
function fieldOf(reader: Reader): Uint8Array | null {
  return reader.at >= reader.bytes.length ? null : sized(reader);
}

/** Names of fields as files have them: a second that differs in case only gets _1. */
function distinct(names: readonly string[]): string[] {
  return names.map((name, i) =>
    names.slice(0, i).some((other) => other.toLowerCase() === name.toLowerCase()) ? `${name}_1` : name,
  );
}

const scratch = new DataView(new ArrayBuffer(8));

function doubleBits(view: DataView, text: string): [bigint, bigint] {
  const nan = /^NaN\(0x([0-9a-f]{16})\)$/.exec(text)?.[1];
  if (nan !== undefined) return [view.getBigUint64(0), BigInt(`0x${nan}`)];
  const value = text === "NaN" ? Number.NaN : Number(text);
  if (Number.isNaN(value)) return [view.getBigUint64(0), text === "NaN" ? 0x7ff8000000000000n : -1n];
  scratch.setFloat64(0, value);
  return [view.getBigUint64(0), scratch.getBigUint64(0)];
}

function floatBits(view: DataView, text: string): [bigint, bigint] {
  const bits = BigInt(view.getUint32(0));
  const nan = /^NaN\(0x([0-9a-f]{8})\)$/.exec(text)?.[1];
  if (nan !== undefined) return [bits, BigInt(`0x${nan}`)];
  const value = text === "NaN" ? Number.NaN : Number(text);
  if (Number.isNaN(value)) return [bits, text === "NaN" ? 0x7fc00000n : -1n];
  scratch.setFloat32(0, nearestFloat(text, value));
  return [bits, BigInt(scratch.getUint32(0))];
}

/** A float as a multiple of 2^-149, which all are. */
function multiple(float: number): bigint {
  return Math.abs(float) < 1 ? BigInt(float * 2 ** 149) : BigInt(float * 2 ** 23) << 126n;
}

/** The float nearest to the digits themselves: that nearest to the nearest double may be its neighbour. */
function nearestFloat(text: string, double: number): number {
  const near = Math.fround(double);
  if (!Number.isFinite(near) || double === 0) return double === 0 ? double : near;
  const step = 2 ** Math.max(Math.floor(Math.log2(Math.abs(near) || 2 ** -149)) - 24, -149);
  const all = [near, Math.fround(near + 2 * step), Math.fround(near - 2 * step)].filter(Number.isFinite);
  const [, sign, whole = "", fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d*))?(?:e([-+]?\d+))?$/i.exec(text)!;
  const power = Number(exponent) - fraction.length;
  const digits = BigInt(`${sign}${whole}${fraction}`);
  const [over, under] = power < 0 ? [1n, 10n ** BigInt(-power)] : [10n ** BigInt(power), 1n];
  const distance = (float: number) => {
    const gap = ((digits * over) << 149n) - multiple(float) * under;
    return gap < 0n ? -gap : gap;
  };
  return all.reduce((best, float) => (distance(float) < distance(best) ? float : best));
}

function unsigned(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex") || "0"}`);
}

function signed(bytes: Uint8Array): bigint {
  return BigInt.asIntN(bytes.length * 8, unsigned(bytes));
}

function scalarText(name: string, bytes: Uint8Array, view: DataView): string {
  const raw = Buffer.from(bytes);
  switch (name) {
    case "text":
    case "ascii":
      return raw.toString("utf8");
    case "boolean":
      return bytes[0] ? "true" : "false";
    case "tinyint":
    case "smallint":
    case "int":
    case "bigint":
    case "counter":
    case "varint":
      return signed(bytes).toString();
    case "decimal":
      return bigDecimal(signed(bytes.subarray(4)), view.getInt32(0));
    case "uuid":
    case "timeuuid":
      return raw.toString("hex").replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
    case "timestamp": {
      const ms = signed(bytes);
      const day = (ms - (((ms % DAY) + DAY) % DAY)) / DAY;
      return `${civil(day)}T${clock((ms - day * DAY) * 1_000_000n).slice(0, 12)}Z`;
    }
    case "date":
      return civil(unsigned(bytes) - 2n ** 31n);
    case "time":
      return clock(signed(bytes));
    case "duration":
      return durationOf(bytes);
    case "inet":
      return inetOf(raw);
    default:
      return `0x${raw.toString("hex")}`;
  }
}

const DAY = 86_400_000n;

/** java.math.BigDecimal.toString */
function bigDecimal(value: bigint, scale: number): string {
  const sign = value < 0n ? "-" : "";
  const digits = (value < 0n ? -value : value).toString();
  const adjusted = BigInt(digits.length - 1) - BigInt(scale);
  if (scale === 0) return sign + digits;
  if (scale > 0 && adjusted >= -6n) {
    const padded = digits.padStart(scale + 1, "0");
    return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
  }
  const mantissa = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits;
  return `${sign}${mantissa}${adjusted === 0n ? "" : `E${adjusted > 0n ? "+" : ""}${adjusted}`}`;
}

/** Days since 1970 as a date, by counting 400-year eras. */
function civil(days: bigint): string {
  const ERA = 146_097n;
  const shifted = days + 719_468n;
  const era = (shifted - (((shifted % ERA) + ERA) % ERA)) / ERA;
  const day = shifted - era * ERA;
  const yearOfEra = (day - day / 1460n + day / 36_524n - day / 146_096n) / 365n;
  const dayOfYear = day - (365n * yearOfEra + yearOfEra / 4n - yearOfEra / 100n);
  const month5 = (5n * dayOfYear + 2n) / 153n;
  const month = month5 < 10n ? month5 + 3n : month5 - 9n;
  const year = yearOfEra + era * 400n + (month <= 2n ? 1n : 0n);
  const two = (value: bigint) => value.toString().padStart(2, "0");
  const yearText =
    year >= 0n && year <= 9999n
      ? year.toString().padStart(4, "0")
      : `${year < 0n ? "-" : "+"}${(year < 0n ? -year : year).toString().padStart(6, "0")}`;
  return `${yearText}-${two(month)}-${two(dayOfYear - (153n * month5 + 2n) / 5n + 1n)}`;
}

function clock(nanos: bigint): string {
  const two = (value: bigint) => value.toString().padStart(2, "0");
  const seconds = nanos / 1_000_000_000n;
  const fraction = (nanos % 1_000_000_000n).toString().padStart(9, "0");
  return `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}.${fraction}`;
}

function durationOf(bytes: Uint8Array): string {
  let at = 0;
  const vint = () => {
    const first = bytes[at++]!;
    const more = Math.clz32(~(first << 24));
    let value = more > 7 ? 0n : BigInt(first & (0xff >> (more + 1)));
    for (let i = 0; i < more; i++) value = (value << 8n) | BigInt(bytes[at++]!);
    return (value >> 1n) ^ -(value & 1n);
  };
  const [months, days, nanos] = [vint(), vint(), vint()];
  const isNegative = months < 0n || days < 0n || nanos < 0n;
  const abs = (value: bigint) => (value < 0n ? -value : value);
  let text = isNegative ? "-" : "";
  const put = (value: bigint, unit: string) => {
    if (value > 0n) text += `${value}${unit}`;
  };
  put(abs(months) / 12n, "y");
  put(abs(months) % 12n, "mo");
  put(abs(days), "d");
  let rest = abs(nanos);
  for (const [unit, size] of [
    ["h", 3600_000_000_000n],
    ["m", 60_000_000_000n],
    ["s", 1_000_000_000n],
    ["ms", 1_000_000n],
    ["us", 1000n],
    ["ns", 1n],
  ] as const) {
    put(rest / size, unit);
    rest %= size;
  }
  return text === "" ? "0s" : text;
}

/** RFC 5952, but for mapped addresses as types.md has it. */
function inetOf(raw: Buffer): string {
  if (raw.length === 4) return [...raw].join(".");
  if (raw.subarray(0, 12).toString("hex") === "00000000000000000000ffff")
    return `::ffff:${[...raw.subarray(12)].join(".")}`;
  const groups = Array.from({ length: 8 }, (_, i) => raw.readUInt16BE(i * 2).toString(16));
  let [best, length] = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === "0") run++;
    if (run > length) [best, length] = [i, run];
  }
  if (best < 0) return groups.join(":");
  return `${groups.slice(0, best).join(":")}::${groups.slice(best + length).join(":")}`;
}
