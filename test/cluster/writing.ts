/*
 * Owns what tests of the writer share: a writer on a cluster, blocks of rows out of plain values, and what the server
 * holds afterwards, as bytes.
 */
import { afterAll } from "vitest";
import { Cluster, type ClusterOptions } from "../../src/cassandra/cluster.ts";
import type { StatementKind, WriteStatement } from "../../src/cassandra/rowblock.ts";
import { Writer, type WriterOptions } from "../../src/cassandra/writer.ts";

const open: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of open.reverse()) await close();
});

export interface Writing {
  readonly cluster: Cluster;
  readonly writer: Writer;
  /** What was sent again, and why. */
  readonly retries: string[];
  readonly warnings: string[];
}

/** A writer on a connection of its own; both are closed at the end of the test file. */
export async function startWriting(
  connection: ClusterOptions,
  keyspace: string,
  options: Partial<WriterOptions> = {},
): Promise<Writing> {
  const cluster = await Cluster.connect(connection);
  const retries: string[] = [];
  const warnings: string[] = [];
  const writer = new Writer(cluster, {
    keyspace,
    name: `${keyspace}.t`,
    onRetry: (error) => retries.push(String(error)),
    onWarning: (text) => warnings.push(text),
    ...options,
  });
  open.push(async () => {
    writer.close();
    await cluster.close();
  });
  return { cluster, writer, retries, warnings };
}

/** A statement of `t`, whose first parameters are the partition key. */
export function prepare(
  { writer }: Writing,
  cql: string,
  keys: readonly number[] = [0],
  kind: StatementKind = "insert",
): Promise<WriteStatement> {
  return writer.prepare(cql, { keys, kind });
}
