/*
 * `npm run smoke [-- --host <host[:port]>]`: the same export by the binary, Deno and Node, and their rows compared.
 * Without a host it starts a Cassandra node of its own; with one it makes and drops the keyspace cqlduck_smoke there.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Client, policies } from "cassandra-driver";
import { startCluster } from "./cassandra/cluster.ts";
import { makeTable, smoke, verdict } from "./smoke/runtimes.ts";

const KEYSPACE = "cqlduck_smoke";

async function runAgainst(host: string): Promise<string | undefined> {
  const directory = mkdtempSync(join(tmpdir(), "cqlduck-smoke-"));
  const loadBalancing = new policies.loadBalancing.RoundRobinPolicy();
  const client = new Client({ contactPoints: [host], policies: { loadBalancing } });
  try {
    await client.execute(`DROP KEYSPACE IF EXISTS ${KEYSPACE}`);
    await client.execute(
      `CREATE KEYSPACE ${KEYSPACE} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
    );
    const results = await smoke(host, await makeTable(client, KEYSPACE), directory);
    for (const { runtime, rows, different } of results) console.log(`${runtime}: ${rows} rows, ${different} different`);
    return verdict(results);
  } finally {
    await client.execute(`DROP KEYSPACE IF EXISTS ${KEYSPACE}`);
    await client.shutdown();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function runAgainstOwn(): Promise<string | undefined> {
  const cluster = await startCluster({ onProgress: (line) => console.error(line) });
  try {
    return await runAgainst(`${cluster.hosts[0]}:${cluster.port}`);
  } finally {
    await cluster.stop();
  }
}

const { values } = parseArgs({ options: { host: { type: "string" } } });
const wrong = await (values.host === undefined ? runAgainstOwn() : runAgainst(values.host));
console.log(wrong ?? "all runtimes agree");
process.exitCode = wrong === undefined ? 0 : 1;
