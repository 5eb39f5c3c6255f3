/*
 * Owns the export of a table or a SELECT: plan, run, report, read from top to bottom. The parts are elsewhere: what is read in
 * source/source.ts, the reading in export/reading.ts, the files in export/arrange.ts, what plan.json says in
 * export/job.ts.
 */
import { basename, join } from "node:path";
import { typeToSql } from "../base/column.ts";
import { assert, messageOf, UsageError } from "../base/errors.ts";
import { Cluster } from "../cassandra/cluster.ts";
import { type Chosen, chooseFormat, describeFormat, extensionOf, makeFormat, STDOUT } from "../formats/choose.ts";
import { keepsTimestamps } from "../formats/csv.ts";
import type { FileColumn, FileFormat } from "../formats/format.ts";
import { claimDestination, claimUnfinished, type Onto, type Unfinished } from "../jobs/destination.ts";
import type { ExportReport } from "../jobs/events.ts";
import { createJob, openJob, SIDECAR_NAME } from "../jobs/job.ts";
import type { JobLock } from "../jobs/lock.ts";
import { lanesOf } from "../jobs/pace.ts";
import { ArrangingMeter } from "../jobs/progress.ts";
import { carryOut, type FileToPublish, type Layout, publish } from "../jobs/publish.ts";
import { register, unregister } from "../jobs/registry.ts";
import { writeDurably } from "../storage/local.ts";
import { arrangeOneFile, arrangeParts } from "./export/arrange.ts";
import { arrangeStaged } from "./export/arrangestaged.ts";
import {
  type ArrangedFlags,
  checkUnchanged,
  type ExportJob,
  plannedColumns,
  plannedRanges,
  type SegmentFlags,
  storeOptions,
  type TablePlan,
  tablePlan,
  typesDiffer,
} from "./export/job.ts";
import { fileMetadata, sidecarText } from "./export/metadata.ts";
import { checkSameParts, filesBefore, ontoOf, outputsOf, partName, sidecarName } from "./export/output.ts";
import { limitsOf, type Run, readSegments } from "./export/reading.ts";
import { openResult, type Result } from "./export/result.ts";
import { checkSpace } from "./export/space.ts";
import { isStaged } from "./export/staging.ts";
import { checkStreamable, ReaderGone, StreamedSegments } from "./export/stream.ts";
import type { ExportOptions, ExportPlan } from "./options.ts";
import { decimalsOf, noticesOf, peakMemory } from "./report.ts";
import { checkMasksUnchanged } from "./source/masking.ts";
import { openSource, type Source } from "./source/source.ts";

/** Everything that is decided before the first row is read. @throws UsageError as exportTable does */
export async function planExport(options: ExportOptions): Promise<ExportPlan> {
  const chosen = chooseFormat(options.destination, options);
  const onto = ontoOf(options);
  const cluster = await Cluster.connect(options.connection);
  try {
    const source = await openSource(cluster, options, lanesOf(options));
    const { layout } = chosen;
    const result = await openResult(source, options);
    if (layout !== "stream") await checkSpace(options, source, layout);
    await noteTimestampFormat(options);
    const limits = limitsOf(options);
    const below = result.path.map(({ file }) => `${file}=…`).join("/");
    const part = partName(0, onto, "<job>", extensionOf(chosen));
    return {
      source: source.name,
      destination: options.destination,
      layout,
      columns: result.columns.map(({ name, file, cqlText, kind, type }) => ({
        name,
        file,
        cql: cqlText,
        duckdb: typeToSql(type),
        kind,
      })),
      ranges: source.ranges.length,
      estimatedRows: source.estimatedRows,
      estimatedBytes: source.estimatedBytes,
      estimatedSegments: Math.max(1, Math.ceil(source.estimatedBytes / limits.bytes)),
      files: layout === "directory" ? [join(options.destination, below, part), "…"] : [options.destination],
      cql: source.cql,
      whole: source.whole,
      notices: source.notices,
    };
  } finally {
    await cluster.close();
  }
}

/**
 * Exports a table to one file, a directory of them, or stdout. But for stdout, nothing is visible at the destination
 * before all of it is, and with `resume` an unfinished export there is gone on with.
 * @throws UsageError (nothing was written), ClusterError, DataError, StorageError, InterruptedError
 */
export async function exportTable(options: ExportOptions): Promise<ExportReport> {
  const startedAt = new Date();
  const signal = options.signal ?? new AbortController().signal;
  const chosen = chooseFormat(options.destination, options);
  if (chosen.layout === "stream") return streamTable(options, chosen, signal, startedAt);
  const { layout } = chosen;
  const onto = ontoOf(options);
  const outputs = outputsOf(options, chosen, onto);
  const cluster = await Cluster.connect(options.connection);
  try {
    signal.throwIfAborted();
    const source = await openSource(cluster, options, lanesOf(options));
    const result = await openResult(source, options);
    await checkSpace(options, source, layout);
    await noteTimestampFormat(options);
    const begun = options.resume ? await claimUnfinished(options.destination, layout) : undefined;
    const { restart = false, resume = false } = options;
    const claim = { restart, resume, onto, outputs };
    const lock = begun?.lock ?? (await claimDestination(options.destination, layout, claim));
    try {
      if (!begun && onto === "append") {
        const format = describeFormat(chosen, fileColumns(result), options);
        await checkSameParts(options, source, result, chosen, format);
      }
      const job = begun
        ? await reopen(begun, source, options)
        : await begin(lock, tablePlan(source, options, layout, startedAt), options);
      if (begun) await makeKnown(options, job.plan, lock.directory);
      const planned = { ...source, ranges: plannedRanges(job.plan) };
      const format = formatOf(options, chosen, source, result, job.plan.exportedAt);
      const exportedAt = Date.parse(job.plan.exportedAt);
      const run: Run = { options, cluster, source: planned, job, format, result, signal, exportedAt, retries: 0 };
      if (!begun?.publishing) {
        await readSegments(run);
        await checkMasksUnchanged(run);
      }
      const files = begun?.publishing ? await carryOut(lock) : await publishAll({ ...run, job }, chosen, onto);
      await forget(options, job.plan);
      return report(
        run,
        files.filter((file) => !file.sidecar),
        startedAt,
      );
    } finally {
      await lock.release();
    }
  } finally {
    await cluster.close();
  }
}

/** Writes rows to the output while they are read. A reader that goes away ends it early. */
async function streamTable(
  options: ExportOptions,
  chosen: Chosen,
  signal: AbortSignal,
  startedAt: Date,
): Promise<ExportReport> {
  const output = checkStreamable(options);
  const cluster = await Cluster.connect(options.connection);
  try {
    signal.throwIfAborted();
    const source = await openSource(cluster, options, lanesOf(options));
    await noteTimestampFormat(options);
    const result = await openResult(source, options);
    const format = formatOf(options, chosen, source, result, startedAt.toISOString());
    assert(format.frame, `${chosen.name} can be streamed`);
    const job = await StreamedSegments.create(source.ranges.length, format.frame, output, signal);
    const exportedAt = startedAt.getTime();
    const run: Run = { options, cluster, source, job, format, result, signal, exportedAt, retries: 0 };
    try {
      const readerGone = await untilReaderGone(async () => {
        await readSegments(run);
        await checkMasksUnchanged(run);
        await job.finish();
      });
      const rows = job.records.reduce((sum, record) => sum + record.rows, 0);
      return { ...report(run, [{ path: STDOUT, rows, bytes: job.bytes }], startedAt), readerGone };
    } finally {
      await job.close();
    }
  } finally {
    await cluster.close();
  }
}

/** True if `work` ended because nobody reads what it writes. */
async function untilReaderGone(work: () => Promise<void>): Promise<true | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof ReaderGone) return true;
    throw error;
  }
}

/** @throws UsageError for a format that DuckDB does not take */
async function noteTimestampFormat({ timestampFormat, onEvent }: ExportOptions): Promise<void> {
  if (timestampFormat === undefined || (await keepsTimestamps(timestampFormat))) return;
  onEvent?.({ kind: "notice", message: `timestamps lose something by --timestamp-format ${timestampFormat}` });
}

/**
 * The job that was begun at the destination, brought to where this process can go on. What --empty null changes needs
 * nothing read again, since a zero-length value would have ended the job; other types do, as they are in every file.
 */
async function reopen({ lock, publishing }: Unfinished, source: Source, options: ExportOptions): Promise<ExportJob> {
  const job = await openJob<TablePlan, SegmentFlags, ArrangedFlags>(lock);
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
  await createJob<TablePlan, SegmentFlags, ArrangedFlags>(lock, plan);
  const changed = await openJob<TablePlan, SegmentFlags, ArrangedFlags>(lock);
  if (!changed) throw new UsageError(`there is no export to go on with in ${lock.directory}`);
  return changed;
}

/** Known before it is begun: a job that dies in between is no job, one that nobody finds would stay. */
async function begin(lock: JobLock, plan: TablePlan, options: ExportOptions): Promise<ExportJob> {
  await makeKnown(options, plan, lock.directory);
  try {
    return await createJob<TablePlan, SegmentFlags, ArrangedFlags>(lock, plan);
  } catch (error) {
    await forget(options, plan);
    throw error;
  }
}

/** An index that can't be written costs a way to find the job, not the job. */
async function makeKnown(
  { stateDirectory, onEvent }: ExportOptions,
  plan: TablePlan,
  directory: string,
): Promise<void> {
  if (stateDirectory === undefined) return;
  const { job, source, exportedAt: startedAt } = plan;
  const { destination } = plan.options;
  try {
    await register(stateDirectory, { job, kind: "export", source, destination, directory, startedAt });
  } catch (error) {
    onEvent?.({ kind: "notice", message: `cqlduck jobs will not know this export: ${messageOf(error)}` });
  }
}

async function forget({ stateDirectory }: ExportOptions, { job }: TablePlan): Promise<void> {
  if (stateDirectory !== undefined) await unregister(stateDirectory, job);
}

/** How the files are written, all of them alike. */
function formatOf(
  options: ExportOptions,
  chosen: Chosen,
  source: Source,
  result: Result,
  exportedAt: string,
): FileFormat {
  return makeFormat(chosen, fileColumns(result), options, fileMetadata(source, result, exportedAt, options.sql));
}

function fileColumns({ columns, kept }: Result): FileColumn[] {
  const own = columns.filter(({ kind }) => kind !== "writetime" && kind !== "ttl");
  const files = new Map(own.map(({ name, file }) => [name, file]));
  return kept
    .map((place) => columns[place]!)
    .map(({ file, type, cql, kind, of }) => ({
      name: file,
      type,
      cql,
      cell: kind === "writetime" || kind === "ttl" ? { kind, of: files.get(of ?? "") ?? String(of) } : undefined,
    }));
}

async function publishAll(run: Run & { job: ExportJob }, chosen: Chosen, onto: Onto): Promise<ExportReport["files"]> {
  const { options, job, signal } = run;
  const layout: Layout = chosen.layout === "file" ? "file" : "directory";
  options.onEvent?.({ kind: "phase", phase: "arrange" });
  const files = await arrange({ ...run, job }, layout, onto);
  signal.throwIfAborted();
  options.onEvent?.({ kind: "phase", phase: "publish" });
  const { replace, kept } = await filesBefore(options, layout, onto, outputsOf(options, chosen, onto));
  return publish(job, layout, [...(await writeSidecar(run, chosen, onto, files)), ...files], replace, kept);
}

/** What says of the files what they can't say themselves; it is in its place before they are. */
async function writeSidecar(
  { options, job, source, result }: Run & { job: ExportJob },
  chosen: Chosen,
  onto: Onto,
  files: readonly FileToPublish[],
): Promise<FileToPublish[]> {
  const name = sidecarName(options, chosen, onto, job.plan.job);
  const format = describeFormat(chosen, fileColumns(result), options);
  if (name === undefined || format === undefined) return [];
  const text = sidecarText(fileMetadata(source, result, job.plan.exportedAt, options.sql), result, format, files);
  await writeDurably(job.path(SIDECAR_NAME), text);
  return [{ from: SIDECAR_NAME, to: name, rows: 0, bytes: Buffer.byteLength(text), sidecar: true }];
}

function arrange(reading: Run & { job: ExportJob }, layout: Layout, onto: Onto): Promise<FileToPublish[]> {
  const { options, job, format } = reading;
  const run = { ...reading, meter: new ArrangingMeter((event) => options.onEvent?.(event)) };
  const nameOf = (part: number) =>
    layout === "file" ? basename(options.destination) : partName(part, onto, job.plan.job, format.extension);
  if (isStaged(options)) return arrangeStaged(run, nameOf);
  return layout === "file" ? arrangeOneFile(run, options.destination) : arrangeParts(run, nameOf, options);
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
    notices: [...source.notices, ...noticesOf(notes, run.format)],
    decimals: decimalsOf(notes),
  };
}
