/*
 * Owns what is decided of a condition or a SELECT of the user's before any row is read: whether the server takes it,
 * and whether it is read by token ranges or, as it stands, page by page.
 */
import { UsageError } from "../../base/errors.ts";
import { quoteIdentifier } from "../../base/names.ts";
import { nearest } from "../../base/nearest.ts";
import type { Cluster } from "../../cassandra/cluster.ts";
import { prepare } from "../../cassandra/prepared.ts";
import type { ResultColumn } from "../../cassandra/rawrows.ts";
import type { TableSchema } from "../../cassandra/schema.ts";
import type { Call, Condition, Select, SelectParts } from "../../cassandra/select.ts";
import { partitionKey, rangeStatement, wholeStatement } from "../../cassandra/statements.ts";

/** What comes with every Cassandra, beside those that users make; system_schema does not list them. */
const AGGREGATES = ["count", "countrows", "min", "max", "sum", "avg"];

/** A statement that the server takes. */
export interface Statement {
  readonly columns: readonly ResultColumn[];
  /** Why it is read by one statement; undefined where token ranges can be put into it. */
  readonly whole: string | undefined;
}

/**
 * Asks the server for its opinion of a statement, and of the same for a token range, unless it is known why not.
 * @throws UsageError where the server refuses it, in its words
 */
export async function openStatement(
  cluster: Cluster,
  schema: TableSchema,
  select: SelectParts,
  known: string | undefined,
): Promise<Statement> {
  const cql = wholeStatement(select);
  const prepared = await prepare(cluster, cql);
  if (prepared.refusal !== undefined) throw refused(schema, cql, prepared.refusal);
  const { parameters, columns } = prepared;
  if (parameters > 0) throw new UsageError(`${cql} asks for values, and there are none to bind`);
  if (known !== undefined || schema.virtual) return { columns, whole: known };
  // An index on a part of the partition key, for one, does not go together with token ranges.
  const { refusal } = await prepare(cluster, rangeStatement(schema, select));
  return { columns, whole: refusal && `the server has no token ranges for it: ${refusal}` };
}

function refused(schema: TableSchema, cql: string, words: string): UsageError {
  return new UsageError(`the server refuses the statement: ${words}`, { hint: adviceFor(schema, words, cql) });
}

function adviceFor(schema: TableSchema, words: string, cql: string): string {
  if (/use ALLOW FILTERING/.test(words)) {
    return "end it with ALLOW FILTERING, if the server is to read every row and leave out those that don't fit";
  }
  const unknown = /^Undefined column name "?([^"\s]+)"?/.exec(words)?.[1];
  if (unknown === undefined) return `it was sent ${cql}`;
  const columns = schema.columns.map((column) => column.name);
  const near = nearest(unknown, columns);
  return near === undefined
    ? `the table has ${columns.map(quoteIdentifier).join(", ")}`
    : `did you mean ${quoteIdentifier(near)}?`;
}

/** Why a condition is not read by token ranges; undefined where it is. */
export function wholeCondition(schema: TableSchema, { restrictions }: Condition): string | undefined {
  const key = partitionKey(schema);
  if (restrictions.token) return "it has token() itself";
  if (key.every((name) => restrictions.equal.has(name))) return "it names one partition";
  if (key.some((name) => restrictions.in.has(name))) return "it has IN on the partition key";
  return undefined;
}

/** Why a SELECT is not read by token ranges; undefined where it is. */
export async function wholeSelect(cluster: Cluster, schema: TableSchema, select: Select): Promise<string | undefined> {
  if (select.limit) return "it has a LIMIT";
  if (select.orderBy) return "it has ORDER BY";
  const groupsAreWhole = select.groupBy && partitionKey(schema).every((name, i) => select.groupBy?.[i] === name);
  if (select.groupBy && !groupsAreWhole) return "its groups are not within partitions";
  if (!select.groupBy && (await aggregates(cluster, select))) return "it has an aggregate";
  return wholeCondition(schema, select);
}

/** Whether all rows, or all of a group, become one. */
export async function aggregates(cluster: Cluster, { calls, keyspace }: Select): Promise<boolean> {
  const own = calls.filter(({ name }) => !AGGREGATES.includes(name));
  if (own.length < calls.length) return true;
  const placeOf = (call: Call) => call.keyspace ?? keyspace;
  for (const place of new Set(own.map(placeOf))) {
    const rows = await cluster.query("SELECT aggregate_name FROM system_schema.aggregates WHERE keyspace_name = ?", [
      place,
    ]);
    const names = rows.map((row) => row.aggregate_name as string);
    if (own.some((call) => placeOf(call) === place && names.includes(call.name))) return true;
  }
  return false;
}
