/*
 * Owns the CQL types of a table that is made for files of other origin: by the files' own types, and by all of their
 * values where these are texts. Which columns the table has is decided in newtable.ts.
 */
import { UsageError } from "../../base/errors.ts";
import { quoteIdentifier } from "../../base/names.ts";
import type { UserTypes } from "../../cassandra/schema.ts";
import { quoteName, quoteText } from "../../duckdb/copy.ts";
import type { Connection } from "../../duckdb/engine.ts";
import { type FileType, fileTypeToSql } from "../../duckdb/filetypes.ts";
import { readRows } from "../../duckdb/reader.ts";
import { foreignCqlName } from "../../types/stored-type.ts";
import type { FileColumn, SourcePart } from "./source.ts";

/** The user-defined types that structs become, by their names; more are added as they are needed. */
export type MadeTypes = Map<string, { readonly fields: readonly string[]; readonly types: readonly string[] }>;

/**
 * The CQL type that takes all values of a file's type. What holds others is frozen: one cell, in which empty is not NULL,
 * and which may be written again.
 * @param path names what user-defined types are called: the table, the column, the fields down to here
 * @throws UsageError where there is none
 */
export function cqlTypeOf(type: FileType, path: readonly string[], made: MadeTypes): string {
  const inner = (child: FileType) => cqlTypeOf(child, path, made);
  switch (type.kind) {
    case "DECIMAL":
      return "decimal";
    case "LIST":
      if (type.length !== undefined && fileTypeToSql(type.child) === "FLOAT") return `vector<float, ${type.length}>`;
      return `frozen<list<${inner(type.child)}>>`;
    case "MAP":
      return `frozen<map<${inner(type.key)}, ${inner(type.value)}>>`;
    case "STRUCT":
      if (type.fields.every(({ name }, i) => name === String(i + 1))) {
        return `frozen<tuple<${type.fields.map((field) => inner(field.type)).join(", ")}>>`;
      }
      return `frozen<${quoteIdentifier(madeType(type.fields, path, made))}>`;
    case "SIMPLE": {
      const name = foreignCqlName(type.name);
      if (name !== undefined) return name;
      throw new UsageError(`column ${path[1]}: no CQL type holds ${type.name}`, {
        hint: "--sql casts it to one that has one, --columns leaves it out",
      });
    }
  }
}

function madeType(
  fields: Extract<FileType, { kind: "STRUCT" }>["fields"],
  path: readonly string[],
  made: MadeTypes,
): string {
  const types = fields.map((field) => cqlTypeOf(field.type, [...path, field.name], made));
  const found = { fields: fields.map((field) => field.name), types };
  const plain = path.join("_").toLowerCase().replace(/\W+/g, "_");
  for (let n = 0; ; n++) {
    const name = n === 0 ? plain : `${plain}_${n}`;
    const there = made.get(name);
    if (there && JSON.stringify(there) !== JSON.stringify(found)) continue;
    made.set(name, found);
    return name;
  }
}

/** Types of numbers, each of which takes the values of those before it. */
const WIDER = [
  ["tinyint", "smallint", "int", "bigint", "varint", "decimal"],
  ["float", "double"],
];

/** The type for columns of both types; undefined where there is none. */
export function widerType(a: string, b: string): string | undefined {
  if (a === b) return a;
  const chain = WIDER.find((types) => types.includes(a) && types.includes(b));
  return chain?.[Math.max(chain.indexOf(a), chain.indexOf(b))];
}

/**
 * The types that texts may have besides text, and the SQL that is true of texts which say one value of theirs and would
 * be written as they are: 007 is no number, and 1.50 is none that a double keeps.
 */
const TEXT_TYPES: readonly (readonly [cql: string, test: (text: string) => string])[] = [
  ["boolean", (text) => `${text} IN ('true', 'false')`],
  ["bigint", (text) => `coalesce(TRY_CAST(${text} AS BIGINT)::VARCHAR = ${text}, false)`],
  ["decimal", (text) => matches(text, String.raw`(0|[1-9]\d*)(\.\d+)?|-(0\.\d*[1-9]\d*|[1-9]\d*(\.\d+)?)`)],
  ["date", (text) => `${matches(text, String.raw`\d{4}-\d\d-\d\d`)} AND TRY_CAST(${text} AS DATE) IS NOT NULL`],
  [
    "timestamp",
    (text) =>
      `${matches(text, String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z`)} AND TRY_CAST(${text} AS TIMESTAMPTZ) IS NOT NULL`,
  ],
  ["uuid", (text) => `coalesce(TRY_CAST(${text} AS UUID)::VARCHAR = ${text}, false)`],
];

function matches(text: string, pattern: string): string {
  return `regexp_full_match(${text}, ${quoteText(pattern)})`;
}

/** Of each column, by its name, which of the types all of its texts have so far; null where it has none but NULL. */
export type TextTypes = Map<string, readonly (boolean | null)[]>;

/** Looks at all rows of a part for the types of columns that are texts. */
export async function readTextTypes(
  connection: Connection,
  part: SourcePart,
  columns: readonly FileColumn[],
  found: TextTypes,
): Promise<void> {
  if (columns.length === 0) return;
  const isInFile = ({ sql, name }: FileColumn) => sql === quoteName(name);
  for (const [some, from] of [
    [columns.filter(isInFile), part.relation],
    // What the path says is the same in all rows.
    [columns.filter((column) => !isInFile(column)), "(SELECT 1)"],
  ] as const) {
    if (some.length === 0) continue;
    const tests = some.flatMap(({ sql }) => TEXT_TYPES.map(([, test]) => `bool_and(${test(sql)})`));
    const list = `SELECT [${tests.join(", ")}] AS tests FROM ${from}`;
    const [row] = await readRows<{ tests: (boolean | null)[] }>(connection, list, `reading ${part.path}`);
    for (const [i, { name }] of some.entries()) {
      const own = row!.tests.slice(i * TEXT_TYPES.length, (i + 1) * TEXT_TYPES.length);
      const before = found.get(name);
      found.set(
        name,
        own.map((test, type) => both(test, before?.[type] ?? null)),
      );
    }
  }
}

function both(a: boolean | null, b: boolean | null): boolean | null {
  return a === null ? b : a && b !== false;
}

export function textTypeOf(tests: readonly (boolean | null)[]): string {
  return TEXT_TYPES[tests.indexOf(true)]?.[0] ?? "text";
}

/** What a column of JSON holds, as DuckDB tells it of all objects together. */
type Structure = string | readonly [Structure] | { readonly [key: string]: Structure };

/** The types of all keys that objects of these parts have, as those that tables have for them. */
export async function readJsonTypes(
  connection: Connection,
  parts: readonly SourcePart[],
): Promise<ReadonlyMap<string, FileType>> {
  const objects = parts.map(({ relation, json }) => {
    const object = json!.inside === undefined ? "" : ` -> ${quoteText(`/${json!.inside}`)}`;
    return `SELECT try_cast(json AS JSON)${object} AS object FROM ${relation}`;
  });
  const sql = `SELECT json_group_structure(object)::VARCHAR AS structure FROM (${objects.join(" UNION ALL ")}) WHERE json_type(object) = 'OBJECT'`;
  const [row] = await readRows<{ structure: string | null }>(connection, sql, `reading ${parts[0]!.path}`);
  const structure = JSON.parse(row?.structure ?? "{}") as Readonly<Record<string, Structure>>;
  const metadata = new Set(parts.map(({ json }) => json!.metadata));
  const keys = Object.entries(structure).filter(([name]) => !metadata.has(name));
  return new Map(keys.map(([name, found]) => [name, typeOfStructure(found, name)]));
}

function typeOfStructure(found: Structure, column: string): FileType {
  if (typeof found === "string") return scalarOfJson(found, column);
  if (Array.isArray(found)) return { kind: "LIST", child: typeOfStructure(found[0] as Structure, column) };
  const fields = Object.entries(found).map(([name, inner]) => ({ name, type: typeOfStructure(inner, column) }));
  if (fields.length > 0) return { kind: "STRUCT", fields };
  return { kind: "MAP", key: { kind: "SIMPLE", name: "VARCHAR" }, value: { kind: "SIMPLE", name: "VARCHAR" } };
}

function scalarOfJson(name: string, column: string): FileType {
  switch (name) {
    case "UBIGINT":
    case "BIGINT":
    case "HUGEINT":
      return { kind: "SIMPLE", name: "BIGINT" };
    case "DOUBLE":
      // Numbers of JSON have any number of digits.
      return { kind: "DECIMAL", width: 38, scale: 0 };
    case "JSON":
      throw new UsageError(`column ${column}: its values are of several kinds, such as numbers and texts`, {
        hint: "--sql makes them one, --columns leaves the column out",
      });
    case "BOOLEAN":
      return { kind: "SIMPLE", name };
    default:
      return { kind: "SIMPLE", name: "VARCHAR" };
  }
}

/** @throws UsageError for a type that two exports define in two ways */
export function addUserTypes(
  types: Map<string, { fields: readonly string[]; types: readonly string[] }>,
  more: UserTypes,
  path: string,
): void {
  for (const [name, type] of more) {
    const before = types.get(name);
    if (before && JSON.stringify(before) !== JSON.stringify(type)) {
      throw new UsageError(`${path}: its type ${quoteIdentifier(name)} is not the one of the files before`, {
        hint: "import the files one by one, each into a table of its own",
      });
    }
    types.set(name, type);
  }
}
