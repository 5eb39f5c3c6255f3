/*
 * Owns what an export reads: the table's columns with their codecs, the statement, and the token ranges with the nodes
 * that are asked. Everything here is decided before the first row.
 */
import { UsageError } from "../base/errors.ts";
import { quoteIdentifier, uniqueNames } from "../base/names.ts";
import { nearest } from "../base/nearest.ts";
import type { Cluster, Host } from "../cassandra/cluster.ts";
import { readEstimates } from "../cassandra/estimates.ts";
import { isRetryable } from "../cassandra/failure.ts";
import { PageReader } from "../cassandra/pages.ts";
import { readRing, type TokenRange } from "../cassandra/ring.ts";
import { readTable, type TableColumn, type TableSchema } from "../cassandra/schema.ts";
import { createStatements, qualifiedName, selectAll, selectRange } from "../cassandra/statements.ts";
import { retrying } from "../jobs/retry.ts";
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
  /** What the user should know of it before and after. */
  readonly notices: readonly string[];
  /** The CREATE statements of the columns read. */
  readonly create: string;
  /** Undefined stands for the whole table read by one statement. */
  readonly ranges: readonly (TokenRange | undefined)[];
  /** Who can answer for a range, the best first. */
  replicas(range: TokenRange | undefined): readonly Host[];
  /** Both 0 where the servers have no guess, as for a table that was never flushed. */
  readonly estimatedRows: number;
  readonly estimatedBytes: number;
}

/** @throws UsageError for an unknown table or column, or a type that a column can't have */
export async function openSource(cluster: Cluster, options: ExportOptions, fetchers: number): Promise<Source> {
  const schema = await readTable(cluster, options.table.keyspace, options.table.table);
  const chosen = chooseColumns(schema, options.columns);
  const names = chosen.map((column) => column.name);
  const whole = schema.virtual || options.limit !== undefined;
  const estimates = whole ? [] : await readEstimates(cluster, schema.keyspace, schema.table);
  const common = {
    name: qualifiedName(schema),
    schema,
    columns: describeColumns(schema, chosen, options),
    notices: [] as readonly string[],
    create: createStatements(schema, chosen),
    estimatedRows: 0,
    estimatedBytes: estimates.reduce((sum, estimate) => sum + estimate.bytes, 0),
  };
  if (whole) {
    const replicas = () => cluster.localHosts();
    return { ...common, cql: selectAll(schema, names, options.limit), ranges: [undefined], replicas };
  }
  const ring = await readRing(cluster, schema.keyspace);
  const source: Source = {
    ...common,
    cql: selectRange(schema, names),
    ranges: options.splits ? evenRanges(options.splits) : planRanges(ring.ranges, estimates, fetchers),
    replicas: (range) => ring.replicas(range!.end),
  };
  return { ...source, estimatedRows: await estimateRows(cluster, source) };
}

const SAMPLE_ROWS = 100;
const SAMPLE_ATTEMPTS = 3;

/** The server guesses bytes and partitions, not rows: a few rows of one range tell how many there may be. */
async function estimateRows(cluster: Cluster, source: Source): Promise<number> {
  if (source.estimatedBytes === 0) return 0;
  const reader = new PageReader(cluster, source.cql, `reading ${source.name}`);
  const range = source.ranges.reduce((a, b) => (widthOf(b) > widthOf(a) ? b : a));
  const hosts = source.replicas(range);
  const sample = (attempt: number) => reader.fetch(range, null, SAMPLE_ROWS, hosts[attempt % hosts.length]);
  const page = await retrying(sample, { attempts: SAMPLE_ATTEMPTS, baseMs: 200, maxMs: 1000, isRetryable });
  return page.rows ? Math.round(source.estimatedBytes / (page.body.length / page.rows)) : 0;
}

function widthOf(range: TokenRange | undefined): bigint {
  return range ? range.end - range.start : 0n;
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
