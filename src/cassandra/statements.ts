/*
 * Owns the statements that read: the SELECT of a table or of a token range. Those that make a table are in ddl.ts.
 */
import { quoteIdentifier } from "../base/names.ts";
import type { TableSchema } from "./schema.ts";

export function qualifiedName({ keyspace, table }: { keyspace: string; table: string }): string {
  return `${quoteIdentifier(keyspace)}.${quoteIdentifier(table)}`;
}

/** What the server tells of the cells of a column. */
export interface CellTerm {
  readonly kind: "writetime" | "ttl";
  readonly of: string;
}

/** A column, by its name, or what is told of its cells. */
export type Selected = string | CellTerm;

function selectedText(selected: Selected): string {
  if (typeof selected === "string") return quoteIdentifier(selected);
  return `${selected.kind.toUpperCase()}(${quoteIdentifier(selected.of)})`;
}

/** Reads the columns of a whole table. */
export function selectAll(schema: TableSchema, columns: readonly Selected[], limit?: number): string {
  const list = columns.map(selectedText).join(", ");
  return `SELECT ${list} FROM ${qualifiedName(schema)}${limit === undefined ? "" : ` LIMIT ${limit}`}`;
}

/** Reads the columns of one token range; the two parameters are the token before it and its last one. */
export function selectRange(schema: TableSchema, columns: readonly Selected[]): string {
  const key = schema.columns.filter((column) => column.kind === "partition_key").map((c) => quoteIdentifier(c.name));
  const token = `token(${key.join(", ")})`;
  return `${selectAll(schema, columns)} WHERE ${token} > ? AND ${token} <= ?`;
}
