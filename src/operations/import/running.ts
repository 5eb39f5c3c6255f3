/*
 * Owns the running of an import: the parts of the source one after the other, each from where the records leave it, chunk
 * by chunk to the writer. Going on after a crash is the same as beginning: there are only fewer rows.
 */

import { DataError } from "../../base/errors.ts";
import type { Cluster } from "../../cassandra/cluster.ts";
import type { TableSchema } from "../../cassandra/schema.ts";
import { qualifiedName } from "../../cassandra/statements.ts";
import { Writer } from "../../cassandra/writer.ts";
import { CHUNK_ROWS } from "../../duckdb/chunk.ts";
import type { Connection } from "../../duckdb/engine.ts";
import { readRows } from "../../duckdb/reader.ts";
import type { Trimmer } from "../../duckdb/trim.ts";
import { ProgressMeter } from "../../jobs/progress.ts";
import { writePace } from "../../jobs/writepace.ts";
import { describeRejected } from "./badrows.ts";
import { estimateRows } from "./estimate.ts";
import { type ImportJob, placeOf } from "./job.ts";
import { rejectMalformed } from "./malformed.ts";
import { DEFAULT_MAX_ERRORS, type ImportOptions } from "./options.ts";
import { chunkReader, type ImportPart } from "./parts.ts";
import { PartScan } from "./reading.ts";
import { piecesOf } from "./rows.ts";
import { ImportSegments, type RejectedRow } from "./segments.ts";
import type { RowSender } from "./sending.ts";
import { beginAttempt, hasCounters, Statements, staticsOnce } from "./statements.ts";

const SEGMENT_ROWS = 200_000;
const SEGMENT_BYTES = 128 * 1024 * 1024;
/** What nobody knows of after a crash: few, for somebody to look at. */
const COUNTER_SEGMENT_ROWS = 20_480;
/** Reasons that are told while the import runs. */
const REASONS_TOLD = 5;

export interface ImportRun {
  readonly options: ImportOptions;
  readonly cluster: Cluster;
  readonly schema: TableSchema;
  readonly parts: readonly ImportPart[];
  readonly job: ImportJob;
  /** Reads the parts. */
  readonly connection: Connection;
  /** Reads anything else meanwhile. */
  readonly aside: Connection;
  /** Gives back between chunks what reading them took. */
  readonly trimmer: Trimmer;
  readonly signal: AbortSignal;
  retries: number;
  readonly notices: string[];
}

/** Writes all rows that the records don't have; every row of it is acknowledged or rejected when this returns. */
export async function importRows(run: ImportRun): Promise<void> {
  const { options, cluster, schema, signal } = run;
  const warned = new Set<string>();
  const writer = new Writer(cluster, {
    keyspace: schema.keyspace,
    name: qualifiedName(schema),
    ...writePace(options, options.batchRows, signal),
    signal,
    onRetry: () => run.retries++,
    onWarning: (text) => {
      if (warned.size < REASONS_TOLD && !warned.has(text)) notice(run, `the server warns: ${text}`);
      warned.add(text);
    },
  });
  try {
    const statements = new Statements(run, writer, await beginAttempt(run));
    const meter = await startMeter(run);
    const segments = openSegments(run, meter);
    try {
      await sendParts(run, writer, statements, segments, meter);
    } catch (error) {
      // What is good before the fault is written, and known to be.
      await segments.finish().catch(() => undefined);
      throw error;
    }
    await segments.finish();
    meter.flush();
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    writer.close();
  }
}

function notice(run: ImportRun, message: string): void {
  run.notices.push(message);
  run.options.onEvent?.({ kind: "notice", message });
}

async function startMeter({ options, parts }: ImportRun): Promise<ProgressMeter> {
  let estimatedRows = 0;
  for (const { source } of parts) estimatedRows += await estimateRows(source);
  const bytes = parts.reduce((sum, { source }) => sum + (source.file?.bytes ?? 0), 0);
  const source = options.sources.join(" ");
  options.onEvent?.({
    kind: "planned",
    source,
    unit: "file",
    ranges: parts.length,
    estimatedRows,
    estimatedBytes: bytes,
  });
  options.onEvent?.({ kind: "phase", phase: "read" });
  return new ProgressMeter({
    unit: "file",
    ranges: parts.length,
    estimatedRows,
    emit: (event) => options.onEvent?.(event),
  });
}

function openSegments(run: ImportRun, meter: ProgressMeter): ImportSegments {
  const { job, options, parts, aside } = run;
  const isCounter = hasCounters(run.schema);
  let told = 0;
  return new ImportSegments({
    job,
    rows: isCounter ? COUNTER_SEGMENT_ROWS : SEGMENT_ROWS,
    bytes: SEGMENT_BYTES,
    alone: isCounter,
    maxErrors: options.maxErrors ?? DEFAULT_MAX_ERRORS,
    describe: (rows) => describeRejected(aside, parts, rows),
    onRecord: () => meter.segmentDone(),
    onReject: (row) => {
      if (told++ < REASONS_TOLD) notice(run, rejectionText(parts, row));
    },
  });
}

function rejectionText(parts: readonly ImportPart[], { part, row, column, reason, malformed }: RejectedRow): string {
  const where = column === undefined ? "" : `, column ${column}`;
  const which = malformed ? `line ${malformed.line}` : `row ${row + 1}`;
  return `rejected: ${which} of ${parts[part]!.source.path}${where}: ${reason}`;
}

async function sendParts(
  run: ImportRun,
  writer: Writer,
  statements: Statements,
  segments: ImportSegments,
  meter: ProgressMeter,
): Promise<void> {
  const { job, options, parts, schema } = run;
  const firstRow = options.skipRows ?? 0;
  const endRow = options.maxRows === undefined ? Number.POSITIVE_INFINITY : firstRow + options.maxRows;
  const leaves = job.leaves();
  const ends = endsOf(job);
  const once = staticsOnce(schema, parts, options);
  let base = 0;
  for (const [number, part] of parts.entries()) {
    const leaf = leaves[number]!;
    let rows = part.source.rows;
    if (rows === undefined && leaf.done) rows = ends[number];
    if (!leaf.done) {
      const sender = await statements.sender(part, number, once, segments);
      const window = { first: Math.max(0, firstRow - base), end: endRow - base };
      const end = await sendPart(
        run,
        { part, number, base, at: placeOf(leaf.at), window },
        sender,
        writer,
        segments,
        meter,
      );
      rows ??= end;
    }
    base += rows ?? 0;
    meter.rangeDone();
  }
}

/** Where the records leave each part. */
function endsOf(job: ImportJob): number[] {
  const ends = job.plan.ranges.map(() => 0);
  for (const { stretches, flags } of job.records) {
    for (const [i, { range }] of stretches.entries()) ends[range] = flags.ends[i]!;
  }
  return ends;
}

interface PartRun {
  readonly part: ImportPart;
  readonly number: number;
  /** The rows of the parts before. */
  readonly base: number;
  /** Where the records leave it. */
  readonly at: number;
  /** The rows that are wanted of it. */
  readonly window: { readonly first: number; readonly end: number };
}

/** Sends the rows of one part. @returns how many it has, as far as they were read */
async function sendPart(
  run: ImportRun,
  { part, number, base, at, window }: PartRun,
  sender: RowSender,
  writer: Writer,
  segments: ImportSegments,
  meter: ProgressMeter,
): Promise<number> {
  const { source } = part;
  const begin = Math.max(at, window.first);
  const total = source.rows;
  if (window.end <= begin || (total !== undefined && begin >= total && !source.damage)) {
    const end = total ?? (await countRows(run, part));
    await segments.advance({ part: number, from: at, end, isLast: true, rows: 0, bytes: 0 });
    return end;
  }
  const scan = await PartScan.open(run.connection, part, begin);
  const read = chunkReader(part, scan.scan, !run.options.ignoreExtra && !run.options.columns);
  let [left, row] = [at, begin];
  try {
    for (let chunk = await scan.next(); chunk && row < window.end; chunk = await scan.next()) {
      for (const piece of piecesOf({ ...chunk, rows: Math.min(chunk.rows, window.end - row) })) {
        const { rows } = piece;
        await writer.room();
        run.signal.throwIfAborted();
        const bytes = await sender.send(piece, row, base + row, read);
        row += rows;
        await segments.advance({ part: number, from: left, end: row, isLast: false, rows, bytes });
        left = row;
        meter.addRows(rows, bytes);
      }
      await run.trimmer.trim();
    }
  } finally {
    await scan.settle();
  }
  if (total !== undefined && row < Math.min(total, window.end)) {
    throw new DataError(`${source.path} gave ${row} rows, and says it has ${total}`);
  }
  if (source.damage && row < window.end) throw source.damage;
  const malformed = source.leavesOut
    ? await rejectMalformed(run.connection, source.path, { part: number, row }, segments)
    : 0;
  const end = total ?? (row > begin && row < window.end ? row : await countRows(run, part));
  await segments.advance({ part: number, from: left, end, isLast: true, rows: malformed, bytes: 0 });
  return end;
}

/** The rows of a part that does not say how many it has. */
export async function countRows(
  { connection }: Pick<ImportRun, "connection">,
  { source }: ImportPart,
): Promise<number> {
  const sql = `SELECT count(*) AS n FROM ${source.relation}`;
  const [found] = await readRows<{ n: number }>(connection, sql, `reading ${source.path}`);
  return found?.n ?? 0;
}

/** Where a counter import may have written rows that no record tells of, as people name it. */
export function doubtfulRows(job: ImportJob): string {
  const open = job.leaves().find(({ done }) => !done);
  if (!open) return "none";
  const from = placeOf(open.at);
  // A segment ends with the chunk that makes it full.
  const most = from + COUNTER_SEGMENT_ROWS + CHUNK_ROWS - 1;
  return `rows ${from + 1} to ${most} of ${job.plan.ranges[open.range]}`;
}
