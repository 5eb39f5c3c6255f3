/*
 * Owns what the nodes guess of a table's size. system.size_estimates covers flushed data only, of the asked node's own
 * primary ranges: a hint for the number of ranges and for the ETA, never a truth.
 */
import type { Cluster } from "./cluster.ts";
import { MAX_TOKEN, MIN_TOKEN, type TokenRange } from "./ring.ts";

export interface RangeEstimate extends TokenRange {
  readonly partitions: number;
  readonly bytes: number;
}

/**
 * The servers count partitions in steps of 128 for each file on disk: where they count fewer than this, one partition of
 * gigabytes may pass for a hundred.
 */
const SURE_PARTITIONS = 1024;

/** The bytes that are surely there, more or less; what the servers can't tell is left out. */
export function sureBytes(estimates: readonly RangeEstimate[]): number {
  const sure = estimates.filter(({ partitions }) => partitions >= SURE_PARTITIONS);
  return sure.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The guesses of all nodes of the local data centre for their own ranges. Empty for tables that were never flushed. */
export async function readEstimates(cluster: Cluster, keyspace: string, table: string): Promise<RangeEstimate[]> {
  const cql =
    "SELECT range_start, range_end, partitions_count, mean_partition_size FROM system.size_estimates WHERE keyspace_name = ? AND table_name = ?";
  const perHost = await Promise.all(cluster.localHosts().map((host) => cluster.query(cql, [keyspace, table], host)));
  return perHost.flat().map((row) => {
    const start = BigInt(row.range_start as string);
    const end = BigInt(row.range_end as string);
    const partitions = Number(row.partitions_count);
    return {
      start,
      // The last range of the ring ends at the least token.
      end: end === MIN_TOKEN ? MAX_TOKEN : end,
      partitions,
      bytes: partitions * Number(row.mean_partition_size),
    };
  });
}
