/*
 * Counts of a real cluster: always what the server's own count(*) says, whatever the shape of the table.
 */
import type { Client } from "cassandra-driver";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { type CountReport, countRows, InterruptedError, type JobEvent } from "../../src/index.ts";
import { type CountOptions, cheapestColumn } from "../../src/operations/count.ts";
import { fixtureFiles, loadCql, serverVersion } from "./cql.ts";
import { testClient, testKeyspace } from "./support.ts";

let client: Client;
let keyspace: string;

beforeAll(async () => {
  client = await testClient();
  keyspace = await testKeyspace(client, "count");
  await client.execute(`CREATE TABLE ${keyspace}.many (k int, c int, v text, PRIMARY KEY (k, c))`);
  const insert = `INSERT INTO ${keyspace}.many (k, c, v) VALUES (?, ?, 'v')`;
  for (let k = 0; k < 200; k++) {
    const queries = Array.from({ length: 100 }, (_, c) => ({ query: insert, params: [k, c] }));
    await client.batch(queries, { prepare: true, logged: false });
  }
});

function count(name: string, table: string, more: Partial<CountOptions> = {}): Promise<CountReport> {
  const { host, port } = inject("cassandra");
  return countRows({ connection: { hosts: [`${host}:${port}`] }, table: { keyspace: name, table }, ...more });
}

async function serverCount(name: string, table: string): Promise<number> {
  const answer = await client.execute(`SELECT count(*) FROM "${name}"."${table}"`, [], { readTimeout: 60_000 });
  return Number(answer.first()["count"]);
}

describe("a count is the server's count(*)", () => {
  it("of every table and view of the fixtures", { timeout: 300_000 }, async () => {
    for (const file of fixtureFiles(await serverVersion(client), false)) await loadCql(client, file, { keyspace });
    const differing: string[] = [];
    let tables = 0;
    for (const kind of ["table", "view"]) {
      const all = await client.execute(`SELECT keyspace_name AS ks, ${kind}_name AS name FROM system_schema.${kind}s`);
      for (const { ks, name } of all.rows) {
        if (!ks.startsWith(keyspace)) continue;
        tables++;
        const [ours, theirs] = [(await count(ks, name)).rows, await serverCount(ks, name)];
        if (ours !== theirs) differing.push(`${ks}.${name}: ${ours}, count(*) ${theirs}`);
      }
    }
    expect(differing).toEqual([]);
    expect(tables).toBeGreaterThan(30);
  });

  it("of a virtual table, and of one that each node has for itself", async () => {
    const own = await count("system_schema", "keyspaces");
    expect([own.rows, own.ranges]).toEqual([await serverCount("system_schema", "keyspaces"), 1]);
    const virtual = await count("system_virtual_schema", "columns");
    expect([virtual.rows, virtual.ranges]).toEqual([await serverCount("system_virtual_schema", "columns"), 1]);
  });

  it("where partitions have static values only, rows without a marker, deleted rows, expired ones", async () => {
    await client.execute(`CREATE TABLE ${keyspace}.odd (p int, c text, s text static, v int, PRIMARY KEY (p, c))`);
    const run = (cql: string) => client.execute(cql.replace("odd", `${keyspace}.odd`));
    for (let p = 0; p < 40; p++) {
      await run(`INSERT INTO odd (p, s) VALUES (${p}, 's')`);
      if (p % 4 === 1) await run(`UPDATE odd SET v = 1 WHERE p = ${p} AND c = ''`);
      if (p % 4 === 2) for (const c of "abc") await run(`INSERT INTO odd (p, c) VALUES (${p}, '${c}')`);
      if (p % 8 === 2) await run(`DELETE FROM odd WHERE p = ${p} AND c >= 'b'`);
      if (p % 4 === 3) await run(`DELETE s FROM odd WHERE p = ${p}`);
    }
    await run("INSERT INTO odd (p, c, v) VALUES (99, 'gone', 1) USING TTL 1");
    await new Promise((resolve) => setTimeout(resolve, 2100));
    // 10 with static values alone, 10 updated rows, 5 partitions of three rows and 5 of one left.
    expect((await count(keyspace, "odd", { pageSize: 1 })).rows).toBe(10 + 10 + 5 * 3 + 5);
    expect(await serverCount(keyspace, "odd")).toBe(40);
  });

  it.each([
    [50, 1],
    [7, 3],
    [20_000, 64],
  ])("with pages of %i rows and %i ranges at a time", async (pageSize, concurrency) => {
    const { rows, retries, consistency } = await count(keyspace, "many", { pageSize, concurrency });
    expect([rows, retries, consistency]).toEqual([20_000, 0, "LOCAL_QUORUM"]);
  });
});

describe("a count", () => {
  it("asks for the key column that takes the least room", () => {
    const column = (name: string, type: string, kind: "partition_key" | "clustering" | "regular") => {
      return { name, type, kind, descending: false };
    };
    const cheapest = (...columns: ReturnType<typeof column>[]) =>
      cheapestColumn({ keyspace: "k", table: "t", id: "", virtual: false, columns, userTypes: new Map() });
    const [text, uuid, int] = [
      column("t", "text", "partition_key"),
      column("u", "uuid", "partition_key"),
      column("i", "int", "clustering"),
    ];
    expect(cheapest(text, column("b", "blob", "clustering"), column("tiny", "tinyint", "regular"))).toBe("t");
    expect(cheapest(text, uuid)).toBe("u");
    expect(cheapest(text, uuid, int)).toBe("i");
  });

  it("tells its progress, and stops when it is told to", async () => {
    const events: JobEvent[] = [];
    await count(keyspace, "many", { onEvent: (event) => events.push(event) });
    expect(events.map((event) => event.kind)).toEqual(expect.arrayContaining(["planned", "phase", "progress"]));
    const last = events.findLast((event) => event.kind === "progress");
    expect(last).toMatchObject({ rows: 20_000, segments: 0 });
    const controller = new AbortController();
    const stopped = count(keyspace, "many", {
      pageSize: 10,
      signal: controller.signal,
      onEvent: (event) => {
        if (event.kind === "progress") controller.abort(new InterruptedError("SIGINT"));
      },
    });
    await expect(stopped).rejects.toBeInstanceOf(InterruptedError);
  });

  it("refuses names that are not there", async () => {
    await expect(count(keyspace, "man")).rejects.toMatchObject({ name: "UsageError", hint: "did you mean many?" });
  });
});
