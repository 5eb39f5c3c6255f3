/*
 * Owns what becomes of columns that the role reads masked: refused, unless the user takes the masked values as they are.
 */
import { ClusterError, UsageError } from "../../base/errors.ts";
import { quoteIdentifier } from "../../base/names.ts";
import type { Cluster } from "../../cassandra/cluster.ts";
import { type Masking, readMasking } from "../../cassandra/masks.ts";
import type { TableColumn, TableSchema } from "../../cassandra/schema.ts";
import { qualifiedName } from "../../cassandra/statements.ts";
import type { ExportOptions } from "../options.ts";

/** How a table is read with regard to its masks. */
export interface MaskedReading {
  /** The columns read whose values come masked. */
  readonly masked: readonly string[];
  /** Why the table can only be read as a whole, if its tokens are masked. */
  readonly whole: string | undefined;
  readonly notices: readonly string[];
}

/** @throws UsageError for columns that come masked, unless `options.allowMasked` */
export async function checkMasks(
  cluster: Cluster,
  schema: TableSchema,
  chosen: readonly TableColumn[],
  options: ExportOptions,
): Promise<MaskedReading> {
  const masking = await readMasking(cluster, schema, options.connection.username);
  const masked = chosen.map((column) => column.name).filter((name) => masking.columns.includes(name));
  if (masked.length > 0 && !options.allowMasked) throw refusal(schema, masking, masked, options);
  return {
    masked,
    whole: maskedKey(masking),
    notices: [...(masked.length > 0 ? [maskedNotice(masked, masking)] : []), ...wholeNotice(schema, masking)],
  };
}

/** The reason to read a table by one statement, where its masks are one. */
export function maskedKey(masking: Masking): string | undefined {
  return masking.tokensRefused ? "its partition key is masked" : undefined;
}

/** Tells that a table is read in one piece, where its masks are the reason. */
export function wholeNotice(schema: TableSchema, masking: Masking): string[] {
  if (!masking.tokensRefused) return [];
  return [
    `the partition key of ${qualifiedName(schema)} is masked, so that its token ranges can't be asked for: ` +
      "it is read in one piece, which is slower (GRANT SELECT_MASKED would let them be asked for)",
  ];
}

/** A job that has read all its rows. */
interface Finished {
  readonly cluster: Cluster;
  readonly source: {
    readonly name: string;
    readonly schema: TableSchema;
    readonly read: readonly string[];
    readonly masked: readonly string[];
  };
  readonly options: ExportOptions;
  readonly job: { dropRecords(): Promise<void> };
}

/**
 * Makes sure that all rows were read with the masks that were there at first: masks and permissions may change while
 * hours of rows are read.
 * @throws ClusterError where they did; what was read is dropped
 */
export async function checkMasksUnchanged({ cluster, source, options, job }: Finished): Promise<void> {
  const { columns } = await readMasking(cluster, source.schema, options.connection.username);
  const now = source.read.filter((name) => columns.includes(name));
  if (now.join() === source.masked.join()) return;
  await job.dropRecords();
  throw new ClusterError(
    `the masks of ${source.name}, or the permission UNMASK on it, changed while it was read: some rows came masked and some clear`,
    { hint: "what was read is dropped; --restart begins again with the masks of now" },
  );
}

function refusal(
  schema: TableSchema,
  { unknown }: Masking,
  masked: readonly string[],
  { connection: { username }, query }: ExportOptions,
): UsageError {
  const who = username === undefined ? "this login" : `role ${username}`;
  const columns = `${masked.length === 1 ? "column" : "columns"} ${masked.map(quoteIdentifier).join(", ")}`;
  const message =
    unknown === undefined
      ? `${who} reads ${columns} of ${qualifiedName(schema)} masked: it lacks the permission UNMASK`
      : `${columns} of ${qualifiedName(schema)} may come masked: whether ${who} has the permission UNMASK can't be found out (${unknown})`;
  const grantee = username === undefined ? "it" : quoteIdentifier(username);
  const without = query === undefined ? "leave them out with --columns" : "leave them out of the SELECT";
  return new UsageError(message, {
    hint: `GRANT UNMASK ON TABLE ${qualifiedName(schema)} TO ${grantee}; or ${without}, or take them masked with --allow-masked`,
  });
}

function maskedNotice(masked: readonly string[], { unknown }: Masking): string {
  const names = masked.map(quoteIdentifier).join(", ");
  return `${masked.length === 1 ? "column" : "columns"} ${names}: ${unknown === undefined ? "" : "possibly "}masked by the server, not the values it holds`;
}
