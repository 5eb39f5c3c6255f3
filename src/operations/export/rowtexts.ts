/*
 * Owns the SQL that makes plain texts and sort keys of staged values: what stands in the names of directories, parts of
 * times, and what gives texts of numbers and times their own order.
 */
import type { TimePart } from "../../base/names.ts";
import type { ResultColumn } from "./resultcolumns.ts";

type Typed = Pick<ResultColumn, "cql" | "type">;

const DAY_MS = 86_400_000;
/** From 1582-10-15, where the 100 nanoseconds of a timeuuid begin, to 1970-01-01. */
const GREGORIAN_DAYS = 141_427;
/** After 400 years the calendar begins again: years beyond those of DuckDB's dates are counted in these. */
const CYCLE_DAYS = 146_097;
const CYCLE_YEARS = 400;

/** The text of a value as CQL has it, NULL for NULL; undefined for types that have no plain text that is unique. */
export function plainText({ cql, type }: Typed, x: string): string | undefined {
  switch (type.kind) {
    case "DATE":
      return dateText(daysOfDate(x));
    case "TIMESTAMPTZ":
      return timestampText(`epoch_us(${x})`);
    case "TIME_NS":
      return `rpad(CASE WHEN strlen(${x}::VARCHAR) = 8 THEN ${x}::VARCHAR || '.' ELSE ${x}::VARCHAR END, 18, '0')`;
    case "FLOAT":
    case "DOUBLE":
    case "BLOB":
    case "LIST":
    case "MAP":
    case "STRUCT":
      return undefined;
    case "VARCHAR":
      // What has no text of its own in DuckDB (a duration asked for as text) does not come here: codecs say VARCHAR only for texts.
      return cql.of.length > 0 ? undefined : x;
    default:
      return `${x}::VARCHAR`;
  }
}

/** A part of a time in UTC; undefined for columns that are none. */
export function partText(column: Typed, x: string, part: TimePart): string | undefined {
  const time = timeOf(column, x);
  if (!time) return undefined;
  switch (part) {
    case "year":
      return `${yearOf(time.days)}::VARCHAR`;
    case "month":
      return twoDigits(`month(${dayInCycle(time.days)})`);
    case "day":
      return twoDigits(`day(${dayInCycle(time.days)})`);
    case "hour":
      return time.hours && twoDigits(modulo(time.hours, 24));
    case "date":
      return dateText(time.days);
  }
}

/**
 * What ORDER BY takes for a column: numbers that are kept as text are compared as numbers (decimals as DOUBLE), and
 * timeuuids by their time, as Cassandra does.
 */
export function sortKey({ cql, type }: Typed, x: string): string {
  if (cql.name === "timeuuid" && (type.kind === "VARCHAR" || type.kind === "UUID")) {
    return `struct_pack(t := ${ticksOfTimeuuid(x)}, u := ${x})`;
  }
  if (type.kind === "VARCHAR" && cql.name === "varint") return `${x}::BIGNUM`;
  if (type.kind === "VARCHAR" && cql.name === "decimal") return `${x}::DOUBLE`;
  return x;
}

/** Days since 1970 and hours since 1970, as SQL; days alone of what has no time of day. */
function timeOf({ cql, type }: Typed, x: string): { readonly days: string; readonly hours?: string } | undefined {
  if (cql.name === "timeuuid" && (type.kind === "VARCHAR" || type.kind === "UUID")) {
    const hours = `(${floorDivide(ticksOfTimeuuid(x), 36_000_000_000)} - ${GREGORIAN_DAYS * 24})`;
    return { days: floorDivide(hours, 24), hours };
  }
  if (type.kind === "TIMESTAMPTZ") {
    return {
      days: floorDivide(`epoch_us(${x})`, DAY_MS * 1000),
      hours: floorDivide(`epoch_us(${x})`, 3_600_000_000),
    };
  }
  if (cql.name === "timestamp" && type.kind === "BIGINT") {
    return { days: floorDivide(x, DAY_MS), hours: floorDivide(x, 3_600_000) };
  }
  if (type.kind === "DATE") return { days: daysOfDate(x) };
  if (cql.name === "date" && type.kind === "INTEGER") return { days: `${x}::BIGINT` };
  return undefined;
}

function daysOfDate(x: string): string {
  return `(${x} - DATE '1970-01-01')::BIGINT`;
}

/** The 60 bits of time in the text of a timeuuid: high, middle and low, in the other order. */
function ticksOfTimeuuid(x: string): string {
  const text = `${x}::VARCHAR`;
  return `('0x' || substr(${text}, 16, 3) || substr(${text}, 10, 4) || substr(${text}, 1, 8))::BIGINT`;
}

function modulo(a: string, n: number): string {
  return `(((${a}) % ${n} + ${n}) % ${n})`;
}

function floorDivide(a: string, n: number): string {
  // Not by subtracting first: that would pass the least BIGINT.
  return `((${a}) // ${n} - CASE WHEN (${a}) % ${n} < 0 THEN 1 ELSE 0 END)`;
}

/** The date of the first 400 years since 1970 that has the same day and month. */
function dayInCycle(days: string): string {
  return `(DATE '1970-01-01' + ${modulo(days, CYCLE_DAYS)}::INTEGER)`;
}

function yearOf(days: string): string {
  return `(year(${dayInCycle(days)}) + ${CYCLE_YEARS} * ${floorDivide(days, CYCLE_DAYS)})`;
}

/** YYYY-MM-DD; years beyond four digits, and those before 0, with their sign. */
function dateText(days: string): string {
  const year = yearOf(days);
  const yearText = `CASE WHEN ${year} > 9999 THEN '+' WHEN ${year} < 0 THEN '-' ELSE '' END ||
    lpad(abs(${year})::VARCHAR, greatest(4, strlen(abs(${year})::VARCHAR))::INTEGER, '0')`;
  const date = dayInCycle(days);
  return `(${yearText} || '-' || ${twoDigits(`month(${date})`)} || '-' || ${twoDigits(`day(${date})`)})`;
}

/** ISO 8601 with milliseconds, and microseconds where there are any. */
function timestampText(us: string): string {
  const digits = (of: string, per: number, most: number, width: number) =>
    `lpad(${modulo(floorDivide(of, per), most)}::VARCHAR, ${width}, '0')`;
  const micros = modulo(us, 1000);
  return `(${dateText(floorDivide(us, DAY_MS * 1000))} || 'T' || ${digits(us, 3_600_000_000, 24, 2)} || ':' ||
    ${digits(us, 60_000_000, 60, 2)} || ':' || ${digits(us, 1_000_000, 60, 2)} || '.' || ${digits(us, 1000, 1000, 3)} ||
    CASE WHEN ${micros} = 0 THEN '' ELSE lpad(${micros}::VARCHAR, 3, '0') END || 'Z')`;
}

function twoDigits(x: string): string {
  return `lpad((${x})::VARCHAR, 2, '0')`;
}
