/*
 * Owns single values of a column as JSON, in the text forms that an import takes (docs/types.md). For rows that somebody
 * is to look at and repair: one value at a time, not for the row path.
 */
import { type ColumnBuffer, type ColumnType, isNull } from "../base/column.ts";
import { entryLength } from "./collections.ts";
import { entryText } from "./strings.ts";

/** A value as JSON text. @param isJson the column's texts are JSON themselves */
export function columnJson(column: ColumnBuffer, row: number, isJson = false): string {
  if (isNull(column, row)) return "null";
  const { type, i32, bytes } = column;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  switch (type.kind) {
    case "BOOLEAN":
      return String(bytes[row] !== 0);
    case "TINYINT":
      return String(view.getInt8(row));
    case "SMALLINT":
      return String(view.getInt16(row * 2, true));
    case "INTEGER":
      return String(i32[row]);
    case "BIGINT":
      return String(view.getBigInt64(row * 8, true));
    case "FLOAT":
      return floatJson(view.getFloat32(row * 4, true), 4, view.getUint32(row * 4, true));
    case "DOUBLE":
      return floatJson(view.getFloat64(row * 8, true), 8, view.getBigUint64(row * 8, true));
    case "VARCHAR":
      return isJson ? entryText(column, row) : JSON.stringify(entryText(column, row));
    case "BLOB":
      return `"0x${blobOf(column, row).toString("hex")}"`;
    case "DATE":
      return `"${dateText(i32[row]!)}"`;
    case "TIME_NS":
      return `"${timeText(view.getBigInt64(row * 8, true))}"`;
    case "TIMESTAMPTZ":
      return `"${instantText(view.getBigInt64(row * 8, true))}"`;
    case "UUID":
      return `"${uuidText(view, row)}"`;
    case "DECIMAL":
      return decimalText(view, row, type, column.width);
    default:
      return nestedJson(column, row);
  }
}

function nestedJson(column: ColumnBuffer, row: number): string {
  const { type, children } = column;
  if (type.kind === "STRUCT") {
    const values = children.map((child) => columnJson(child, row));
    const names = type.fields.map(({ name }) => name);
    if (names.join() === "months,days,nanos") return durationText(values);
    if (names.every((name, i) => name === String(i + 1))) return `[${values.join(",")}]`;
    return `{${names.map((name, i) => `${JSON.stringify(name)}:${values[i]}`).join(",")}}`;
  }
  const first = column.i32[row * 4]! >>> 0;
  const places = Array.from({ length: entryLength(column, row) }, (_, i) => first + i);
  const [child] = children;
  if (type.kind === "LIST") return `[${places.map((at) => columnJson(child!, at)).join(",")}]`;
  const [key, value] = child!.children;
  return `[${places.map((at) => `[${columnJson(key!, at)},${columnJson(value!, at)}]`).join(",")}]`;
}

function durationText([months, days, nanos]: readonly string[]): string {
  const isNegative = [months, days, nanos].some((part) => part!.startsWith("-"));
  const digits = [months, days, nanos].map((part) => part!.replace("-", ""));
  return `"${isNegative ? "-" : ""}${digits[0]}mo${digits[1]}d${digits[2]}ns"`;
}

/** Of another NaN than the usual one, the bits; of a float, as many digits as it has. */
function floatJson(value: number, bytes: 4 | 8, bits: number | bigint): string {
  if (Object.is(value, -0)) return '"-0.0"';
  const digits = bits.toString(16);
  if (Number.isNaN(value) && digits !== "7fc00000" && digits !== "7ff8000000000000") return `"NaN(0x${digits})"`;
  if (!Number.isFinite(value)) return `"${value}"`;
  for (let precision = 1; bytes === 4 && precision < 9; precision++) {
    const text = String(Number(value.toPrecision(precision)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(value);
}

function blobOf(column: ColumnBuffer, row: number): Buffer {
  const size = column.i32[row * 4]!;
  const inEntry = size <= 12;
  const start = inEntry ? row * 16 + 4 : (column.i32[row * 4 + 2]! >>> 0) + column.i32[row * 4 + 3]! * 0x1_0000_0000;
  const from = inEntry ? column.bytes : column.arena.bytes;
  return Buffer.from(from.subarray(start, start + size));
}

const DAY_MS = 86_400_000;

/** The calendar's date; years beyond four digits with a sign. */
function dateText(days: number): string {
  // A cycle of 400 years is 146,097 days: JavaScript's dates reach about 270,000 years.
  const cycles = Math.floor(days / 146_097);
  const date = new Date((days - cycles * 146_097) * DAY_MS);
  const year = date.getUTCFullYear() + cycles * 400;
  const digits = String(Math.abs(year)).padStart(4, "0");
  const sign = year < 0 ? "-" : year > 9999 ? "+" : "";
  return `${sign}${digits}${date.toISOString().slice(4, 10)}`;
}

function timeText(nanos: bigint): string {
  const seconds = nanos / 1_000_000_000n;
  const two = (value: bigint) => String(value).padStart(2, "0");
  const fraction = String(nanos % 1_000_000_000n).padStart(9, "0");
  return `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}.${fraction}`;
}

function instantText(micros: bigint): string {
  const day = 86_400_000_000n;
  const rest = ((micros % day) + day) % day;
  const nanos = rest * 1000n;
  const text = timeText(nanos).replace(/000$/, "").replace(/000$/, "");
  return `${dateText(Number((micros - rest) / day))}T${text}Z`;
}

function uuidText(view: DataView, row: number): string {
  const high = BigInt.asUintN(64, view.getBigInt64(row * 16 + 8, true) ^ (1n << 63n));
  const low = view.getBigUint64(row * 16, true);
  const hex = high.toString(16).padStart(16, "0") + low.toString(16).padStart(16, "0");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function decimalText(
  view: DataView,
  row: number,
  { scale }: Extract<ColumnType, { kind: "DECIMAL" }>,
  width: number,
): string {
  const at = row * width;
  let value: bigint;
  if (width === 2) value = BigInt(view.getInt16(at, true));
  else if (width === 4) value = BigInt(view.getInt32(at, true));
  else if (width === 8) value = view.getBigInt64(at, true);
  else value = (view.getBigInt64(at + 8, true) << 64n) | view.getBigUint64(at, true);
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  const text = scale > 0 ? `${digits.slice(0, -scale)}.${digits.slice(-scale)}` : digits;
  return value < 0n ? `-${text}` : text;
}
