/*
 * Owns what an export of a SELECT reads: the columns of its result, what the table says of them, and how its rows are
 * asked for. Exports of tables are in source.ts.
 */
import { UsageError } from "../../base/errors.ts";
import { uniqueNames } from "../../base/names.ts";
import { nearest } from "../../base/nearest.ts";
import type { Cluster } from "../../cassandra/cluster.ts";
import { createStatements } from "../../cassandra/ddl.ts";
import type { ResultColumn } from "../../cassandra/rawrows.ts";
import { resultType } from "../../cassandra/resulttypes.ts";
import { readTable, type TableColumn, type TableSchema, type UserTypes } from "../../cassandra/schema.ts";
import { parseSelect, type Select, type Term } from "../../cassandra/select.ts";
import type { ExportOptions } from "../options.ts";
import { type ColumnDescription, type Described, describeColumn } from "./describe.ts";
import { checkMasks } from "./masking.ts";
import { aggregates, openStatement, wholeSelect } from "./statement.ts";

/** The server reads so many rows at a time for an aggregate, although the answer is one row. */
const AGGREGATED_ROWS = 1000;

const IN_THE_SELECT = ["columns", "where", "writetime", "ttl", "limit"] as const;

/** @throws UsageError for what is no SELECT, what the server refuses, and options that belong into it */
export async function describeQuery(cluster: Cluster, query: string, options: ExportOptions): Promise<Described> {
  const odd = IN_THE_SELECT.find((key) => options[key] !== undefined);
  if (odd) throw new UsageError(`--${odd} goes with a table, not with a SELECT`, { hint: "say it in the SELECT" });
  const select = parseSelect(query);
  const schema = await readTable(cluster, select.keyspace, select.table);
  refuseUnpaged(schema, select);
  const isAll = select.terms.some((term) => term.kind === "all");
  const read = isAll ? schema.columns : schema.columns.filter((column) => select.names.has(column.name));
  const { masked, whole: maskedKey, notices } = await checkMasks(cluster, schema, read, options);
  const reason = maskedKey ?? (await wholeSelect(cluster, schema, select));
  const { columns: result, whole } = await openStatement(cluster, schema, select, reason);
  const described = resultColumns(select, schema, result);
  checkTypes(described, options);
  const columns = described.map(({ file, userTypes, ...column }) => describeColumn(column, file, userTypes, options));
  const oneRow = !select.groupBy && (await aggregates(cluster, select));
  return {
    name: select.text,
    schema,
    columns,
    read: read.map((column) => column.name),
    masked,
    notices,
    create: createResult(schema, described),
    select,
    whole,
    selective: true,
    firstPageRows: oneRow ? AGGREGATED_ROWS : undefined,
  };
}

/** The server refuses these only when it is asked for rows. */
function refuseUnpaged(schema: TableSchema, { orderBy, restrictions }: Select): void {
  const key = schema.columns.filter((column) => column.kind === "partition_key");
  if (!orderBy || !key.some((column) => restrictions.in.has(column.name))) return;
  throw new UsageError("Cassandra gives no pages of a SELECT with ORDER BY and IN on the partition key", {
    hint: "leave out one of them",
  });
}

/** A column of the result. */
interface ResultDescription extends ColumnDescription {
  readonly file: string;
  readonly userTypes: UserTypes;
  /** The table's column, where it is one as it stands. */
  readonly column: TableColumn | undefined;
}

/** Each with the table's kind and type where it is a column of the table; one that stands there twice is one once. */
function resultColumns(select: Select, schema: TableSchema, result: readonly ResultColumn[]): ResultDescription[] {
  const terms = termsOf(select, result);
  const files = uniqueNames(result.map((column) => column.name));
  const first = (i: number) => result.findIndex((column) => column.name === result[i]!.name) === i;
  const names = result.map((column, i) => (first(i) ? column.name : files[i]!));
  const columnOf = (term: Term | undefined) =>
    term?.kind === "column" ? schema.columns.find((column) => column.name === term.name) : undefined;
  const shown = terms.map(columnOf);
  return result.map(({ type }, i) => {
    const term = terms[i];
    const place = { name: names[i]!, file: files[i]! };
    const column = shown.indexOf(shown[i]) === i ? shown[i] : undefined;
    if (shown[i]) {
      const { type, kind } = shown[i];
      return { ...place, type, kind: column ? kind : "regular", userTypes: schema.userTypes, column };
    }
    const { text, userTypes } = resultType(type);
    if (term?.kind === "writetime" || term?.kind === "ttl") {
      const at = shown.findIndex((column) => column?.name === term.of);
      const of = names[at] ?? term.of;
      return { ...place, type: text, kind: term.kind, of, userTypes, column: undefined };
    }
    return { ...place, type: text, kind: "regular", userTypes, column: undefined };
  });
}

/** What each column of the result comes from, as far as that can be told. */
function termsOf({ terms, json }: Select, result: readonly ResultColumn[]): readonly (Term | undefined)[] {
  if (!json && terms.some((term) => term.kind === "all")) {
    return result.map(({ name }) => ({ kind: "column", name }));
  }
  return json || terms.length !== result.length ? result.map(() => undefined) : terms;
}

function checkTypes(columns: readonly ResultDescription[], { types }: ExportOptions): void {
  const names = columns.map((column) => column.name);
  for (const name of types?.keys() ?? []) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    throw new UsageError(`--type: the SELECT gives no column "${name}"`, {
      hint: near === undefined ? `it gives ${names.join(", ")}` : `did you mean ${near}?`,
    });
  }
}

/** The table that would hold the result: its columns by their names in it, with the table's key where all of it is there. */
function createResult(schema: TableSchema, result: readonly ResultDescription[]): string {
  const columns = result
    .filter(({ kind }) => kind !== "writetime" && kind !== "ttl")
    .map(({ name, type, column, userTypes }) => ({
      of: column,
      userTypes,
      column: { name, type, kind: column?.kind ?? "regular", descending: column?.descending ?? false } as TableColumn,
    }));
  const keys = schema.columns.filter(({ kind }) => kind === "partition_key" || kind === "clustering");
  const found = keys.map((key) => columns.find(({ of }) => of === key)?.column ?? key);
  const chosen = columns.map(({ column }) => column);
  const ordered = [
    ...found.filter((key) => chosen.includes(key)),
    ...chosen.filter((column) => !found.includes(column)),
  ];
  const userTypes = new Map([...columns.flatMap((column) => [...column.userTypes]), ...schema.userTypes]);
  const table = { ...schema, userTypes, columns: [...found, ...chosen.filter((column) => !found.includes(column))] };
  return createStatements(table, ordered);
}
