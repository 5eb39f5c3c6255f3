/*
 * Owns what a table looks like according to the server's schema tables: columns in the order of SELECT *, their CQL
 * types as text, the user-defined types they need. Does not know what a type means (see src/types).
 */
import type { types as DriverTypes } from "cassandra-driver";
import { UsageError } from "../base/errors.ts";
import { quoteIdentifier } from "../base/names.ts";
import { nearest } from "../base/nearest.ts";
import type { Cluster } from "./cluster.ts";

export type ColumnKind = "partition_key" | "clustering" | "static" | "regular";

export interface TableColumn {
  readonly name: string;
  /** As the server writes it, e.g. `map<text, frozen<list<int>>>`. */
  readonly type: string;
  readonly kind: ColumnKind;
  /** Of a clustering column. */
  readonly descending: boolean;
}

/** Name to fields, in the order of the type; names as the server holds them. */
export type UserTypes = ReadonlyMap<string, { readonly fields: readonly string[]; readonly types: readonly string[] }>;

export interface TableSchema {
  readonly keyspace: string;
  readonly table: string;
  /** The server's id of this very table: a dropped and re-created one has another. Empty for virtual tables. */
  readonly id: string;
  readonly virtual: boolean;
  readonly columns: readonly TableColumn[];
  /** All user-defined types of the keyspace. */
  readonly userTypes: UserTypes;
}

const KIND_ORDER: Record<ColumnKind, number> = { partition_key: 0, clustering: 1, static: 2, regular: 3 };

/**
 * @param advice what else may be done where there is no such table
 * @throws UsageError for an unknown keyspace or table, with the nearest names there are
 */
export async function readTable(
  cluster: Cluster,
  keyspace: string,
  table: string,
  advice?: string,
): Promise<TableSchema> {
  const virtual = await isVirtual(cluster, keyspace);
  const found = await findTable(cluster, keyspace, table, virtual);
  if (found) return found;
  const unknown = await unknownTable(cluster, virtual ? "system_virtual_schema" : "system_schema", keyspace, table);
  throw withAdvice(unknown, advice);
}

/** @param virtual whether the keyspace is */
export async function findTable(
  cluster: Cluster,
  keyspace: string,
  table: string,
  virtual = false,
): Promise<TableSchema | undefined> {
  const schema = virtual ? "system_virtual_schema" : "system_schema";
  const key = [keyspace, table];
  const rows = await cluster.query(
    `SELECT column_name, type, kind, position, clustering_order FROM ${schema}.columns WHERE keyspace_name = ? AND table_name = ?`,
    key,
  );
  if (rows.length === 0) return undefined;
  const [id, userTypes] = virtual
    ? ["", new Map()]
    : await Promise.all([tableId(cluster, key), readTypes(cluster, keyspace)]);
  return { keyspace, table, id, virtual, columns: columnsOf(rows), userTypes };
}

/** The columns of one table, out of rows of system_schema.columns, in the order of SELECT *. */
export function columnsOf(rows: readonly DriverTypes.Row[]): TableColumn[] {
  return rows
    .map((row) => ({
      name: row.column_name as string,
      type: row.type as string,
      kind: row.kind as ColumnKind,
      position: row.position as number,
      descending: row.clustering_order === "desc",
    }))
    .sort((a, b) => KIND_ORDER[a.kind] - KIND_ORDER[b.kind] || a.position - b.position || compareNames(a.name, b.name))
    .map(({ position: _, ...column }) => column);
}

/**
 * The order in which the server's SELECT * gives static and regular columns: by the bytes of the name, compared as
 * Java does, signed (so a name that begins with a letter beyond ASCII stands before all others).
 */
export function compareNames(a: string, b: string): number {
  const left = new Int8Array(new TextEncoder().encode(a).buffer);
  const right = new Int8Array(new TextEncoder().encode(b).buffer);
  const shared = Math.min(left.length, right.length);
  for (let i = 0; i < shared; i++) if (left[i] !== right[i]) return left[i]! - right[i]!;
  return left.length - right.length;
}

/**
 * Whether the keyspace is one of the server's virtual ones.
 * @param advice what else may be done where there is no such keyspace
 * @throws UsageError where there is none
 */
export async function isVirtual(cluster: Cluster, keyspace: string, advice?: string): Promise<boolean> {
  const [real] = await cluster.query("SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?", [
    keyspace,
  ]);
  if (real) return false;
  const [virtual] = await cluster.query(
    "SELECT keyspace_name FROM system_virtual_schema.keyspaces WHERE keyspace_name = ?",
    [keyspace],
  );
  if (virtual) return true;
  const all = [
    ...(await cluster.query("SELECT keyspace_name FROM system_schema.keyspaces")),
    ...(await cluster.query("SELECT keyspace_name FROM system_virtual_schema.keyspaces")),
  ].map((row) => row.keyspace_name as string);
  const unknown = new UsageError(`there is no keyspace ${quoteIdentifier(keyspace)}`, {
    hint: suggestion(keyspace, all) ?? `the cluster has ${list(all)}`,
  });
  throw withAdvice(unknown, advice);
}

function withAdvice(error: UsageError, advice: string | undefined): UsageError {
  return advice === undefined ? error : new UsageError(error.message, { hint: `${error.hint}; ${advice}` });
}

async function unknownTable(cluster: Cluster, schema: string, keyspace: string, table: string): Promise<UsageError> {
  const where = `WHERE keyspace_name = ?`;
  const tables = await cluster.query(`SELECT table_name FROM ${schema}.tables ${where}`, [keyspace]);
  const views =
    schema === "system_schema"
      ? await cluster.query(`SELECT view_name AS table_name FROM system_schema.views ${where}`, [keyspace])
      : [];
  const names = [...tables, ...views].map((row) => row.table_name as string);
  return new UsageError(`there is no table ${quoteIdentifier(keyspace)}.${quoteIdentifier(table)}`, {
    hint: suggestion(table, names) ?? (names.length ? `the keyspace has ${list(names)}` : "the keyspace has no tables"),
  });
}

/** "did you mean …?" with the nearest name as CQL writes it, where one is near enough. */
function suggestion(name: string, names: readonly string[]): string | undefined {
  const found = nearest(name, names);
  return found === undefined ? undefined : `did you mean ${quoteIdentifier(found)}?`;
}

function list(names: readonly string[]): string {
  const shown = [...names].sort().slice(0, 10).map(quoteIdentifier).join(", ");
  return names.length > 10 ? `${shown} and ${names.length - 10} more` : shown;
}

async function tableId(cluster: Cluster, key: readonly string[]): Promise<string> {
  const [table] = await cluster.query(
    "SELECT id FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?",
    key,
  );
  const [view] = table
    ? []
    : await cluster.query("SELECT id FROM system_schema.views WHERE keyspace_name = ? AND view_name = ?", key);
  return String((table ?? view)?.id ?? "");
}

/** The user-defined types of a keyspace. */
export async function readTypes(cluster: Cluster, keyspace: string): Promise<UserTypes> {
  const rows = await cluster.query(
    "SELECT type_name, field_names, field_types FROM system_schema.types WHERE keyspace_name = ?",
    [keyspace],
  );
  return new Map(rows.map((row) => [row.type_name as string, { fields: row.field_names, types: row.field_types }]));
}
