/*
 * Owns which columns an export has, by the names that the user gives: those of the table, and those added on demand that
 * tell when the cells of others were written (writetime) and how long they live (TTL).
 */
import { UsageError } from "../../base/errors.ts";
import { quoteIdentifier } from "../../base/names.ts";
import { nearest } from "../../base/nearest.ts";
import type { TableColumn, TableSchema } from "../../cassandra/schema.ts";
import { type CellTerm, qualifiedName } from "../../cassandra/statements.ts";
import { parseCqlType } from "../../types/cql.ts";
import { isMadeOfCells } from "../../types/table.ts";
import type { ExportOptions } from "../options.ts";

const WRITETIME_SUFFIX = "_writetime";
const TTL_SUFFIX = "_ttl";

/** A column that tells something of the cells of another. */
export interface CellColumn extends CellTerm {
  readonly name: string;
  /** As CQL writes it. */
  readonly type: string;
}

/** In the order that was asked for; all of them in the order of SELECT * where none was. */
export function chooseColumns(schema: TableSchema, wanted: readonly string[] | undefined): readonly TableColumn[] {
  return wanted ? wanted.map((name) => findColumn(schema, name)) : schema.columns;
}

function findColumn(schema: TableSchema, name: string): TableColumn {
  return schema.columns.find((column) => column.name === name) ?? failUnknown(schema, name);
}

/** @throws UsageError with the nearest name that there is */
export function failUnknown(schema: TableSchema, name: string): never {
  const names = schema.columns.map((column) => column.name);
  const near = nearest(name, names);
  throw new UsageError(`${qualifiedName(schema)} has no column ${quoteIdentifier(name)}`, {
    hint:
      near === undefined ? `it has ${names.map(quoteIdentifier).join(", ")}` : `did you mean ${quoteIdentifier(near)}?`,
  });
}

/**
 * The writetime columns that were asked for, then the TTL columns. What the server does not tell is left out, with a notice.
 * @param perElement whether the server tells it of each cell of a collection (Cassandra 5.0)
 * @throws UsageError for an unknown column, or one of the primary key
 */
export function chooseCellColumns(
  schema: TableSchema,
  chosen: readonly TableColumn[],
  options: ExportOptions,
  perElement: boolean,
): { readonly columns: readonly CellColumn[]; readonly notices: readonly string[] } {
  const kinds = [
    { kind: "writetime", suffix: options.writetimeSuffix ?? WRITETIME_SUFFIX, type: "bigint" },
    { kind: "ttl", suffix: options.ttlSuffix ?? TTL_SUFFIX, type: "int" },
  ] as const;
  const columns: CellColumn[] = [];
  const refused = new Set<string>();
  for (const { kind, suffix, type } of kinds) {
    for (const column of columnsWithCells(schema, chosen, kind, options[kind])) {
      const several = hasSeveralCells(column, schema);
      if (several && !perElement) refused.add(column.name);
      else {
        const name = `${column.name}${suffix}`;
        columns.push({ kind, of: column.name, name, type: several ? `list<${type}>` : type });
      }
    }
  }
  return { columns, notices: refused.size > 0 ? [refusedNotice([...refused])] : [] };
}

function columnsWithCells(
  schema: TableSchema,
  chosen: readonly TableColumn[],
  kind: CellTerm["kind"],
  wanted: ExportOptions["writetime"],
): readonly TableColumn[] {
  if (wanted === undefined) return [];
  if (wanted === "all") return chosen.filter((column) => !isKey(column));
  return wanted.map((name) => {
    const column = findColumn(schema, name);
    if (!isKey(column)) return column;
    return failKey(schema, name, kind === "ttl" ? "TTL" : kind);
  });
}

function failKey(schema: TableSchema, name: string, what: string): never {
  const others = schema.columns.filter((column) => !isKey(column)).map((column) => quoteIdentifier(column.name));
  throw new UsageError(
    `${quoteIdentifier(name)} is in the primary key of ${qualifiedName(schema)}, and keys have no ${what}`,
    { hint: others.length > 0 ? `name others: ${others.join(", ")}` : "the table has no other columns" },
  );
}

function isKey({ kind }: TableColumn): boolean {
  return kind === "partition_key" || kind === "clustering";
}

/** What is not frozen has a cell for each element or field, if it is of a type that can. */
export function hasSeveralCells({ type }: TableColumn, { userTypes }: TableSchema): boolean {
  return !type.startsWith("frozen<") && isMadeOfCells(parseCqlType(type, userTypes));
}

function refusedNotice(names: readonly string[]): string {
  const list = names.map(quoteIdentifier).join(", ");
  return (
    `${names.length === 1 ? "column" : "columns"} ${list}: left out of the writetimes and TTLs, since before 5.0 ` +
    "Cassandra does not tell them of lists, sets, maps and types that are not frozen"
  );
}
