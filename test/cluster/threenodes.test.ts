/*
 * Three nodes with virtual nodes and replication: ranges asked of replicas, nothing lost or doubled, a node that dies.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cluster } from "../../scripts/cassandra/cluster.ts";
import { type ExportOptions, exportTable } from "../../src/index.ts";
import { ask } from "./parquet.ts";
import { startThreeNodes, testClient, testKeyspace } from "./support.ts";

const ROWS = 5000;
let cluster: Cluster;
let client: Client;
let directory: string;

beforeAll(async () => {
  cluster = await startThreeNodes();
  client = await testClient(cluster);
  directory = await mkdtemp(join(tmpdir(), "cqlduck-three-"));
}, 300_000);

afterAll(() => rm(directory, { recursive: true, force: true }));

async function fill(replicas: number): Promise<string> {
  const keyspace = await testKeyspace(client, `rf${replicas}`, replicas);
  await client.execute(`CREATE TABLE ${keyspace}.t (a int, b text, v int, PRIMARY KEY ((a, b)))`);
  const insert = `INSERT INTO ${keyspace}.t (a, b, v) VALUES (?, ?, ?)`;
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < ROWS; i = next++) await client.execute(insert, [i, `b${i}`, i], { prepare: true });
  };
  await Promise.all(Array.from({ length: 32 }, worker));
  return keyspace;
}

async function expectAll(keyspace: string, more: Partial<ExportOptions>): Promise<void> {
  const destination = join(directory, `${keyspace}-${more.splits ?? "ring"}-${Math.random()}.parquet`);
  const connection = { hosts: [`${cluster.hosts[0]}:${cluster.port}`] };
  await exportTable({ connection, table: { keyspace, table: "t" }, destination, ...more });
  const [found] = await ask(
    `SELECT count(*)::INT AS n, count(DISTINCT a)::INT AS keys, sum(v)::INT AS sum FROM '${destination}'`,
  );
  expect(found).toEqual({ n: ROWS, keys: ROWS, sum: (ROWS * (ROWS - 1)) / 2 });
}

describe("on three nodes", () => {
  it("every row is read once, by the ring and by any number of ranges", { timeout: 300_000 }, async () => {
    for (const replicas of [1, 3]) {
      const keyspace = await fill(replicas);
      for (const splits of [undefined, 1, 8, 32, 128, 1024]) await expectAll(keyspace, { splits });
    }
  });

  it("a node's death costs nothing where the others have its rows", { timeout: 300_000 }, async () => {
    const keyspace = await fill(3);
    await cluster.kill(2);
    await expectAll(keyspace, {
      connection: { hosts: [`${cluster.hosts[2]}:${cluster.port}`, `${cluster.hosts[0]}:${cluster.port}`] },
    });
  });
});
