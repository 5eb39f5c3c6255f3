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
}

/**
 * @param sql gives the column's values
 * @param type has bytes where the file has INT96
 * @param physical Parquet's types of its leaves, in their order
 * @returns undefined where none is INT96
 */
export function ofInt96(sql: string, type: FileType, physical: readonly (string | null)[]): OfInt96 | undefined {
  const convert = (ofBytes: OfLeaf) => {
    const leaves = physical.values();
    return mapped(sql, type, () => (leaves.next().value === "INT96" ? ofBytes : undefined));
  };
  const values = convert((bytes) => `make_timestamp(${micros(bytes)})`);
  if (values === undefined) return undefined;
  const kept = convert((bytes) => `${micros(bytes)}::HUGEINT * 1000`);
  return {
    sql: values,
    check: {
      sql: `${convert(nanos)} IS DISTINCT FROM ${kept}`,
      reason: "timestamps with nanoseconds, which --sql reads in microseconds: --truncate-times drops the rest",
    },
  };
}

const JULIAN_DAY_OF_1970 = 2_440_588;
const NANOS_OF_DAY = 86_400_000_000_000;

/** Microseconds since 1970; NULL beyond 64 bits of them. */
function micros(bytes: string): string {
  return `TRY((${nanos(bytes)} // 1000)::BIGINT)`;
}

/** Nanoseconds since 1970: INT96 is those of the day, signed, in 8 bytes, and the number of the day in 4. */
function nanos(bytes: string): string {
  const ofDay = littleEndian(bytes, 0, 8);
  const day = littleEndian(bytes, 8, 4);
  return `(${ofDay} - ((${ofDay} >> 63) << 64) + (${day} - ${JULIAN_DAY_OF_1970}) * ${NANOS_OF_DAY})`;
}

function littleEndian(bytes: string, from: number, length: number): string {
  const digits = Array.from({ length }, (_, i) => `substr(hex(${bytes}), ${2 * (from + length - i) - 1}, 2)`);
  return `('0x' || ${digits.join(" || ")})::UBIGINT::HUGEINT`;
}
