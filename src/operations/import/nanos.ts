/*
 * Owns Parquet files of other writers whose times DuckDB would cut to microseconds: the copies that it reads exactly, and the
 * SQL that makes timestamps of INT96, which is bytes there. Who keeps a value is decided in convert.ts.
 */
import type { FileType } from "../../duckdb/filetypes.ts";
import { footerWithNanos } from "../../parquet/nanos.ts";
import type { SourceFile } from "./files.ts";
import { mapped, type OfLeaf } from "./leaves.ts";
import type { Spool } from "./spool.ts";

/** What is to be read in the place of a file. */
export interface ExactFile {
  readonly content: string;
  /** What INT96 is as bytes there. */
  readonly int96AsBytes: boolean;
}

/**
 * The file itself where nothing in it would be cut, else a copy of it.
 * @param dropsNanos the user wants none; DuckDB goes down to the microsecond before
 * @throws StorageError
 */
export async function exactFile(
  { content }: SourceFile,
  keyValues: ReadonlyMap<string, string>,
  spool: Spool,
  dropsNanos: boolean,
): Promise<ExactFile> {
  // Spark's timestamps are microseconds, also as INT96.
  const bySpark = [...keyValues.keys()].some((key) => key.startsWith("org.apache.spark."));
  const int96AsBytes = !bySpark && !dropsNanos;
  const footer = await footerWithNanos(content, int96AsBytes);
  if (!footer) return { content, int96AsBytes: false };
  return { content: await spool.copyWithEnd(content, footer.at, footer.bytes), int96AsBytes };
}

/** A column with INT96, as it is read. */
export interface OfInt96 {
  /** Its values, with timestamps in microseconds. */
  readonly sql: string;
  readonly check: { readonly sql: string; readonly reason: string };
  /** Its values with all nanoseconds, as JSON. */
  readonly json: string;
}

/**
 * @param sql gives the column's values
 * @param type has bytes where the file has INT96
 * @param physical Parquet's types of its leaves, in their order
 * @returns undefined where none is INT96
 */
export function ofInt96(sql: string, type: FileType, physical: readonly (string | null)[]): OfInt96 | undefined {
  const leafOf = (ofBytes: OfLeaf) => {
    const leaves = physical.values();
    return () => (leaves.next().value === "INT96" ? ofBytes : undefined);
  };
  const convert = (ofBytes: OfLeaf) => mapped(sql, type, leafOf(ofBytes));
  const values = convert((bytes) => `make_timestamp(${micros(bytes)})`);
  if (values === undefined) return undefined;
  const kept = convert((bytes) => `${micros(bytes)}::HUGEINT * 1000`);
  return {
    sql: values,
    check: {
      sql: `${convert(nanos)} IS DISTINCT FROM ${kept}`,
      reason: "timestamps with nanoseconds, which --sql reads in microseconds: --truncate-times drops the rest",
    },
    json: json(sql, type, leafOf(textOf))!,
  };
}

/** Values with nanoseconds inside as JSON, instants without a zone as those of UTC; undefined where there are none inside. */
export function nanosJson(sql: string, type: FileType): string | undefined {
  return json(sql, type, (name) => (name === "TIMESTAMP_NS" ? (value) => `${value}::VARCHAR || 'Z'` : undefined));
}

/** What JSON shows as it is. */
const PLAIN = ["BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "VARCHAR", "DATE"];

/** One text where some leaf is nothing that JSON shows as it is: no import takes that for something else. */
function json(sql: string, type: FileType, ofLeaf: (typeName: string) => OfLeaf | undefined): string | undefined {
  let isPlain = true;
  const texts = mapped(sql, type, (name) => {
    const toText = ofLeaf(name);
    isPlain &&= toText !== undefined || PLAIN.includes(name);
    return toText;
  });
  return texts && `to_json(${isPlain ? texts : `(${texts})::VARCHAR`})::VARCHAR`;
}

/** To the nanosecond, as far as there are dates. */
function textOf(bytes: string): string {
  const second = 1_000_000_000;
  const below = `((${nanos(bytes)} % ${second} + ${second}) % ${second})`;
  const whole = `TRY(make_timestamp(((${nanos(bytes)} - ${below}) // 1000)::BIGINT))`;
  return `(strftime(${whole}, '%Y-%m-%d %H:%M:%S.') || lpad(${below}::VARCHAR, 9, '0') || 'Z')`;
}

const JULIAN_DAY_OF_1970 = 2_440_588;
const NANOS_OF_DAY = 86_400_000_000_000;

/** Microseconds since 1970; NULL beyond 64 bits of them. */
function micros(bytes: string): string {
  return `TRY((${nanos(bytes)} // 1000)::BIGINT)`;
}

/** Nanoseconds since 1970: INT96 is those of the day, signed, in 8 bytes, and the number of the day in 4. */
function nanos(bytes: string): string {
  const ofDay = littleEndian(bytes, "right", 8);
  const day = littleEndian(bytes, "left", 4);
  return `(${ofDay} - ((${ofDay} >> 63) << 64) + (${day} - ${JULIAN_DAY_OF_1970}) * ${NANOS_OF_DAY})`;
}

/** The number in the first bytes, which stand on the right of reversed digits, or in the last; each byte has its digits swapped there. */
function littleEndian(bytes: string, side: "left" | "right", length: number): string {
  const swapped = `('0x' || ${side}(reverse(hex(${bytes})), ${2 * length}))::UBIGINT`;
  const [high, low] = ["F0", "0F"].map((mask) => BigInt(`0x${mask.repeat(length)}`));
  return `(((${swapped} & ${high}) >> 4) | ((${swapped} & ${low}) << 4))::HUGEINT`;
}
