/*
 * Owns which statements the rows of an import need, each prepared once, and which timestamps and TTLs go with them; also
 * how often rows whose lists a repetition would double have been attempted.
 */
import { UsageError } from "../../base/errors.ts";
import { quoteIdentifier } from "../../base/names.ts";
import type { Cluster } from "../../cassandra/cluster.ts";
import type { WriteStatement } from "../../cassandra/rowblock.ts";
import type { TableColumn, TableSchema } from "../../cassandra/schema.ts";
import { qualifiedName } from "../../cassandra/statements.ts";
import type { RowWriter } from "../../cassandra/writer.ts";
import { type WriteMode, type WriteShape, writeShape } from "../../cassandra/writes.ts";
import { ATTEMPTS_NAME, readJson } from "../../jobs/job.ts";
import { writeDurably } from "../../storage/local.ts";
import { cellSenders } from "./cellshapes.ts";
import type { ImportJob } from "./job.ts";
import type { ImportOptions } from "./options.ts";
import type { ImportPart } from "./parts.ts";
import type { RowFates } from "./segments.ts";
import { type PartStatements, type Prepared, RowSender, type RowTimes, type SenderOptions } from "./sending.ts";
import { CounterStatics, StaticLists } from "./statics.ts";

/** Microseconds between rows whose table has lists: so many attempts have room. */
const LIST_ATTEMPTS = 16;

export function hasCounters(schema: TableSchema): boolean {
  return schema.columns.some(({ type }) => type === "counter");
}

/** Elements of lists are added by a write that is repeated, unless it comes with a later timestamp. */
function hasLists(schema: TableSchema): boolean {
  return schema.columns.some(({ type }) => /^list</.test(type));
}

type StaticsOnce = Pick<SenderOptions, "counterStatics" | "staticLists">;

/** What remembers static values that may be written only once; there is one for all parts of an import. */
export function staticsOnce(schema: TableSchema, parts: readonly ImportPart[], options: ImportOptions): StaticsOnce {
  if (hasCounters(schema)) return { counterStatics: new CounterStatics() };
  const hasStaticLists = schema.columns.some(({ kind, type }) => kind === "static" && /^list</.test(type));
  // Else each row has a later timestamp than the one before, and its list replaces that one's.
  const isTimed = options.timestamp !== undefined || parts.some(({ cellTimes }) => cellTimes !== undefined);
  return hasStaticLists && isTimed ? { staticLists: new StaticLists() } : {};
}

/** The number of this process's first attempt at a row; durable before anything is sent. */
export async function beginAttempt({ job, schema }: StatementsRun): Promise<number> {
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

/** What of a run the statements need. */
interface StatementsRun {
  readonly schema: TableSchema;
  readonly options: ImportOptions;
  readonly cluster: Cluster;
  readonly job: { readonly plan: Pick<ImportJob["plan"], "epoch">; path(name: string): string };
}

/** What is prepared of a statement's shape. */
type Shape = Pick<WriteShape, "cql" | "keys"> & { readonly parameters: readonly unknown[] };

/** The statements of an import, each prepared once, and what their rows have for timestamp and TTL. */
export class Statements {
  readonly #run: StatementsRun;
  readonly #writer: RowWriter;
  readonly #attempt: number;
  readonly #prepared = new Map<string, WriteStatement>();
  #latest: number;
  #held: Promise<boolean> | undefined;

  constructor(run: StatementsRun, writer: RowWriter, attempt: number) {
    this.#run = run;
    this.#writer = writer;
    this.#attempt = attempt;
    this.#latest = attempt;
  }

  /**
   * What sends the rows of a part.
   * @param number the part's place among all
   * @param once from staticsOnce, the same for all parts
   */
  async sender(part: ImportPart, number: number, once: StaticsOnce, segments: RowFates): Promise<RowSender> {
    const { schema, options } = this.#run;
    return new RowSender({
      schema,
      part: number,
      columns: part.match.columns,
      times: this.#times(part),
      timeColumns: part.timeColumns,
      ...(part.cellTimes ? await this.#ofCells(part, number, segments) : { statements: await this.#of(part) }),
      writeNulls: options.nulls === "write",
      isConditional: options.mode === "if-not-exists",
      ...once,
      writer: this.#writer,
      segments,
    });
  }

  async #of(part: ImportPart): Promise<PartStatements> {
    const shapes = partShapes(this.#run.schema, part, this.#run.options);
    return {
      full: await this.#prepare(shapes.full),
      rows: shapes.rows && (await this.#prepare(shapes.rows)),
      statics: shapes.statics && (await this.#prepare(shapes.statics)),
    };
  }

  async #ofCells(
    part: ImportPart,
    number: number,
    segments: RowFates,
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

  #times({ cellTimes }: ImportPart): RowTimes {
    const { options, job, schema } = this.#run;
    const fixed = (wanted: ImportOptions["ttl"], bytes: 4 | 8) => {
      if (!wanted || !("value" in wanted)) return undefined;
      const view = new DataView(new ArrayBuffer(bytes));
      if (bytes === 8) view.setBigInt64(0, wanted.value);
      else view.setInt32(0, Number(wanted.value));
      return new Uint8Array(view.buffer);
    };
    const exportedAt = options.preserve && !options.timestamp ? cellTimes?.exportedAt : undefined;
    const said = exportedAt === undefined ? options.timestamp : { value: BigInt(exportedAt) * 1000n };
    // Lists of cells with times of their own are raised where they are sent.
    const later = cellTimes ? 0 : this.#attempt;
    return {
      epoch: job.plan.epoch + later,
      step: hasLists(schema) ? LIST_ATTEMPTS : 1,
      timestamp: fixed(said && "value" in said ? { value: said.value + BigInt(later) } : undefined, 8),
      later,
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
    timestamp: !hasCounters(schema) && !conditional,
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
