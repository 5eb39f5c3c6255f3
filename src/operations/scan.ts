/*
 * Owns how the rows of a table are asked for: the statement, the token ranges, the nodes that can answer, and what the
 * servers guess of the size. What becomes of the rows is for others to say.
 */
import type { Cluster, Host } from "../cassandra/cluster.ts";
import { readEstimates, sureBytes } from "../cassandra/estimates.ts";
import { isRetryable } from "../cassandra/failure.ts";
import { PageReader } from "../cassandra/pages.ts";
import { readRing, type TokenRange } from "../cassandra/ring.ts";
import type { TableSchema } from "../cassandra/schema.ts";
import { qualifiedName, type Selected, selectAll, selectRange } from "../cassandra/statements.ts";
import { retrying } from "../jobs/retry.ts";
import { evenRanges, planRanges } from "./ranges.ts";

export const MAX_RETRIES = 8;

export interface Scan {
  /** `ks.table` as CQL writes it. */
  readonly name: string;
  readonly cql: string;
  /** Undefined stands for the whole table read by one statement. */
  readonly ranges: readonly (TokenRange | undefined)[];
  /** Who can answer for a range, the best first. */
  replicas(range: TokenRange | undefined): readonly Host[];
  /** Both 0 where the servers have no guess, as for a table that was never flushed. */
  readonly estimatedRows: number;
  readonly estimatedBytes: number;
  /** Of these, the part that is no mere guess. */
  readonly sureBytes: number;
}

export interface ScanOptions {
  readonly columns: readonly Selected[];
  /** Token ranges read at the same time. */
  readonly fetchers: number;
  /** Read the table by one statement. */
  readonly whole?: boolean | undefined;
  readonly limit?: number | undefined;
  /** Read this many token ranges instead of those the plan finds. */
  readonly splits?: number | undefined;
}

/** Plans the reading of a table. Virtual tables and limits are read by one statement. */
export async function openScan(cluster: Cluster, schema: TableSchema, options: ScanOptions): Promise<Scan> {
  const { columns, limit, splits } = options;
  const name = qualifiedName(schema);
  if (schema.virtual || limit !== undefined || options.whole) {
    return {
      name,
      cql: selectAll(schema, columns, limit),
      ranges: [undefined],
      replicas: () => cluster.localHosts(),
      estimatedRows: 0,
      estimatedBytes: 0,
      sureBytes: 0,
    };
  }
  const estimates = await readEstimates(cluster, schema.keyspace, schema.table);
  const ring = await readRing(cluster, schema.keyspace);
  const scan: Scan = {
    name,
    cql: selectRange(schema, columns),
    ranges: splits ? evenRanges(splits) : planRanges(ring.ranges, estimates, options.fetchers),
    replicas: (range) => ring.replicas(range!.end),
    estimatedRows: 0,
    estimatedBytes: estimates.reduce((sum, estimate) => sum + estimate.bytes, 0),
    sureBytes: sureBytes(estimates),
  };
  return { ...scan, estimatedRows: await estimateRows(cluster, schema, scan) };
}

const SAMPLE_ROWS = 100;
const SAMPLE_ATTEMPTS = 3;

/** The server guesses bytes and partitions, not rows: a few whole rows of one range tell how many there may be. */
async function estimateRows(cluster: Cluster, schema: TableSchema, scan: Scan): Promise<number> {
  if (scan.estimatedBytes === 0) return 0;
  const all = schema.columns.map((column) => column.name);
  const reader = new PageReader(cluster, selectRange(schema, all), `reading ${scan.name}`);
  const range = scan.ranges.reduce((a, b) => (widthOf(b) > widthOf(a) ? b : a));
  const hosts = scan.replicas(range);
  const sample = (attempt: number) => reader.fetch(range, null, SAMPLE_ROWS, hosts[attempt % hosts.length]);
  const page = await retrying(sample, { attempts: SAMPLE_ATTEMPTS, baseMs: 200, maxMs: 1000, isRetryable });
  return page.rows ? Math.round(scan.estimatedBytes / (page.body.length / page.rows)) : 0;
}

function widthOf(range: TokenRange | undefined): bigint {
  return range ? range.end - range.start : 0n;
}
