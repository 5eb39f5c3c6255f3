/*
 * Owns what becomes of a file's column in a table's column: the SQL that casts it inside DuckDB, the encoder that makes
 * cells of it, and the SQL that finds the rows whose value the cast would change. Decided once a column, before a row is
 * read. Knows nothing of names.
 */
import { type ColumnType, typeToSql } from "../../base/column.ts";
import { UsageError } from "../../base/errors.ts";
import { quoteName, quoteText } from "../../duckdb/copy.ts";
import { columnTypeOf, type FileType, fileTypeToSql } from "../../duckdb/filetypes.ts";
import type { Encode } from "../../types/codec.ts";
import { type CqlType, fieldNames } from "../../types/cql-type.ts";
import { codecFor, textEncoder } from "../../types/table.ts";

export interface Conversion {
  /** An expression over the file's columns. */
  readonly sql: string;
  readonly encode: Encode;
  /** True in the rows whose value can't be kept; absent where all can. */
  readonly check?: string | undefined;
  /** Of a column of our own: the type that its values, or texts, have. */
  readonly form?: ColumnType | undefined;
}

export interface ConvertibleColumn {
  /** SQL that gives the file's value. */
  readonly sql: string;
  readonly type: FileType;
  /** The values are texts in this form, whatever type they stand for. */
  readonly text?: "csv" | "json" | undefined;
  /** The values are JSON, of several kinds. */
  readonly mixed?: boolean | undefined;
  /** The type whose text was written in place of that of the CQL type. */
  readonly want?: ColumnType | undefined;
  /** The form of timestamps, as strptime takes it. */
  readonly timestampFormat?: string | undefined;
  /** Written by an export of a column of the very same CQL type: every form of it is taken at its word. */
  readonly own: boolean;
}

export interface ConvertOptions {
  /** Timestamps lose what is below a millisecond instead of rejecting their row. */
  readonly truncateTimes: boolean;
  /** Lists in text may have nulls. */
  readonly innerNulls?: boolean | undefined;
}

/** How the column becomes one of the CQL type; undefined where that can't be, whatever its values are. */
export function convert(cql: CqlType, from: ConvertibleColumn, options: ConvertOptions): Conversion | undefined {
  const { sql, type, text } = from;
  if (text) return convertText(cql, { ...from, text }, options);
  if (from.mixed) return convertJson(cql, sql, options);
  if (cql.name === "timestamp" && options.truncateTimes && isInstant(type)) return truncated(cql, sql, type);
  const column = columnTypeOf(type);
  const encode = column && (from.own || isPlain(cql, column)) ? encoderOf(cql, column) : undefined;
  if (encode) return { sql, encode, form: from.own ? column : undefined };
  return special(cql, sql, type, options) ?? cast(cql, sql, type);
}

/** A text that stands for a value; undefined for raw bytes of another type. */
function convertText(
  cql: CqlType,
  { sql, text, want, timestampFormat, own }: ConvertibleColumn & { readonly text: "csv" | "json" },
  options: ConvertOptions,
): Conversion | undefined {
  // The text of the bytes of one type would be read as something else in another.
  if (want && !own && cql.name !== "blob" && holdsBytes(want)) return undefined;
  if (cql.name === "timestamp" && timestampFormat !== undefined && !want) {
    const instant = `try_strptime(${sql}, ${quoteText(timestampFormat)})::TIMESTAMPTZ`;
    const kept = { kind: "SIMPLE", name: "TIMESTAMPTZ" } as const;
    const converted = convert(cql, { sql: instant, type: kept, own: false }, options)!;
    return { ...converted, check: `${sql} IS NOT NULL AND ${instant} IS NULL` };
  }
  const form = own ? want : undefined;
  return { sql, encode: textEncoder(cql, text, { ...options, want: form }), form };
}

/** Texts without their quotes; anything else is the text of a value, and none for a text. */
function convertJson(cql: CqlType, sql: string, options: ConvertOptions): Conversion {
  const isText = cql.name === "text" || cql.name === "ascii";
  return {
    sql: `(${sql} ->> '$')`,
    encode: textEncoder(cql, "csv", options),
    check: isText ? `json_type(${sql}) <> 'VARCHAR'` : undefined,
  };
}

function holdsBytes(type: ColumnType): boolean {
  switch (type.kind) {
    case "BLOB":
      return true;
    case "LIST":
      return holdsBytes(type.child);
    case "MAP":
      return holdsBytes(type.key) || holdsBytes(type.value);
    case "STRUCT":
      return type.fields.some((field) => holdsBytes(field.type));
    default:
      return false;
  }
}

function encoderOf(cql: CqlType, want: ColumnType): Encode | undefined {
  try {
    return codecFor(cql, { want, uuid: "text", empty: "error" }).encode;
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

/**
 * Whether a column of the type can only mean a value of the CQL type, and not also something else: our own exports
 * write timestamps as numbers and anything as raw bytes where they are told to, but elsewhere a number is a number.
 */
function isPlain(cql: CqlType, column: ColumnType): boolean {
  switch (column.kind) {
    case "BLOB":
      return cql.name === "blob" || cql.name === "custom";
    case "INTEGER":
      return cql.name !== "date";
    case "BIGINT":
      return cql.name !== "timestamp";
    case "LIST":
      return cql.of.length === 1 && isPlain(cql.of[0]!, column.child);
    case "MAP":
      return cql.of.length === 2 && isPlain(cql.of[0]!, column.key) && isPlain(cql.of[1]!, column.value);
    case "STRUCT":
      return cql.name === "duration" || column.fields.every(({ type }, i) => cql.of[i] && isPlain(cql.of[i], type));
    default:
      return true;
  }
}

const INSTANTS = ["TIMESTAMPTZ", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"];

function isInstant(type: FileType): boolean {
  return type.kind === "SIMPLE" && INSTANTS.includes(type.name);
}

/** Down to the millisecond before, also before 1970. */
function truncated(cql: CqlType, sql: string, type: FileType): Conversion {
  // A cast would round nanoseconds towards 1970.
  const isNanos = type.kind === "SIMPLE" && type.name === "TIMESTAMP_NS";
  const count = isNanos ? `epoch_ns(${sql})` : `epoch_us(${sql}::TIMESTAMPTZ)`;
  const unit = isNanos ? 1_000_000 : 1000;
  const millis = `(${count} // ${unit} - (${count} % ${unit} < 0)::BIGINT)`;
  return { sql: `make_timestamptz(${millis} * 1000)`, encode: encoderOf(cql, { kind: "TIMESTAMPTZ" })! };
}

/** What no cast does, at the top of a column only. */
function special(cql: CqlType, sql: string, type: FileType, options: ConvertOptions): Conversion | undefined {
  if (type.kind !== "SIMPLE") return undefined;
  if (type.name === '"NULL"') return { sql: "NULL::VARCHAR", encode: textEncoder(cql, "csv", options) };
  if (type.name === "VARCHAR" || type.name === "JSON") return { sql, encode: textEncoder(cql, "csv", options) };
  if (type.name === "TIMETZ" && cql.name === "time") {
    const encode = encoderOf(cql, { kind: "TIME_NS" })!;
    return { sql: `${sql}::TIME::TIME_NS`, encode, check: `date_part('timezone', ${sql}) <> 0` };
  }
  if (type.name !== "BLOB") return undefined;
  if (cql.name === "text" || cql.name === "ascii") {
    const decoded = `TRY(decode(${sql}))`;
    const encode = encoderOf(cql, { kind: "VARCHAR" })!;
    return { sql: decoded, encode, check: `${sql} IS NOT NULL AND ${decoded} IS NULL` };
  }
  if (cql.name !== "uuid" && cql.name !== "timeuuid") return undefined;
  return { sql, encode: encoderOf(cql, { kind: "BLOB" })!, check: `octet_length(${sql}) <> 16` };
}

/** Another type of DuckDB's that holds the value: cast there and back, it must be what it was. */
function cast(cql: CqlType, sql: string, type: FileType): Conversion | undefined {
  const target = targetOf(cql, type);
  const encode = target && encoderOf(cql, target.column);
  if (!encode) return undefined;
  const converted = `TRY_CAST(${sql} AS ${target.sql})`;
  if (target.exact) return { sql: converted, encode };
  const back = `TRY_CAST(${converted} AS ${fileTypeToSql(type)})`;
  // Numbers compare equal without their sign where they are 0.
  const sign = isFloat(type) && !isFloatType(target.column) ? ` OR (${sql} = 0 AND signbit(${sql}))` : "";
  return { sql: converted, encode, check: `${sql} IS DISTINCT FROM ${back}${sign}` };
}

interface Target {
  /** As a cast writes it: fields have the names of the file. */
  readonly sql: string;
  readonly column: ColumnType;
  /** Every value of the file's type is kept. */
  readonly exact: boolean;
}

const SIGNED: Readonly<Record<string, number>> = { TINYINT: 7, SMALLINT: 15, INTEGER: 31, BIGINT: 63, HUGEINT: 127 };
const UNSIGNED: Readonly<Record<string, number>> = {
  ...{ UTINYINT: 8, USMALLINT: 16, UINTEGER: 32, UBIGINT: 64, UHUGEINT: 128 },
};
const INTEGER_COLUMNS = {
  tinyint: "TINYINT",
  smallint: "SMALLINT",
  int: "INTEGER",
  bigint: "BIGINT",
  counter: "BIGINT",
} as const;

/** Bits of an integer type's greatest value; undefined for all others. */
function integerBits(type: FileType): number | undefined {
  return type.kind === "SIMPLE" ? (SIGNED[type.name] ?? UNSIGNED[type.name]) : undefined;
}

function isFloat(type: FileType): boolean {
  return type.kind === "SIMPLE" && (type.name === "FLOAT" || type.name === "DOUBLE");
}

function isFloatType({ kind }: ColumnType): boolean {
  return kind === "FLOAT" || kind === "DOUBLE";
}

function simple(kind: "VARCHAR" | "TIMESTAMPTZ" | "DATE" | "TIME_NS" | "FLOAT" | "DOUBLE", exact: boolean): Target {
  return { sql: kind, column: { kind }, exact };
}

/** Where values of the file's type can be kept; undefined where they mean something else. */
function targetOf(cql: CqlType, type: FileType): Target | undefined {
  const column = columnTypeOf(type);
  if (column && isPlain(cql, column) && encoderOf(cql, column)) {
    return { sql: fileTypeToSql(type), column, exact: true };
  }
  switch (type.kind) {
    case "LIST":
      return listTarget(cql, type.child);
    case "MAP":
      return mapTarget(cql, type.key, type.value);
    case "STRUCT":
      return cql.name === "tuple" || cql.name === "udt" ? structTarget(cql, type.fields) : undefined;
    default:
      return Object.hasOwn(INTEGER_COLUMNS, cql.name) ? integerTarget(cql, type) : scalarTarget(cql, type);
  }
}

function integerTarget(cql: CqlType, type: FileType): Target | undefined {
  const bits = integerBits(type);
  if (bits === undefined && !isFloat(type) && type.kind !== "DECIMAL") return undefined;
  const kind = INTEGER_COLUMNS[cql.name as keyof typeof INTEGER_COLUMNS];
  return { sql: kind, column: { kind }, exact: bits !== undefined && bits <= SIGNED[kind]! };
}

/** Mantissas hold integers of so many bits. */
const MANTISSA = { float: 24, double: 53 } as const;

function scalarTarget(cql: CqlType, type: FileType): Target | undefined {
  const bits = integerBits(type);
  const isNumber = bits !== undefined || isFloat(type) || type.kind === "DECIMAL";
  const name = type.kind === "SIMPLE" ? type.name : "";
  switch (cql.name) {
    case "float":
    case "double":
      if (!isNumber) return undefined;
      return simple(
        cql.name === "float" ? "FLOAT" : "DOUBLE",
        bits === undefined ? cql.name === "double" && isFloat(type) : bits <= MANTISSA[cql.name],
      );
    case "decimal":
      // The shortest text that reads back as the number.
      return isNumber ? simple("VARCHAR", bits !== undefined) : undefined;
    case "varint": {
      if (bits !== undefined) return simple("VARCHAR", true);
      const wide: ColumnType = { kind: "DECIMAL", width: 38, scale: 0 };
      return isNumber ? { sql: "DECIMAL(38,0)", column: wide, exact: false } : undefined;
    }
    case "text":
    case "ascii":
      return name === "ENUM" || name === "UUID" ? simple("VARCHAR", true) : undefined;
    case "timestamp":
      return isInstant(type) || name === "DATE" ? simple("TIMESTAMPTZ", name === "TIMESTAMP") : undefined;
    case "date":
      return isInstant(type) ? simple("DATE", false) : undefined;
    case "time":
      return name === "TIME" ? simple("TIME_NS", true) : undefined;
    default:
      return undefined;
  }
}

function listTarget(cql: CqlType, element: FileType): Target | undefined {
  if (cql.name !== "list" && cql.name !== "set" && cql.name !== "vector") return undefined;
  const child = targetOf(cql.of[0]!, element);
  return child && { sql: `${child.sql}[]`, column: { kind: "LIST", child: child.column }, exact: child.exact };
}

function mapTarget(cql: CqlType, ofKey: FileType, ofValue: FileType): Target | undefined {
  if (cql.name !== "map") return undefined;
  const key = targetOf(cql.of[0]!, ofKey);
  const value = targetOf(cql.of[1]!, ofValue);
  if (!key || !value) return undefined;
  return {
    sql: `MAP(${key.sql}, ${value.sql})`,
    column: { kind: "MAP", key: key.column, value: value.column },
    exact: key.exact && value.exact,
  };
}

type Fields = Extract<FileType, { kind: "STRUCT" }>["fields"];

/**
 * Fields of a tuple go by their place, those of a user-defined type by name: what the file lacks is NULL, and a field
 * that only the file has would be lost.
 */
function structTarget(cql: CqlType, fields: Fields): Target | undefined {
  const names = fieldNames(cql);
  const found = names.map((name, i) =>
    cql.udt ? fields.find((field) => field.name.toLowerCase() === name.toLowerCase()) : fields[i],
  );
  if (fields.length > found.filter(Boolean).length || (!cql.udt && fields.length < names.length)) return undefined;
  const parts: { readonly name: string; readonly sql: string; readonly type: ColumnType }[] = [];
  let exact = true;
  for (const [i, field] of found.entries()) {
    const inner = cql.of[i]!;
    const target = field ? targetOf(inner, field.type) : missingTarget(inner);
    if (!target) return undefined;
    exact &&= target.exact;
    parts.push({ name: names[i]!, sql: `${quoteName(field?.name ?? names[i]!)} ${target.sql}`, type: target.column });
  }
  return {
    sql: `STRUCT(${parts.map((part) => part.sql).join(", ")})`,
    column: { kind: "STRUCT", fields: parts.map(({ name, type }) => ({ name, type })) },
    exact,
  };
}

/** A field that the file lacks: NULL of the type's own form. */
function missingTarget(cql: CqlType): Target {
  const { column } = codecFor(cql, { uuid: "text", empty: "error" });
  return { sql: typeToSql(column), column, exact: true };
}
