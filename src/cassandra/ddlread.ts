/*
 * Owns reading all that system_schema holds of a keyspace, whatever the server's version has of it, so that ddl.ts can
 * write the statements that make it again.
 */
import type { types as DriverTypes } from "cassandra-driver";
import { quoteIdentifier } from "../base/names.ts";
import type { Cluster } from "./cluster.ts";
import {
  type AggregateDefinition,
  type FunctionDefinition,
  hasPlainArguments,
  type IndexDefinition,
  type KeyspaceDefinition,
  type Mask,
  type Options,
  type OptionValue,
  type TableDefinition,
  type ViewDefinition,
} from "./ddl.ts";
import { columnsOf, type TableColumn } from "./schema.ts";

type Row = DriverTypes.Row;

/** Tables of system_schema, which all have the keyspace as their partition key. Older servers lack some. */
const TABLES = [
  "keyspaces",
  "types",
  "functions",
  "aggregates",
  "tables",
  "columns",
  "column_masks",
  "indexes",
  "triggers",
  "views",
] as const;

type SchemaTable = (typeof TABLES)[number];

/** Columns of these tables that are no options of what the row stands for. */
const NO_OPTIONS = new Set(
  (
    "keyspace_name table_name view_name id flags base_table_id base_table_name where_clause include_all_columns " +
    "replication durable_writes"
  ).split(" "),
);
/** Real options up to 3.11; later servers keep the columns for old drivers, and refuse or ignore the options. */
const OPTIONS_BEFORE_4 = new Set(["read_repair_chance", "dclocal_read_repair_chance"]);
const LOCATOR = "org.apache.cassandra.locator.";

/** A keyspace that exists and is not virtual. */
export async function readKeyspace(cluster: Cluster, name: string): Promise<KeyspaceDefinition> {
  const rows = await readRows(cluster, name);
  const columns = byTable(rows("columns"));
  // Rows of dropped tables stay there.
  const maskRows = rows("column_masks").filter((row) => rows("tables").some((t) => t.table_name === row.table_name));
  const masks = await readMasks(cluster, name, maskRows);
  const indexes = byTable(rows("indexes"));
  const triggers = byTable(rows("triggers"));
  return {
    name,
    options: keyspaceOptions(rows("keyspaces")[0]!),
    types: new Map(rows("types").map((row) => [row.type_name, { fields: row.field_names, types: row.field_types }])),
    functions: rows("functions").map(functionOf),
    aggregates: rows("aggregates").map(aggregateOf),
    tables: rows("tables").map((row) => {
      const name = row.table_name as string;
      return {
        name,
        ...storageOf(row.flags, columnsOf(columns.get(name) ?? [])),
        masks: masks.get(name) ?? new Map(),
        options: optionsOf(row),
        indexes: (indexes.get(name) ?? []).map(indexOf),
        triggers: (triggers.get(name) ?? []).map((trigger) => ({
          name: trigger.trigger_name,
          className: trigger.options.class,
        })),
      };
    }),
    views: rows("views").map((row) => viewOf(row, columnsOf(columns.get(row.view_name) ?? []))),
  };
}

/** The keyspace's rows of each of the tables; none of those that the server's version lacks. */
async function readRows(cluster: Cluster, keyspace: string): Promise<(table: SchemaTable) => readonly Row[]> {
  const known = await cluster.query(
    "SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'system_schema'",
  );
  const read = async (table: SchemaTable): Promise<[SchemaTable, readonly Row[]]> => {
    const isKnown = known.some((row) => row.table_name === table);
    const cql = `SELECT * FROM system_schema.${table} WHERE keyspace_name = ?`;
    return [table, isKnown ? await cluster.query(cql, [keyspace]) : []];
  };
  const rows = new Map(await Promise.all(TABLES.map(read)));
  return (table) => rows.get(table) ?? [];
}

function byTable(rows: readonly Row[]): Map<string, Row[]> {
  const tables = new Map<string, Row[]>();
  for (const row of rows) {
    const found = tables.get(row.table_name);
    if (found) found.push(row);
    else tables.set(row.table_name, [row]);
  }
  return tables;
}

/** By table and column. */
async function readMasks(
  cluster: Cluster,
  keyspace: string,
  rows: readonly Row[],
): Promise<Map<string, Map<string, Mask>>> {
  const tables = new Map<string, Map<string, Mask>>();
  for (const [table, masks] of byTable(rows)) {
    const found = new Map(masks.map((row): [string, Mask] => [row.column_name, maskOf(row)]));
    for (const [column, mask] of found) {
      if (hasPlainArguments(mask)) continue;
      found.set(column, { ...mask, written: await writtenMask(cluster, keyspace, table, column) });
    }
    tables.set(table, found);
  }
  return tables;
}

/** Collections, tuples and the like are bytes in system_schema; servers that have masks can describe them. */
async function writtenMask(
  cluster: Cluster,
  keyspace: string,
  table: string,
  column: string,
): Promise<string | undefined> {
  const name = `${quoteIdentifier(keyspace)}.${quoteIdentifier(table)}`;
  const [described] = await cluster.query(`DESCRIBE TABLE ${name}`);
  const lines = String(described?.create_statement ?? "").split("\n");
  const line = lines.find((candidate) => candidate.trimStart().startsWith(`${quoteIdentifier(column)} `));
  return line && / MASKED WITH (.*?\))(?: PRIMARY KEY)?,?$/.exec(line)?.[1];
}

/** Replication first, as everybody writes it. */
function keyspaceOptions(row: Row): Options {
  const replication = { ...(row.replication as Record<string, string>) };
  // The short name of the server's own strategies, as people write it and DESCRIBE does.
  if (replication.class?.startsWith(LOCATOR)) replication.class = replication.class.slice(LOCATOR.length);
  return new Map<string, OptionValue>([
    ["replication", replication],
    ["durable_writes", row.durable_writes],
    ...optionsOf(row),
  ]);
}

/** All columns of the row that are options and are set, in the order of their names. */
function optionsOf(row: Row): Options {
  const names = row.keys();
  const isNew = names.includes("read_repair");
  const options = names
    .filter((name) => !NO_OPTIONS.has(name) && !(isNew && OPTIONS_BEFORE_4.has(name)))
    .map((name): [string, OptionValue | null] => [name, row.get(name)]);
  return new Map(options.filter((option): option is [string, OptionValue] => option[1] != null));
}

/**
 * Columns as CQL has them, and whether the table is one of COMPACT STORAGE. Servers before 4.0 give such tables columns
 * that nobody made, which no statement may name.
 */
function storageOf(
  flags: readonly string[] | null,
  columns: readonly TableColumn[],
): Pick<TableDefinition, "columns" | "compact"> {
  const is = (flag: string) => (flags ?? []).includes(flag);
  if (is("dense") || is("super")) {
    return { compact: true, columns: columns.filter(({ kind, type }) => kind !== "regular" || type !== "empty") };
  }
  if (is("compound")) return { compact: false, columns };
  const named = columns.filter(({ kind }) => kind === "partition_key" || kind === "static");
  const plain = named.map((column) => (column.kind === "static" ? { ...column, kind: "regular" as const } : column));
  return { compact: true, columns: plain };
}

function viewOf(row: Row, columns: readonly TableColumn[]): ViewDefinition {
  const options = new Map(optionsOf(row));
  // A view's rows expire with those of its table; servers refuse to be told it.
  options.delete("default_time_to_live");
  return {
    name: row.view_name,
    base: row.base_table_name,
    columns,
    allColumns: row.include_all_columns,
    where: row.where_clause,
    options,
  };
}

function maskOf(row: Row): Mask {
  const types = row.function_argument_types as string[];
  return {
    keyspace: row.function_keyspace,
    function: row.function_name,
    arguments: types.map((type, i) => ({
      type,
      value: row.function_argument_nulls[i] ? undefined : row.function_argument_values[i],
    })),
  };
}

function indexOf(row: Row): IndexDefinition {
  const { target, class_name, ...options } = row.options as Record<string, string>;
  return { name: row.index_name, target: target ?? "", className: class_name, options };
}

function functionOf(row: Row): FunctionDefinition {
  return {
    name: row.function_name,
    argumentNames: row.argument_names ?? [],
    argumentTypes: row.argument_types ?? [],
    calledOnNull: row.called_on_null_input,
    returns: row.return_type,
    language: row.language,
    body: row.body,
  };
}

function aggregateOf(row: Row): AggregateDefinition {
  return {
    name: row.aggregate_name,
    argumentTypes: row.argument_types ?? [],
    stateFunction: row.state_func,
    stateType: row.state_type,
    finalFunction: row.final_func ?? undefined,
    initial: row.initcond ?? undefined,
  };
}
