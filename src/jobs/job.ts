/*
 * Owns the job directory: the plan, and a record for each segment and output whose file is durable. Nothing else
 * keeps state, so going on means reading it. What plans, flags and files hold is the operation's business.
 */
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { assert, DataError, messageOf, StorageError } from "../base/errors.ts";
import {
  fileSize,
  fsyncDirectory,
  fsyncFile,
  listNames,
  readText,
  removeFile,
  writeDurably,
} from "../storage/local.ts";
import { faultPoint } from "./faults.ts";
import { type JobLock, LOCK_NAME } from "./lock.ts";

/** What every plan has; operations add what they need, as JSON values. */
export interface JobPlan {
  /** From newJobId(). */
  readonly job: string;
  /** Ranges are known by their place in this list. */
  readonly ranges: readonly unknown[];
}

/** A stretch of a range: all between two paging states, in hex. */
export interface Stretch {
  readonly range: number;
  /** null: from the beginning of the range. */
  readonly from: string | null;
  /** null: to the end of the range. */
  readonly to: string | null;
}

/** A file of the job directory that is durable, and its rows. */
interface FileRecord {
  /** Its name in the job directory. */
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
}

/** A durable segment. Flags are the operation's: facts about the rows that the end of the job needs, as JSON values. */
export interface SegmentRecord<Flags = unknown> extends FileRecord {
  readonly segment: number;
  readonly stretches: readonly Stretch[];
  readonly flags: Flags;
  /** When the rows were read, ISO times. */
  readonly readFrom: string;
  readonly readTo: string;
}

/** A durable file that was arranged from segments. Flags are the operation's, as those of a segment. */
export interface ArrangedFile<Flags = unknown> extends FileRecord {
  readonly flags: Flags;
}

/** Arranged files that became durable together. */
export interface OutputRecord<Flags = unknown> {
  readonly output: number;
  readonly files: readonly ArrangedFile<Flags>[];
}

/** How far a range has been recorded. */
export interface Leaf {
  readonly range: number;
  readonly done: boolean;
  /** The paging state to go on from; null: from the beginning. */
  readonly at: string | null;
}

export const PLAN_NAME = "plan.json";
export const INTENT_NAME = "intent.json";
export const MANIFEST_NAME = "manifest.json";
export const DONE_NAME = "done.json";
/** How often the rows of a job may have been sent. */
export const ATTEMPTS_NAME = "attempts.json";
/** The directory for what an operation can't hold in memory; of no use to a later process. */
export const SPILL_NAME = "spill";
/** What says of the published files what they can't say themselves. Written anew by each process that publishes. */
export const SIDECAR_NAME = "sidecar.staged";

const DATA_FILE = /^(tmp_)?(segment|piece|output)-\d{5,}\.staged$/; // tmp_ is what DuckDB puts before a name it will rename
const RECORD = /^(record|output)-(\d{5,})\.json$/;
const STATE_FILE = /^(plan|intent|manifest|done|attempts|(record|output)-\d{5,})\.json(\.tmp)?$/;

/** True for the names that jobs give to what is in their directory; anything else there is not ours to delete. */
export function isJobFile(name: string): boolean {
  if (name === LOCK_NAME || name === SPILL_NAME || name === SIDECAR_NAME || name.startsWith(`${LOCK_NAME}.`))
    return true;
  return DATA_FILE.test(name) || STATE_FILE.test(name);
}

/** A name for a job: when it began, and chance. Sorts by time. */
export function newJobId(now = new Date()): string {
  return `${now.toISOString().replace(/\.\d+Z$|[-:]/g, "")}-${randomBytes(3).toString("hex")}`;
}

/** A job that this process holds the lock of. */
export class Job<Plan extends JobPlan = JobPlan, Flags = unknown, OutputFlags = unknown> {
  readonly lock: JobLock;
  readonly plan: Plan;
  readonly #records: SegmentRecord<Flags>[];
  readonly #outputs: OutputRecord<OutputFlags>[];
  #recording = false;

  /** Use createJob or openJob. */
  constructor(
    lock: JobLock,
    plan: Plan,
    records: SegmentRecord<Flags>[] = [],
    outputs: OutputRecord<OutputFlags>[] = [],
  ) {
    this.lock = lock;
    this.plan = plan;
    this.#records = records;
    this.#outputs = outputs;
  }

  get directory(): string {
    return this.lock.directory;
  }

  /** The durable segments, by number. */
  get records(): readonly SegmentRecord<Flags>[] {
    return this.#records;
  }

  /** The durable arranged files, in the order in which they were recorded. */
  get arranged(): readonly ArrangedFile<OutputFlags>[] {
    return this.#outputs.flatMap((output) => output.files);
  }

  /** The number of the next segment to be recorded. */
  get nextSegment(): number {
    return (this.#records.at(-1)?.segment ?? -1) + 1;
  }

  /** The path of a file of the job directory. */
  path(name: string): string {
    return join(this.directory, name);
  }

  /** How far each range has been recorded. */
  leaves(): Leaf[] {
    return leafStates(this.plan.ranges.length, this.#records);
  }

  /**
   * Makes the segment's file durable, and then its record. Segments are recorded one after the other, in the order of
   * their numbers, so that the stretches of a range always form one chain.
   */
  async appendRecord(record: SegmentRecord<Flags>): Promise<void> {
    assert(record.segment === this.nextSegment, `segment ${record.segment} recorded where ${this.nextSegment} is next`);
    leafStates(this.plan.ranges.length, [...this.#records, record]);
    await this.#alone(async () => {
      await this.#syncFile(record);
      await fsyncDirectory(this.directory);
      faultPoint("segment-durable");
      await writeDurably(this.path(numbered("record", record.segment, "json")), toJson(record));
      this.#records.push(record);
      faultPoint("record-written");
    });
  }

  /** Makes arranged files durable, and then one record of them all. */
  async appendOutput(files: readonly ArrangedFile<OutputFlags>[]): Promise<void> {
    const record = { output: this.#outputs.length, files };
    await this.#alone(async () => {
      for (const file of files) await this.#syncFile(file);
      await fsyncDirectory(this.directory);
      faultPoint("output-durable");
      await writeDurably(this.path(numbered("output", record.output, "json")), toJson(record));
      this.#outputs.push(record);
      faultPoint("output-written");
    });
  }

  /** Forgets the segments from number `first` on, so that every range goes on from where those before leave it. */
  async dropRecords(first = 0): Promise<void> {
    this.lock.assertHeld();
    // The last first: a crash in between leaves chains that are shorter, not broken ones.
    while ((this.#records.at(-1)?.segment ?? -1) >= first) {
      await removeFile(this.path(numbered("record", this.#records.at(-1)!.segment, "json")));
      await fsyncDirectory(this.directory);
      this.#records.pop();
    }
    for (const { output } of this.#outputs) await removeFile(this.path(numbered("output", output, "json")));
    this.#outputs.length = 0;
    await this.deleteUnrecorded();
  }

  /** Deletes data files without a record: what a crash left of a segment or an output in the making. */
  async deleteUnrecorded(): Promise<void> {
    const recorded = new Set([...this.#records, ...this.arranged].map((record) => record.file));
    for (const name of await listNames(this.directory)) {
      if (DATA_FILE.test(name) && !recorded.has(name)) await removeFile(this.path(name));
    }
    await fsyncDirectory(this.directory);
  }

  async #alone(run: () => Promise<void>): Promise<void> {
    assert(!this.#recording, "two records at the same time");
    this.#recording = true;
    try {
      this.lock.assertHeld();
      await run();
    } finally {
      this.#recording = false;
    }
  }

  async #syncFile({ file, bytes }: FileRecord): Promise<void> {
    assert(DATA_FILE.test(file), `${file} is a name of a data file`);
    const path = this.path(file);
    const found = await fileSize(path);
    if (found !== bytes) {
      throw new StorageError(`${path} has ${found ?? "no"} bytes after ${bytes} were written to it`);
    }
    await fsyncFile(path);
  }
}

/** The name of the file that holds segment `number`'s rows. */
export function segmentName(number: number): string {
  return numbered("segment", number, "staged");
}

/** The name of a file that an arranged one is put together from. */
export function pieceName(number: number): string {
  return numbered("piece", number, "staged");
}

/** The name of arranged file `number`, counted over all outputs. */
export function outputName(number: number): string {
  return numbered("output", number, "staged");
}

function numbered(kind: string, number: number, extension: string): string {
  return `${kind}-${String(number).padStart(5, "0")}.${extension}`;
}

/** Begins a job: its plan is durable when this returns. The directory must hold no other (see claimDestination). */
export async function createJob<Plan extends JobPlan, Flags = unknown, OutputFlags = unknown>(
  lock: JobLock,
  plan: Plan,
): Promise<Job<Plan, Flags, OutputFlags>> {
  lock.assertHeld();
  await writeDurably(join(lock.directory, PLAN_NAME), toJson(plan));
  faultPoint("plan-written");
  return new Job(lock, plan);
}

/** The plan of a job without its lock, to look at; undefined where there is none. */
export async function openPlan<Plan extends JobPlan>(path: string): Promise<Plan | undefined> {
  const plan = await readJson(path);
  if (plan === undefined) return undefined;
  if (typeof plan.job !== "string" || !Array.isArray(plan.ranges)) throw garbled(path, "it is no plan of a job");
  return plan as unknown as Plan;
}

/**
 * Reads a job that was begun before; undefined where there is none. What this module owns is validated; the plan's
 * other members and the flags are as the operation wrote them, which must check their version itself.
 */
export async function openJob<Plan extends JobPlan, Flags = unknown, OutputFlags = unknown>(
  lock: JobLock,
): Promise<Job<Plan, Flags, OutputFlags> | undefined> {
  const plan = await openPlan<Plan>(join(lock.directory, PLAN_NAME));
  if (plan === undefined) return undefined;
  const records: SegmentRecord<Flags>[] = [];
  const outputs: OutputRecord<OutputFlags>[] = [];
  for (const name of await listNames(lock.directory)) {
    const match = RECORD.exec(name);
    if (match === null) continue;
    const path = join(lock.directory, name);
    const content = await readJson(path);
    if (content === undefined) throw garbled(path, "it disappeared");
    if (match[1] === "record") records.push(checkSegment<Flags>(content, Number(match[2]), plan.ranges.length, path));
    else outputs.push(checkOutput<OutputFlags>(content, Number(match[2]), path));
  }
  // Names sort as numbers only up to five digits.
  records.sort((a, b) => a.segment - b.segment);
  outputs.sort((a, b) => a.output - b.output);
  leafStates(plan.ranges.length, records);
  return new Job(lock, plan, records, outputs);
}

/** How far each range has been recorded. Asserts that the stretches of each range form one chain from its beginning. */
export function leafStates(ranges: number, records: readonly SegmentRecord[]): Leaf[] {
  const leaves: Leaf[] = Array.from({ length: ranges }, (_, range) => ({ range, done: false, at: null }));
  for (const { segment, stretches } of records) {
    for (const { range, from, to } of stretches) {
      const leaf = leaves[range];
      assert(leaf !== undefined, `segment ${segment} holds range ${range} of a plan with ${ranges}`);
      assert(!leaf.done && leaf.at === from, `segment ${segment} goes on with range ${range} where it was left`);
      leaves[range] = { range, done: to === null, at: to };
    }
  }
  return leaves;
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 1)}\n`;
}

type JsonObject = { readonly [key: string]: unknown };

/** The object in a state file; undefined where there is no file. Anything else is an error that names the file. */
export async function readJson(path: string): Promise<JsonObject | undefined> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw garbled(path, messageOf(error), error);
  }
  if (!isObject(value)) throw garbled(path, "it holds no object");
  return value;
}

/** State files are written whole or not at all, so this is damage, not an interrupted write. */
export function garbled(path: string, why: string, cause?: unknown): DataError {
  return new DataError(`${path} is damaged: ${why}`, {
    hint: `begin again with --restart; if that fails too, remove ${dirname(path)}`,
    cause,
  });
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isState(value: unknown): boolean {
  return value === null || (typeof value === "string" && /^([0-9a-f]{2})+$/.test(value));
}

function isTime(value: unknown): boolean {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}

function isFileRecord({ file, rows, bytes }: JsonObject): boolean {
  return typeof file === "string" && DATA_FILE.test(file) && isCount(rows) && isCount(bytes);
}

function checkSegment<Flags>(found: JsonObject, number: number, ranges: number, path: string): SegmentRecord<Flags> {
  const { segment, stretches, readFrom, readTo } = found;
  const sound =
    segment === number &&
    isFileRecord(found) &&
    isTime(readFrom) &&
    isTime(readTo) &&
    "flags" in found &&
    Array.isArray(stretches) &&
    stretches.every((s) => isObject(s) && isCount(s.range) && s.range < ranges && isState(s.from) && isState(s.to));
  if (!sound) throw garbled(path, `it is no record of segment ${number}`);
  return found as unknown as SegmentRecord<Flags>;
}

function checkOutput<Flags>(found: JsonObject, number: number, path: string): OutputRecord<Flags> {
  const { files } = found;
  const sound =
    found.output === number &&
    Array.isArray(files) &&
    files.every((file) => isObject(file) && isFileRecord(file) && "flags" in file);
  if (!sound) throw garbled(path, `it is no record of output ${number}`);
  return found as unknown as OutputRecord<Flags>;
}
