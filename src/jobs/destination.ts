/*
 * Owns what may stand at a destination before a job begins there, and claiming it: the checks, the directories, the
 * lock, and dropping what --restart drops. What is then done there is the job's business.
 */
import { basename, dirname, join } from "node:path";
import { StorageError, UsageError } from "../base/errors.ts";
import { errorCode } from "../base/filefailure.ts";
import { listNames, makeDirectory, statusOf } from "../storage/local.ts";
import { DONE_NAME, INTENT_NAME, isJobFile, MANIFEST_NAME, PLAN_NAME } from "./job.ts";
import { acquireLock, type JobLock } from "./lock.ts";
import { clearJob, dropJob, type Layout, readManifest } from "./publish.ts";

export type DestinationState =
  | { readonly state: "absent" }
  /** A directory without files; in it may be a job directory without a job. */
  | { readonly state: "empty" }
  | { readonly state: "unfinished-job"; readonly publishing: boolean }
  /** A directory that an export finished. */
  | { readonly state: "published"; readonly files: number; readonly at: string }
  /** One file is to be written where one stands. */
  | { readonly state: "file-exists" }
  | { readonly state: "foreign-files"; readonly names: readonly string[] }
  /** A directory where a file is to be, or the other way round. */
  | { readonly state: "wrong-kind"; readonly found: string };

const MAX_ROUNDS = 10;
const UNWRITABLE = ["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "ENAMETOOLONG", "ELOOP"];

/** Where the job of a destination keeps its state. */
export function jobDirectoryOf(destination: string, layout: Layout): string {
  const path = withoutSlash(destination);
  return layout === "file" ? `${path}._cqlduck` : join(path, "_cqlduck");
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") || "/" : path;
}

/** Looks at a destination and changes nothing. */
export async function inspectDestination(destination: string, layout: Layout): Promise<DestinationState> {
  const path = withoutSlash(destination);
  const directory = jobDirectoryOf(path, layout);
  const state = await listNames(directory);
  if (!state.includes(DONE_NAME) && (state.includes(PLAN_NAME) || state.includes(INTENT_NAME))) {
    return { state: "unfinished-job", publishing: state.includes(INTENT_NAME) };
  }
  const found = await statusOf(path);
  if (found === undefined) return { state: "absent" };
  if (layout === "file")
    return found.kind === "file" ? { state: "file-exists" } : { state: "wrong-kind", found: found.kind };
  if (found.kind !== "directory") return { state: "wrong-kind", found: found.kind };
  const manifest = await readManifest(join(directory, MANIFEST_NAME));
  if (manifest !== undefined) return { state: "published", files: manifest.files.length, at: manifest.at };
  const names = (await listNames(path)).filter((name) => name !== basename(directory));
  return names.length > 0 ? { state: "foreign-files", names } : { state: "empty" };
}

/**
 * Takes the destination for a new job: when this returns nothing stands there, the job directory exists, holds only
 * the lock, and is ours until the lock's release. What can't be taken is a UsageError, and nothing was changed.
 */
export async function claimDestination(
  destination: string,
  layout: Layout,
  options: { readonly restart: boolean },
): Promise<JobLock> {
  try {
    const directory = jobDirectoryOf(destination, layout);
    const before = await inspectDestination(destination, layout);
    const leftovers = (await listNames(directory)).some((name) => name !== MANIFEST_NAME && isJobFile(name));
    // Without anything of a job there is no need for the lock, which would be a file written for a refused command.
    if (!leftovers) refuse(destination, before);
    if (layout === "file") await checkParent(destination);
    const lock = await lockDirectory(directory);
    try {
      const { state } = await inspectDestination(destination, layout);
      if (state !== "unfinished-job") await clearJob(directory);
      else if (options.restart) await dropJob(lock);
      refuse(destination, await inspectDestination(destination, layout));
      return lock;
    } catch (error) {
      await lock.release();
      throw error;
    }
  } catch (error) {
    throw asUsage(error);
  }
}

/** An unfinished job that this process may go on with. */
export interface Unfinished {
  readonly lock: JobLock;
  /** All is read, and its files were on their way to their places. */
  readonly publishing: boolean;
}

/** Takes the unfinished job at a destination, to go on with it; undefined where there is none. */
export async function claimUnfinished(destination: string, layout: Layout): Promise<Unfinished | undefined> {
  if ((await inspectDestination(destination, layout)).state !== "unfinished-job") return undefined;
  const lock = await lockDirectory(jobDirectoryOf(destination, layout));
  try {
    // Its last holder may have finished it meanwhile.
    const found = await inspectDestination(destination, layout);
    if (found.state === "unfinished-job") return { lock, publishing: found.publishing };
  } catch (error) {
    await lock.release();
    throw error;
  }
  await lock.release();
  return undefined;
}

async function checkParent(destination: string): Promise<void> {
  const parent = dirname(withoutSlash(destination));
  const found = await statusOf(parent);
  if (found?.kind === "directory") return;
  if (found !== undefined) throw new UsageError(`${parent} is not a directory`);
  throw new UsageError(`the directory ${parent} does not exist`, { hint: `make it: mkdir -p ${parent}` });
}

async function lockDirectory(directory: string): Promise<JobLock> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    await makeDirectory(directory);
    const lock = await acquireLock(directory);
    if (lock !== undefined) return lock; // else a job that just ended took its directory along
  }
  throw new UsageError(`several processes are trying to work in ${directory} at once`);
}

/** A place that can't be written to is a wrong destination: nothing was begun. */
function asUsage(error: unknown): unknown {
  if (!(error instanceof StorageError) || !UNWRITABLE.includes(errorCode(error) ?? "")) return error;
  return new UsageError(error.message, { hint: error.hint, cause: error });
}

function refuse(destination: string, found: DestinationState): void {
  switch (found.state) {
    case "absent":
    case "empty":
      return;
    case "unfinished-job":
      throw new UsageError(`${destination} holds an unfinished job`, {
        hint: "--resume goes on with it; --restart drops it, with all it has read, and begins again",
      });
    case "published":
      throw new UsageError(`${destination} holds an export of ${found.files} files, finished ${found.at}`, {
        hint: "choose another destination, or remove this one first",
      });
    case "file-exists":
      throw new UsageError(`${destination} exists already`, { hint: "choose another name, or remove the file first" });
    case "foreign-files": {
      const { names } = found;
      const shown = names.slice(0, 3).join(", ") + (names.length > 3 ? `, … (${names.length})` : "");
      throw new UsageError(`${destination} is not empty: ${shown}`, { hint: "choose a new or empty directory" });
    }
    case "wrong-kind":
      throw new UsageError(`${destination} is a ${found.found}`, {
        hint: "a name that ends in .parquet is one file, any other a directory of files",
      });
  }
}
