/*
 * Owns what is known of a source, whatever it is, and how a column of it becomes one of the file: its type as it is
 * written, with the codec that makes it.
 */
import { UsageError } from "../../base/errors.ts";
import { quoteIdentifier } from "../../base/names.ts";
import type { TableSchema, UserTypes } from "../../cassandra/schema.ts";
import { duckdbTypeFromText } from "../../types/column-type.ts";
import { parseCqlType } from "../../types/cql.ts";
import { codecFor } from "../../types/table.ts";
import type { ExportOptions } from "../options.ts";
import type { SourceColumn } from "./columns.ts";
import type { ScanOptions } from "./scan.ts";

/** What is decided of a source before a row is read. */
export interface SourceFacts {
  readonly schema: TableSchema;
  readonly columns: readonly SourceColumn[];
  /** The columns of the table that are read. */
  readonly read: readonly string[];
  /** The columns among them whose values the server masks for this login. */
  readonly masked: readonly string[];
  /** What the user should know of it before and after. */
  readonly notices: readonly string[];
  /** The CREATE statements of the columns read. */
  readonly create: string;
}

/** The same, with what is known of its reading but the token ranges. */
export interface Described extends SourceFacts, Omit<ScanOptions, "fetchers" | "splits"> {}

export interface ColumnDescription {
  readonly name: string;
  /** As CQL writes it. */
  readonly type: string;
  readonly kind: string;
  /** The column whose writetime or TTL this one is. */
  readonly of?: string | undefined;
}

/** @throws UsageError naming the column, for a type that it can't have */
export function describeColumn(
  { name, type, kind, of }: ColumnDescription,
  file: string,
  userTypes: UserTypes,
  { types, uuid = "text", empty = "error" }: ExportOptions,
): SourceColumn {
  const cql = parseCqlType(type, userTypes);
  const text = types?.get(name);
  const want = text === undefined ? undefined : duckdbTypeFromText(text);
  const codec = namingColumn(name, () => codecFor(cql, { ...(want ? { want } : {}), uuid, empty }));
  return { name, file, kind, of, cql, cqlText: type, codec };
}

/** A type that the column can't have is refused with the column's name before the reason. */
function namingColumn<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`column ${quoteIdentifier(name)}: ${error.message}`, { hint: error.hint, cause: error });
  }
}
