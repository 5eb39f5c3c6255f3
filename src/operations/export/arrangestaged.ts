/*
 * Owns the way from staged segments to arranged files: the steps that need all rows (--sql, sorting), then cutting
 * partition by partition. Each step's result is recorded, so that a process that goes on repeats none.
 */
import { typeToSql } from "../../base/column.ts";
import { assert } from "../../base/errors.ts";
import { type Connection, Engine, setThreads } from "../../duckdb/engine.ts";
import { Trimmer } from "../../duckdb/trim.ts";
import type { ArrangedFile } from "../../jobs/job.ts";
import { outputName, SPILL_NAME } from "../../jobs/job.ts";
import type { ArrangingMeter } from "../../jobs/progress.ts";
import type { FileToPublish } from "../../jobs/publish.ts";
import { removeTree, statusOf } from "../../storage/local.ts";
import { filled } from "./arrange.ts";
import { Cutter, type RowRun } from "./cutter.ts";
import type { ArrangedFlags, ExportJob } from "./job.ts";
import { noValues, valuesOfPath } from "./partitions.ts";
import { holdsExactFloats, keptMemory, memoryOf, type Run } from "./reading.ts";
import {
  allRows,
  averageRowBytes,
  type Group,
  groupPartitions,
  loadPartitions,
  partitionInFiles,
  type StagedFile,
} from "./rowruns.ts";
import { engineMemory } from "./segments.ts";
import { loadLimits, segmentsHavePaths, stagedRows, stageQuery, stageSorted } from "./staging.ts";
import { confine, failureOfSql, showRows, storedQuery } from "./usersql.ts";

/** An export whose segments are staged in a job's directory. */
type StagedRun = Run & { readonly job: ExportJob; readonly meter: ArrangingMeter };

/**
 * Nothing is fetched meanwhile, so that the cores are free. Where there is only one row group to write, a second thread
 * waits for it, busily.
 */
const THREADS = 2;
/** DuckDB's row groups: the writer holds as many rows of each column before they go to the file. */
const ROW_GROUP_ROWS = 122_880;
/** What the writer may be given of rows at once: it holds them several times over (measured: 17 MB of rows take 60). */
const WRITER_BYTES = 32e6;
const WRITER_SHARE = 0.1;
/** The same where pieces are put one behind the other, and cost nothing besides: rows are read back, and copied on the way. */
const FRAMED_WRITER_BYTES = 8e6;

/** Makes the files of staged segments; `nameOf` names the parts of a directory. Those that are recorded are not made again. */
export async function arrangeStaged(run: StagedRun, nameOf: (part: number) => string): Promise<FileToPublish[]> {
  const { options, job, result } = run;
  let staged: readonly StagedFile[] = filled(job.records).map(({ file, rows }) => ({ path: job.path(file), rows }));
  const sorts = result.order.length > 0 || (options.sql !== undefined && result.path.length > 0);
  if (options.sql !== undefined || sorts) {
    staged = await withEngine(run, async (connection) => {
      const selected = options.sql === undefined ? staged : await sqlStep(run, connection, staged);
      if (!sorts) return selected;
      const files = selected.map(({ path }) => path);
      run.meter.begin("sort", sumOf(selected));
      return step(run, "sort", (file) => stageSorted(connection, files, result, file));
    });
  }
  // Of the settings of an engine that has run the user's SQL none can be changed any more.
  await withEngine(run, (connection) => cutAll(run, connection, staged));
  return published(run, sumOf(staged), nameOf);
}

function sumOf(staged: readonly StagedFile[]): number {
  return staged.reduce((sum, file) => sum + file.rows, 0);
}

/** Runs `work` with an engine that spills below the job directory, and that the run's signal interrupts. */
async function withEngine<T>(run: StagedRun, work: (connection: Connection) => Promise<T>): Promise<T> {
  const { options, job, signal } = run;
  const engine = await Engine.open({
    memoryBytes: engineMemory(typesOf(run), memoryOf(options)),
    threads: THREADS,
    tempDirectory: job.path(SPILL_NAME),
    keepOrder: !segmentsHavePaths(options),
  });
  const interrupt = () => engine.interrupt();
  signal.addEventListener("abort", interrupt);
  try {
    return await work(await engine.connect());
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", interrupt);
    engine.close();
    await removeTree(job.path(SPILL_NAME));
  }
}

function typesOf({ source, result }: StagedRun) {
  const read = source.columns.map((column) => column.codec.column);
  const written = result.columns.map((column) => column.type);
  return read.length > written.length ? read : written;
}

/** The result of a step on all rows, made where no process before this one recorded it. */
async function step(
  { job }: StagedRun,
  name: NonNullable<ArrangedFlags["step"]>,
  make: (path: string) => Promise<number>,
): Promise<readonly StagedFile[]> {
  const before = job.arranged.find(({ flags }) => flags.step === name);
  if (before) return [{ path: job.path(before.file), rows: before.rows }];
  const file = outputName(job.arranged.length);
  const path = job.path(file);
  const rows = await make(path);
  const bytes = (await statusOf(path))?.bytes ?? 0;
  await job.appendOutput([{ file, rows, bytes, flags: { step: name } }]);
  return [{ path, rows }];
}

async function sqlStep(run: StagedRun, connection: Connection, staged: readonly StagedFile[]) {
  const { job, source, result, options, meter } = run;
  await showRows(connection, source, stagedRows(staged.map(({ path }) => path)));
  await confine(connection, job.directory);
  meter.begin("sql", sumOf(staged));
  const query = storedQuery(options.sql ?? "", result.columns);
  return step(run, "sql", async (file) => {
    try {
      return await stageQuery(connection, query, result.columns.length, file);
    } catch (error) {
      throw failureOfSql(error);
    }
  });
}

/** Makes the files that are still missing, and records them. */
async function cutAll(run: StagedRun, connection: Connection, staged: readonly StagedFile[]): Promise<void> {
  const { options, job, format, signal, result, meter } = run;
  const rowBytes = await averageRowBytes(staged);
  const load = loadLimits(typesOf(run), memoryOf(options));
  const done = rowsDone(job.arranged);
  const rowsBefore = [...done.values()].reduce((sum, rows) => sum + rows, 0);
  meter.begin("files", sumOf(staged), rowsBefore);
  const trimmer = new Trimmer(connection, engineMemory(typesOf(run), memoryOf(options)), keptMemory(options));
  const cutter = new Cutter({
    job,
    format,
    connection,
    trimmer,
    signal,
    meter,
    limits: {
      rows: options.rowsPerFile ?? Number.POSITIVE_INFINITY,
      bytes: options.maxFileSize ?? Number.POSITIVE_INFINITY,
      pieceRows: mostPieceRows(run, rowBytes),
      rowBytes,
    },
    expressions: result.kept.map((place) => `c${place}`),
    exactFloats: exactFloatsOf(run),
  });
  const files = staged.filter(({ rows }) => rows > 0).map(({ path }) => path);
  if (result.path.length === 0) return cutRun(run, cutter, allRows(staged), done.get(undefined));
  if (files.length === 0) {
    const keyValues = { "cqlduck.partition": JSON.stringify(noValues(result.path)) };
    return cutRun(run, cutter, { ...allRows(staged), keyValues }, done.get(undefined));
  }
  const mostRows = Math.max(1, Math.min(load.rows, Math.floor(load.bytes / rowBytes)));
  const groups = await groupPartitions(connection, files, mostRows);
  const partitions = groups.reduce((sum, group) => sum + group.partitions.length, 0);
  if (sumOf(staged) / partitions < THREADS * ROW_GROUP_ROWS) await setThreads(connection, 1);
  for (const group of groups) {
    if (group.partitions.some(({ p, rows }) => (done.get(p) ?? 0) < rows)) {
      await cutGroup(run, { cutter, connection, trimmer, files, done }, group);
    }
  }
}

/** No piece is bounded where the writer ends a row group before its rows become too much. */
function mostPieceRows(run: StagedRun, rowBytes: number): number {
  const engineBytes = engineMemory(typesOf(run), memoryOf(run.options));
  const most = Math.min(run.format.frame ? FRAMED_WRITER_BYTES : WRITER_BYTES, engineBytes * WRITER_SHARE);
  return rowBytes * ROW_GROUP_ROWS <= most ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(most / rowBytes));
}

/** SQL may make floats that no segment was seen to have. */
function exactFloatsOf({ job, options, result }: StagedRun): boolean {
  if (options.sql !== undefined) return result.columns.some(({ type }) => /\b(FLOAT|DOUBLE)\b/.test(typeToSql(type)));
  return job.records.some((record) => holdsExactFloats(record.flags.notes));
}

interface Cutting {
  readonly cutter: Cutter;
  readonly connection: Connection;
  readonly trimmer: Trimmer;
  /** The staged ones. */
  readonly files: readonly string[];
  /** Before this process. */
  readonly done: RowsDone;
}

async function cutGroup(
  run: StagedRun,
  { cutter, connection, trimmer, files, done }: Cutting,
  { partitions, loaded }: Group,
): Promise<void> {
  const { path } = run.result;
  const keyValues = (p: string) => ({ "cqlduck.partition": JSON.stringify(valuesOfPath(path, p)) });
  if (!loaded) {
    const rowRun = partitionInFiles(files, partitions[0]!, keyValues);
    return cutRun(run, cutter, rowRun, done.get(rowRun.partition));
  }
  const first = run.job.arranged.length;
  const made: ArrangedFile<ArrangedFlags>[] = [];
  for (const rowRun of await loadPartitions(connection, trimmer, files, partitions, keyValues)) {
    for (let at = done.get(rowRun.partition) ?? 0; at < rowRun.rows; at += made.at(-1)!.rows) {
      made.push(await cutter.file(rowRun, at, first + made.length));
    }
  }
  await run.job.appendOutput(made);
}

/** The files of one run, each recorded by itself; one without rows where there are none. */
async function cutRun({ job }: StagedRun, cutter: Cutter, rowRun: RowRun, done: number | undefined): Promise<void> {
  if (done === rowRun.rows) return;
  let at = done ?? 0;
  do {
    const file = await cutter.file(rowRun, at, job.arranged.length);
    await job.appendOutput([file]);
    at += file.rows;
  } while (at < rowRun.rows);
}

/** For each path that has recorded files, how many rows are in them: its first ones. */
type RowsDone = ReadonlyMap<string | undefined, number>;

function rowsDone(arranged: readonly ArrangedFile<ArrangedFlags>[]): RowsDone {
  const done = new Map<string | undefined, number>();
  for (const { rows, flags } of arranged) {
    if (flags.step === undefined) done.set(flags.partition, (done.get(flags.partition) ?? 0) + rows);
  }
  return done;
}

/** The recorded files under their names. */
function published(
  { job: { arranged }, result: { path } }: StagedRun,
  rows: number,
  nameOf: (part: number) => string,
): FileToPublish[] {
  const counts = new Map<string, number>();
  const files = arranged
    .filter(({ flags }) => flags.step === undefined)
    .map(({ file, rows, bytes, flags: { partition } }) => {
      const directory = partition === undefined ? "" : `${partition}/`;
      const part = counts.get(directory) ?? 0;
      counts.set(directory, part + 1);
      const values = partition === undefined ? noValues(path) : valuesOfPath(path, partition);
      const to = `${directory}${nameOf(part)}`;
      return { from: file, to, rows, bytes, partition: path.length > 0 ? values : undefined };
    });
  const sum = files.reduce((total, file) => total + file.rows, 0);
  assert(sum === rows, `${sum} rows are in the files of ${rows}`);
  return files;
}
