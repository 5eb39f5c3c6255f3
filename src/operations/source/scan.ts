/*
 * Owns how the rows of a table are asked for: the statement, the token ranges, the nodes that can answer, and what the
 * servers guess of the size. What becomes of the rows is for others to say.
 */
import type { Cluster, Host } from "../../cassandra/cluster.ts";
import { readEstimates, sureBytes } from "../../cassandra/estimates.ts";
import { isRetryable } from "../../cassandra/failure.ts";
import { PageReader } from "../../cassandra/pages.ts";
import { readRing, type TokenRange } from "../../cassandra/ring.ts";
import type { TableSchema } from "../../cassandra/schema.ts";
import type { SelectParts } from "../../cassandra/select.ts";
import { qualifiedName, rangeStatement, tableSelect, wholeStatement } from "../../cassandra/statements.ts";
import { retrying } from "../../jobs/retry.ts";
import { evenRanges, planRanges } from "./ranges.ts";

export const MAX_RETRIES = 8;
/** Keyspaces of which each node has its own; some of their tables have tokens of other types. */
const NODES_OWN = ["system", "system_schema"];

export interface Scan {
  /** `ks.table` as CQL writes it, or the user's SELECT. */
  readonly name: string;
  readonly cql: string;
  /** Undefined stands for everything read by one statement. */
  readonly ranges: readonly (TokenRange | undefined)[];
  /** Why there is but one statement; undefined where there are token ranges. */
  readonly whole: string | undefined;
  /** Who can answer for a range, the best first. */
  replicas(range: TokenRange | undefined): readonly Host[];
  /** Both 0 where the servers have no guess, as for a table that was never flushed, or for a part of its rows. */
  readonly estimatedRows: number;
  readonly estimatedBytes: number;
  /** Of these, the part that is no mere guess. */
  readonly sureBytes: number;
  /** Rows to ask for at first, where something is known of them. */
  readonly firstPageRows?: number | undefined;
}

export interface ScanOptions {
  readonly select: SelectParts;
  /** What is read, where it isn't a table. */
  readonly name?: string | undefined;
  /** Token ranges read at the same time. */
  readonly fetchers: number;
  /** Read by one statement, for this reason. */
  readonly whole?: string | undefined;
  /** Read this many token ranges instead of those the plan finds. */
  readonly splits?: number | undefined;
  /** Rows of the result are others, or fewer, than those of the table. */
  readonly selective?: boolean | undefined;
  readonly firstPageRows?: number | undefined;
}

/** Plans the reading of a table. Virtual tables, and those that each node has for itself, are read by one statement. */
export async function openScan(cluster: Cluster, schema: TableSchema, options: ScanOptions): Promise<Scan> {
  const { select, splits, firstPageRows } = options;
  const name = options.name ?? qualifiedName(schema);
  const own = NODES_OWN.includes(schema.keyspace) ? "a table that each node has for itself" : undefined;
  const whole = schema.virtual ? "a virtual table" : (options.whole ?? own);
  const unknown = { estimatedRows: 0, estimatedBytes: 0, sureBytes: 0, firstPageRows };
  if (whole !== undefined) {
    const cql = wholeStatement(select);
    return { ...unknown, name, cql, ranges: [undefined], whole, replicas: () => cluster.localHosts() };
  }
  const estimates = await readEstimates(cluster, schema.keyspace, schema.table);
  const ring = await readRing(cluster, schema.keyspace);
  const scan: Scan = {
    ...unknown,
    name,
    cql: rangeStatement(schema, select),
    ranges: splits ? evenRanges(splits) : planRanges(ring.ranges, estimates, options.fetchers),
    whole: undefined,
    replicas: (range) => ring.replicas(range!.end),
  };
  if (options.selective) return scan;
  const estimatedBytes = estimates.reduce((sum, estimate) => sum + estimate.bytes, 0);
  const estimatedRows = await estimateRows(cluster, schema, scan, estimatedBytes);
  return { ...scan, estimatedBytes, estimatedRows, sureBytes: sureBytes(estimates) };
}

const SAMPLE_ROWS = 100;
const SAMPLE_ATTEMPTS = 3;

/** The server guesses bytes and partitions, not rows: a few whole rows of one range tell how many there may be. */
async function estimateRows(cluster: Cluster, schema: TableSchema, scan: Scan, bytes: number): Promise<number> {
  if (bytes === 0) return 0;
  const all = schema.columns.map((column) => column.name);
  const cql = rangeStatement(schema, tableSelect(schema, all));
  const reader = new PageReader(cluster, cql, `reading ${scan.name}`);
  const range = scan.ranges.reduce((a, b) => (widthOf(b) > widthOf(a) ? b : a));
  const hosts = scan.replicas(range);
  const sample = (attempt: number) => reader.fetch(range, null, SAMPLE_ROWS, hosts[attempt % hosts.length]);
  const page = await retrying(sample, { attempts: SAMPLE_ATTEMPTS, baseMs: 200, maxMs: 1000, isRetryable });
  return page.rows ? Math.round(bytes / (page.body.length / page.rows)) : 0;
}

function widthOf(range: TokenRange | undefined): bigint {
  return range ? range.end - range.start : 0n;
}
