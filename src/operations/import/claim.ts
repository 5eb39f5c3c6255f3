/*
 * Owns taking the job directory of an import: whose unfinished job is there, and whether this import goes on with it,
 * drops it, or is kept out by it. What must be as it was when a job began is in job.ts.
 */
import { join } from "node:path";
import { DataError, UsageError } from "../../base/errors.ts";
import type { TableSchema } from "../../cassandra/schema.ts";
import { qualifiedName } from "../../cassandra/statements.ts";
import { DONE_NAME, openJob, openPlan, PLAN_NAME } from "../../jobs/job.ts";
import { acquireLock, type JobLock } from "../../jobs/lock.ts";
import { clearJob } from "../../jobs/publish.ts";
import { listNames, makeDirectory, removeEmptyDirectory } from "../../storage/local.ts";
import { type SourceFile, STDIN } from "./files.ts";
import {
  checkImportUnchanged,
  type ImportFlags,
  type ImportJob,
  type ImportJobPlan,
  importDirectory,
  sourcesOf,
} from "./job.ts";
import type { ImportOptions } from "./options.ts";
import { doubtfulRows } from "./running.ts";
import { hasCounters } from "./statements.ts";

/** A job directory that this process holds the lock of. */
export interface Claim {
  readonly lock: JobLock;
  /** The job that is gone on with. */
  readonly begun: ImportJob | undefined;
}

/**
 * Takes the import's job directory.
 * @throws UsageError where the job of another is in it, or an unfinished import that nobody said what to do with, or one
 * that can't be gone on with
 */
export async function claimJob(
  options: ImportOptions,
  schema: TableSchema,
  files: readonly SourceFile[],
): Promise<Claim> {
  const directory = importDirectory(options, schema);
  await makeDirectory(directory);
  const lock = await acquireLock(directory);
  if (!lock) throw new UsageError(`several processes are trying to work in ${directory} at once`);
  try {
    await makeRoom(directory, options, schema);
    const begun = await openJob<ImportJobPlan, ImportFlags>(lock);
    if (begun) checkGoingOn(begun, options, schema, files);
    return { lock, begun };
  } catch (error) {
    await leave(lock);
    throw error;
  }
}

/** Gives the directory back; it goes where nothing is left in it. */
export async function leave(lock: JobLock): Promise<void> {
  await lock.release();
  await removeEmptyDirectory(lock.directory);
}

/** What came through stdin can't be read again. */
export function isStreamed({ sources }: ImportOptions): boolean {
  return sources.includes(STDIN);
}

/** Drops what is there, where it is done, to be forgotten, or of no use. */
async function makeRoom(directory: string, options: ImportOptions, schema: TableSchema): Promise<void> {
  const isDone = (await listNames(directory)).includes(DONE_NAME);
  const plan = isDone ? undefined : await planIn(directory, options);
  if (plan && plan.kind !== "import") {
    throw new UsageError(`${directory} holds a job that is no import, and is not finished`, {
      hint: "name another directory: --job-dir",
    });
  }
  if (isDone || options.restart) return clearJob(directory);
  if (!plan) return;
  const isOther =
    plan.destination !== qualifiedName(schema) ||
    JSON.stringify(plan.options.sources) !== JSON.stringify(sourcesOf(options));
  if (isOther) {
    const what = `${plan.options.sources.join(" ")} into ${plan.destination}`;
    throw new UsageError(`${directory} holds another import that is not finished: ${what}`, {
      hint: "name another directory: --job-dir; or say --restart to forget how far that one came",
    });
  }
  if (isStreamed(options)) return clearJob(directory);
  if (options.resume) return;
  throw new UsageError(`an import of this source into ${qualifiedName(schema)} was not finished`, {
    hint: "--resume goes on with it; --restart forgets how far it came, and begins again",
  });
}

async function planIn(directory: string, { restart }: ImportOptions): Promise<ImportJobPlan | undefined> {
  try {
    return await openPlan<ImportJobPlan>(join(directory, PLAN_NAME));
  } catch (error) {
    // What can't be read is forgotten like the rest.
    if (restart && error instanceof DataError) return undefined;
    throw error;
  }
}

function checkGoingOn(job: ImportJob, options: ImportOptions, schema: TableSchema, files: readonly SourceFile[]): void {
  checkImportUnchanged(job.plan, options, schema, files);
  if (!hasCounters(schema)) return;
  throw new UsageError(
    `an import of counters can't be gone on with: nobody knows which of ${doubtfulRows(job)} were added already`,
    { hint: "compare these rows with the table; then --restart with --skip-rows goes on behind those that are there" },
  );
}
