/*
 * Owns the exact text of values, as SQL that DuckDB runs over whole vectors: plain as CSV has it, and as JSON. What
 * the texts are is in docs/types.md; reading them back is in src/types. DuckDB's own casts are used where they are exact.
 */
import type { ColumnType } from "../base/column.ts";
import { quoteText } from "../duckdb/copy.ts";
import type { CqlType } from "../types/cql.ts";

/** CQL types whose text form is a number that JSON can have, though DuckDB holds it as text. */
const NUMERIC = new Set(["decimal", "varint"]);
/** CQL types whose values are any text. */
const TEXTUAL = new Set(["text", "ascii"]);

/** What is between 0001-01-01 and 9999-12-31: DuckDB prints other years in a way of its own. */
const COMMON_DATES = "DATE '0001-01-01' AND DATE '9999-12-31'";
const COMMON_TIMES = "TIMESTAMPTZ '0001-01-01 00:00:00+00' AND TIMESTAMPTZ '9999-12-31 23:59:59.999+00'";

/**
 * SQL for the text of a value alone: JSON text where it is nested. NULL where the value is.
 * @param x SQL of the value
 * @param cql undefined where nothing is known of it but its DuckDB type
 */
export function plainText(type: ColumnType, cql: CqlType | undefined, x: string): string {
  switch (type.kind) {
    case "VARCHAR":
      return x;
    case "BLOB":
      return `('0x' || lower(hex(${x})))`;
    case "FLOAT":
    case "DOUBLE":
      return floatText(type.kind, x);
    case "DATE":
      return dateText(x);
    case "TIME_NS":
      return `rpad(${x}::VARCHAR || CASE WHEN epoch_ns(${x}) % 1000000000 = 0 THEN '.' ELSE '' END, 18, '0')`;
    case "TIMESTAMPTZ":
      return timestampText(x);
    case "LIST":
    case "MAP":
      return jsonText(type, cql, x);
    case "STRUCT":
      return cql?.name === "duration" ? durationText(x) : jsonText(type, cql, x);
    default:
      return `${x}::VARCHAR`;
  }
}

/** SQL for the JSON text of a value; NULL where the value is. */
export function jsonText(type: ColumnType, cql: CqlType | undefined, x: string): string {
  switch (type.kind) {
    case "BOOLEAN":
    case "TINYINT":
    case "SMALLINT":
    case "INTEGER":
    case "BIGINT":
    case "DECIMAL":
      return plainText(type, cql, x);
    case "FLOAT":
    case "DOUBLE": {
      const isNumber = `isfinite(${x}) AND NOT (${x} = 0 AND signbit(${x}))`;
      return `CASE WHEN ${isNumber} THEN ${x}::VARCHAR ELSE ${inQuotes(plainText(type, cql, x))} END`;
    }
    case "VARCHAR":
      return NUMERIC.has(cql?.name ?? "") ? x : `to_json(${x})::VARCHAR`;
    case "LIST":
      return listText(type.child, cql, x);
    case "MAP":
      return mapText(type, cql, x);
    case "STRUCT":
      return cql?.name === "duration" ? inQuotes(durationText(x)) : structText(type, cql, x);
    default:
      return inQuotes(plainText(type, cql, x));
  }
}

/** SQL for a JSON object of these members, each a key and SQL for the text of its value, NULL for null. */
export function objectText(
  members: readonly (readonly [key: string, text: string])[],
  layout = { open: "{", between: ",", colon: ":", close: "}" },
): string {
  const parts = members.flatMap(([key, text], i) => [
    quoteText(`${i === 0 ? layout.open : layout.between}${JSON.stringify(key)}${layout.colon}`),
    `coalesce(${text}, 'null')`,
  ]);
  // Unlike ||, concat does not nest: a table may have a thousand columns.
  return `concat(${[...parts, quoteText(layout.close)].join(", ")})`;
}

/** Text that needs no escapes. */
function inQuotes(text: string): string {
  return `('"' || ${text} || '"')`;
}

const CANONICAL_NAN = { FLOAT: 0x7fc00000n, DOUBLE: 0x7ff8000000000000n };

/** DuckDB prints the fewest digits that read back as the same bits. A NaN that isn't the usual one shows its bits. */
function floatText(kind: "FLOAT" | "DOUBLE", x: string): string {
  const bits = `${x}::BIT::${kind === "FLOAT" ? "INTEGER" : "BIGINT"}`;
  const digits = `lower(right(hex(${bits}), ${kind === "FLOAT" ? 8 : 16}))`;
  const nan = `CASE WHEN ${bits} = ${CANONICAL_NAN[kind]} THEN 'NaN' ELSE 'NaN(0x' || ${digits} || ')' END`;
  return (
    `CASE WHEN isfinite(${x}) THEN ${x}::VARCHAR WHEN isnan(${x}) THEN ${nan} ` +
    `WHEN ${x} > 0 THEN 'Infinity' WHEN ${x} < 0 THEN '-Infinity' END`
  );
}

/** The year as ISO 8601 has it, 1 BC being 0: signed and of six digits or more where four don't do. */
function yearText(x: string): string {
  return `printf(CASE WHEN year(${x}) BETWEEN 0 AND 9999 THEN '%04d' ELSE '%+07d' END, year(${x}))`;
}

/** The days of CQL's date that are infinities to DuckDB, or before those. */
const EXTREME_DATES =
  "WHEN DATE 'infinity' THEN '+5881580-07-11' WHEN DATE '-infinity' THEN '-5877641-06-24' ELSE '-5877641-06-23'";

function dateText(x: string): string {
  const isExtreme = `${x} >= DATE 'infinity' OR ${x} <= DATE '-infinity'`;
  return (
    `CASE WHEN ${x} BETWEEN ${COMMON_DATES} THEN ${x}::VARCHAR WHEN ${isExtreme} THEN CASE ${x} ${EXTREME_DATES} END ` +
    `ELSE ${yearText(x)} || strftime(${x}, '-%m-%d') END`
  );
}

const DAY = 86_400_000_000n;

function timestampText(x: string): string {
  const us = `epoch_us(${x})`;
  const isCommon = `${x} BETWEEN ${COMMON_TIMES} AND ${us} % 1000 = 0`;
  // Cassandra's first days are before DuckDB's first timestamp that it can take apart.
  const days = `(${us} // ${DAY} - CASE WHEN ${us} % ${DAY} < 0 THEN 1 ELSE 0 END)::INTEGER`;
  const time = `make_timestamp((${us} % ${DAY} + ${DAY}) % ${DAY})`;
  // Cassandra's have milliseconds; others come out of the user's own SQL.
  const clock = ["%g", "%f"].map((fraction) => `strftime(${time}, 'T%H:%M:%S.${fraction}Z')`);
  const odd = `${dateText(`(DATE '1970-01-01' + ${days})`)} || CASE WHEN ${us} % 1000 = 0 THEN ${clock[0]} ELSE ${clock[1]} END`;
  return (
    `CASE WHEN ${isCommon} THEN strftime(make_timestamp(${us}), '%Y-%m-%dT%H:%M:%S.%gZ') ` +
    `WHEN isfinite(${x}) THEN ${odd} ELSE ${x}::VARCHAR END`
  );
}

/** How many of each unit a duration's text has, in Cassandra's order: of which part, and what one of them is. */
const DURATION_UNITS: readonly (readonly [unit: string, part: "months" | "days" | "nanos", size: bigint])[] = [
  ["y", "months", 12n],
  ["mo", "months", 1n],
  ["d", "days", 1n],
  ["h", "nanos", 3_600_000_000_000n],
  ["m", "nanos", 60_000_000_000n],
  ["s", "nanos", 1_000_000_000n],
  ["ms", "nanos", 1_000_000n],
  ["us", "nanos", 1000n],
  ["ns", "nanos", 1n],
];

/** As CQL prints it, but `0s` where that has no text at all. */
function durationText(x: string): string {
  const parts = ["months", "days", "nanos"].map((part) => `struct_extract(${x}, '${part}')`);
  const units = DURATION_UNITS.map(([unit, part, size], i) => {
    const before = DURATION_UNITS[i - 1];
    // The magnitude of the least value is one more than its type holds.
    const whole = `abs(struct_extract(${x}, '${part}')::HUGEINT)`;
    const rest = before?.[1] === part ? `(${whole} % ${before[2]})` : whole;
    return `CASE WHEN ${rest} >= ${size} THEN (${rest} // ${size})::VARCHAR || '${unit}' ELSE '' END`;
  });
  const isNegative = parts.map((part) => `${part} < 0`).join(" OR ");
  const isZero = parts.map((part) => `${part} = 0`).join(" AND ");
  return (
    `CASE WHEN ${x} IS NULL THEN NULL WHEN ${isZero} THEN '0s' ` +
    `ELSE concat(CASE WHEN ${isNegative} THEN '-' ELSE '' END, ${units.join(", ")}) END`
  );
}

let lambdas = 0;

/** SQL for a list of texts, one an element. */
function each(list: string, text: (element: string) => string): string {
  // A name of its own: a lambda inside another may use both elements.
  const element = `_e${lambdas++}`;
  return `list_transform(${list}, lambda ${element}: ${text(element)})`;
}

function listText(child: ColumnType, cql: CqlType | undefined, x: string): string {
  const texts = each(x, (element) => `coalesce(${jsonText(child, cql?.of[0], element)}, 'null')`);
  return `('[' || array_to_string(${texts}, ',') || ']')`;
}

function mapText(type: Extract<ColumnType, { kind: "MAP" }>, cql: CqlType | undefined, x: string): string {
  const [keyType, valueType] = cql?.of ?? [];
  const isObject = TEXTUAL.has(keyType?.name ?? "") && type.key.kind === "VARCHAR";
  const [open, colon, close] = isObject ? ["", ":", ""] : ["[", ",", "]"];
  const entries = each(`map_entries(${x})`, (entry) => {
    const key = jsonText(type.key, keyType, `struct_extract_at(${entry}, 1)`);
    const value = `coalesce(${jsonText(type.value, valueType, `struct_extract_at(${entry}, 2)`)}, 'null')`;
    return `'${open}' || ${key} || '${colon}' || ${value} || '${close}'`;
  });
  const [first, last] = isObject ? ["{", "}"] : ["[", "]"];
  return `('${first}' || array_to_string(${entries}, ',') || '${last}')`;
}

/** A tuple is an array; anything else with fields an object. */
function structText(type: Extract<ColumnType, { kind: "STRUCT" }>, cql: CqlType | undefined, x: string): string {
  const texts = type.fields.map((field, i) => jsonText(field.type, cql?.of[i], `struct_extract_at(${x}, ${i + 1})`));
  const whole =
    cql?.name === "tuple"
      ? `'[' || concat_ws(',', ${texts.map((text) => `coalesce(${text}, 'null')`).join(", ")}) || ']'`
      : objectText(type.fields.map(({ name }, i) => [name, texts[i]!]));
  return `CASE WHEN ${x} IS NULL THEN NULL ELSE ${whole} END`;
}
