/*
 * Owns what becomes of DuckDB types that no CQL type becomes by itself, in the results of a user's SQL: the nearest
 * that Parquet keeps exactly, and the CQL type that it is nearest to.
 */
import type { ColumnType } from "../base/column.ts";
import { UsageError } from "../base/errors.ts";
import { duckdbTypeFromText } from "./column-type.ts";
import type { CqlType } from "./cql-type.ts";

/** Types that Parquet, or our readers, would change or don't have. What is not here and not ours becomes text. */
const STORED: Readonly<Record<string, string>> = {
  UTINYINT: "SMALLINT",
  USMALLINT: "INTEGER",
  UINTEGER: "BIGINT",
  UBIGINT: "DECIMAL(20,0)",
  HUGEINT: "DECIMAL(38,0)",
  UHUGEINT: "DECIMAL(38,0)",
  TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
  TIMESTAMP_S: "TIMESTAMP WITH TIME ZONE",
  TIMESTAMP_MS: "TIMESTAMP WITH TIME ZONE",
  TIME: "TIME_NS",
  TIMESTAMP_NS: "VARCHAR",
  INTERVAL: "VARCHAR",
  BIGNUM: "VARCHAR",
  BIT: "VARCHAR",
  JSON: "VARCHAR",
};

/** Quoted names stay; a word is a type where a bracket, a comma or nothing follows it. */
const WORD = /"(?:[^"]|"")*"|\b(?:TIME WITH TIME ZONE|[A-Z_]+)(?=\s*(?:[,)[]|$))|\[\d+\]/g;

/**
 * The type to cast to before the values are written.
 * @param text a type as DuckDB describes it
 */
export function storedType(text: string): ColumnType {
  const replaced = text.replace(WORD, (word) => {
    if (word.startsWith("[")) return "[]";
    return word === "TIME WITH TIME ZONE" ? "VARCHAR" : (STORED[word] ?? word);
  });
  try {
    return duckdbTypeFromText(replaced);
  } catch (error) {
    if (error instanceof UsageError) return { kind: "VARCHAR" };
    throw error;
  }
}

const CQL_NAMES: Readonly<Record<string, string>> = {
  BOOLEAN: "boolean",
  TINYINT: "tinyint",
  SMALLINT: "smallint",
  INTEGER: "int",
  BIGINT: "bigint",
  FLOAT: "float",
  DOUBLE: "double",
  DATE: "date",
  TIME_NS: "time",
  TIMESTAMPTZ: "timestamp",
  UUID: "uuid",
  VARCHAR: "text",
  BLOB: "blob",
};

/** Types of other programs' files, and the CQL type that takes all of their values, or tells of each that it can't. */
const FOREIGN_NAMES: Readonly<Record<string, string>> = {
  ...CQL_NAMES,
  UTINYINT: "smallint",
  USMALLINT: "int",
  UINTEGER: "bigint",
  UBIGINT: "varint",
  HUGEINT: "varint",
  UHUGEINT: "varint",
  TIME: "time",
  TIMESTAMP: "timestamp",
  TIMESTAMP_S: "timestamp",
  TIMESTAMP_MS: "timestamp",
  TIMESTAMP_NS: "timestamp",
  ENUM: "text",
  JSON: "text",
  '"NULL"': "text",
};

/** The name of the CQL type for a DuckDB type without parameters; undefined where there is none. */
export function foreignCqlName(duckdb: string): string | undefined {
  return FOREIGN_NAMES[duckdb];
}

/** The CQL type nearest to a column's type: a STRUCT is a tuple of its fields. */
export function nearestCqlType(type: ColumnType): CqlType {
  switch (type.kind) {
    case "LIST":
      return { name: "list", of: [nearestCqlType(type.child)] };
    case "MAP":
      return { name: "map", of: [nearestCqlType(type.key), nearestCqlType(type.value)] };
    case "STRUCT":
      return { name: "tuple", of: type.fields.map((field) => nearestCqlType(field.type)) };
    case "DECIMAL":
      return { name: type.scale === 0 ? "varint" : "decimal", of: [] };
    default:
      return { name: CQL_NAMES[type.kind]!, of: [] };
  }
}
