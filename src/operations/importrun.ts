/*
 * Owns the running of an import: the parts of the source one after the other, each from where the records leave it, chunk
 * by chunk to the writer. Going on after a crash is the same as beginning: there are only fewer rows.
 */

import { UsageError } from "../base/errors.ts";
import { quoteIdentifier } from "../base/names.ts";
import type { Cluster } from "../cassandra/cluster.ts";
import type { WriteStatement } from "../cassandra/rowblock.ts";
import type { TableColumn, TableSchema } from "../cassandra/schema.ts";
import { qualifiedName } from "../cassandra/statements.ts";
import { Writer } from "../cassandra/writer.ts";
import { type WriteMode, type WriteShape, writeShape } from "../cassandra/writes.ts";
import { CHUNK_ROWS } from "../duckdb/chunk.ts";
import type { Connection } from "../duckdb/engine.ts";
import { readRows } from "../duckdb/reader.ts";
import { Scan } from "../duckdb/scan.ts";
import { ATTEMPTS_NAME, readJson } from "../jobs/job.ts";
import { ProgressMeter } from "../jobs/progress.ts";
import { writeDurably } from "../storage/local.ts";
import { describeRejected } from "./importbad.ts";
import { cellSenders } from "./importcellshapes.ts";
import { type ImportJob, placeOf } from "./importjob.ts";
import type { ImportOptions } from "./importoptions.ts";
import { chunkReader, type ImportPart, partQuery } from "./importparts.ts";
import { piecesOf } from "./importrows.ts";
import { ImportSegments, type RejectedRow } from "./importsegments.ts";
import { type PartStatements, type Prepared, RowSender, type RowTimes, type SenderOptions } from "./importsend.ts";
import { CounterStatics } from "./importstatics.ts";

const SEGMENT_ROWS = 200_000;
const SEGMENT_BYTES = 128 * 1024 * 1024;
/** What nobody knows of after a crash: few, for somebody to look at. */
const COUNTER_SEGMENT_ROWS = 20_480;
const DEFAULT_MAX_ERRORS = 100;
/** Reasons that are told while the import runs. */
const REASONS_TOLD = 5;
/** Microseconds between rows whose table has lists: so many attempts have room. */
const LIST_ATTEMPTS = 16;

export interface ImportRun {
  readonly options: ImportOptions;
  readonly cluster: Cluster;
  readonly schema: TableSchema;
  readonly parts: readonly ImportPart[];
  readonly job: ImportJob;
  readonly connection: Connection;
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
    concurrency: options.concurrency,
    batchRows: options.batchRows,
    signal,
    onRetry: () => run.retries++,
    onWarning: (text) => {
      if (warned.size < REASONS_TOLD && !warned.has(text)) notice(run, `the server warns: ${text}`);
      warned.add(text);
    },
  });
  try {
    const statements = new Statements(run, writer, await beginAttempt(run));
    const meter = startMeter(run);
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

function startMeter({ options, parts }: ImportRun): ProgressMeter {
  const known = parts.map(({ source }) => source.rows ?? 0);
  const estimatedRows = known.reduce((sum, rows) => sum + rows, 0);
  const bytes = parts.reduce((sum, { source }) => sum + (source.file?.bytes ?? 0), 0);
  const source = options.sources.join(" ");
  options.onEvent?.({ kind: "planned", source, ranges: parts.length, estimatedRows, estimatedBytes: bytes });
  options.onEvent?.({ kind: "phase", phase: "read" });
  return new ProgressMeter({ ranges: parts.length, estimatedRows, emit: (event) => options.onEvent?.(event) });
}

function openSegments(run: ImportRun, meter: ProgressMeter): ImportSegments {
  const { job, options, parts, connection } = run;
  const isCounter = hasCounters(run.schema);
  let told = 0;
  return new ImportSegments({
    job,
    rows: isCounter ? COUNTER_SEGMENT_ROWS : SEGMENT_ROWS,
    bytes: SEGMENT_BYTES,
    alone: isCounter,
    maxErrors: options.maxErrors ?? DEFAULT_MAX_ERRORS,
    describe: (rows) => describeRejected(connection, parts, rows),
    onRecord: () => meter.segmentDone(),
    onReject: (row) => {
      if (told++ < REASONS_TOLD) notice(run, rejectionText(parts, row));
    },
  });
}

function rejectionText(parts: readonly ImportPart[], { part, row, column, reason }: RejectedRow): string {
  const where = column === undefined ? "" : `, column ${column}`;
  return `rejected: row ${row + 1} of ${parts[part]!.source.path}${where}: ${reason}`;
}

export function hasCounters(schema: TableSchema): boolean {
  return schema.columns.some(({ type }) => type === "counter");
}

/** Elements of lists are added by a write that is repeated, unless it comes with a later timestamp. */
function hasLists(schema: TableSchema): boolean {
  return schema.columns.some(({ type }) => /^list</.test(type));
}

/** The number of this process's first attempt at a row; durable before anything is sent. */
async function beginAttempt({ job, schema }: ImportRun): Promise<number> {
  if (!hasLists(schema)) return 0;
  const before = await readJson(job.path(ATTEMPTS_NAME));
  const attempt = before === undefined ? 0 : Number(before.attempt) + 1;
  if (attempt >= LIST_ATTEMPTS - 1) {
    throw new UsageError(`this import was begun ${attempt} times: one more could double elements of lists`, {
      hint: "empty the table, and begin again with --restart",
    });
  }
  await writeDurably(job.path(ATTEMPTS_NAME), JSON.stringify({ attempt }));
  return attempt;
}

/** What is prepared of a statement's shape. */
type Shape = Pick<WriteShape, "cql" | "keys"> & { readonly parameters: readonly unknown[] };

/** The statements of an import, each prepared once, and what their rows have for timestamp and TTL. */
class Statements {
  readonly #run: ImportRun;
  readonly #writer: Writer;
  readonly #attempt: number;
  readonly #prepared = new Map<string, WriteStatement>();
  #latest: number;
  #held: Promise<boolean> | undefined;

  constructor(run: ImportRun, writer: Writer, attempt: number) {
    this.#run = run;
    this.#writer = writer;
    this.#attempt = attempt;
    this.#latest = attempt;
  }

  async of(part: ImportPart): Promise<PartStatements> {
    const shapes = partShapes(this.#run.schema, part, this.#run.options);
    return {
      full: await this.#prepare(shapes.full),
      rows: shapes.rows && (await this.#prepare(shapes.rows)),
      statics: shapes.statics && (await this.#prepare(shapes.statics)),
    };
  }

  /** What sends the rows of a part whose cells have times of their own. */
  async ofCells(
    part: ImportPart,
    number: number,
    segments: ImportSegments,
  ): Promise<Pick<SenderOptions, "cells" | "clock">> {
    const { schema, options, job } = this.#run;
    const prepare = (shape: Shape, setsList: boolean) => this.#statement(shape, setsList);
    const startedAt = Math.floor(job.plan.epoch / 1e6);
    // What the table has may be the very elements that come, which only a later timestamp replaces, each time a later one.
    const age = startedAt - Math.floor((part.cellTimes?.exportedAt ?? job.plan.epoch / 1000) / 1000);
    const later = hasLists(schema) && (await this.#mayHold()) ? 1 + Math.max(0, age) : 0;
    const to = { part: number, attempt: this.#attempt + later, writer: this.#writer, segments };
    return cellSenders(part, schema, options, startedAt, prepare, to);
  }

  /** Whether the table may have had rows when the import began. */
  async #mayHold(): Promise<boolean> {
    const { cluster, schema } = this.#run;
    if (this.#attempt > 0) return true;
    const key = schema.columns.filter(({ kind }) => kind === "partition_key").map(({ name }) => quoteIdentifier(name));
    const cql = `SELECT token(${key.join(", ")}) FROM ${qualifiedName(schema)} LIMIT 1`;
    this.#held ??= cluster.query(cql).then((rows) => rows.length > 0);
    return this.#held;
  }

  times({ cellTimes }: ImportPart): RowTimes {
    const { options, job, schema } = this.#run;
    const fixed = (wanted: ImportOptions["ttl"], bytes: 4 | 8) => {
      if (!wanted || !("value" in wanted)) return undefined;
      const view = new DataView(new ArrayBuffer(bytes));
      if (bytes === 8) view.setBigInt64(0, wanted.value);
      else view.setInt32(0, Number(wanted.value));
      return new Uint8Array(view.buffer);
    };
    const exportedAt = options.preserve && !options.timestamp ? cellTimes?.exportedAt : undefined;
    return {
      epoch: job.plan.epoch + (cellTimes ? 0 : this.#attempt),
      step: hasLists(schema) ? LIST_ATTEMPTS : 1,
      timestamp: fixed(exportedAt === undefined ? options.timestamp : { value: BigInt(exportedAt) * 1000n }, 8),
      ttl: fixed(options.ttl, 4),
    };
  }

  async #prepare(shape: WriteShape): Promise<Prepared> {
    return { shape, statement: await this.#statement(shape, hasLists(this.#run.schema)) };
  }

  async #statement(shape: Shape, rises: boolean): Promise<WriteStatement> {
    const known = this.#prepared.get(shape.cql);
    if (known) return known;
    const { schema, options, job } = this.#run;
    const parameter = shape.parameters.indexOf("timestamp");
    const attempts = LIST_ATTEMPTS - this.#attempt;
    const begin = async (number: number) => {
      const attempt = this.#attempt + number;
      if (attempt <= this.#latest) return;
      this.#latest = attempt;
      await writeDurably(job.path(ATTEMPTS_NAME), JSON.stringify({ attempt }));
    };
    const statement = await this.#writer.prepare(shape.cql, {
      keys: shape.keys,
      kind: hasCounters(schema) ? "counter" : options.mode === "if-not-exists" ? "conditional" : "insert",
      rising: rises && parameter >= 0 ? { parameter, attempts, begin } : undefined,
    });
    this.#prepared.set(shape.cql, statement);
    return statement;
  }
}

/** The statements that the rows of a part need. */
export function partShapes(
  schema: TableSchema,
  { match, timeColumns }: ImportPart,
  options: ImportOptions,
): { readonly full: WriteShape; readonly rows?: WriteShape; readonly statics?: WriteShape } {
  const columns = match.columns.map(({ target }) => target);
  const mode = modeOf(schema, options);
  const conditional = mode === "if-not-exists";
  const using = {
    timestamp: mode !== "add" && !conditional,
    ttl: mode !== "add" && mode !== "delete" && (options.ttl !== undefined || timeColumns.ttl !== undefined),
  };
  const of = (keep: (column: TableColumn) => boolean) => writeShape(schema, mode, columns.filter(keep), using);
  const hasStatics = columns.some(({ kind }) => kind === "static") && columns.some(({ kind }) => kind === "clustering");
  if (!hasStatics || mode === "delete") return { full: of(() => true) };
  const statics = of(({ kind }) => kind === "partition_key" || kind === "static");
  // An UPDATE has to set something, and names no row where that is static.
  if (mode !== "insert" && !conditional && !columns.some(({ kind }) => kind === "regular")) {
    return { full: statics, statics };
  }
  return { full: of(() => true), rows: of(({ kind }) => kind !== "static"), statics };
}

function modeOf(schema: TableSchema, { mode }: ImportOptions): WriteMode {
  return hasCounters(schema) && mode !== "delete" ? "add" : (mode ?? "insert");
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
  const counterStatics = hasCounters(schema) ? new CounterStatics() : undefined;
  let base = 0;
  for (const [number, part] of parts.entries()) {
    const leaf = leaves[number]!;
    let rows = part.source.rows;
    if (rows === undefined && leaf.done) rows = ends[number];
    if (!leaf.done) {
      const sender = new RowSender({
        schema,
        part: number,
        columns: part.match.columns,
        times: statements.times(part),
        timeColumns: part.timeColumns,
        ...(part.cellTimes
          ? await statements.ofCells(part, number, segments)
          : { statements: await statements.of(part) }),
        writeNulls: options.nulls === "write",
        counterStatics,
        writer,
        segments,
      });
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
  if (window.end <= begin || (total !== undefined && begin >= total)) {
    const end = total ?? (await countRows(run, part));
    await segments.advance({ part: number, from: at, end, isLast: true, rows: 0, bytes: 0 });
    return end;
  }
  const scan = await Scan.open(run.connection, partQuery(part, begin), `reading ${source.path}`);
  const read = chunkReader(part, scan, !run.options.ignoreExtra && !run.options.columns);
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
    }
  } finally {
    await scan.settle();
  }
  const end = total ?? (row > begin && row < window.end ? row : await countRows(run, part));
  await segments.advance({ part: number, from: left, end, isLast: true, rows: 0, bytes: 0 });
  return end;
}

async function countRows({ connection }: ImportRun, { source }: ImportPart): Promise<number> {
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
