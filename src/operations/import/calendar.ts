/*
 * Owns dates and instants that Spark wrote by the calendar of before 1582 (its "legacy" mode, and every file before Spark 3):
 * which columns of a Parquet file have them, and the SQL that makes them what Spark would read. Other files say nothing
 * of calendars, and mean today's.
 */
import type { FileType } from "../../duckdb/filetypes.ts";
import { mapped, type OfLeaf } from "./leaves.ts";

/** What is to be done to the values of a column. */
export interface Rebased {
  /** The column's values by today's calendar. */
  readonly sql: string;
  /** True in the rows with instants that can't be told, and what the user should know of these; absent where all can. */
  readonly check?: { readonly sql: string; readonly reason: string };
}

/** How Spark wrote the dates and instants of a file, and those that are INT96. */
export interface OldCalendar {
  readonly dates: boolean;
  readonly int96: boolean;
  /** By whose days instants were moved; undefined where the file does not say. */
  readonly zone: string | undefined;
}

const PREFIX = "org.apache.spark.";
/** The first versions that write by today's calendar unless told otherwise, of dates and of INT96. */
const FIRST = { dates: [3, 0], int96: [3, 1] } as const;

/** What the metadata of a Parquet file say; undefined where all is by today's calendar. */
export function oldCalendarOf(keyValues: ReadonlyMap<string, string>): OldCalendar | undefined {
  const version = keyValues.get(`${PREFIX}version`);
  // Spark 2 wrote no version.
  const bySpark = version !== undefined || keyValues.has(`${PREFIX}sql.parquet.row.metadata`);
  const [major = 0, minor = 0] = (version ?? "").split(".").map((part) => Number.parseInt(part, 10) || 0);
  const isBefore = (first: readonly [number, number]) =>
    bySpark && (major < first[0] || (major === first[0] && minor < first[1]));
  const dates = keyValues.has(`${PREFIX}legacyDateTime`) || isBefore(FIRST.dates);
  const int96 = keyValues.has(`${PREFIX}legacyINT96`) || isBefore(FIRST.int96);
  return dates || int96 ? { dates, int96, zone: keyValues.get(`${PREFIX}timeZone`) } : undefined;
}

/**
 * @param sql gives the column's values
 * @param physical Parquet's types of its leaves, in their order
 * @returns undefined where nothing of the column depends on the calendar
 */
export function rebased(
  calendar: OldCalendar,
  sql: string,
  type: FileType,
  physical: readonly (string | null)[],
): Rebased | undefined {
  const knowsZone = /^(UTC|UCT|GMT|Z|Zulu|Etc\/(UTC|UCT|GMT|Zulu)|\+00:00)$/.test(calendar.zone ?? "");
  const convert = (instants: OfLeaf, dates: OfLeaf) => {
    const leaves = physical.values();
    return mapped(sql, type, (name) => {
      const isInt96 = leaves.next().value === "INT96";
      if (isInt96) return calendar.int96 ? instants : undefined;
      if (!calendar.dates) return undefined;
      return name === "DATE" ? dates : name === "TIMESTAMPTZ" ? instants : undefined;
    });
  };
  const same: OfLeaf = (value) => value;
  if (knowsZone) {
    const all = convert(movedInstant, movedDate);
    return all === undefined ? undefined : { sql: all };
  }
  const dates = convert(same, movedDate);
  if (dates === undefined) return undefined;
  // Before 1900 zones had other offsets in the Java that wrote them.
  const known = convert((value) => `CASE WHEN ${value} >= TIMESTAMP '1900-01-01' THEN ${value} END`, same)!;
  if (known === sql || !known.includes("1900-01-01")) return { sql: dates };
  const zone = calendar.zone ?? "a zone that it does not say";
  return {
    sql: dates,
    check: {
      sql: `${sql} IS DISTINCT FROM ${known}`,
      reason: `timestamps that Spark wrote by an old calendar in ${zone}: rows with one before 1900 are rejected`,
    },
  };
}

const CHANGE = "DATE '1582-10-15'";

function movedDate(sql: string): string {
  return `CASE WHEN ${sql} < ${CHANGE} AND isfinite(${sql}) THEN ${sql} - ${daysBehind(sql)} ELSE ${sql} END`;
}

function movedInstant(sql: string): string {
  const date = `${sql}::DATE`;
  return `CASE WHEN ${sql} < ${CHANGE} AND isfinite(${sql}) THEN ${sql} - to_days(${daysBehind(date)}) ELSE ${sql} END`;
}

/** How many days the Julian calendar is behind that of today at a date. Its years of 365.25 days begin in March here, in -4800. */
function daysBehind(date: string): string {
  const year = `((4 * (${date} - DATE '1970-01-01' + 2472670) + 3) // 1461)`;
  return `(${year} // 100 - ${year} // 400 - 38)::INTEGER`;
}
