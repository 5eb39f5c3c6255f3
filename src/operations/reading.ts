/*
 * Owns the reading of an export: from the leaves that are open to durable, recorded segments. Going on after a crash
 * is the same as beginning: there are only fewer leaves.
 */
import type { ColumnType } from "../base/column.ts";
import { ClusterError } from "../base/errors.ts";
import type { Cluster } from "../cassandra/cluster.ts";
import { PageReader } from "../cassandra/pages.ts";
import { Engine } from "../duckdb/engine.ts";
import { SegmentTable } from "../duckdb/segment.ts";
import type { FileFormat, Rows } from "../formats/format.ts";
import { SPILL_NAME, segmentName } from "../jobs/job.ts";
import { Pacer } from "../jobs/pace.ts";
import { ProgressMeter } from "../jobs/progress.ts";
import { removeTree, statusOf } from "../storage/local.ts";
import { RowBatch } from "./columns.ts";
import type { ExportJob } from "./exportjob.ts";
import { type FailedRange, fetchAll } from "./fetch.ts";
import type { ExportOptions } from "./options.ts";
import { MAX_RETRIES } from "./scan.ts";
import { engineMemory, type SealedSegment, type SegmentLimits, SegmentPipeline, segmentLimits } from "./segments.ts";
import type { Source } from "./source.ts";

const DEFAULT_MEMORY = 512e6;
const MAX_FAILED_RANGES = 10;
/** More gain nothing where the fetchers and the cluster's own node need the cores (measured on 2). */
const ENGINE_THREADS = 2;

/** What the steps of one export share. */
export interface Run {
  readonly options: ExportOptions;
  readonly cluster: Cluster;
  readonly source: Source;
  readonly job: ExportJob;
  /** Of the segments' files and of what is made of them. */
  readonly format: FileFormat;
  readonly signal: AbortSignal;
  retries: number;
}

/** Reads all ranges into durable, recorded segments. */
export async function readSegments(run: Run): Promise<void> {
  const { options, source, job, signal } = run;
  const engine = await Engine.open({
    memoryBytes: engineMemory(columnTypes(source), memoryOf(options)),
    threads: ENGINE_THREADS,
    tempDirectory: job.path(SPILL_NAME),
  });
  const interrupt = () => engine.interrupt();
  signal.addEventListener("abort", interrupt);
  let pipeline: SegmentPipeline | undefined;
  try {
    const meter = startMeter(run);
    const batch = new RowBatch(source.columns, source.name, options.chunkRows);
    pipeline = await openPipeline(run, engine, batch, meter);
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
  options.onEvent?.({ kind: "planned", source: source.name, ranges: ranges.length, estimatedRows, estimatedBytes });
  for (const message of source.notices) options.onEvent?.({ kind: "notice", message });
  options.onEvent?.({ kind: "phase", phase: "read" });
  return new ProgressMeter({ ranges: ranges.length, estimatedRows, emit: (event) => options.onEvent?.(event) });
}

async function openPipeline(run: Run, engine: Engine, batch: RowBatch, meter: ProgressMeter): Promise<SegmentPipeline> {
  const { source, job, options, format } = run;
  const [filling, writing] = [await engine.connect(), await engine.connect()];
  const types = columnTypes(source);
  return new SegmentPipeline({
    batch,
    limits: limitsOf(source, options),
    first: job.nextSegment,
    createTable: (segment) => SegmentTable.create(filling, `segment_${segment}`, types),
    persist: async (sealed) => {
      const file = segmentName(sealed.segment);
      const rows: Rows = {
        from: sealed.table.name,
        expressions: types.map((_, i) => `c${i}`),
        exactFloats: Object.values(sealed.notes).some((notes) => notes.exactFloatBits),
      };
      await format.writePiece(writing, rows, job.path(file));
      await recordSegment(job, file, sealed);
      await sealed.table.drop(writing);
      meter.segmentDone();
    },
  });
}

async function recordSegment(job: ExportJob, file: string, sealed: SealedSegment): Promise<void> {
  const { segment, stretches, rows, readFrom, readTo, notes } = sealed;
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
    pageSize: Math.min(pacer.pageRows, limitsOf(source, options).mostRows ?? Number.POSITIVE_INFINITY),
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

export function limitsOf(source: Source, options: ExportOptions): SegmentLimits {
  return segmentLimits(columnTypes(source), memoryOf(options), options.rowsPerFile);
}

function columnTypes(source: Source): ColumnType[] {
  return source.columns.map((column) => column.codec.column);
}

function memoryOf(options: ExportOptions): number {
  return options.memoryBytes ?? DEFAULT_MEMORY;
}
