/*
 * Proves that the scripts give tests a real Cassandra: it answers, takes all fixtures and extreme values, asks for
 * logins and certificates, and survives the loss of a node.
 */
import { type Client, types } from "cassandra-driver";
import { beforeAll, describe, expect, it } from "vitest";
import type { Cluster } from "../../scripts/cassandra/cluster.ts";
import { isReady } from "../../scripts/cassandra/probe.ts";
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
    const { port, tls, credentials } = cluster;
    const target = { address: cluster.hosts[0]!, port, tls, credentials };
    const wrong = { username: "cassandra", password: "wrong" };
    // Without the driver, which fails beside its promise when a connection is refused.
    expect(await isReady(target, 0)).toBe(true);
    expect(await isReady({ ...target, credentials: wrong }, 0)).toBe(false);
    expect(await isReady({ ...target, tls: undefined }, 0)).toBe(false);
    const untrusted = { ...tls!, clientCert: tls!.untrustedCa, clientKey: tls!.untrustedKey };
    expect(await isReady({ ...target, tls: untrusted }, 0)).toBe(false);
  });
});

describe("three nodes", () => {
  it("serve on while one is dead, and take it back", async () => {
    const cluster = await startThreeNodes({ heap: "384m", restartable: true });
    const client = await testClient(cluster);
    const table = `${await testKeyspace(client, "three", 3)}.t`;
    const { all, quorum } = types.consistencies;
    const run = (cql: string, consistency: number) => client.execute(cql, [], { consistency, isIdempotent: true });
    await client.execute(`CREATE TABLE ${table} (k int PRIMARY KEY)`);
    await run(`INSERT INTO ${table} (k) VALUES (1)`, all);
    await cluster.kill(2);
    await run(`INSERT INTO ${table} (k) VALUES (2)`, quorum);
    await cluster.restart(2);
    // The others need a moment to see it again.
    const count = async () => Number((await run(`SELECT count(*) FROM ${table}`, all)).first()["count"]);
    await expect.poll(() => count().catch(() => 0), { timeout: 30_000 }).toBe(2);
  });
}, 180_000);
