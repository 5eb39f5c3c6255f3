/*
 * Owns the statements that read: the SELECT of a table, and of a token range of it or of what a user's SELECT says.
 * Those that make a table are in ddl.ts.
 */
import { quoteIdentifier } from "../base/names.ts";
import type { TableSchema } from "./schema.ts";
import type { SelectParts } from "./select.ts";

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

/** Reads columns of a table: of the rows that fulfil a condition, at most so many. */
export function tableSelect(
  schema: TableSchema,
  columns: readonly Selected[],
  condition?: Pick<SelectParts, "where" | "tail">,
  limit?: number,
): SelectParts {
  const ends = [...(limit === undefined ? [] : [`LIMIT ${limit}`]), ...(condition?.tail ? [condition.tail] : [])];
  return {
    head: `SELECT ${columns.map(selectedText).join(", ")} FROM ${qualifiedName(schema)}`,
    where: condition?.where,
    tail: ends.length > 0 ? ends.join(" ") : undefined,
  };
}

/** The whole statement. */
export function wholeStatement({ head, where, tail }: SelectParts): string {
  return `${head}${where === undefined ? "" : ` WHERE ${where}`}${tail === undefined ? "" : ` ${tail}`}`;
}

/** The statement for one token range; the two parameters are the token before it and its last one. */
export function rangeStatement(schema: TableSchema, { head, where, tail }: SelectParts): string {
  const token = `token(${partitionKey(schema).map(quoteIdentifier).join(", ")})`;
  const range = `${token} > ? AND ${token} <= ?`;
  return wholeStatement({ head, where: where === undefined ? range : `${range} AND ${where}`, tail });
}

/** Names of the columns, in their order. */
export function partitionKey({ columns }: TableSchema): string[] {
  return columns.filter((column) => column.kind === "partition_key").map((column) => column.name);
}
