/*
 * Owns the reading of an export: from the leaves that are open to durable, recorded segments. Going on after a crash
 * is the same as beginning: there are only fewer leaves.
 */
import type { ColumnType } from "../../base/column.ts";
import { assert, ClusterError } from "../../base/errors.ts";
import type { Cluster } from "../../cassandra/cluster.ts";
import { PageReader, releasePage } from "../../cassandra/pages.ts";
import { type Connection, Engine } from "../../duckdb/engine.ts";
import { RowFeed } from "../../duckdb/feed.ts";
import { Trimmer } from "../../duckdb/trim.ts";
import type { FileFormat, Rows } from "../../formats/format.ts";
import { SPILL_NAME, segmentName } from "../../jobs/job.ts";
import { Pacer } from "../../jobs/pace.ts";
import { ProgressMeter } from "../../jobs/progress.ts";
import { removeFile, removeTree, statusOf } from "../../storage/local.ts";
import type { ExportOptions } from "../options.ts";
import { ExactFloatsNeeded, PageDecoder } from "../source/columns.ts";
import { type FailedRange, fetchAll, LeafRefused } from "../source/fetch.ts";
import { MAX_RETRIES } from "../source/scan.ts";
import type { Source } from "../source/source.ts";
import type { SegmentFlags, SegmentStore } from "./job.ts";
import type { Result } from "./result.ts";
import { engineMemory, type SealedSegment, type SegmentLimits, SegmentPipeline, segmentLimits } from "./segments.ts";
import { isStaged, segmentsHavePaths, stageSegment } from "./staging.ts";

const DEFAULT_MEMORY = 512e6;
const MAX_FAILED_RANGES = 10;
/** A segment is written by one thread while the next is fetched; a second would mostly wait, and DuckDB waits busily. */
const ENGINE_THREADS = 1;

/** What the steps of one export share. */
export interface Run {
  readonly options: ExportOptions;
  readonly cluster: Cluster;
  readonly source: Source;
  readonly job: SegmentStore;
  /** Of the segments' files and of what is made of them. */
  readonly format: FileFormat;
  /** What becomes of the source's rows. */
  readonly result: Result;
  readonly signal: AbortSignal;
  /** What the files say of it, in milliseconds since 1970. */
  readonly exportedAt: number;
  retries: number;
}

/** Reads all ranges into durable, recorded segments. */
export async function readSegments(run: Run): Promise<void> {
  for (;;) {
    try {
      return await readOn(run);
    } catch (error) {
      if (!(error instanceof LeafRefused)) throw error;
      await dropLeaf(run, error.range);
    }
  }
}

/** A segment holds stretches of many ranges: those that it has, and those behind it, are read again with the one refused. */
async function dropLeaf({ job, options }: Run, range: number): Promise<void> {
  const first = job.records.find(({ stretches }) => stretches.some((stretch) => stretch.range === range));
  assert(first, `range ${range} was left by a record`);
  const dropped = job.records.filter(({ segment }) => segment >= first.segment);
  const rows = dropped.reduce((sum, record) => sum + record.rows, 0);
  await job.dropRecords(first.segment);
  const message = `the cluster no longer takes where token range ${range + 1} was left: ${rows.toLocaleString("en")} rows are read again`;
  options.onEvent?.({ kind: "notice", message });
}

async function readOn(run: Run): Promise<void> {
  const { options, source, job, signal } = run;
  const engineBytes = engineMemory(columnTypes(source), memoryOf(options));
  const engine = await Engine.open({
    memoryBytes: engineBytes,
    threads: ENGINE_THREADS,
    tempDirectory: job.path(SPILL_NAME),
  });
  const interrupt = () => engine.interrupt();
  signal.addEventListener("abort", interrupt);
  let pipeline: SegmentPipeline | undefined;
  try {
    const meter = startMeter(run);
    const connection = await engine.connect();
    pipeline = openPipeline(run, connection, new Trimmer(connection, engineBytes, keptMemory(options)), meter);
    const failed = await fetchOrSave(run, pipeline, meter);
    await pipeline.finish();
    meter.flush();
    if (failed.length) throw setAside(run, failed);
  } catch (error) {
    // An interrupted COPY fails with DuckDB's words; the reason for it is the user's wish to stop.
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", interrupt);
    await pipeline?.settle();
    engine.close();
    await removeTree(job.path(SPILL_NAME));
  }
}

function startMeter({ options, source }: Run): ProgressMeter {
  const { estimatedRows, estimatedBytes, ranges } = source;
  options.onEvent?.({
    kind: "planned",
    source: source.name,
    unit: "range",
    ranges: ranges.length,
    estimatedRows,
    estimatedBytes,
  });
  for (const message of source.notices) options.onEvent?.({ kind: "notice", message });
  options.onEvent?.({ kind: "phase", phase: "read" });
  return new ProgressMeter({
    unit: "range",
    ranges: ranges.length,
    estimatedRows,
    emit: (event) => options.onEvent?.(event),
  });
}

function openPipeline(run: Run, connection: Connection, trimmer: Trimmer, meter: ProgressMeter): SegmentPipeline {
  const { source, job, options } = run;
  const feed = new RowFeed(connection, columnTypes(source));
  const decoder = new PageDecoder(source.columns, source.name, run.exportedAt, options.chunkRows);
  return new SegmentPipeline({
    limits: limitsOf(options),
    first: job.nextSegment,
    persist: async (sealed) => {
      const file = segmentName(sealed.segment);
      await writeSegment(run, connection, feed, decoder, sealed, job.path(file));
      assert(decoder.given === sealed.rows, `${file} has all ${sealed.rows} rows of its segment`);
      sealed.pages.forEach(releasePage);
      await trimmer.trim();
      await recordSegment(job, file, sealed, decoder.notes());
      meter.segmentDone();
    },
  });
}

/** Whether rows have floats of which every bit must be kept. */
export function holdsExactFloats(notes: SegmentFlags["notes"]): boolean {
  return Object.values(notes).some((note) => note.exactFloatBits);
}

/** Where dictionaries would lose bits of floats, few segments have such: it shows on the way, and then all is written again. */
async function writeSegment(
  { format, source, options, result }: Run,
  connection: Connection,
  feed: RowFeed,
  decoder: PageDecoder,
  { pages, bigRows }: SealedSegment,
  path: string,
): Promise<void> {
  const write = (exactFloats: boolean) => {
    decoder.load(pages, exactFloats);
    const rows: Rows = {
      from: feed.from,
      expressions: source.columns.map((_, i) => `c${i}`),
      exactFloats,
      big: bigRows,
    };
    return feed.serve(decoder, () => format.writePiece(connection, rows, path));
  };
  if (isStaged(options)) {
    // Staged rows keep every bit anyway.
    decoder.load(pages, true);
    await feed.serve(decoder, () => stageSegment(connection, feed.from, result, segmentsHavePaths(options), path));
    return;
  }
  try {
    await write(!format.hasDictionaries);
  } catch (error) {
    if (!(error instanceof ExactFloatsNeeded)) throw error;
    await removeFile(path);
    await write(true);
  }
}

async function recordSegment(
  job: SegmentStore,
  file: string,
  sealed: SealedSegment,
  notes: SegmentFlags["notes"],
): Promise<void> {
  const { segment, stretches, rows, readFrom, readTo } = sealed;
  const bytes = (await statusOf(job.path(file)))?.bytes ?? 0;
  await job.appendRecord({ segment, stretches, file, rows, bytes, flags: { notes }, readFrom, readTo });
}

/** Fetches; where the cluster gives up, what was read until then is made durable before the error goes on. */
async function fetchOrSave(run: Run, pipeline: SegmentPipeline, meter: ProgressMeter): Promise<FailedRange[]> {
  try {
    return await fetchInto(run, pipeline, meter);
  } catch (error) {
    if (error instanceof ClusterError) await pipeline.finish();
    throw error;
  }
}

async function fetchInto(run: Run, pipeline: SegmentPipeline, meter: ProgressMeter): Promise<FailedRange[]> {
  const { options, source, job, cluster } = run;
  const reader = new PageReader(cluster, source.cql, `reading ${source.name}`);
  const states = job.leaves();
  const leaves = states.flatMap(({ range, done, at }) => (done ? [] : [{ range, from: at }]));
  for (let done = states.length - leaves.length; done > 0; done--) meter.rangeDone();
  const pacer = new Pacer(options);
  return fetchAll(source, reader, leaves, {
    pacer,
    // A page is in one segment as a whole, so none may have more rows than that takes.
    pageSize: Math.min(pacer.pageRows, limitsOf(options).mostRows ?? Number.POSITIVE_INFINITY),
    maxRetries: options.maxRetries ?? MAX_RETRIES,
    maxFailedRanges: failuresAllowed(options.maxFailedRanges ?? MAX_FAILED_RANGES, states.length),
    signal: run.signal,
    onRetry: () => {
      run.retries++;
      meter.retried();
    },
    onSetAside: () => meter.rangeFailed(),
    onPage: async (range, from, page) => {
      await pipeline.append(range, from, page);
      meter.addRows(page.rows, page.body.length);
      if (page.next === null) meter.rangeDone();
    },
  });
}

/** A number of ranges, or a share of them as `5%`. */
function failuresAllowed(allowed: number | `${number}%`, ranges: number): number {
  return typeof allowed === "number" ? allowed : Math.floor((ranges * Number.parseFloat(allowed)) / 100);
}

function setAside({ source }: Run, failed: readonly FailedRange[]): ClusterError {
  const [{ error }] = failed as readonly [FailedRange];
  return new ClusterError(
    `${failed.length} of ${source.ranges.length} token ranges could not be read; all others are durable. ` +
      `The first of them: ${error.message}`,
    { hint: error.hint, cause: error },
  );
}

export function limitsOf(options: ExportOptions): SegmentLimits {
  const limits = segmentLimits(memoryOf(options), isStaged(options) ? {} : options);
  if (!segmentsHavePaths(options)) return limits;
  // Sorting by path takes as much memory again as the segment.
  return { ...limits, rows: Math.ceil(limits.rows / 2), bytes: Math.ceil(limits.bytes / 2) };
}

function columnTypes(source: Source): ColumnType[] {
  return source.columns.map((column) => column.codec.column);
}

export function memoryOf(options: ExportOptions): number {
  return options.memoryBytes ?? DEFAULT_MEMORY;
}

/** What may stay resident of what DuckDB has done with (bytes): as much again may come before it can be given back. */
export function keptMemory(options: ExportOptions): number {
  return memoryOf(options) / 2;
}
