/*
 * Owns what --dry-run says of the rows: the first ones of each file are encoded as an import would, counted into the
 * requests that would carry them, and thrown away.
 */
import { BatchCounter } from "../../cassandra/batchcounter.ts";
import type { Cluster } from "../../cassandra/cluster.ts";
import type { TableSchema } from "../../cassandra/schema.ts";
import type { Connection } from "../../duckdb/engine.ts";
import { Scan, type ScanChunk } from "../../duckdb/scan.ts";
import { readMalformed } from "./malformed.ts";
import type { ImportOptions, ImportSample } from "./options.ts";
import { chunkReader, type ImportPart, partQuery } from "./parts.ts";
import { piecesOf } from "./rows.ts";
import { countRows } from "./running.ts";
import type { RejectedRow } from "./segments.ts";

import { Statements, staticsOnce } from "./statements.ts";

/** Rows looked at in each file, and files looked at. */
const SAMPLE_ROWS = 2048;
const SAMPLE_FILES = 100;
/** Rejected rows that are shown. */
const REASONS = 10;

export interface Sampled {
  readonly sample: ImportSample;
  /** The rows of each part; undefined where the sample did not come to its end. */
  readonly counts: readonly (number | undefined)[];
}

/** Encodes the first wanted rows of each part. @throws DataError where a file can't be read so far */
export async function sampleRows(
  cluster: Cluster,
  connection: Connection,
  schema: TableSchema,
  parts: readonly ImportPart[],
  options: ImportOptions,
): Promise<Sampled> {
  const writer = new BatchCounter(cluster, { keyspace: schema.keyspace, batchRows: options.batchRows });
  const rejected: RejectedRow[] = [];
  const segments = {
    reject: (row: RejectedRow) => rejected.push(row),
    blank: () => undefined,
    sent: () => undefined,
    expired: () => undefined,
  };
  // Nothing is repeated, so that nothing has to be durable.
  const job = { plan: { epoch: Date.now() * 1000 }, path: (name: string) => name };
  // As if it were not the first attempt: else the table, which may not be there yet, would be asked whether it has rows.
  const statements = new Statements({ schema, options, cluster, job }, writer, 1);
  const once = staticsOnce(schema, parts, options);
  const wanted = windowsOf(options);
  const counts = parts.map(({ source }) => source.rows);
  let [base, rows, files] = [0, 0, 0];
  for (const [number, part] of parts.entries()) {
    const { first, end } = wanted(base);
    if (files === SAMPLE_FILES || end <= 0) break;
    const most = Math.min(SAMPLE_ROWS, end - first);
    const sender = await statements.sender(part, number, once, segments);
    const strict = !options.ignoreExtra && !options.columns;
    const found = await sendSome(connection, part, first, most, (scan) => {
      const read = chunkReader(part, scan, strict);
      return async (chunk, row) => {
        await sender.send(chunk, row, base + row, read);
      };
    });
    const { leavesOut, path } = part.source;
    const lines = leavesOut && found < most ? await readMalformed(connection, `reading ${path}`) : [];
    for (const malformed of lines) {
      rejected.push({ part: number, row: found, column: undefined, reason: malformed.reason, malformed });
    }
    rows += found;
    if (found + lines.length > 0) files++;
    // What is skipped, and what is wanted at the most, is counted through all of them.
    const isCounted = options.skipRows !== undefined || options.maxRows !== undefined;
    if (found < most && found > 0) counts[number] ??= first + found;
    else if (isCounted) counts[number] ??= await countRows({ connection }, part);
    base += counts[number] ?? found;
  }
  const sample = {
    rows,
    files,
    rowsOfEachFile: SAMPLE_ROWS,
    written: writer.rows,
    requests: writer.requests,
    partitions: writer.partitions,
    rejected: rejected.length,
    reasons: rejected.slice(0, REASONS).map(({ part, row, column, reason, malformed }) => ({
      file: parts[part]!.source.path,
      row: malformed ? null : row + 1,
      line: malformed?.line ?? null,
      column: column ?? null,
      reason,
    })),
  };
  return { sample, counts };
}

/** The rows of a part that are wanted, by the number of its first row in the source. */
function windowsOf({ skipRows = 0, maxRows }: ImportOptions): (base: number) => { first: number; end: number } {
  const last = maxRows === undefined ? Number.POSITIVE_INFINITY : skipRows + maxRows;
  return (base) => ({ first: Math.max(0, skipRows - base), end: last - base });
}

type Send = (chunk: ScanChunk, row: number) => Promise<void>;

/** @returns how many rows there were of those that were asked for */
async function sendSome(
  connection: Connection,
  part: ImportPart,
  first: number,
  most: number,
  begin: (scan: Scan) => Send,
): Promise<number> {
  if (part.source.rows !== undefined && first >= part.source.rows) return 0;
  const scan = await Scan.open(connection, partQuery(part, first), `reading ${part.source.path}`);
  const send = begin(scan);
  let sent = 0;
  try {
    for (let chunk = await scan.next(); chunk && sent < most; chunk = await scan.next()) {
      for (const piece of piecesOf({ ...chunk, rows: Math.min(chunk.rows, most - sent) })) {
        await send(piece, first + sent);
        sent += piece.rows;
      }
    }
  } finally {
    await scan.settle();
  }
  return sent;
}
