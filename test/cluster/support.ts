/*
 * What cluster tests share: a driver client for the run's node, keyspaces of their own, and more clusters on demand.
 * Everything made here goes away with the test file that made it.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { auth, Client, policies } from "cassandra-driver";
import { afterAll, inject } from "vitest";
import { type Cluster, type ClusterOptions, startCluster } from "../../scripts/cassandra/cluster.ts";

const longestLabel = 16;

/** What to undo at the end of the test file, last things first; hooks made inside hooks would not be run. */
const cleanups: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

/** What a client needs to know; a `Cluster` has it all. */
type Contact = Pick<Cluster, "hosts" | "port" | "credentials" | "tls">;

async function connect({ hosts, port, credentials, tls }: Contact): Promise<Client> {
  const client = new Client({
    contactPoints: [...hosts],
    // Left to find the version by itself the driver throws beside its promise where TLS and logins meet.
    protocolOptions: { port, maxVersion: 4 },
    // The policy that needs no name of a data centre.
    policies: { loadBalancing: new policies.loadBalancing.RoundRobinPolicy() },
    socketOptions: { readTimeout: 30_000 },
    ...(credentials
      ? { authProvider: new auth.PlainTextAuthProvider(credentials.username, credentials.password) }
      : {}),
    ...(tls
      ? {
          sslOptions: {
            ca: [readFileSync(tls.ca)],
            cert: readFileSync(tls.clientCert),
            key: readFileSync(tls.clientKey),
            rejectUnauthorized: true,
          },
        }
      : {}),
  });
  await client.connect();
  cleanups.push(() => client.shutdown());
  return client;
}

/** A connected client of the run's node, or of another cluster. */
export async function testClient(cluster?: Contact): Promise<Client> {
  if (cluster) return connect(cluster);
  const { host, port } = inject("cassandra");
  return connect({ hosts: [host], port });
}

/** A new keyspace `cqlduck_test_<label>_<random>`; it and those named after it are dropped at the end. */
export async function testKeyspace(client: Client, label: string, replicas = 1): Promise<string> {
  // Fixtures append to the name, and Cassandra's names end at 48 characters.
  if (label.length > longestLabel || !/^[a-z0-9_]+$/.test(label)) throw new Error(`no label for a keyspace: ${label}`);
  const keyspace = `cqlduck_test_${label}_${randomBytes(3).toString("hex")}`;
  const replication = `{'class': 'SimpleStrategy', 'replication_factor': ${replicas}}`;
  await client.execute(`CREATE KEYSPACE ${keyspace} WITH replication = ${replication}`);
  cleanups.push(async () => {
    const answer = await client.execute("SELECT keyspace_name FROM system_schema.keyspaces");
    const names = answer.rows.map((row): string => row["keyspace_name"]);
    for (const name of names.filter((name) => name === keyspace || name.startsWith(`${keyspace}_`))) {
      await client.execute(`DROP KEYSPACE "${name}"`);
    }
  });
  return keyspace;
}

/** A cluster of the test file's own, stopped at its end. */
export async function startOwnCluster(options: ClusterOptions): Promise<Cluster> {
  const cluster = await startCluster(options);
  cleanups.push(() => cluster.stop());
  return cluster;
}

export function startThreeNodes(options: Omit<ClusterOptions, "nodes"> = {}): Promise<Cluster> {
  return startOwnCluster({ ...options, nodes: 3 });
}
