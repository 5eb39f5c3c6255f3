/*
 * Owns `schema`: the CQL statements that make a keyspace, a table or a view of a cluster, or the table that an export
 * was read from, out of its files.
 */
import { basename, resolve } from "node:path";
import { UsageError } from "../base/errors.ts";
import { quoteIdentifier } from "../base/names.ts";
import { Cluster } from "../cassandra/cluster.ts";
import { createView, keyspaceStatements, tableStatements } from "../cassandra/ddl.ts";
import { readKeyspace } from "../cassandra/ddlread.ts";
import { isVirtual, readTable } from "../cassandra/schema.ts";
import { readFooterSummary } from "../parquet/footer.ts";
import { type DataFile, findDataFiles } from "./files.ts";
import { arrowSummary } from "./import/arrow.ts";
import { formatOfName } from "./import/files.ts";
import { readSidecar } from "./import/ownfiles.ts";
import type { ConnectionOptions } from "./options.ts";

/** What is asked for: files of an export, a keyspace, or a table or view of one. */
export type SchemaSource =
  | { readonly path: string }
  | { readonly connection: ConnectionOptions; readonly keyspace: string; readonly table?: string | undefined };

/**
 * The statements, each after those that it needs; files give theirs as one text.
 * @throws UsageError for what is not there, virtual tables, and files that are not of our making
 */
export async function schemaStatements(source: SchemaSource): Promise<string[]> {
  if ("path" in source) return [await schemaOfFiles(source.path)];
  const cluster = await Cluster.connect(source.connection);
  try {
    return await schemaOfCluster(cluster, source.keyspace, source.table);
  } finally {
    await cluster.close();
  }
}

async function schemaOfCluster(cluster: Cluster, keyspace: string, table: string | undefined): Promise<string[]> {
  const virtual = table === undefined ? await isVirtual(cluster, keyspace) : undefined;
  // Says what is wrong with the name, if it is.
  const found = table === undefined ? undefined : await readTable(cluster, keyspace, table);
  if (virtual || found?.virtual) {
    throw new UsageError(`${quoteIdentifier(keyspace)} is a virtual keyspace: no statement makes its tables`, {
      hint: "cqlduck inspect shows their columns",
    });
  }
  const definition = await readKeyspace(cluster, keyspace);
  if (table === undefined) return keyspaceStatements(definition);
  const view = definition.views.find(({ name }) => name === table);
  if (view) return [createView(keyspace, view)];
  return tableStatements(definition, definition.tables.find(({ name }) => name === table)!);
}

async function schemaOfFiles(path: string): Promise<string> {
  const { files } = await findDataFiles(path, (name) => formatOfName(name) !== undefined);
  const schemas = new Map<string, string>();
  for (const file of files) {
    const create = await schemaOfFile(file);
    if (create === undefined) {
      throw new UsageError(`${file.path} was not written by cqlduck: it does not say its CQL`, {
        hint: `cqlduck inspect ${file.path} shows its columns`,
      });
    }
    if (!schemas.has(create)) schemas.set(create, file.path);
  }
  const [first, second] = schemas;
  if (second) {
    throw new UsageError(`${first![1]} and ${second[1]} are of different tables`, { hint: "name one file" });
  }
  return first![0];
}

async function schemaOfFile({ path, bytes }: DataFile): Promise<string | undefined> {
  const format = formatOfName(basename(path)) ?? "parquet";
  if (format === "parquet") return (await readFooterSummary(path)).keyValues.get("cqlduck.schema");
  if (format === "arrow") return arrowSummary(path).keyValues.get("cqlduck.schema");
  const whole = resolve(path);
  const { own, notice } = await readSidecar({ path: whole, content: whole, bytes });
  if (notice !== undefined) throw new UsageError(notice, { hint: "export it again, or name another file" });
  return own?.schema;
}
