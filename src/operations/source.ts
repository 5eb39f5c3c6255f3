/*
 * Owns what an export reads: the table's columns with their codecs, and how its rows are asked for (scan.ts).
 * Everything here is decided before the first row.
 */
import { UsageError } from "../base/errors.ts";
import { quoteIdentifier, uniqueNames } from "../base/names.ts";
import { nearest } from "../base/nearest.ts";
import type { Cluster } from "../cassandra/cluster.ts";
import { createStatements } from "../cassandra/ddl.ts";
import { readTable, type TableColumn, type TableSchema } from "../cassandra/schema.ts";
import { qualifiedName } from "../cassandra/statements.ts";
import { duckdbTypeFromText } from "../types/column-type.ts";
import { parseCqlType } from "../types/cql.ts";
import { codecFor } from "../types/table.ts";
import type { SourceColumn } from "./columns.ts";
import { checkMasks } from "./masking.ts";
import type { ExportOptions } from "./options.ts";
import { openScan, type Scan } from "./scan.ts";

export interface Source extends Scan {
  readonly schema: TableSchema;
  readonly columns: readonly SourceColumn[];
  /** The columns among them whose values the server masks for this login. */
  readonly masked: readonly string[];
  /** What the user should know of it before and after. */
  readonly notices: readonly string[];
  /** The CREATE statements of the columns read. */
  readonly create: string;
}

/** @throws UsageError for an unknown table or column, a type that a column can't have, or columns that come masked */
export async function openSource(cluster: Cluster, options: ExportOptions, fetchers: number): Promise<Source> {
  const schema = await readTable(cluster, options.table.keyspace, options.table.table);
  const chosen = chooseColumns(schema, options.columns);
  const columns = describeColumns(schema, chosen, options);
  const { masked, whole, notices } = await checkMasks(cluster, schema, chosen, options);
  const { limit, splits } = options;
  const names = chosen.map((column) => column.name);
  const scan = await openScan(cluster, schema, { columns: names, fetchers, whole, limit, splits });
  return { ...scan, schema, columns, masked, notices, create: createStatements(schema, chosen) };
}

/** In the order that was asked for; all of them in the order of SELECT * where none was. */
function chooseColumns(schema: TableSchema, wanted: readonly string[] | undefined): readonly TableColumn[] {
  if (!wanted) return schema.columns;
  return wanted.map((name) => schema.columns.find((column) => column.name === name) ?? failUnknown(schema, name));
}

function failUnknown(schema: TableSchema, name: string): never {
  const names = schema.columns.map((column) => column.name);
  const near = nearest(name, names);
  throw new UsageError(`${qualifiedName(schema)} has no column ${quoteIdentifier(name)}`, {
    hint:
      near === undefined ? `it has ${names.map(quoteIdentifier).join(", ")}` : `did you mean ${quoteIdentifier(near)}?`,
  });
}

function describeColumns(schema: TableSchema, chosen: readonly TableColumn[], options: ExportOptions): SourceColumn[] {
  const types = options.types ?? new Map<string, string>();
  for (const name of types.keys()) if (!chosen.some((column) => column.name === name)) failUnknown(schema, name);
  const fileNames = uniqueNames(chosen.map((column) => column.name));
  return chosen.map((column, i) => {
    const cql = parseCqlType(column.type, schema.userTypes);
    const text = types.get(column.name);
    const want = text === undefined ? undefined : duckdbTypeFromText(text);
    return {
      name: column.name,
      file: fileNames[i]!,
      kind: column.kind,
      cql,
      cqlText: column.type,
      codec: namingColumn(column.name, () =>
        codecFor(cql, { ...(want ? { want } : {}), uuid: options.uuid ?? "text", empty: options.empty ?? "error" }),
      ),
    };
  });
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
