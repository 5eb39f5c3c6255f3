import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { importTable } from "../../src/index.ts";
import { ask } from "./parquet.ts";
import { testClient, testKeyspace } from "./support.ts";

let client: Client;
let keyspace: string;
let directory: string;

beforeAll(async () => {
  client = await testClient();
  keyspace = await testKeyspace(client, "badinputs");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-badinputs-"));
  await client.execute(`CREATE TABLE ${keyspace}.big (p int, c int, PRIMARY KEY (p, c))`);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

it("rows that are rejected early do not end a long file", { timeout: 120_000 }, async () => {
  const { host, port } = inject("cassandra");
  const path = join(directory, "big.parquet");
  await ask(`COPY (SELECT CASE i WHEN 7 THEN NULL ELSE (i // 1000)::INT END AS p, (i % 1000)::INT AS c FROM range(450_000) r(i)) TO '${path}'`);
  const report = await importTable({
    connection: { hosts: [`${host}:${port}`] },
    table: { keyspace, table: "big" },
    sources: [path],
    jobDirectory: `${path}.job`,
  });
  expect(report).toMatchObject({ rows: 449_999, rejected: 1 });
});
