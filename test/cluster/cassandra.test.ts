/*
 * Proves that the scripts give tests a real Cassandra: it answers, takes all fixtures and extreme values, asks for
 * logins and certificates, and survives the loss of a node.
 */
import { Client, policies, types } from "cassandra-driver";
import { beforeAll, describe, expect, it } from "vitest";
import type { Cluster } from "../../scripts/cassandra/cluster.ts";
import { fixtureFiles, isBefore, loadCql, serverVersion, splitCql } from "./cql.ts";
import { createExtremes, createIllFormed, everyType, illFormed } from "./extremes.ts";
import { startOwnCluster, startThreeNodes, testClient, testKeyspace } from "./support.ts";

describe("splitting CQL", () => {
  it("ends statements at semicolons outside strings, names, bodies and comments", () => {
    const source = `-- a; comment
      SELECT ';''--' FROM corpus."semi;""x" /* ; */ WHERE a = $$ it's; $$; // more;
      INSERT 1;`;
    const texts = splitCql(source, "ks").map(({ text }) => text.replace(/\s+/g, " ").trim());
    expect(texts).toEqual([`SELECT ';''--' FROM ks."semi;""x" WHERE a = $$ it's; $$`, "INSERT 1"]);
  });

  it("puts the keyspace in place of corpus, but not in strings or longer words", () => {
    const [statement] = splitCql(`SELECT corpus.a, "corpus_Mixed".b, corpus_longest.c, xcorpus, 'corpus';`, "ks");
    expect(statement?.text).toBe(`SELECT ks.a, "ks_Mixed".b, ks_${"x".repeat(45)}.c, xcorpus, 'corpus'`);
  });

  it("keeps which statements must fail", () => {
    const statements = splitCql("A;\n-- fails before 5.0: too new\nB;\n-- fails: always\nC;", "ks");
    expect(statements.map(({ line, fails }) => ({ line, ...fails }))).toEqual([
      { line: 1 },
      { line: 3, before: "5.0", reason: "too new" },
      { line: 5, reason: "always" },
    ]);
  });
});

describe("the run's node", () => {
  let client: Client;
  let version: string;
  beforeAll(async () => {
    client = await testClient();
    version = await serverVersion(client);
  });

  it("loads every fixture, and refuses what is marked to fail", async () => {
    const keyspace = await testKeyspace(client, "fixtures");
    for (const file of fixtureFiles(version, false)) await loadCql(client, file, { keyspace });
    const answer = await client.execute(`SELECT count(*) FROM ${keyspace}.all_types`);
    expect(Number(answer.first()["count"])).toBe(22);
  });

  it("keeps the extreme values of every type to the byte", async () => {
    const keyspace = await testKeyspace(client, "extremes");
    const tables = await createExtremes(client, keyspace);
    expect(tables).toHaveLength(everyType.length + (isBefore(version, "5.0") ? 1 : 2));
    for (const { type, values, alone = [] } of everyType) {
      const raw = type === "blob" ? "v" : `${type}AsBlob(v)`;
      const answer = await client.execute(`SELECT k, ${raw} AS raw FROM ${keyspace}.x_${type}`);
      const kept = new Map(answer.rows.map((row) => [row["k"], row["raw"]?.toString("hex")]));
      expect([...values, ...alone].map((_, k) => kept.get(k))).toEqual(
        [...values, ...alone].map((value) => value.toString("hex")),
      );
    }
  });

  it("keeps values that no reader expects", async () => {
    const keyspace = await testKeyspace(client, "illformed");
    const tables = await createIllFormed(client, keyspace);
    for (const [i, table] of tables.entries()) {
      const answer = await client.execute(`SELECT count(*) FROM ${keyspace}.${table}`);
      expect(Number(answer.first()["count"])).toBe(illFormed[i]?.[1].length);
    }
  });
});

describe("a node with logins and client certificates", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startOwnCluster({ auth: true, tls: "mutual", tokens: 1 });
  });

  it("takes a known user with a certificate, and the fixtures with roles", async () => {
    const client = await testClient(cluster);
    const keyspace = await testKeyspace(client, "auth");
    const withRoles = fixtureFiles(await serverVersion(client), true).filter((file) => file.includes("mask"));
    expect(withRoles).toHaveLength(2);
    for (const file of withRoles) await loadCql(client, file, { keyspace });
  });

  it("refuses a wrong password and a missing certificate", async () => {
    const credentials = { username: "cassandra", password: "wrong" };
    await expect(testClient({ ...cluster, credentials })).rejects.toThrow(/Authentication|hosts/);
    const { hosts, port } = cluster;
    await expect(testClient({ hosts, port })).rejects.toThrow(/hosts/);
  });
});

describe("three nodes", () => {
  it("serve on while one is dead, and take it back with its rows", async () => {
    const cluster = await startThreeNodes({ heap: "384m" });
    const client = await testClient(cluster);
    const keyspace = await testKeyspace(client, "three", 3);
    await client.execute(`CREATE TABLE ${keyspace}.t (k int PRIMARY KEY)`);
    const insert = (k: number, consistency: number) =>
      client.execute(`INSERT INTO ${keyspace}.t (k) VALUES (${k})`, [], { consistency });
    await insert(1, types.consistencies.all);
    await cluster.kill(2);
    await insert(2, types.consistencies.quorum);
    await cluster.restart(2);
    const [, , host] = cluster.hosts;
    const only = new policies.loadBalancing.AllowListPolicy(new policies.loadBalancing.RoundRobinPolicy(), [
      `${host}:${cluster.port}`,
    ]);
    const direct = new Client({
      contactPoints: [host!],
      protocolOptions: { port: cluster.port },
      policies: { loadBalancing: only },
    });
    const answer = await direct.execute(`SELECT k FROM ${keyspace}.t WHERE k = 1`, [], {
      consistency: types.consistencies.one,
    });
    await direct.shutdown();
    expect(answer.rows).toHaveLength(1);
  });
});
