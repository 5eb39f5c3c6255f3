/*
 * Three nodes with virtual nodes and replication: ranges asked of replicas, nothing lost or doubled, a node that dies
 * before it is read, or while it is written.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, types } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cluster } from "../../scripts/cassandra/cluster.ts";
import { type ExportOptions, exportTable, type ImportOptions, importTable } from "../../src/index.ts";
import { blockOf, int } from "../cassandra/cells.ts";
import { ask } from "./parquet.ts";
import { startThreeNodes, testClient, testKeyspace } from "./support.ts";
import { prepare, startWriting } from "./writing.ts";

const ROWS = 5000;
let cluster: Cluster;
let client: Client;
let directory: string;

beforeAll(async () => {
  cluster = await startThreeNodes({ restartable: true });
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
      await expectAll(keyspace, { query: `SELECT a, v FROM ${keyspace}.t` });
      await expectAll(keyspace, { where: "v >= 0 ALLOW FILTERING" });
    }
  });

  it("an import that makes its table goes on when a node dies, and when it is back where no other has its rows", {
    timeout: 300_000,
  }, async () => {
    const rows = 50_000;
    const source = join(directory, "source.parquet");
    await ask(`COPY (SELECT (i // 3)::INT AS k, i::INT AS c, i::INT AS v FROM range(${rows}) r(i)) TO '${source}'`);
    // The node that dies is the one that the tables are made at.
    const hosts = [2, 0].map((node) => `${cluster.hosts[node]}:${cluster.port}`);
    const connection = { hosts, requestTimeoutMs: 3000 };
    const start = (keyspace: string) => {
      const table = { keyspace, table: "t" };
      const [jobDirectory, primaryKey] = [join(directory, `${keyspace}.job`), { partition: ["k"], clustering: ["c"] }];
      let begun = () => {};
      const isUnderWay = new Promise<void>((resolve) => {
        begun = resolve;
      });
      const onEvent: ImportOptions["onEvent"] = (event) => {
        if (event.kind === "progress" && event.rows > 0) begun();
      };
      // Slow enough for both to be under way when the node dies.
      const rate = 5000;
      const options = { connection, table, sources: [source], jobDirectory, create: true, primaryKey, rate, onEvent };
      const state = { ended: false };
      const report = importTable(options).finally(() => {
        state.ended = true;
      });
      return { keyspace, isUnderWay, state, report };
    };
    const expectWhole = async (keyspace: string) => {
      const destination = join(directory, `${keyspace}.parquet`);
      await exportTable({ connection, table: { keyspace, table: "t" }, destination });
      const [found] = await ask(
        `SELECT count(*)::INT AS n, count(DISTINCT (k, c, v))::INT AS rows FROM '${destination}'`,
      );
      expect(found).toEqual({ n: rows, rows });
    };
    const keyspaces = [await testKeyspace(client, "import3", 3), await testKeyspace(client, "import1", 1)] as const;
    const [whole, lonely] = [start(keyspaces[0]), start(keyspaces[1])];
    await Promise.all([whole.isUnderWay, lonely.isUnderWay]);
    await cluster.kill(2);
    const wereUnderWay = !whole.state.ended && !lonely.state.ended;
    const report = await whole.report;
    await cluster.restart(2);
    expect(wereUnderWay).toBe(true);
    expect(report).toMatchObject({ rows, rejected: 0 });
    await expectWhole(whole.keyspace);
    expect(await lonely.report).toMatchObject({ rows, rejected: 0 });
    await expectWhole(lonely.keyspace);
  });

  it("what is written while a node dies is all there, if others hold it too; else the writing ends", {
    timeout: 300_000,
  }, async () => {
    const keyspace = await testKeyspace(client, "dying", 3);
    await client.execute(`CREATE TABLE ${keyspace}.t (k int, c int, v int, PRIMARY KEY (k, c))`);
    const lonely = await testKeyspace(client, "lonely", 1);
    await client.execute(`CREATE TABLE ${lonely}.t (k int, c int, v int, PRIMARY KEY (k, c))`);
    // The node that dies is also the one that tells of the cluster.
    const hosts = [cluster.hosts[2], cluster.hosts[0]].map((host) => `${host}:${cluster.port}`);
    const writing = await startWriting({ hosts, requestTimeoutMs: 3000 }, keyspace);
    const known = [...writing.cluster.client.hosts.values()].map(({ address }) => address).sort();
    expect(known).toEqual(cluster.hosts.map((host) => `${host}:${cluster.port}`));
    const statement = await prepare(writing, `INSERT INTO ${keyspace}.t (k, c, v) VALUES (?, ?, ?)`);
    const results: Promise<unknown>[] = [];
    const blocks = 60;
    let written = 0;
    for (let i = 0; i < blocks; i++) {
      // The last fifty all at once: many are under way when the node dies.
      if (i < 10) await writing.writer.room();
      // Partitions of one row and of many, so that both kinds of frames are under way.
      const rows = Array.from({ length: 1000 }, (_, c) => [int(c < 500 ? i : i * 1000 + c), int(c), int(i * 1000 + c)]);
      const result = writing.writer.write(blockOf(statement, rows));
      results.push(result.finally(() => written++));
    }
    await sleep(5);
    await cluster.kill(2);
    expect(written).toBeLessThan(blocks);
    expect((await Promise.all(results)).flat()).toEqual([]);
    const destination = join(directory, "written.parquet");
    await exportTable({ connection: { hosts }, table: { keyspace, table: "t" }, destination });
    const [found] = await ask(`SELECT count(*)::INT AS n, count(DISTINCT v)::INT AS values FROM '${destination}'`);
    expect(found).toEqual({ n: blocks * 1000, values: blocks * 1000 });

    const alone = await startWriting({ hosts, requestTimeoutMs: 3000 }, lonely, { patienceMs: 2000 });
    const other = await prepare(alone, `INSERT INTO ${lonely}.t (k, c, v) VALUES (?, ?, ?)`);
    const rows = Array.from({ length: 300 }, (_, k) => [int(k), int(0), int(k)]);
    await expect(alone.writer.write(blockOf(other, rows))).rejects.toThrow(`writing ${lonely}.t: `);
  });

  it("a node's death costs nothing where the others have its rows", { timeout: 300_000 }, async () => {
    const keyspace = await fill(3);
    await cluster.kill(2);
    const hosts = [`${cluster.hosts[2]}:${cluster.port}`, `${cluster.hosts[0]}:${cluster.port}`];
    await expectAll(keyspace, { connection: { hosts } });

    // The same way back.
    const connection = { hosts };
    const table = { keyspace, table: "t" };
    const [source, jobDirectory] = [join(directory, "back.parquet"), join(directory, "back.job")];
    await exportTable({ connection, table, destination: source });
    await client.execute(`DELETE FROM ${keyspace}.t WHERE a = 0 AND b = 'b0'`, [], {
      consistency: types.consistencies.quorum,
    });
    expect(await importTable({ connection, table, sources: [source], jobDirectory })).toMatchObject({ rows: ROWS });
    await expectAll(keyspace, { connection: { hosts } });
  });
});
