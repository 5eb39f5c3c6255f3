/*
 * Owns what may stand at a destination before a job begins there, and claiming it: the checks, the directories, the
 * lock, and dropping what --restart drops. What is then done there is the job's business.
 */
import { basename, dirname, join } from "node:path";
import { StorageError, UsageError } from "../base/errors.ts";
import { errorCode } from "../base/filefailure.ts";
import { fileSize, listBelow, listNames, makeDirectory, statusOf, within } from "../storage/local.ts";
import { DONE_NAME, INTENT_NAME, isJobFile, MANIFEST_NAME, PLAN_NAME } from "./job.ts";
import { acquireLock, type JobLock } from "./lock.ts";
import { clearJob, dropJob, type FileToReplace, type Layout, type Manifest, readManifest } from "./publish.ts";

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
  | { readonly state: "wrong-kind"; readonly found: "file" | "directory" | "other" };

/** What a job may do with what an export before it published at its destination. */
export type Onto = "nothing" | "overwrite" | "append";

export interface ClaimOptions {
  /** Drop an unfinished job that is there. */
  readonly restart: boolean;
  /**
   * The caller wants to go on. With a job that just ended there is nothing to do, and it isn't done once more; nor are rows
   * added to what is published, since this may be the command of a job that ended long ago.
   */
  readonly resume?: boolean;
  /** "nothing" where it is absent: what is published already refuses the job. */
  readonly onto?: Onto;
  /** Parquet files where it is absent. */
  readonly outputs?: Outputs;
}

/** What a job is going to publish at its destination. */
export interface Outputs {
  /** Whether a reader of the directory would take a file of this name, relative to it, for a part. */
  readonly isPart: (name: string) => boolean;
  /** Files besides the rows' own, relative to the destination's root. */
  readonly beside: readonly string[];
}

const PARQUET: Outputs = { isPart: (name) => /\.parquet$/i.test(name), beside: [] };

const MAX_ROUNDS = 10;
const UNWRITABLE = ["EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR", "EEXIST", "ENAMETOOLONG", "ELOOP"];

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
 * Takes the destination for a new job: when this returns nothing stands there but what the job may do something with,
 * the job directory exists, holds only the lock (and the manifest of what is published), and is ours until the lock's
 * release. What can't be taken is a UsageError, and nothing was changed.
 */
export async function claimDestination(
  destination: string,
  layout: Layout,
  { restart, resume = false, onto = "nothing", outputs = PARQUET }: ClaimOptions,
): Promise<JobLock> {
  try {
    const directory = jobDirectoryOf(destination, layout);
    const before = await inspectDestination(destination, layout);
    // Without anything of a job there is no need for the lock, which would be a file written for a refused command.
    if (!(await hasLeftovers(directory))) await admit(destination, layout, before, { resume, onto, outputs });
    if (layout === "file") await checkParent(destination);
    const lock = await lockDirectory(directory);
    try {
      const { state } = await inspectDestination(destination, layout);
      const ended = (await listNames(directory)).includes(DONE_NAME);
      if (state !== "unfinished-job") await clearJob(directory);
      else if (restart) await dropJob(lock);
      const again = ended && resume && onto === "overwrite";
      const claim = { resume, onto: again ? ("nothing" as const) : onto, outputs };
      await admit(destination, layout, await inspectDestination(destination, layout), claim);
      return lock;
    } catch (error) {
      await lock.release();
      throw error;
    }
  } catch (error) {
    throw asUsage(error);
  }
}

/**
 * Whether a job could begin, or go on, at a destination. Looks, and changes nothing.
 * @throws UsageError as claimDestination does
 */
export async function checkDestination(
  destination: string,
  layout: Layout,
  { restart, resume = false, onto = "nothing", outputs = PARQUET }: ClaimOptions,
): Promise<void> {
  const found = await inspectDestination(destination, layout);
  if (found.state === "unfinished-job" && (restart || resume)) return;
  await admit(destination, layout, found, { resume, onto, outputs });
  if (layout === "file") await checkParent(destination);
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

/** Removes what a job that ended has left of itself: its process died while it tidied up. Another job's is not touched. */
export async function clearEnded(destination: string, layout: Layout): Promise<void> {
  const directory = jobDirectoryOf(destination, layout);
  if (!(await hasLeftovers(directory))) return;
  const lock = await lockDirectory(directory);
  try {
    if ((await inspectDestination(destination, layout)).state !== "unfinished-job") await clearJob(directory);
  } finally {
    await lock.release();
  }
}

async function hasLeftovers(directory: string): Promise<boolean> {
  return (await listNames(directory)).some((name) => name !== MANIFEST_NAME && isJobFile(name));
}

/** Files that stand at a destination when a job begins or publishes, by whose they are. */
export interface Standing {
  /** Of a directory that was published. */
  readonly manifest: Manifest | undefined;
  /** There, and of the size that the manifest says; for one file: whatever stands there and beside it. */
  readonly ours: readonly FileToReplace[];
  /** Listed by the manifest, but not there. */
  readonly missing: readonly string[];
  /** Files like those of the job that no manifest lists, or that are no longer what it lists. */
  readonly foreign: readonly string[];
}

/** Looks at the files of a destination and changes nothing. */
export async function standingAt(destination: string, layout: Layout, outputs = PARQUET): Promise<Standing> {
  const path = withoutSlash(destination);
  if (layout === "file") {
    const ours: FileToReplace[] = [];
    for (const name of [basename(path), ...outputs.beside]) {
      const bytes = await fileSize(join(dirname(path), name));
      if (bytes !== undefined) ours.push({ path: name, bytes });
    }
    return { manifest: undefined, ours, missing: [], foreign: [] };
  }
  const directory = jobDirectoryOf(path, layout);
  const manifest = await readManifest(join(directory, MANIFEST_NAME));
  const ours: FileToReplace[] = [];
  const missing: string[] = [];
  for (const file of manifest?.files ?? []) {
    const bytes = await fileSize(within(path, file.path));
    if (bytes === undefined) missing.push(file.path);
    else if (bytes === file.bytes) ours.push({ path: file.path, bytes });
  }
  const known = new Set(ours.map((file) => file.path));
  const below = (await statusOf(path)) === undefined ? [] : await listBelow(path);
  const foreign = below.filter(
    (name) =>
      (outputs.isPart(name) || outputs.beside.includes(name)) &&
      !known.has(name) &&
      !name.startsWith(`${basename(directory)}/`),
  );
  return { manifest, ours, missing, foreign };
}

async function checkParent(destination: string): Promise<void> {
  const parent = dirname(withoutSlash(destination));
  const found = await statusOf(parent);
  if (found?.kind === "directory") return;
  if (found !== undefined) throw new UsageError(`${parent} is not a directory`);
  throw new UsageError(`the directory ${parent} does not exist`, { hint: `make it: mkdir -p ${parent}` });
}

/** Makes the job directory where it is missing, and takes its lock. @throws UsageError where another process holds it */
export async function lockDirectory(directory: string): Promise<JobLock> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    await makeDirectory(directory);
    const lock = await acquireLock(directory);
    if (lock !== undefined) return lock; // else a job that just ended took its directory along
  }
  throw new UsageError(`several processes are trying to work in ${directory} at once`);
}

/** A place that can't be written to is a wrong destination: nothing was begun. */
function asUsage(error: unknown): unknown {
  const code = errorCode(error) ?? "";
  if (!(error instanceof StorageError) || !UNWRITABLE.includes(code)) return error;
  const nowhere =
    code === "ENOENT" ? "a part of the path is a link that leads nowhere, or was just removed" : undefined;
  return new UsageError(error.message, { hint: error.hint ?? nowhere, cause: error });
}

/** @throws UsageError where a job that treats what is published like that can't begin */
async function admit(
  destination: string,
  layout: Layout,
  found: DestinationState,
  { resume, onto, outputs }: Required<Pick<ClaimOptions, "resume" | "onto" | "outputs">>,
): Promise<void> {
  const replaces = onto === "overwrite" && ["published", "file-exists", "foreign-files"].includes(found.state);
  const adds = onto === "append" && found.state === "published";
  if (!replaces && !adds) refuse(destination, found);
  if (adds && resume) throw nothingUnfinished(destination);
  if (layout === "file" && onto === "nothing" && found.state === "absent") {
    const [beside] = (await standingAt(destination, layout, outputs)).ours;
    if (beside) refuse(join(dirname(withoutSlash(destination)), beside.path), { state: "file-exists" });
  }
  if (layout === "file" || onto === "nothing") return;
  const { missing, foreign } = await standingAt(destination, layout, outputs);
  if (foreign.length > 0) {
    throw new UsageError(`${destination} holds files that no export wrote there: ${someOf(foreign)}`, {
      hint: "nothing was touched; move them away, or choose another destination",
    });
  }
  if (adds && missing.length > 0) {
    throw new UsageError(`${destination} lacks files of the export that it holds: ${someOf(missing)}`, {
      hint: "--overwrite replaces what is left of it",
    });
  }
}

/** What to say where rows would be added once more. */
export function nothingUnfinished(destination: string): UsageError {
  return new UsageError(`nothing in ${destination} is unfinished: there is nothing to go on with`, {
    hint: "--append without --resume adds to what is there",
  });
}

function someOf(names: readonly string[]): string {
  return names.slice(0, 3).join(", ") + (names.length > 3 ? `, … (${names.length})` : "");
}

const KINDS = { file: "a file", directory: "a directory", other: "neither a file nor a directory" } as const;

function filesOf({ files }: { readonly files: number }): string {
  return files === 1 ? "1 file" : `${files} files`;
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
      throw new UsageError(`${destination} holds an export of ${filesOf(found)}, finished ${found.at}`, {
        hint: "--overwrite replaces it, --append adds to it; or choose another destination",
      });
    case "file-exists":
      throw new UsageError(`${destination} exists already`, {
        hint: "--overwrite replaces it; or choose another name",
      });
    case "foreign-files":
      throw new UsageError(`${destination} is not empty: ${someOf(found.names)}`, {
        hint: "choose a new or empty directory",
      });
    case "wrong-kind":
      throw new UsageError(`${destination} is ${KINDS[found.found]}`, {
        hint: "a name that ends as those of data files do (.parquet, .csv) is one file, any other a directory of files",
      });
  }
}
