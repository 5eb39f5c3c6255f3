/*
 * Owns CQL statements: the SELECT of a table or a token range, and the CREATE statements that go into a file's
 * metadata.
 */
import { quoteIdentifier } from "../base/names.ts";
import type { TableColumn, TableSchema, UserTypes } from "./schema.ts";

export function qualifiedName({ keyspace, table }: { keyspace: string; table: string }): string {
  return `${quoteIdentifier(keyspace)}.${quoteIdentifier(table)}`;
}

/** Reads the columns of a whole table. */
export function selectAll(schema: TableSchema, columns: readonly string[], limit?: number): string {
  const list = columns.map(quoteIdentifier).join(", ");
  return `SELECT ${list} FROM ${qualifiedName(schema)}${limit === undefined ? "" : ` LIMIT ${limit}`}`;
}

/** Reads the columns of one token range; the two parameters are the token before it and its last one. */
export function selectRange(schema: TableSchema, columns: readonly string[]): string {
  const key = schema.columns.filter((column) => column.kind === "partition_key").map((c) => quoteIdentifier(c.name));
  const token = `token(${key.join(", ")})`;
  return `${selectAll(schema, columns)} WHERE ${token} > ? AND ${token} <= ?`;
}

/** The CREATE TYPE and CREATE TABLE statements that make the table's columns, names unqualified, types first. */
export function createStatements(schema: TableSchema, columns: readonly TableColumn[] = schema.columns): string {
  const types = neededTypes(columns, schema.userTypes).map((name) => createType(name, schema.userTypes));
  return [...types, createTable(schema.table, columns)].join("\n");
}

function createTable(table: string, columns: readonly TableColumn[]): string {
  const of = (kind: TableColumn["kind"]) => columns.filter((column) => column.kind === kind);
  const names = (some: readonly TableColumn[]) => some.map((column) => quoteIdentifier(column.name)).join(", ");
  const clustering = of("clustering");
  const lines = columns.map(
    (column) => `  ${quoteIdentifier(column.name)} ${column.type}${column.kind === "static" ? " static" : ""},`,
  );
  const key = `  PRIMARY KEY ((${names(of("partition_key"))})${clustering.length ? `, ${names(clustering)}` : ""})`;
  const order = clustering.some((column) => column.descending)
    ? ` WITH CLUSTERING ORDER BY (${clustering.map((c) => `${quoteIdentifier(c.name)} ${c.descending ? "DESC" : "ASC"}`).join(", ")})`
    : "";
  return [`CREATE TABLE ${quoteIdentifier(table)} (`, ...lines, key, `)${order};`].join("\n");
}

function createType(name: string, userTypes: UserTypes): string {
  const { fields, types } = userTypes.get(name)!;
  const list = fields.map((field, i) => `${quoteIdentifier(field)} ${types[i]}`).join(", ");
  return `CREATE TYPE ${quoteIdentifier(name)} (${list});`;
}

/** Names of the user-defined types that the columns use, each after those it uses itself. */
function neededTypes(columns: readonly TableColumn[], userTypes: UserTypes): string[] {
  const needed = new Set<string>();
  const visit = (text: string) => {
    for (const name of namesIn(text)) {
      const type = userTypes.get(name);
      if (!type || needed.has(name)) continue;
      for (const field of type.types) visit(field);
      needed.add(name);
    }
  };
  for (const column of columns) visit(column.type);
  return [...needed];
}

/** All names in a type's text, quoted ones without their quotes; a custom class in single quotes has none. */
function namesIn(type: string): string[] {
  if (type.startsWith("'")) return [];
  return [...type.matchAll(/"((?:[^"]|"")*)"|([A-Za-z0-9_]+)/g)].map((m) => m[2] ?? m[1]!.replaceAll('""', '"'));
}
