/*
 * Owns the Cassandra that is measured against: a node of its own or one that is named, the keyspace on it, and fast
 * loading. Rows are the same every time.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import driver, { type Client } from "cassandra-driver";
import { startCluster } from "../cassandra/cluster.ts";

export const KEYSPACE = "cqlduck_test_bench";
const BATCHES_IN_FLIGHT = 32;

export interface BenchNode {
  readonly host: string;
  readonly port: number;
  /** Of a node of its own: only that may be pinned to a core. */
  readonly pid: number | undefined;
  readonly client: Client;
  close(): Promise<void>;
}

/** @param given `host:port` of a cluster that runs already; undefined starts a node */
export async function openNode(given: string | undefined): Promise<BenchNode> {
  const cluster = given === undefined ? await startOwn() : undefined;
  const colon = given?.lastIndexOf(":") ?? -1;
  const host = cluster?.hosts[0] ?? (colon < 0 ? given! : given!.slice(0, colon));
  const port = cluster?.port ?? (colon < 0 ? 9042 : Number(given!.slice(colon + 1)));
  const client = new driver.Client({
    contactPoints: [host],
    protocolOptions: { port },
    policies: { loadBalancing: new driver.policies.loadBalancing.RoundRobinPolicy() },
    socketOptions: { readTimeout: 120_000 },
  });
  try {
    await client.connect();
    await client.execute(
      `CREATE KEYSPACE IF NOT EXISTS ${KEYSPACE} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
    );
  } catch (error) {
    await cluster?.stop();
    throw error;
  }
  const close = async () => {
    await client.shutdown();
    await cluster?.stop();
  };
  return { host, port, pid: cluster?.nodes[0]?.pid, client, close };
}

async function startOwn() {
  console.error("starting Cassandra 5.0, compiled for throughput, with a heap of 1 GB");
  // Big pages, and batches, of a server still cold, on a machine that does other things too, take longer than it allows itself.
  const yaml = ["read", "range", "write"].map((kind) => `${kind}_request_timeout: 60000ms`).join("\n");
  return await startCluster({ fullJit: true, heap: "1g", yaml, onProgress: (line) => console.error(line) });
}

/** Runs `count` pieces of work, some at a time. */
export async function inParallel(count: number, lanes: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < count; i = next++) await work(i);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Writes `rows` rows in unlogged batches of 100, each of one partition; `row(i)` gives the parameters. */
export async function writeBatches(
  client: Client,
  insert: string,
  rows: number,
  row: (i: number) => unknown[],
): Promise<void> {
  const size = 100;
  await inParallel(Math.ceil(rows / size), BATCHES_IN_FLIGHT, (batch) => {
    const first = batch * size;
    const queries = Array.from({ length: Math.min(size, rows - first) }, (_, i) => ({
      query: insert,
      params: row(first + i),
    }));
    return client.batch(queries, { prepare: true, logged: false });
  });
}

const CITIES = ["Berlin", "Paris", "Tokyo", "São Paulo", "Nairobi", "Montréal", "Kraków", "Lima"];
const DISTRICTS = 6;
/** How many values the column `city` has: so many partitions an export by it makes. */
const PLACES = CITIES.length * DISTRICTS;
const FIRST_AT = 1_700_000_000_000;

const PARTITION_ROWS = 100;

/** Makes and fills the table of the benchmarks: 100 rows a partition, where it isn't said otherwise. */
export async function loadBig(
  client: Client,
  table: string,
  rows: number,
  partitionRows = PARTITION_ROWS,
): Promise<void> {
  await client.execute(
    `CREATE TABLE IF NOT EXISTS ${KEYSPACE}.${table} (id bigint, seq int, name text, city text, note text, amount int,
       price double, at timestamp, ok boolean, PRIMARY KEY (id, seq))`,
  );
  const insert = `INSERT INTO ${KEYSPACE}.${table} (id, seq, name, city, note, amount, price, at, ok)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;
  await writeBatches(client, insert, rows, (i) => {
    const id = Math.floor(i / partitionRows);
    const seq = i % partitionRows;
    return [
      driver.types.Long.fromNumber(id),
      seq,
      `name ${(id + seq) % 10_000}`,
      `${CITIES[(id + seq) % CITIES.length]} ${Math.floor(((id + seq) % PLACES) / CITIES.length)}`,
      `a note of some length about row ${id} ${seq}`,
      (id * seq) % 1000,
      (id + seq) / 7,
      new Date(FIRST_AT + id * 1000 + seq),
      (id + seq) % 2 === 0,
    ];
  });
}

const wideFixture = join(import.meta.dirname, "../../fixtures/cql/11_wide_1000_cols.cql");

/** The fixture's table of 1,000 columns, and its first row again and again under other keys. */
export async function loadWide(client: Client, table: string, rows: number): Promise<void> {
  const [create, first] = readFileSync(wideFixture, "utf8").split("\n") as [string, string];
  await client.execute(create.replace("corpus.wide1000", table).replace(/;.*$/, ""));
  const insert = first
    .replace("corpus.wide1000", table)
    .replace("VALUES (1,0,", "VALUES (?,?,")
    .replace(/;[^;]*$/, "");
  await inParallel(rows, 8, (k) => client.execute(insert, [k, k % 48], { prepare: true }));
}
