/*
 * Gives all cluster tests of a run one Cassandra node: a fresh one, or the one that CQLDUCK_TEST_HOST names. There the
 * tests only touch keyspaces named cqlduck_test_*. CQLDUCK_TEST_VERSION (5.0, 4.1, 4.0) chooses the version to start.
 */
import type { TestProject } from "vitest/node";
import { startCluster } from "../../scripts/cassandra/cluster.ts";
import { type CassandraVersion, releases } from "../../scripts/cassandra/jars.ts";

declare module "vitest" {
  interface ProvidedContext {
    cassandra: { host: string; port: number };
  }
}

const defaultPort = 9042;

function wantedVersion(): CassandraVersion {
  const { CQLDUCK_TEST_VERSION: name = "5.0" } = process.env;
  if (!(name in releases)) throw new Error(`CQLDUCK_TEST_VERSION is one of ${Object.keys(releases).join(", ")}`);
  return name as CassandraVersion;
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const { CQLDUCK_TEST_HOST: given } = process.env;
  if (given) {
    const [, host, port] = /^(.+?)(?::(\d+))?$/.exec(given)!;
    project.provide("cassandra", { host: host!, port: Number(port ?? defaultPort) });
    return;
  }
  const cluster = await startCluster({ version: wantedVersion(), onProgress: (line) => console.error(line) });
  project.provide("cassandra", { host: cluster.hosts[0]!, port: cluster.port });
  return () => cluster.stop();
}
