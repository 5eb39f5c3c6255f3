/*
 * Owns the index of jobs: a small file each in the user's state directory that says where the job's own directory is.
 * Only a way to find jobs; what they are is in their directories, and a job without an entry works as well.
 */
import { join, resolve } from "node:path";
import { listNames, makeDirectory, readText, removeFile, writeDurably } from "../storage/local.ts";
import { DONE_NAME, isObject, PLAN_NAME, readJson } from "./job.ts";
import { isLocked } from "./lock.ts";

export interface JobEntry {
  readonly job: string;
  readonly kind: "export" | "import";
  /** What is read: `ks.table`, or paths. */
  readonly source: string;
  /** What is written: an absolute path, or `ks.table`. */
  readonly destination: string;
  /** Where the job keeps its state. */
  readonly directory: string;
  /** ISO time. */
  readonly startedAt: string;
}

export interface JobStatus extends JobEntry {
  readonly state: "running" | "unfinished";
  /** Durable so far. */
  readonly rows: number;
  readonly segments: number;
}

function entryPath(directory: string, job: string): string {
  return join(directory, `${job}.json`);
}

/** Makes a job known, wherever one asks from. `directory` is the index's. */
export async function register(directory: string, entry: JobEntry): Promise<void> {
  const found = { ...entry, directory: resolve(entry.directory) };
  await makeDirectory(directory);
  await writeDurably(entryPath(directory, entry.job), `${JSON.stringify(found)}\n`);
}

export async function unregister(directory: string, job: string): Promise<void> {
  await removeFile(entryPath(directory, job));
}

/** The unfinished jobs, the newest last. Entries whose job is gone or done are removed. */
export async function listJobs(directory: string): Promise<JobStatus[]> {
  const found: JobStatus[] = [];
  for (const name of (await listNames(directory)).sort()) {
    if (!name.endsWith(".json")) continue;
    const entry = await readEntry(join(directory, name));
    const status = entry && (await statusOfJob(entry));
    if (status) found.push(status);
    else await removeFile(join(directory, name));
  }
  return found;
}

async function readEntry(path: string): Promise<JobEntry | undefined> {
  const text = await readText(path);
  const entry: unknown = text === undefined ? undefined : JSON.parse(text);
  return isObject(entry) && typeof entry.directory === "string" ? (entry as unknown as JobEntry) : undefined;
}

async function statusOfJob(entry: JobEntry): Promise<JobStatus | undefined> {
  const { directory, job } = entry;
  if ((await listNames(directory)).includes(DONE_NAME)) return undefined;
  const plan = await readJson(join(directory, PLAN_NAME));
  // It is made known just before its plan is written.
  if (plan === undefined && (await isLocked(directory))) return { ...entry, state: "running", rows: 0, segments: 0 };
  if (plan?.job !== job) return undefined;
  const records = (await listNames(directory)).filter((name) => /^record-\d+\.json$/.test(name));
  let rows = 0;
  for (const name of records) rows += Number((await readJson(join(directory, name)))?.rows ?? 0);
  const state = (await isLocked(directory)) ? "running" : "unfinished";
  return { ...entry, state, rows, segments: records.length };
}
