/*
 * A range that the server can't give (too many tombstones): the others are read, nothing is published, and once the
 * cause is gone resume reads only what is missing. Also rows behind tombstones that smaller pages get past.
 */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Cluster } from "../../scripts/cassandra/cluster.ts";
import { type ExportOptions, exportTable, resumeExport } from "../../src/index.ts";
import { ask } from "./parquet.ts";
import { startOwnCluster, testClient, testKeyspace } from "./support.ts";

let cluster: Cluster;
let client: Client;
let keyspace: string;
let directory: string;

beforeAll(async () => {
  cluster = await startOwnCluster({ yaml: "tombstone_warn_threshold: 20\ntombstone_failure_threshold: 100\n" });
  client = await testClient(cluster);
  keyspace = await testKeyspace(client, "setaside");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-setaside-"));
}, 240_000);

afterAll(() => rm(directory, { recursive: true, force: true }));

async function fill(table: string, live: number, deletedBetween: number): Promise<void> {
  await client.execute(`CREATE TABLE ${keyspace}.${table} (p int, c int, v text, PRIMARY KEY (p, c))`);
  for (let p = 0; p < 200; p++)
    await client.execute(`INSERT INTO ${keyspace}.${table} (p, c, v) VALUES (?, 0, 'x')`, [p], { prepare: true });
  for (let i = 0, c = 1; i < live; i++) {
    for (let k = 0; k < deletedBetween; k++)
      await client.execute(`DELETE FROM ${keyspace}.${table} WHERE p = -1 AND c = ?`, [c++], { prepare: true });
    await client.execute(`INSERT INTO ${keyspace}.${table} (p, c, v) VALUES (-1, ?, 'live')`, [c++], { prepare: true });
  }
}

function optionsFor(table: string): ExportOptions {
  return {
    connection: { hosts: [`${cluster.hosts[0]}:${cluster.port}`] },
    table: { keyspace, table },
    destination: join(directory, `${table}.parquet`),
    maxRetries: 4,
  };
}

it("sets a range aside that stays unreadable, and reads it when it can be", { timeout: 180_000 }, async () => {
  await fill("t", 1, 150);
  const options = optionsFor("t");
  await expect(exportTable({ ...options, maxFailedRanges: 0 })).rejects.toMatchObject({ name: "ClusterError" });
  await expect(exportTable({ ...options, restart: true })).rejects.toMatchObject({
    name: "ClusterError",
    message: expect.stringMatching(/^1 of \d+ token ranges could not be read; all others are durable/),
    hint: expect.stringContaining("tombstones"),
  });
  expect(existsSync(options.destination)).toBe(false);
  await client.execute(`DELETE FROM ${keyspace}.t WHERE p = -1`);
  const rows: number[] = [];
  const report = await resumeExport({
    job: options.destination,
    onEvent: (event) => {
      if (event.kind === "progress") rows.push(event.rows);
    },
  });
  expect(report.rows).toBe(200);
  // Only the one range was left to read.
  expect(rows.at(-1)).toBeLessThan(50);
  expect(await ask(`SELECT count(DISTINCT p)::INT AS n FROM '${options.destination}'`)).toEqual([{ n: 200 }]);
});

it("gets past tombstones by smaller pages where that helps", { timeout: 180_000 }, async () => {
  await fill("between", 40, 30);
  const report = await exportTable({ ...optionsFor("between"), maxRetries: 8 });
  expect(report.rows).toBe(240);
  expect(report.retries).toBeGreaterThan(0);
});
