/*
 * Owns the statements that write rows: their CQL and the order of their parameters. What the values are, and how rows
 * travel, is in writer.ts.
 */
import { quoteIdentifier } from "../base/names.ts";
import type { TableColumn, TableSchema } from "./schema.ts";
import { qualifiedName } from "./statements.ts";

export type WriteMode = "insert" | "update" | "add" | "if-not-exists" | "delete";

/** What a parameter stands for. */
export type Parameter = TableColumn | "timestamp" | "ttl";

/** A statement for rows that have values of the same columns. */
export interface WriteShape {
  readonly cql: string;
  /** In the order of the question marks. */
  readonly parameters: readonly Parameter[];
  /** The places of the partition key among them, in the key's order. */
  readonly keys: readonly number[];
}

export interface WriteUsing {
  readonly timestamp: boolean;
  readonly ttl: boolean;
}

/**
 * The statement that writes a row's values of the columns; those of the key must be among them. `add` adds to counters,
 * `delete` takes key columns only.
 */
export function writeShape(
  schema: TableSchema,
  mode: WriteMode,
  columns: readonly TableColumn[],
  using: WriteUsing,
): WriteShape {
  const { text: usingText, parameters: usingParameters } = usingClause(using);
  const key = columns.filter(isKey);
  const where = key.map(({ name }) => `${quoteIdentifier(name)} = ?`).join(" AND ");
  const name = qualifiedName(schema);
  if (mode === "delete") return shape(`DELETE FROM ${name}${usingText} WHERE ${where}`, [...usingParameters, ...key]);
  if (mode === "update" || mode === "add") {
    const values = columns.filter((column) => !isKey(column));
    const set = values.map(({ name: column }) => {
      const quoted = quoteIdentifier(column);
      return mode === "add" ? `${quoted} = ${quoted} + ?` : `${quoted} = ?`;
    });
    const cql = `UPDATE ${name}${usingText} SET ${set.join(", ")} WHERE ${where}`;
    return shape(cql, [...usingParameters, ...values, ...key]);
  }
  const list = columns.map((column) => quoteIdentifier(column.name)).join(", ");
  const marks = columns.map(() => "?").join(", ");
  const condition = mode === "if-not-exists" ? " IF NOT EXISTS" : "";
  const cql = `INSERT INTO ${name} (${list}) VALUES (${marks})${condition}${usingText}`;
  return shape(cql, [...columns, ...usingParameters]);
}

function usingClause({ timestamp, ttl }: WriteUsing): { text: string; parameters: readonly Parameter[] } {
  const terms = [...(timestamp ? ["TIMESTAMP ?"] : []), ...(ttl ? ["TTL ?"] : [])];
  return {
    text: terms.length ? ` USING ${terms.join(" AND ")}` : "",
    parameters: [...(timestamp ? (["timestamp"] as const) : []), ...(ttl ? (["ttl"] as const) : [])],
  };
}

function isKey({ kind }: TableColumn): boolean {
  return kind === "partition_key" || kind === "clustering";
}

function shape(cql: string, parameters: readonly Parameter[]): WriteShape {
  const keys = parameters.flatMap((parameter, i) =>
    typeof parameter === "object" && parameter.kind === "partition_key" ? [i] : [],
  );
  return { cql, parameters, keys };
}
