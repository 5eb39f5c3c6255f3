/*
 * Owns the import of files into a table: plan, run, report, read from top to bottom. The parts are elsewhere: the files
 * in import/files.ts, what becomes of their columns in import/match.ts, the rows in import/running.ts, what plan.json says in
 * import/job.ts.
 */
import { dirname } from "node:path";
import { messageOf, UsageError } from "../base/errors.ts";
import { Cluster } from "../cassandra/cluster.ts";
import { readTable, type TableSchema } from "../cassandra/schema.ts";
import { qualifiedName } from "../cassandra/statements.ts";
import { type Connection, Engine } from "../duckdb/engine.ts";
import { fileTypeToSql } from "../duckdb/filetypes.ts";
import { Trimmer } from "../duckdb/trim.ts";
import { createJob, DONE_NAME } from "../jobs/job.ts";
import { clearJob } from "../jobs/publish.ts";
import { register, unregister } from "../jobs/registry.ts";
import { readText, statusOf, writeDurably } from "../storage/local.ts";
import { cellStatementTexts, partCellShapes } from "./import/cellshapes.ts";
import { claimJob, isStreamed, leave } from "./import/claim.ts";
import { makeTable, planTable, type Target } from "./import/create.ts";
import { filterPartitions, findSourceFiles, type SourceFile } from "./import/files.ts";
import { type ImportFlags, type ImportJob, type ImportJobPlan, importPlan } from "./import/job.ts";
import { allowColumns, engineMemory, keptMemory, partsMemory } from "./import/memory.ts";
import { checkModes } from "./import/modes.ts";
import type { ImportOptions, ImportPlan, ImportReport } from "./import/options.ts";
import { type ImportPart, matchParts, openSource, prepareConnection } from "./import/parts.ts";
import { type ImportRun, importRows } from "./import/running.ts";
import { sampleRows } from "./import/sample.ts";
import { Spool } from "./import/spool.ts";
import { hasCounters, partShapes } from "./import/statements.ts";
import { peakMemory } from "./report.ts";

/** A second one waits for the first in a busy loop, unless there is something to compute. */
const SCAN_THREADS = 1;
const QUERY_THREADS = 2;

/** What the steps of an import share before the first row. */
interface Opened {
  readonly target: Target;
  readonly files: readonly SourceFile[];
  readonly parts: readonly ImportPart[];
  readonly notices: readonly string[];
}

/** Everything that is decided before the first row is written. @throws UsageError as importTable does */
export async function planImport(options: ImportOptions): Promise<ImportPlan> {
  return withEngine(options, async ({ connection, spool }) => {
    const cluster = await Cluster.connect(options.connection);
    try {
      const { target, files, parts, notices } = await open(cluster, connection, spool, options);
      const { schema } = target;
      const { sample, counts } = await sampleRows(cluster, connection, schema, parts, options);
      const rows = counts.includes(undefined) ? null : counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
      const all = rows === null ? null : wantedRows(rows, options);
      return {
        destination: qualifiedName(schema),
        files: files.map(({ path, format }) => ({
          path,
          format,
          rows: counts[parts.findIndex(({ source }) => source.path === path)] ?? null,
        })),
        columns: (parts[0]?.match.columns ?? []).map(({ file, target }) => ({
          file: file.name,
          duckdb: file.text ? `${file.text} text` : fileTypeToSql(file.type),
          name: target.name,
          cql: target.type,
          kind: target.kind,
        })),
        create: target.making.map(({ cql }) => cql),
        statements: [...new Set(parts.flatMap((part) => statementTexts(schema, part, options)))],
        rows: all,
        requests: all === null ? null : Math.ceil((all * sample.requests) / Math.max(1, sample.rows)),
        sample,
        notices,
      };
    } finally {
      await cluster.close();
    }
  });
}

function wantedRows(rows: number, { skipRows = 0, maxRows = rows }: ImportOptions): number {
  return Math.min(Math.max(0, rows - skipRows), maxRows);
}

/**
 * Imports files into a table. With `resume` an unfinished import of the same sources into it is gone on with.
 * @throws UsageError (nothing was written), ClusterError, DataError, StorageError, InterruptedError
 */
export async function importTable(options: ImportOptions): Promise<ImportReport> {
  const startedAt = new Date();
  const signal = options.signal ?? new AbortController().signal;
  return withEngine(options, async ({ connection, engine, spool }) => {
    const interrupt = () => engine.interrupt();
    const cluster = await Cluster.connect(options.connection);
    try {
      signal.throwIfAborted();
      const opened = await open(cluster, connection, spool, options);
      const { target, files, parts, notices } = await ready(cluster, opened, options);
      const { schema } = target;
      const names = parts.map(({ source }) => source.path);
      const { lock, begun } = await claimJob(options, schema, files);
      try {
        await checkBadRows(options, begun !== undefined);
        const plan = begun?.plan ?? importPlan(options, schema, files, names, startedAt);
        // Known before it is begun: a job that dies in between is no job, one that nobody finds would stay.
        await makeKnown(options, plan, lock.directory);
        const job = begun ?? (await createJob<ImportJobPlan, ImportFlags>(lock, plan));
        await job.deleteUnrecorded();
        for (const message of notices) options.onEvent?.({ kind: "notice", message });
        const run: ImportRun = {
          options,
          cluster,
          schema,
          parts,
          job,
          connection,
          aside: await openAside(engine),
          trimmer: await openTrimmer(engine, parts, options),
          signal,
          retries: 0,
          notices: [...notices],
        };
        signal.addEventListener("abort", interrupt);
        try {
          await importRows(run).finally(() => writeBadRows(options, job));
        } catch (error) {
          if (isStreamed(options)) await giveUp(options, job);
          throw error;
        }
        const report = reportOf(run, files, startedAt);
        await finish(options, job);
        return report;
      } finally {
        signal.removeEventListener("abort", interrupt);
        await leave(lock);
      }
    } finally {
      await cluster.close();
    }
  });
}

function statementTexts(schema: TableSchema, part: ImportPart, options: ImportOptions): readonly string[] {
  if (part.cellTimes) return cellStatementTexts(partCellShapes(schema, part.match, options));
  return Object.values(partShapes(schema, part, options)).map(({ cql }) => cql);
}

async function withEngine<T>(
  options: ImportOptions,
  use: (means: { readonly connection: Connection; readonly engine: Engine; readonly spool: Spool }) => Promise<T>,
): Promise<T> {
  const engine = await Engine.open({
    memoryBytes: engineMemory(options),
    threads: options.sql === undefined ? SCAN_THREADS : QUERY_THREADS,
    tempDirectory: "",
    keepOrder: true,
  });
  const spool = new Spool();
  try {
    return await use({ connection: await engine.connect(), engine, spool });
  } finally {
    engine.close();
    await spool.close();
  }
}

/** A second connection: the first is busy with its scan. */
async function openAside(engine: Engine): Promise<Connection> {
  const connection = await engine.connect();
  await prepareConnection(connection);
  return connection;
}

/** So little growth, since one chunk of a table of many columns leaves more than all the rest of it takes. */
const GROWTH = 1.1;

async function openTrimmer(engine: Engine, parts: readonly ImportPart[], options: ImportOptions): Promise<Trimmer> {
  return new Trimmer(await engine.connect(), partsMemory(parts, options), keptMemory(options), GROWTH);
}

async function open(cluster: Cluster, connection: Connection, spool: Spool, options: ImportOptions): Promise<Opened> {
  const existing = options.create ? undefined : await existingTable(cluster, options);
  const keepStdin = () => keepInput(spool, options);
  const found = await findSourceFiles(options.sources, options.format, connection, keepStdin);
  const files = filterPartitions(found, options.partitionFilter);
  const sources = await openSource(connection, files, spool, options);
  const target = existing ?? (await planTable(cluster, connection, sources, options));
  const { schema } = target;
  const parts = matchParts(sources, schema, options);
  await allowColumns(connection, partsMemory(parts, options));
  const told = ({ match, cellTimes }: ImportPart) => [...match.notices, ...(cellTimes?.notices ?? [])];
  const notices = [...target.notices, ...new Set(parts.flatMap(told))];
  checkModes(schema, parts, options);
  const isAdding = hasCounters(schema) && options.mode !== "delete";
  const counters = isAdding ? ["counters are added to what the table has: importing twice counts twice"] : [];
  return { target, files, parts, notices: [...counters, ...notices] };
}

async function existingTable(cluster: Cluster, { table }: ImportOptions): Promise<Target> {
  const schema = await readTable(cluster, table.keyspace, table.table, "--create makes it, out of what the files say");
  if (schema.virtual) throw new UsageError(`${qualifiedName(schema)} is a virtual table: nothing can be written to it`);
  return { schema, making: [], notices: [] };
}

/** Makes the table where it is not there yet: what can be refused without it is refused before. */
async function ready(cluster: Cluster, opened: Opened, options: ImportOptions): Promise<Opened> {
  const { target, parts, files } = opened;
  if (target.making.length === 0) return opened;
  await checkBadRows(options, false);
  await leave((await claimJob(options, target.schema, files)).lock);
  await makeTable(cluster, target);
  const schema = await readTable(cluster, target.schema.keyspace, target.schema.table);
  const sources = parts.map(({ source }) => source);
  return { ...opened, target: { ...target, schema }, parts: matchParts(sources, schema, options) };
}

/** @throws UsageError where stdin is to be gone on with, which it can't be */
function keepInput(spool: Spool, { input, resume, signal }: ImportOptions): Promise<string> {
  if (resume) throw new UsageError("stdin can't be gone on with", { hint: "import it again, without --resume" });
  if (!input) throw new UsageError("there is no input for the source -");
  return spool.keep(input, signal ?? new AbortController().signal);
}

/** Nobody can go on with it. */
async function giveUp({ onEvent }: ImportOptions, job: ImportJob): Promise<void> {
  const rows = job.records.reduce((sum, record) => sum + record.rows, 0);
  onEvent?.({ kind: "notice", message: `stdin can't be gone on with: at least ${rows} rows of it are in the table` });
  await clearJob(job.directory);
}

/** @param mayExist an import that is gone on with may have written it */
async function checkBadRows({ badRows }: ImportOptions, mayExist: boolean): Promise<void> {
  if (badRows === undefined) return;
  const directory = dirname(badRows);
  const hint = "name another file for --bad-rows";
  if ((await statusOf(directory))?.kind !== "directory")
    throw new UsageError(`there is no directory ${directory}`, { hint });
  const found = await statusOf(badRows);
  if (found && !(mayExist && found.kind === "file")) throw new UsageError(`${badRows} exists already`, { hint });
}

/** All rejected rows that records tell of; no file where there is none. */
async function writeBadRows({ badRows }: ImportOptions, job: ImportJob): Promise<void> {
  if (badRows === undefined) return;
  const texts: string[] = [];
  for (const record of job.records) {
    if (record.flags.rejected > 0) texts.push((await readText(job.path(record.file))) ?? "");
  }
  if (texts.length > 0) await writeDurably(badRows, texts.join(""));
}

/** An index that can't be written costs a way to find the job, not the job. */
async function makeKnown(options: ImportOptions, plan: ImportJobPlan, directory: string): Promise<void> {
  const { stateDirectory, onEvent } = options;
  if (stateDirectory === undefined || isStreamed(options)) return;
  const entry = {
    job: plan.job,
    kind: "import" as const,
    source: plan.options.sources.join(" "),
    destination: plan.destination,
    directory,
    startedAt: new Date(plan.epoch / 1000).toISOString(),
  };
  try {
    await register(stateDirectory, entry);
  } catch (error) {
    onEvent?.({ kind: "notice", message: `cqlduck jobs will not know this import: ${messageOf(error)}` });
  }
}

async function finish({ stateDirectory }: ImportOptions, job: ImportJob): Promise<void> {
  await writeDurably(job.path(DONE_NAME), "{}");
  if (stateDirectory !== undefined) await unregister(stateDirectory, job.plan.job);
  await clearJob(job.directory);
}

function reportOf(run: ImportRun, files: readonly SourceFile[], startedAt: Date): ImportReport {
  const { options, job, cluster, retries, notices } = run;
  const finishedAt = new Date();
  const elapsedMs = finishedAt.getTime() - startedAt.getTime();
  const sum = (of: (record: ImportJob["records"][number]) => number) =>
    job.records.reduce((total, record) => total + of(record), 0);
  const rows = sum((record) => record.rows);
  const rejected = sum(({ flags }) => flags.rejected);
  return {
    source: options.sources.join(" "),
    destination: job.plan.destination,
    rows,
    rejected,
    existing: sum(({ flags }) => flags.existing),
    expired: sum(({ flags }) => flags.expired),
    badRows: rejected > 0 ? (options.badRows ?? null) : null,
    files: files.length,
    segments: job.records.length,
    retries,
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    elapsedMs,
    rowsPerSecond: elapsedMs > 0 ? Math.round((rows * 1000) / elapsedMs) : 0,
    peakMemoryBytes: peakMemory(),
    consistency: cluster.consistency.name,
    notices,
  };
}
