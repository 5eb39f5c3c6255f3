/*
 * Owns what dynamic data masking (Cassandra 5.0) hides from the role that reads. A masked value looks like any other,
 * and the server says nothing: it is found out beforehand. Where that can't be done, masked is the answer.
 */
import driver, { type types as DriverTypes } from "cassandra-driver";
import { messageOf } from "../base/errors.ts";
import type { Cluster } from "./cluster.ts";
import { INVALID, SYNTAX, UNAUTHORIZED } from "./errorcodes.ts";
import type { TableSchema } from "./schema.ts";
import { qualifiedName } from "./statements.ts";

const { errors } = driver;

/** Of a server that won't tell. Any other failure is no answer at all. */
const REFUSALS: readonly number[] = [SYNTAX, UNAUTHORIZED, INVALID];

export interface Masking {
  /** The columns whose values the role reads masked, in the order of the table; empty where it reads clear values. */
  readonly columns: readonly string[];
  /** Whether the role may not ask for token ranges: a part of the partition key is masked, and SELECT_MASKED is missing. */
  readonly tokensRefused: boolean;
  /** Why the role's permissions couldn't be found out, in the server's words. */
  readonly unknown: string | undefined;
}

const CLEAR: Masking = { columns: [], tokensRefused: false, unknown: undefined };

/** @param role who is logged in; undefined where nobody is, or a certificate said it */
export async function readMasking(cluster: Cluster, schema: TableSchema, role: string | undefined): Promise<Masking> {
  const masked = schema.virtual ? new Set<string>() : await maskedColumns(cluster, schema);
  if (masked.size === 0 || (await everybodyMay(cluster))) return CLEAR;
  const permissions = role === undefined ? "the login has no name" : await readPermissions(cluster, schema, role);
  const unknown = typeof permissions === "string" ? permissions : undefined;
  const may = (permission: string) => typeof permissions !== "string" && permissions.has(permission);
  if (may("UNMASK")) return CLEAR;
  const columns = schema.columns.filter((column) => masked.has(column.name));
  return {
    columns: columns.map((column) => column.name),
    tokensRefused: columns.some((column) => column.kind === "partition_key") && !may("SELECT_MASKED"),
    unknown,
  };
}

async function maskedColumns(cluster: Cluster, schema: TableSchema): Promise<Set<string>> {
  const [has] = await cluster.query(
    "SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'system_schema' AND table_name = 'column_masks'",
  );
  if (!has) return new Set();
  const rows = await cluster.query(
    "SELECT column_name FROM system_schema.column_masks WHERE keyspace_name = ? AND table_name = ?",
    [schema.keyspace, schema.table],
  );
  return new Set(rows.map((row) => row.column_name as string));
}

/** Whether every node says that every login has every permission, UNMASK among them. */
async function everybodyMay(cluster: Cluster): Promise<boolean> {
  const cql = "SELECT value FROM system_views.settings WHERE name = 'authorizer'";
  const answers = await Promise.all(cluster.localHosts().map((host) => unlessRefused(cluster.query(cql, [], host))));
  return answers.every((rows) => {
    // With an authorizer at work it takes a permission to read the settings.
    if (typeof rows === "string") return false;
    // Null stands for the default, which is AllowAllAuthorizer.
    return rows.some((row) => /(^|\.)AllowAllAuthorizer$/.test((row.value as string | null) ?? "AllowAllAuthorizer"));
  });
}

/** The role's permissions on the table, its own and inherited ones, or why they are not told. */
async function readPermissions(
  cluster: Cluster,
  schema: TableSchema,
  role: string,
): Promise<ReadonlySet<string> | string> {
  const of = `OF "${role.replaceAll('"', '""')}"`;
  const roles = await unlessRefused(cluster.query(`LIST ROLES ${of}`));
  if (typeof roles === "string") return roles;
  if (roles.some((row) => row.super === true)) return new Set(["UNMASK", "SELECT_MASKED"]);
  // Those of the keyspace and of all keyspaces are among them. A view's masks need the view's own permissions.
  const rows = await unlessRefused(cluster.query(`LIST ALL ON TABLE ${qualifiedName(schema)} ${of}`));
  return typeof rows === "string" ? rows : new Set(rows.map((row) => row.permission as string));
}

/** The rows, or the server's words where it refuses. */
async function unlessRefused(query: Promise<DriverTypes.Row[]>): Promise<DriverTypes.Row[] | string> {
  try {
    return await query;
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (cause instanceof errors.ResponseError && REFUSALS.includes(cause.code)) return messageOf(cause);
    throw error;
  }
}
