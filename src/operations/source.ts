/*
 * Owns what an export reads: the table's columns with their codecs, the statement, and the token ranges with the nodes
 * that are asked. Everything here is decided before the first row.
 */
import { UsageError } from "../base/errors.ts";
import { quoteIdentifier, uniqueNames } from "../base/names.ts";
import { nearest } from "../base/nearest.ts";
import type { Cluster, Host } from "../cassandra/cluster.ts";
import { readEstimates } from "../cassandra/estimates.ts";
import { readRing, type TokenRange } from "../cassandra/ring.ts";
import { readTable, type TableColumn, type TableSchema } from "../cassandra/schema.ts";
import { createStatements, qualifiedName, selectAll, selectRange } from "../cassandra/statements.ts";
import { duckdbTypeFromText } from "../types/column-type.ts";
import { parseCqlType } from "../types/cql.ts";
import { codecFor } from "../types/table.ts";
import type { SourceColumn } from "./columns.ts";
import type { ExportOptions } from "./options.ts";
import { evenRanges, planRanges } from "./ranges.ts";

export interface Source {
  /** `ks.table` as CQL writes it. */
  readonly name: string;
  readonly schema: TableSchema;
  readonly columns: readonly SourceColumn[];
  readonly cql: string;
  /** The CREATE statements of the columns read. */
  readonly create: string;
  /** Undefined stands for the whole table read by one statement. */
  readonly ranges: readonly (TokenRange | undefined)[];
  /** Who can answer for a range, the best first. */
  replicas(range: TokenRange | undefined): readonly Host[];
  readonly estimatedRows: number;
  readonly estimatedBytes: number;
}

/** @throws UsageError for an unknown table or column, or a type that a column can't have */
export async function openSource(cluster: Cluster, options: ExportOptions, fetchers: number): Promise<Source> {
  const schema = await readTable(cluster, options.table.keyspace, options.table.table);
  const chosen = chooseColumns(schema, options.columns);
  const names = chosen.map((column) => column.name);
  const whole = schema.virtual || options.limit !== undefined;
  const estimates = schema.virtual ? [] : await readEstimates(cluster, schema.keyspace, schema.table);
  const sum = (of: "partitions" | "bytes") => estimates.reduce((total, estimate) => total + estimate[of], 0);
  const common = {
    name: qualifiedName(schema),
    schema,
    columns: describeColumns(schema, chosen, options),
    create: createStatements(schema, chosen),
    estimatedRows: sum("partitions"),
    estimatedBytes: sum("bytes"),
  };
  if (whole) {
    const replicas = () => cluster.localHosts();
    return { ...common, cql: selectAll(schema, names, options.limit), ranges: [undefined], replicas };
  }
  const ring = await readRing(cluster, schema.keyspace);
  return {
    ...common,
    cql: selectRange(schema, names),
    ranges: options.splits ? evenRanges(options.splits) : planRanges(ring.ranges, estimates, fetchers),
    replicas: (range) => ring.replicas(range!.end),
  };
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
