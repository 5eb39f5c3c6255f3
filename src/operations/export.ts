/*
 * Owns the export of a table: plan, run, report, read from top to bottom. The parts are elsewhere: what is read in
 * source.ts, the reading in fetch.ts, the cutting in segments.ts, the files in arrange.ts, the records in src/jobs.
 */
import { join } from "node:path";
import { type ColumnType, typeToSql } from "../base/column.ts";
import { UsageError } from "../base/errors.ts";
import { Cluster } from "../cassandra/cluster.ts";
import { PageReader } from "../cassandra/pages.ts";
import { Engine } from "../duckdb/engine.ts";
import { SegmentTable } from "../duckdb/segment.ts";
import { claimDestination } from "../jobs/destination.ts";
import type { ExportReport } from "../jobs/events.ts";
import { createJob, type Job, type JobPlan, newJobId, SPILL_NAME, segmentName } from "../jobs/job.ts";
import { ProgressMeter } from "../jobs/progress.ts";
import { type Layout, publish } from "../jobs/publish.ts";
import { removeTree, statusOf } from "../storage/local.ts";
import { VERSION } from "../version.ts";
import { arrangeOneFile, partsOf } from "./arrange.ts";
import { RowBatch } from "./columns.ts";
import { fetchAll } from "./fetch.ts";
import { fileMetadata } from "./metadata.ts";
import type { Compression, ExportOptions, ExportPlan } from "./options.ts";
import { decimalsOf, noticesOf, peakMemory } from "./report.ts";
import { type SealedSegment, SegmentPipeline, segmentLimits } from "./segments.ts";
import { openSource, type Source } from "./source.ts";

const DEFAULT_CONCURRENCY = 8;
const DEFAULT_PAGE_ROWS = 20_000;
const DEFAULT_MEMORY = 512e6;
const MAX_RETRIES = 8;
/** DuckDB's share of the memory budget; the rest is for pages in flight and the process itself. */
const ENGINE_SHARE = 0.6;
/** More gain nothing where the fetchers and the cluster's own node need the cores (measured on 2). */
const ENGINE_THREADS = 2;

const DUCKDB_COMPRESSION: Record<Compression, string> = {
  snappy: "snappy",
  zstd: "zstd",
  gzip: "gzip",
  brotli: "brotli",
  lz4: "lz4_raw",
  none: "uncompressed",
};

/** What plan.json holds besides the ranges: what a later process must find unchanged to go on. */
interface TablePlan extends JobPlan {
  readonly version: string;
  readonly source: string;
  readonly tableId: string;
  readonly exportedAt: string;
  readonly layout: Layout;
  readonly columns: readonly {
    readonly name: string;
    readonly file: string;
    readonly cql: string;
    readonly duckdb: string;
  }[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly ranges: readonly (readonly [string, string] | null)[];
}

/** Facts of a segment that its file's readers, or putting it together with others, depend on. */
interface SegmentFlags {
  readonly exactFloatBits: boolean;
}

type ExportJob = Job<TablePlan, SegmentFlags>;

/** Everything that is decided before the first row is read. @throws UsageError as exportTable does */
export async function planExport(options: ExportOptions): Promise<ExportPlan> {
  const cluster = await Cluster.connect(options.connection);
  try {
    const source = await openSource(cluster, options, concurrencyOf(options));
    const layout = layoutOf(options.destination);
    const limits = segmentLimits(columnTypes(source), memoryOf(options));
    return {
      source: source.name,
      destination: options.destination,
      layout,
      columns: source.columns.map(({ name, file, cqlText, kind, codec }) => ({
        name,
        file,
        cql: cqlText,
        duckdb: typeToSql(codec.column),
        kind,
      })),
      ranges: source.ranges.length,
      estimatedRows: source.estimatedRows,
      estimatedBytes: source.estimatedBytes,
      estimatedSegments: Math.max(1, Math.ceil(source.estimatedBytes / limits.bytes)),
      files: layout === "file" ? [options.destination] : [join(options.destination, "part-00000.parquet"), "…"],
      cql: source.cql,
    };
  } finally {
    await cluster.close();
  }
}

/**
 * Exports a table to one Parquet file or a directory of them. Nothing is visible at the destination before all of it is.
 * @throws UsageError (nothing was written), ClusterError, DataError, StorageError, InterruptedError
 */
export async function exportTable(options: ExportOptions): Promise<ExportReport> {
  const startedAt = new Date();
  const signal = options.signal ?? new AbortController().signal;
  const layout = layoutOf(options.destination);
  const cluster = await Cluster.connect(options.connection);
  try {
    signal.throwIfAborted();
    const source = await openSource(cluster, options, concurrencyOf(options));
    const lock = await claimDestination(options.destination, layout, { restart: options.restart ?? false });
    try {
      const job = await createJob<TablePlan, SegmentFlags>(lock, tablePlan(source, options, layout, startedAt));
      const run: Run = { options, cluster, source, job, signal, retries: 0, notices: [], decimals: {} };
      await readSegments(run);
      options.onEvent?.({ kind: "phase", phase: "arrange" });
      const files = layout === "file" ? await arrangeOneFile(job, options.destination, signal) : partsOf(job);
      signal.throwIfAborted();
      options.onEvent?.({ kind: "phase", phase: "publish" });
      const published = await publish(job, layout, files);
      return report(run, published, startedAt);
    } finally {
      await lock.release();
    }
  } finally {
    await cluster.close();
  }
}

/** What the steps of one export share. */
interface Run {
  readonly options: ExportOptions;
  readonly cluster: Cluster;
  readonly source: Source;
  readonly job: ExportJob;
  readonly signal: AbortSignal;
  retries: number;
  notices: string[];
  decimals: Record<string, string>;
}

/** Reads all ranges into durable, recorded segments. */
async function readSegments(run: Run): Promise<void> {
  const { options, source, job, signal } = run;
  const memory = memoryOf(options);
  const engine = await Engine.open({
    memoryBytes: Math.floor(memory * ENGINE_SHARE),
    threads: ENGINE_THREADS,
    tempDirectory: job.path(SPILL_NAME),
  });
  const interrupt = () => engine.interrupt();
  signal.addEventListener("abort", interrupt);
  let pipeline: SegmentPipeline | undefined;
  try {
    const meter = startMeter(run);
    const batch = new RowBatch(source.columns, source.name);
    pipeline = await openPipeline(run, engine, batch, meter);
    await fetchInto(run, pipeline, meter);
    await pipeline.finish();
    meter.flush();
    const notes = batch.columns.map((column) => column.notes);
    run.notices.push(...noticesOf(source.columns, notes));
    run.decimals = decimalsOf(source.columns, notes);
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
  options.onEvent?.({ kind: "planned", ranges: ranges.length, estimatedRows, estimatedBytes });
  options.onEvent?.({ kind: "phase", phase: "read" });
  return new ProgressMeter({ ranges: ranges.length, estimatedRows, emit: (event) => options.onEvent?.(event) });
}

async function openPipeline(run: Run, engine: Engine, batch: RowBatch, meter: ProgressMeter): Promise<SegmentPipeline> {
  const { source, job, options } = run;
  const [filling, writing] = [await engine.connect(), await engine.connect()];
  const columns = source.columns.map(({ file, codec }) => ({ name: file, type: codec.column }));
  const keyValues = fileMetadata(source, job.plan.exportedAt);
  const { codec, level } = options.compression ?? { codec: "snappy" };
  return new SegmentPipeline({
    batch,
    limits: segmentLimits(columnTypes(source), memoryOf(options)),
    first: job.nextSegment,
    createTable: (segment) => SegmentTable.create(filling, `segment_${segment}`, columns),
    persist: async (sealed) => {
      const file = segmentName(sealed.segment);
      await sealed.table.writeParquet(writing, job.path(file), {
        compression: DUCKDB_COMPRESSION[codec],
        compressionLevel: level,
        keyValues,
        withoutDictionaries: sealed.exactFloatBits,
      });
      await recordSegment(job, file, sealed);
      await sealed.table.drop(writing);
      meter.segmentDone();
    },
  });
}

async function recordSegment(job: ExportJob, file: string, sealed: SealedSegment): Promise<void> {
  const { segment, stretches, rows, readFrom, readTo, exactFloatBits } = sealed;
  const bytes = (await statusOf(job.path(file)))?.bytes ?? 0;
  await job.appendRecord({ segment, stretches, file, rows, bytes, flags: { exactFloatBits }, readFrom, readTo });
}

async function fetchInto(run: Run, pipeline: SegmentPipeline, meter: ProgressMeter): Promise<void> {
  const { options, source, job, cluster } = run;
  const reader = new PageReader(cluster, source.cql, `reading ${source.name}`);
  const leaves = job.leaves().flatMap(({ range, done, at }) => (done ? [] : [{ range, from: at }]));
  await fetchAll(source, reader, leaves, {
    concurrency: concurrencyOf(options),
    pageSize: options.pageSize ?? DEFAULT_PAGE_ROWS,
    maxRetries: MAX_RETRIES,
    signal: run.signal,
    onRetry: () => run.retries++,
    onPage: async (range, from, page) => {
      await pipeline.room();
      pipeline.append(range, from, page);
      meter.addRows(page.rows, page.body.length);
      if (page.next === null) meter.rangeDone();
    },
  });
}

function report(run: Run, files: ExportReport["files"], startedAt: Date): ExportReport {
  const { source, job, options, cluster } = run;
  const finishedAt = new Date();
  const elapsedMs = finishedAt.getTime() - startedAt.getTime();
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  const exact = job.records.filter((record) => record.flags.exactFloatBits).length;
  const floats = exact
    ? [
        `${exact} of ${job.records.length} segments are written without dictionaries, to keep -0.0 and NaN bits: files are larger`,
      ]
    : [];
  return {
    source: source.name,
    destination: options.destination,
    rows,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    files,
    ranges: source.ranges.length,
    segments: job.records.length,
    retries: run.retries,
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    elapsedMs,
    rowsPerSecond: elapsedMs > 0 ? Math.round((rows * 1000) / elapsedMs) : 0,
    peakMemoryBytes: peakMemory(),
    consistency: cluster.consistency.name,
    notices: [...run.notices, ...floats],
    decimals: run.decimals,
  };
}

function tablePlan(source: Source, options: ExportOptions, layout: Layout, startedAt: Date): TablePlan {
  const { codec, level = null } = options.compression ?? { codec: "snappy" };
  return {
    job: newJobId(startedAt),
    version: VERSION,
    source: source.name,
    tableId: source.schema.id,
    exportedAt: startedAt.toISOString(),
    layout,
    columns: source.columns.map(({ name, file, cqlText, codec: { column } }) => ({
      name,
      file,
      cql: cqlText,
      duckdb: typeToSql(column),
    })),
    options: { compression: codec, level, empty: options.empty ?? "error", limit: options.limit ?? null },
    ranges: source.ranges.map((range) => (range ? [range.start.toString(), range.end.toString()] : null)),
  };
}

function layoutOf(destination: string): Layout {
  if (destination === "")
    throw new UsageError("the destination is empty", { hint: "name a file x.parquet, or a directory" });
  return destination.endsWith(".parquet") ? "file" : "directory";
}

function columnTypes(source: Source): ColumnType[] {
  return source.columns.map((column) => column.codec.column);
}

function concurrencyOf(options: ExportOptions): number {
  return options.concurrency ?? DEFAULT_CONCURRENCY;
}

function memoryOf(options: ExportOptions): number {
  return options.memoryBytes ?? DEFAULT_MEMORY;
}
