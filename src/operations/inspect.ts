/*
 * Owns `inspect`: what can be said of Parquet files without reading their rows, and of a table without reading it.
 */
import { writeFile } from "node:fs/promises";
import { typeToSql } from "../base/column.ts";
import { attempt } from "../base/filefailure.ts";
import { quoteIdentifier } from "../base/names.ts";
import { Cluster } from "../cassandra/cluster.ts";
import { type Options, primaryKey } from "../cassandra/ddl.ts";
import { readKeyspace } from "../cassandra/ddlread.ts";
import { readEstimates } from "../cassandra/estimates.ts";
import { readRing } from "../cassandra/ring.ts";
import { readTable, type TableColumn, type TableSchema } from "../cassandra/schema.ts";
import { qualifiedName } from "../cassandra/statements.ts";
import { type Connection, Engine } from "../duckdb/engine.ts";
import {
  type ColumnFacts,
  type ColumnStatistics,
  type FileFacts,
  type LookedAt,
  readColumnFacts,
  readFileFacts,
} from "../duckdb/parquetfacts.ts";
import { withoutUnwritableBounds } from "../parquet/bounds.ts";
import { readFooterSummary } from "../parquet/footer.ts";
import { parseCqlType } from "../types/cql.ts";
import { codecFor } from "../types/table.ts";
import { findParquetFiles } from "./files.ts";
import { Spool } from "./import/spool.ts";
import { inspectText, isText, type Provenance, type TextReport } from "./inspecttext.ts";
import type { ConnectionOptions, TableName } from "./options.ts";

const ENGINE_MEMORY = 512e6;
const ENGINE_THREADS = 2;
const OUR_PREFIX = "cqlduck.";

/** What is asked for: a Parquet, CSV or JSON file, a directory of them, or a table, view or virtual table. */
export type InspectSource =
  | { readonly path: string }
  | { readonly connection: ConnectionOptions; readonly table: TableName };

export interface InspectedColumn {
  /** In the file. */
  readonly name: string;
  /** What an export wrote down of it; absent in files of other origin. */
  readonly cql?: { readonly name: string; readonly type: string; readonly kind: string } | undefined;
  readonly duckdb: string;
  readonly parquet: string;
  readonly compressedBytes: number;
  readonly uncompressedBytes: number;
  readonly codecs: readonly string[];
  /** Absent for nested columns. */
  readonly statistics?: ColumnStatistics | undefined;
}

export interface OtherSchema {
  readonly files: readonly string[];
  /** One line for each column that is not as in `columns`. */
  readonly differences: readonly string[];
}

export interface FilesReport {
  readonly kind: "parquet";
  readonly path: string;
  readonly rows: number;
  /** Of the files, footers included. */
  readonly bytes: number;
  readonly rowGroups: number;
  readonly compressedBytes: number;
  readonly uncompressedBytes: number;
  readonly codecs: readonly string[];
  readonly createdBy: readonly string[];
  readonly exports: readonly Provenance[];
  /** Key-value metadata that is not of our making, of the first file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Names of the columns that stand in the paths, as `year=2024/`. */
  readonly partitionedBy: readonly string[];
  /** Of the files with the schema that most have. */
  readonly columns: readonly InspectedColumn[];
  readonly otherSchemas: readonly OtherSchema[];
  readonly files: readonly {
    readonly path: string;
    readonly rows: number;
    readonly bytes: number;
    readonly rowGroups: number;
  }[];
}

export interface TableReport {
  readonly kind: "table" | "view" | "virtual table";
  readonly table: string;
  readonly columns: readonly {
    readonly name: string;
    readonly cql: string;
    readonly duckdb: string;
    readonly kind: string;
    readonly order?: "asc" | "desc" | undefined;
    readonly masked: boolean;
  }[];
  /** As CQL writes it: `(a, b), c`. */
  readonly primaryKey: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly replication: Readonly<Record<string, string>>;
  /** Guesses of the servers for what was flushed to disk; absent for virtual tables. */
  readonly estimates?: { readonly partitions: number; readonly bytes: number } | undefined;
  readonly tokenRanges: number;
  readonly dataCenter: string;
  /** Of the data centre, those that are up. */
  readonly nodes: number;
  readonly indexes: readonly {
    readonly name: string;
    readonly target: string;
    readonly className?: string | undefined;
  }[];
  readonly triggers: readonly string[];
  readonly views: readonly string[];
  /** Of a view. */
  readonly baseTable?: string | undefined;
}

/**
 * Looks at files or a table.
 * @throws UsageError for what is not there, DataError naming a file that is no whole Parquet file
 */
export async function inspect(source: InspectSource): Promise<FilesReport | TextReport | TableReport> {
  if ("path" in source) {
    const { path } = source;
    if (!(await isText(path))) return inspectFiles(path);
    return withEngine((connection) => inspectText(connection, path));
  }
  const cluster = await Cluster.connect(source.connection);
  try {
    return await inspectTable(cluster, source.table);
  } finally {
    await cluster.close();
  }
}

async function inspectFiles(path: string): Promise<FilesReport> {
  const { files, isDirectory } = await findParquetFiles(path);
  const metadata: ReadonlyMap<string, string>[] = [];
  // Before DuckDB, whose messages don't say which of the files is damaged.
  for (const file of files) metadata.push((await readFooterSummary(file.path)).keyValues);
  return withFooters(files, async (connection, looked) => {
    const doing = `reading ${path}`;
    const facts = await readFileFacts(connection, looked, doing);
    const [main, ...others] = bySignature(facts);
    const columns = await readColumnFacts(connection, main!, doing);
    const otherSchemas: OtherSchema[] = [];
    for (const group of others) {
      const differences = differencesOf(columns, await readColumnFacts(connection, group, doing));
      otherSchemas.push({ files: pathsOf(group), differences });
    }
    const sum = (of: (file: FileFacts) => number) => facts.reduce((total, file) => total + of(file), 0);
    const kept = metadata[facts.indexOf(main![0]!)]!;
    return {
      kind: "parquet",
      path,
      rows: sum((file) => file.rows),
      bytes: files.reduce((total, file) => total + file.bytes, 0),
      rowGroups: sum((file) => file.rowGroups),
      compressedBytes: sum((file) => file.compressedBytes),
      uncompressedBytes: sum((file) => file.uncompressedBytes),
      codecs: [...new Set(facts.flatMap((file) => file.codecs))],
      createdBy: [...new Set(facts.map((file) => file.createdBy ?? "unknown"))],
      exports: exportsOf(metadata),
      metadata: Object.fromEntries([...kept].filter(([key]) => !key.startsWith(OUR_PREFIX))),
      partitionedBy: isDirectory ? partitionsOf(path, files[0]!.path) : [],
      columns: withCql(columns, kept.get("cqlduck.columns")),
      otherSchemas,
      files: facts.map((file, i) => ({
        path: file.path,
        rows: file.rows,
        bytes: files[i]!.bytes,
        rowGroups: file.rowGroups,
      })),
    };
  });
}

async function withEngine<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
  const engine = await Engine.open({ memoryBytes: ENGINE_MEMORY, threads: ENGINE_THREADS, tempDirectory: "" });
  try {
    return await use(await engine.connect());
  } finally {
    engine.close();
  }
}

/** Puts footers that DuckDB can't read, because of the times in their statistics, beside the files as it can. */
async function withFooters<T>(
  files: readonly { readonly path: string }[],
  use: (connection: Connection, files: readonly LookedAt[]) => Promise<T>,
): Promise<T> {
  const spool = new Spool();
  try {
    const looked: LookedAt[] = [];
    for (const { path } of files) {
      const footer = await withoutUnwritableBounds(path);
      const stand = footer && (await spool.newPath());
      if (stand) await attempt("write", stand, () => writeFile(stand, footer));
      looked.push({ path, footer: stand ?? path });
    }
    return await withEngine((connection) => use(connection, looked));
  } finally {
    await spool.close();
  }
}

function pathsOf(files: readonly FileFacts[]): string[] {
  return files.map((file) => file.path);
}

/** Files of equal schemas together, the most files first. */
function bySignature(files: readonly FileFacts[]): FileFacts[][] {
  const groups = new Map<string, FileFacts[]>();
  for (const file of files) groups.set(file.signature, [...(groups.get(file.signature) ?? []), file]);
  return [...groups.values()].sort((a, b) => b.length - a.length);
}

function differencesOf(expected: readonly ColumnFacts[], found: readonly ColumnFacts[]): string[] {
  const typeOf = ({ duckdb, parquet }: ColumnFacts) => `${duckdb} (${parquet})`;
  const lines: string[] = [];
  for (const column of expected) {
    const same = found.find(({ name }) => name === column.name);
    if (!same) lines.push(`no column ${column.name}`);
    else if (typeOf(same) !== typeOf(column)) lines.push(`${column.name} is ${typeOf(same)}, not ${typeOf(column)}`);
  }
  for (const column of found) {
    if (!expected.some(({ name }) => name === column.name)) lines.push(`also ${column.name}, ${typeOf(column)}`);
  }
  return lines.length ? lines : ["the columns stand in another order, or differ in names inside of nested types"];
}

function exportsOf(metadata: readonly ReadonlyMap<string, string>[]): Provenance[] {
  const found = new Map<string, Provenance>();
  for (const pairs of metadata) {
    const [source, exportedAt, version] = ["source", "exported_at", "version"].map((key) =>
      pairs.get(OUR_PREFIX + key),
    );
    if (source === undefined) continue;
    const key = JSON.stringify([source, exportedAt, version]);
    const files = (found.get(key)?.files ?? 0) + 1;
    found.set(key, { source, exportedAt: exportedAt ?? "", version: version ?? "", files });
  }
  return [...found.values()];
}

function partitionsOf(directory: string, file: string): string[] {
  const parts = file.slice(directory.length).split("/").slice(0, -1);
  return parts.flatMap((part) => /^([^=]+)=/.exec(part)?.[1] ?? []);
}

/** Adds what `cqlduck.columns` says; a text that isn't of its form says nothing. */
function withCql(columns: readonly ColumnFacts[], text: string | undefined): InspectedColumn[] {
  const said = new Map<string, NonNullable<InspectedColumn["cql"]>>();
  for (const { column, name, type, kind } of listOf(text)) said.set(String(column), { name, type, kind });
  return columns.map(({ statistics, ...column }) => ({
    ...column,
    cql: said.get(column.name),
    statistics: statistics ?? undefined,
  }));
}

function listOf(text: string | undefined): { column: string; name: string; type: string; kind: string }[] {
  try {
    const list: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(list) ? list.filter((entry) => typeof entry === "object" && entry !== null) : [];
  } catch {
    return [];
  }
}

async function inspectTable(cluster: Cluster, name: TableName): Promise<TableReport> {
  const schema = await readTable(cluster, name.keyspace, name.table);
  const common = {
    table: qualifiedName(schema),
    primaryKey: primaryKey(schema.columns),
    dataCenter: cluster.dataCenter,
    nodes: cluster.localHosts().length,
  };
  if (schema.virtual) {
    const none = { options: {}, replication: {}, tokenRanges: 0, indexes: [], triggers: [], views: [] };
    return { kind: "virtual table", ...common, columns: columnsOf(schema, new Set()), ...none };
  }
  const [keyspace, ring, estimates] = await Promise.all([
    readKeyspace(cluster, schema.keyspace),
    readRing(cluster, schema.keyspace),
    readEstimates(cluster, schema.keyspace, schema.table),
  ]);
  const view = keyspace.views.find((candidate) => candidate.name === schema.table);
  const table = keyspace.tables.find((candidate) => candidate.name === schema.table);
  const { replication } = plainOptions(keyspace.options) as { replication: Record<string, string> };
  return {
    kind: view ? "view" : "table",
    ...common,
    columns: columnsOf(schema, new Set(table?.masks.keys())),
    options: plainOptions(view?.options ?? table?.options ?? new Map()),
    replication,
    estimates: {
      partitions: estimates.reduce((sum, { partitions }) => sum + partitions, 0),
      bytes: estimates.reduce((sum, { bytes }) => sum + bytes, 0),
    },
    tokenRanges: ring.ranges.length,
    indexes: (table?.indexes ?? []).map(({ name, target, className }) => ({ name, target, className })),
    triggers: (table?.triggers ?? []).map((trigger) => trigger.name),
    views: keyspace.views.filter(({ base }) => base === schema.table).map(({ name }) => name),
    baseTable: view && `${quoteIdentifier(schema.keyspace)}.${quoteIdentifier(view.base)}`,
  };
}

function columnsOf(schema: TableSchema, masked: ReadonlySet<string>): TableReport["columns"] {
  return schema.columns.map((column) => ({
    name: column.name,
    cql: column.type,
    duckdb: typeToSql(codecFor(parseCqlType(column.type, schema.userTypes), { uuid: "text", empty: "error" }).column),
    kind: column.kind,
    order: orderOf(column),
    masked: masked.has(column.name),
  }));
}

function orderOf(column: TableColumn): "asc" | "desc" | undefined {
  if (column.kind !== "clustering") return undefined;
  return column.descending ? "desc" : "asc";
}

/** Options as JSON can hold them; blobs in hexadecimal digits. */
function plainOptions(options: Options): Record<string, unknown> {
  const plain = (value: unknown): unknown => {
    if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString("hex")}`;
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  };
  return Object.fromEntries([...options].map(([key, value]) => [key, plain(value)]));
}
