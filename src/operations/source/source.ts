/*
 * Owns what an export reads: the columns of a table with their codecs, and how its rows are asked for (scan.ts); those
 * of a SELECT are in query.ts. Everything here is decided before the first row.
 */
import { UsageError } from "../../base/errors.ts";
import { uniqueNames } from "../../base/names.ts";
import type { Cluster } from "../../cassandra/cluster.ts";
import { createStatements } from "../../cassandra/ddl.ts";
import { readTable, type TableColumn, type TableSchema } from "../../cassandra/schema.ts";
import { type Condition, parseCondition } from "../../cassandra/select.ts";
import { tableSelect } from "../../cassandra/statements.ts";
import type { ExportOptions, TableName } from "../options.ts";
import { type CellColumn, chooseCellColumns, chooseColumns, failUnknown } from "./choose.ts";
import type { SourceColumn } from "./columns.ts";
import { type Described, describeColumn, type SourceFacts } from "./describe.ts";
import { checkMasks } from "./masking.ts";
import { describeQuery } from "./query.ts";
import { openScan, type Scan, type ScanOptions } from "./scan.ts";
import { openStatement, wholeCondition } from "./statement.ts";

/** What is read, and how. */
export interface Source extends SourceFacts, Scan {}

/** The first Cassandra that tells the writetime and TTL of each cell of a collection. */
const CELLS_TOLD = 5;

/**
 * @throws UsageError for an unknown table or column, a type that a column can't have, columns that come masked, or a
 * condition or SELECT that the server refuses
 */
export async function openSource(cluster: Cluster, options: ExportOptions, fetchers: number): Promise<Source> {
  const described = await describeSource(cluster, options);
  const { schema, columns, read, masked, notices, create, ...scanned } = described;
  const scan = await openScan(cluster, schema, { ...scanned, fetchers, splits: options.splits });
  return { ...scan, schema, columns, read, masked, notices, create };
}

/** All but the token ranges. @throws UsageError as openSource does */
export async function describeSource(cluster: Cluster, options: ExportOptions): Promise<Described> {
  const { table, query } = options;
  if (query !== undefined) return describeQuery(cluster, query, options);
  if (table === undefined) throw new UsageError("there is nothing to export", { hint: "name a table or a SELECT" });
  return describeTable(cluster, table, options);
}

async function describeTable(cluster: Cluster, name: TableName, options: ExportOptions): Promise<Described> {
  const { limit, where } = options;
  const condition = where === undefined ? undefined : parseCondition(where);
  const schema = await readTable(cluster, name.keyspace, name.table);
  const chosen = chooseColumns(schema, options.columns);
  const cells = chooseCellColumns(schema, chosen, options, cluster.isAtLeast(CELLS_TOLD));
  const columns = describeColumns(schema, chosen, cells.columns, options);
  const masks = await checkMasks(cluster, schema, chosen, options);
  const read = chosen.map((column) => column.name);
  const select = tableSelect(schema, [...read, ...cells.columns], condition, limit);
  const known = masks.whole ?? (limit === undefined ? undefined : "a limit of rows");
  return {
    schema,
    columns,
    read,
    masked: masks.masked,
    notices: [...masks.notices, ...cells.notices],
    create: createStatements(schema, chosen),
    select,
    whole: condition ? await wholeFor(cluster, schema, select, condition, known) : known,
    selective: condition !== undefined,
  };
}

async function wholeFor(
  cluster: Cluster,
  schema: TableSchema,
  select: ScanOptions["select"],
  condition: Condition,
  known: string | undefined,
): Promise<string | undefined> {
  return (await openStatement(cluster, schema, select, known ?? wholeCondition(schema, condition))).whole;
}

function describeColumns(
  schema: TableSchema,
  chosen: readonly TableColumn[],
  cells: readonly CellColumn[],
  options: ExportOptions,
): SourceColumn[] {
  for (const name of options.types?.keys() ?? []) {
    if (!chosen.some((column) => column.name === name)) failUnknown(schema, name);
  }
  const all: readonly (TableColumn | CellColumn)[] = [...chosen, ...cells];
  const files = uniqueNames(all.map((column) => column.name));
  // A column that was added may have the name of one that a type is for.
  const asItIs = { ...options, types: undefined };
  return all.map((column, i) => describeColumn(column, files[i]!, schema.userTypes, "of" in column ? asItIs : options));
}
