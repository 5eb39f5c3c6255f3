/*
 * Owns the export of a table: plan, run, report, read from top to bottom. The parts are elsewhere: what is read in
 * source.ts, the reading in reading.ts, the files in arrange.ts, what plan.json says in exportjob.ts.
 */
import { join } from "node:path";
import { typeToSql } from "../base/column.ts";
import { messageOf, UsageError } from "../base/errors.ts";
import { Cluster } from "../cassandra/cluster.ts";
import type { FileFormat } from "../formats/format.ts";
import { parquetFormat } from "../formats/parquet.ts";
import { claimDestination, claimUnfinished, type Onto, type Unfinished } from "../jobs/destination.ts";
import type { ExportReport } from "../jobs/events.ts";
import { createJob, openJob } from "../jobs/job.ts";
import { lanesOf } from "../jobs/pace.ts";
import { carryOut, type Layout, publish } from "../jobs/publish.ts";
import { register, unregister } from "../jobs/registry.ts";
import { arrangeOneFile, arrangeParts } from "./arrange.ts";
import {
  checkUnchanged,
  type ExportJob,
  plannedColumns,
  plannedRanges,
  type SegmentFlags,
  storeOptions,
  type TablePlan,
  tablePlan,
  typesDiffer,
} from "./exportjob.ts";
import { checkMasksUnchanged } from "./masking.ts";
import { fileMetadata } from "./metadata.ts";
import type { ExportOptions, ExportPlan } from "./options.ts";
import { checkSameColumns, filesBefore, layoutOf, ontoOf, partName } from "./output.ts";
import { limitsOf, type Run, readSegments } from "./reading.ts";
import { decimalsOf, noticesOf, peakMemory } from "./report.ts";
import { openSource, type Source } from "./source.ts";
import { checkSpace } from "./space.ts";

/** Everything that is decided before the first row is read. @throws UsageError as exportTable does */
export async function planExport(options: ExportOptions): Promise<ExportPlan> {
  const onto = ontoOf(options);
  const cluster = await Cluster.connect(options.connection);
  try {
    const source = await openSource(cluster, options, lanesOf(options));
    const layout = layoutOf(options.destination);
    await checkSpace(options, source, layout);
    const limits = limitsOf(source, options);
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
      files: layout === "file" ? [options.destination] : [join(options.destination, partName(0, onto, "<job>")), "…"],
      cql: source.cql,
    };
  } finally {
    await cluster.close();
  }
}

/**
 * Exports a table to one Parquet file or a directory of them. Nothing is visible at the destination before all of it
 * is. With `resume` an unfinished export there is gone on with.
 * @throws UsageError (nothing was written), ClusterError, DataError, StorageError, InterruptedError
 */
export async function exportTable(options: ExportOptions): Promise<ExportReport> {
  const startedAt = new Date();
  const signal = options.signal ?? new AbortController().signal;
  const layout = layoutOf(options.destination);
  const onto = ontoOf(options);
  const cluster = await Cluster.connect(options.connection);
  try {
    signal.throwIfAborted();
    const source = await openSource(cluster, options, lanesOf(options));
    await checkSpace(options, source, layout);
    const begun = options.resume ? await claimUnfinished(options.destination, layout) : undefined;
    const { restart = false, resume = false } = options;
    const lock = begun?.lock ?? (await claimDestination(options.destination, layout, { restart, resume, onto }));
    try {
      if (!begun && onto === "append") await checkSameColumns(options, source);
      const job = begun
        ? await reopen(begun, source, options)
        : await createJob<TablePlan, SegmentFlags>(lock, tablePlan(source, options, layout, startedAt));
      await makeKnown(options, job);
      const planned = { ...source, ranges: plannedRanges(job.plan) };
      const run: Run = {
        options,
        cluster,
        source: planned,
        job,
        format: formatOf(options, source, job),
        signal,
        retries: 0,
      };
      if (!begun?.publishing) {
        await readSegments(run);
        await checkMasksUnchanged(run);
      }
      const files = begun?.publishing ? await carryOut(lock) : await publishAll(run, layout, onto);
      if (options.stateDirectory !== undefined) await unregister(options.stateDirectory, job.plan.job);
      return report(run, files, startedAt);
    } finally {
      await lock.release();
    }
  } finally {
    await cluster.close();
  }
}

/**
 * The job that was begun at the destination, brought to where this process can go on. What --empty null changes needs
 * nothing read again, since a zero-length value would have ended the job; other types do, as they are in every file.
 */
async function reopen({ lock, publishing }: Unfinished, source: Source, options: ExportOptions): Promise<ExportJob> {
  const job = await openJob<TablePlan, SegmentFlags>(lock);
  if (!job) throw new UsageError(`there is no export to go on with in ${lock.directory}`);
  // All is read already: the table may be what it wants by now.
  if (publishing) return job;
  checkUnchanged(job.plan, source, options);
  await job.deleteUnrecorded();
  const again = typesDiffer(job.plan, source);
  if (again) {
    await job.dropRecords();
    options.onEvent?.({ kind: "notice", message: "the columns have other types now: all rows are read again" });
  }
  if (!again && (job.plan.options.empty ?? "error") === (options.empty ?? "error")) return job;
  const plan = { ...job.plan, columns: plannedColumns(source), options: storeOptions(options) };
  await createJob<TablePlan, SegmentFlags>(lock, plan);
  const changed = await openJob<TablePlan, SegmentFlags>(lock);
  if (!changed) throw new UsageError(`there is no export to go on with in ${lock.directory}`);
  return changed;
}

/** An index that can't be written costs a way to find the job, not the job. */
async function makeKnown({ stateDirectory, onEvent }: ExportOptions, { plan, directory }: ExportJob): Promise<void> {
  if (stateDirectory === undefined) return;
  const { job, source, exportedAt: startedAt } = plan;
  const { destination } = plan.options;
  try {
    await register(stateDirectory, { job, kind: "export", source, destination, directory, startedAt });
  } catch (error) {
    onEvent?.({ kind: "notice", message: `cqlduck jobs will not know this export: ${messageOf(error)}` });
  }
}

/** How the files are written, all of them alike. */
function formatOf({ compression, rowGroupRows }: ExportOptions, source: Source, { plan }: ExportJob): FileFormat {
  const columns = source.columns.map(({ file, codec, cql }) => ({ name: file, type: codec.column, cql }));
  const keyValues = fileMetadata(source, plan.exportedAt);
  return parquetFormat(columns, { compression: compression ?? { codec: "snappy" }, rowGroupRows, keyValues });
}

async function publishAll(run: Run, layout: Layout, onto: Onto): Promise<ExportReport["files"]> {
  const { options, job, signal } = run;
  options.onEvent?.({ kind: "phase", phase: "arrange" });
  const nameOf = (part: number) => partName(part, onto, job.plan.job);
  const files =
    layout === "file"
      ? await arrangeOneFile(run, options.destination)
      : await arrangeParts(run, nameOf, options.rowsPerFile);
  signal.throwIfAborted();
  options.onEvent?.({ kind: "phase", phase: "publish" });
  const { replace, kept } = await filesBefore(options, layout, onto);
  return publish(job, layout, files, replace, kept);
}

function report(run: Run, files: ExportReport["files"], startedAt: Date): ExportReport {
  const { source, job, options, cluster } = run;
  const finishedAt = new Date();
  const elapsedMs = finishedAt.getTime() - startedAt.getTime();
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  const notes = job.records.map((record) => record.flags.notes);
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
    readFrom: job.records.map((record) => record.readFrom).sort()[0] ?? startedAt.toISOString(),
    readTo:
      job.records
        .map((record) => record.readTo)
        .sort()
        .at(-1) ?? finishedAt.toISOString(),
    elapsedMs,
    rowsPerSecond: elapsedMs > 0 ? Math.round((rows * 1000) / elapsedMs) : 0,
    peakMemoryBytes: peakMemory(),
    consistency: cluster.consistency.name,
    notices: [...source.notices, ...noticesOf(notes)],
    decimals: decimalsOf(notes),
  };
}
