/*
 * Owns token ranges: the ring's, who holds them, and how they are cut into smaller ones. Arithmetic on tokens is pure;
 * only readRing asks the cluster.
 */
import { UsageError } from "../base/errors.ts";
import type { Cluster, Host } from "./cluster.ts";

/** Murmur3Partitioner's tokens are signed 64-bit numbers; the least is nobody's token. */
export const MIN_TOKEN = -(2n ** 63n);
export const MAX_TOKEN = 2n ** 63n - 1n;

/** All tokens greater than `start` and at most `end`. */
export interface TokenRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** The ranges between neighbouring tokens of a ring; the one that wraps around is cut at its ends. */
export function ringRanges(tokens: readonly bigint[]): TokenRange[] {
  const sorted = [...new Set(tokens)].filter((token) => token !== MIN_TOKEN).sort((a, b) => (a < b ? -1 : 1));
  const bounds = [MIN_TOKEN, ...sorted, ...(sorted.at(-1) === MAX_TOKEN ? [] : [MAX_TOKEN])];
  return bounds.slice(1).map((end, i) => ({ start: bounds[i]!, end }));
}

/** Cuts a range into `count` of nearly the same length, fewer where it has fewer tokens. */
export function splitRange({ start, end }: TokenRange, count: number): TokenRange[] {
  const tokens = end - start;
  const parts = BigInt(count) < tokens ? BigInt(count) : tokens;
  const ranges: TokenRange[] = [];
  for (let i = 0n; i < parts; i++) {
    ranges.push({ start: start + (tokens * i) / parts, end: start + (tokens * (i + 1n)) / parts });
  }
  return ranges;
}

/** A node's tokens, and for the end of a range the nodes that hold it. */
export interface Ring {
  readonly ranges: readonly TokenRange[];
  /** Replicas of a token, those of the local data centre first; never empty while the cluster has hosts. */
  replicas(end: bigint): readonly Host[];
}

/** @throws UsageError where the cluster's partitioner is not Murmur3Partitioner */
export async function readRing(cluster: Cluster, keyspace: string): Promise<Ring> {
  const [local] = await cluster.query("SELECT partitioner, tokens FROM system.local");
  const partitioner = String(local?.partitioner ?? "");
  if (!partitioner.endsWith(".Murmur3Partitioner")) {
    throw new UsageError(`the cluster's partitioner is ${partitioner}, and only Murmur3Partitioner can be read`);
  }
  const up = new Set(cluster.localHosts().map((host) => host.address));
  return {
    ranges: clusterRanges(cluster),
    replicas: (end) => {
      const near = holders(cluster, keyspace, end).filter((host) => up.has(host.address));
      return near.length ? near : cluster.localHosts();
    },
  };
}

/** The ranges of all nodes, as far as the driver knows them at this moment. */
export function clusterRanges({ client }: Cluster): TokenRange[] {
  const hosts = client.hosts.values();
  const tokens = hosts.flatMap((host) => (host as unknown as { tokens: readonly string[] | null }).tokens ?? []);
  return ringRanges(tokens.map(BigInt));
}

/** The nodes of the local data centre that hold a token, whether they are up or not. */
export function holders(cluster: Cluster, keyspace: string, token: bigint): Host[] {
  const { metadata } = cluster.client as unknown as { metadata: DriverMetadata };
  const all = metadata.getReplicas(keyspace, metadata.tokenizer.parse(token.toString())) ?? [];
  return all.filter((host) => host.datacenter === cluster.dataCenter);
}

/** What the driver makes anew when the ring or the keyspace changes: while all of it is the same, so are the replicas. */
export function ringBasis(cluster: Cluster, keyspace: string): readonly unknown[] {
  const { metadata } = cluster.client as unknown as { metadata: DriverMetadata };
  return [metadata.ring, metadata.keyspaces[keyspace]];
}

interface DriverMetadata {
  readonly ring: unknown;
  readonly keyspaces: Readonly<Record<string, unknown>>;
  readonly tokenizer: { parse(token: string): unknown };
  getReplicas(keyspace: string, token: unknown): Host[] | null;
}
