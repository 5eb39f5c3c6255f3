/*
 * Owns making the table that --create asks for: what there is of it already must be the same, and what was made is taken
 * back where the rest is refused. What the table looks like is decided in newtable.ts.
 */
import { messageOf, UsageError } from "../../base/errors.ts";
import { quoteIdentifier } from "../../base/names.ts";
import type { Cluster } from "../../cassandra/cluster.ts";
import { type Making, makingStatements } from "../../cassandra/ddl.ts";
import { typesInOrder } from "../../cassandra/ddltypes.ts";
import {
  findTable,
  isVirtual,
  readTypes,
  type TableColumn,
  type TableSchema,
  type UserTypes,
} from "../../cassandra/schema.ts";
import { qualifiedName } from "../../cassandra/statements.ts";
import type { Connection } from "../../duckdb/engine.ts";
import { parseCqlType } from "../../types/cql.ts";
import { cqlTypeToText } from "../../types/cql-type.ts";
import { isMadeOfCells } from "../../types/table.ts";
import { tableLines } from "./match.ts";
import { newTable } from "./newtable.ts";
import type { ImportOptions } from "./options.ts";
import type { SourcePart } from "./source.ts";

/** Of each row, in the keyspace that is advised; fewer where there are fewer nodes, which could not be written to. */
const MOST_COPIES = 3;

/** The table that an import goes into. */
export interface Target {
  readonly schema: TableSchema;
  /** What makes it; nothing where it is there. */
  readonly making: readonly Making[];
  readonly notices: readonly string[];
}

/**
 * The table that the files say, and what is missing of it. Nothing is made yet.
 * @throws UsageError where there is no such keyspace, or a table or type of that name that is not the same
 */
export async function planTable(
  cluster: Cluster,
  connection: Connection,
  parts: readonly SourcePart[],
  options: ImportOptions,
): Promise<Target> {
  const { keyspace, table } = options.table;
  await checkKeyspace(cluster, keyspace);
  const planned = await newTable(connection, parts, options);
  const existing = await findTable(cluster, keyspace, table);
  const known = existing?.userTypes ?? (await readTypes(cluster, keyspace));
  const types = typesInOrder(
    planned.columns.map(({ type }) => type),
    planned.userTypes,
  );
  checkTypes(types, planned, known);
  if (existing) {
    checkTable(planned, existing);
    const notice = `${qualifiedName(existing)} is there already, with the same columns: it is used as it is`;
    return { schema: existing, making: [], notices: [notice] };
  }
  const schema = { ...planned, userTypes: new Map([...known, ...planned.userTypes]) };
  const notice = `${qualifiedName(schema)} is new, with default options, and without indexes, views and masks`;
  return { schema, making: makingStatements(schema, new Set(known.keys())), notices: [notice] };
}

async function checkKeyspace(cluster: Cluster, keyspace: string): Promise<void> {
  const name = quoteIdentifier(keyspace);
  const copies = Math.min(MOST_COPIES, cluster.localHosts().length);
  const replication = `{'class': 'NetworkTopologyStrategy', '${cluster.dataCenter}': ${copies}}`;
  const advice = `--create makes no keyspaces, but this does: CREATE KEYSPACE ${name} WITH replication = ${replication}`;
  if (!(await isVirtual(cluster, keyspace, advice))) return;
  throw new UsageError(`${name} is a virtual keyspace: no table can be made in it`);
}

/** Types that are there must have the same fields. */
function checkTypes(names: readonly string[], planned: TableSchema, known: UserTypes): void {
  for (const name of names) {
    const there = known.get(name);
    if (!there) continue;
    const fieldsOf = ({ userTypes }: Pick<TableSchema, "userTypes">) => {
      const { fields, types } = userTypes.get(name)!;
      return fields.map((field, i) => `${quoteIdentifier(field)} ${cqlTypeToText(parseCqlType(types[i]!, userTypes))}`);
    };
    const [wanted, found] = [fieldsOf(planned).join(", "), fieldsOf({ userTypes: known }).join(", ")];
    if (wanted === found) continue;
    const message = [
      `the keyspace ${quoteIdentifier(planned.keyspace)} has another type ${quoteIdentifier(name)} than the file:`,
      `  in the file      (${wanted})`,
      `  in the keyspace  (${found})`,
    ];
    throw new UsageError(message.join("\n"), { hint: "import into another keyspace, or make the table yourself" });
  }
}

/** A table that is there must be the one that would be made. */
function checkTable(planned: TableSchema, existing: TableSchema): void {
  const names = [...new Set([...planned.columns, ...existing.columns].map(({ name }) => name))];
  const rows = names.map((name) => {
    const [a, b] = [planned, existing].map((schema) => {
      const column = schema.columns.find((candidate) => candidate.name === name);
      return column ? describe(column, schema) : "-";
    }) as [string, string];
    return [quoteIdentifier(name), a, b, a === b ? "" : "<- differs"];
  });
  if (rows.every(([, a, b]) => a === b)) return;
  const table = tableLines([["", "as the file has it", "as the table has it", ""], ...rows]);
  const message = [`there is a table ${qualifiedName(existing)}, and it is not the one that would be made:`, ...table];
  throw new UsageError(message.join("\n"), {
    hint: "leave out --create to import into it as far as the columns fit, or name another table",
  });
}

/** Type and place in the key. Inside of a frozen value all is frozen, whether the word is there or not. */
function describe({ name, type, kind, descending }: TableColumn, { userTypes, columns }: TableSchema): string {
  const cql = parseCqlType(type, userTypes);
  const text = cqlTypeToText(cql);
  const whole = type.startsWith("frozen<") && isMadeOfCells(cql) ? `frozen<${text}>` : text;
  const place = columns.filter((column) => column.kind === kind).findIndex((column) => column.name === name);
  const key = kind === "regular" ? "" : `, ${kind.replace("_", " ")}${kind === "static" ? "" : ` ${place + 1}`}`;
  return `${whole}${key}${descending ? " descending" : ""}`;
}

/** Makes the table. @throws UsageError where the server refuses it; then nothing of it stays */
export async function makeTable(cluster: Cluster, { making }: Target): Promise<void> {
  const made: Making[] = [];
  try {
    for (const next of making) {
      await cluster.change(next.cql);
      made.unshift(next);
    }
  } catch (error) {
    // After any other failure it is not known what there is; the same command finds what is missing.
    if (error instanceof UsageError) await takeBack(cluster, made, error);
    throw error;
  }
}

async function takeBack(cluster: Cluster, made: readonly Making[], refusal: UsageError): Promise<void> {
  for (const { undo } of made) {
    if (undo === undefined) continue;
    try {
      await cluster.change(undo);
    } catch (error) {
      const hint = `what was made before could not be dropped again: ${messageOf(error)}`;
      throw new UsageError(refusal.message, { hint, cause: refusal });
    }
  }
}
