/*
 * Owns the end of a job: an intent that lists every rename and deletion to come, and carrying it out, which after a
 * crash at any point goes on forward to the same result. What the files hold is not its business.
 */
import { dirname, join } from "node:path";
import { assert, StorageError } from "../base/errors.ts";
import {
  fileSize,
  fsyncDirectory,
  listNames,
  makeDirectory,
  removeEmptyDirectory,
  removeFile,
  removeTree,
  rename,
  statusOf,
  within,
  writeDurably,
} from "../storage/local.ts";
import type { OutputFile } from "./events.ts";
import { faultPoint } from "./faults.ts";
import {
  DONE_NAME,
  garbled,
  INTENT_NAME,
  isCount,
  isJobFile,
  isObject,
  type Job,
  MANIFEST_NAME,
  PLAN_NAME,
  readJson,
} from "./job.ts";
import { type JobLock, LOCK_NAME } from "./lock.ts";

/** Whether the destination is one file or a directory of parts. */
export type Layout = "file" | "directory";

/** A durable file of the job directory, and the name it gets: relative to the destination's root, with `/`. */
export interface FileToPublish {
  readonly from: string;
  readonly to: string;
  readonly rows: number;
  readonly bytes: number;
  /** As in OutputFile. */
  readonly sidecar?: true | undefined;
  /** The values that its path stands for, where rows are partitioned. */
  readonly partition?: Readonly<Record<string, string | null>> | undefined;
}

/** A file that is there already and gives way; one of another size by then is somebody else's. */
export interface FileToReplace {
  readonly path: string;
  readonly bytes: number;
}

interface Intent {
  readonly job: string;
  readonly layout: Layout;
  readonly at: string;
  readonly renames: readonly FileToPublish[];
  readonly replaced: readonly FileToReplace[];
  /** What is published there already and stays, under a publication that adds to it. */
  readonly kept?: Manifest | undefined;
}

/** What `_cqlduck/manifest.json` of a published directory says. Paths are relative to the directory. */
export interface Manifest {
  readonly job: string;
  readonly at: string;
  readonly files: readonly OutputFile[];
}

const SUCCESS_NAME = "_SUCCESS";

/** The directory that names in an intent are relative to. */
function rootOf(jobDirectory: string): string {
  return dirname(jobDirectory);
}

/**
 * Publishes the files: writes the intent and carries it out. Afterwards nothing is left of the job but, for a
 * directory, its manifest, which also lists the files that are `kept`. Nothing happens to `replace`d files before every
 * new one is in its place, but for those of the same name. Returns the new files.
 */
export async function publish(
  job: Job,
  layout: Layout,
  files: readonly FileToPublish[],
  replace: readonly FileToReplace[] = [],
  kept?: Manifest,
): Promise<OutputFile[]> {
  const { directory, lock } = job;
  const root = rootOf(directory);
  assert(new Set(files.map((file) => file.to)).size === files.length, "published files have names of their own");
  const replaceable = new Set(replace.map((file) => file.path));
  for (const { from, to, bytes } of files) {
    const found = await fileSize(within(directory, from));
    if (found !== bytes) throw wrongSize(join(directory, from), found, bytes);
    if (!replaceable.has(to) && (await fileSize(within(root, to))) !== undefined) throw inTheWay(within(root, to));
  }
  const at = new Date().toISOString();
  const intent: Intent = { job: job.plan.job, layout, at, renames: files, replaced: replace, kept };
  lock.assertHeld();
  await writeDurably(join(directory, INTENT_NAME), JSON.stringify(intent));
  faultPoint("intent-written");
  return carryOut(lock);
}

/** Goes on with a publication from wherever it is, to its end. The job must have an intent or be done. */
export async function carryOut(lock: JobLock): Promise<OutputFile[]> {
  const { directory } = lock;
  const root = rootOf(directory);
  let done = await readManifest(join(directory, DONE_NAME));
  if (done === undefined) {
    lock.assertHeld();
    const intent = await readIntent(directory);
    assert(intent !== undefined, `${directory} has an intent`);
    await moveIntoPlace(intent, directory, root);
    await deleteReplaced(intent, root);
    const files = intent.renames.map(({ to, rows, bytes, sidecar }) => ({ path: to, rows, bytes, sidecar }));
    done = { job: intent.job, at: intent.at, files };
    if (intent.layout === "directory") {
      await writeDurably(join(root, SUCCESS_NAME), "");
      faultPoint("success-written");
      const manifest: Manifest = { ...done, files: [...(intent.kept?.files ?? []), ...files] };
      await writeDurably(join(directory, MANIFEST_NAME), JSON.stringify(manifest, null, 1));
      faultPoint("manifest-written");
    }
    await writeDurably(join(directory, DONE_NAME), JSON.stringify(done));
    faultPoint("done-written");
  }
  await clearJob(directory);
  return done.files.map((file) => ({ ...file, path: within(root, file.path) }));
}

async function moveIntoPlace(intent: Intent, directory: string, root: string): Promise<void> {
  const replaceable = new Map(intent.replaced.map((file) => [file.path, file.bytes]));
  const touched = new Set<string>();
  let stale = intent.layout === "directory";
  for (const { from, to, bytes } of intent.renames) {
    const source = within(directory, from);
    const target = within(root, to);
    const [there, present] = [await fileSize(source), await fileSize(target)];
    touched.add(dirname(target));
    if (there === undefined && present === bytes) continue;
    if (there === undefined) throw lost(source, target);
    if (there !== bytes) throw wrongSize(source, there, bytes);
    if (present !== undefined && replaceable.get(to) !== present) throw inTheWay(target);
    if (stale) {
      // A publication that is replaced stops being complete with the first file that changes.
      if (await removeFile(join(root, SUCCESS_NAME))) await fsyncDirectory(root);
      stale = false;
    }
    await makeDirectory(dirname(target));
    await rename(source, target);
    faultPoint("renamed");
  }
  for (const path of touched) await fsyncDirectory(path);
  await fsyncDirectory(directory);
  faultPoint("renames-durable");
}

async function deleteReplaced(intent: Intent, root: string): Promise<void> {
  const kept = new Set(intent.renames.map((file) => file.to));
  const touched = new Set<string>();
  for (const { path, bytes } of intent.replaced) {
    const target = within(root, path);
    if (kept.has(path)) continue;
    const found = await fileSize(target);
    // Another size than it had: somebody put a file of their own there, which is not ours to delete.
    if (found !== undefined && found !== bytes) continue;
    // Gone already: a process before this one may not have come to its directory.
    touched.add(dirname(path));
    if (await removeFile(target)) faultPoint("deleted");
  }
  for (const parent of touched) {
    const left = await removeEmptied(root, `${parent}/_`);
    await fsyncDirectory(left === "." ? root : within(root, left));
  }
}

/** Removes the directories above a file that is gone, up to the first that still holds something, which is returned. */
async function removeEmptied(root: string, path: string): Promise<string> {
  for (let parent = dirname(path); parent !== "."; parent = dirname(parent)) {
    const directory = within(root, parent);
    if (!(await removeEmptyDirectory(directory)) && (await statusOf(directory))) return parent;
  }
  return ".";
}

/**
 * Removes a job and what it has published so far, so that another can begin in its place. Files that a publication
 * has already replaced don't come back.
 */
export async function dropJob(lock: JobLock): Promise<void> {
  const { directory } = lock;
  const root = rootOf(directory);
  lock.assertHeld();
  const intent = await readIntent(directory);
  if (intent !== undefined) {
    await takeBack(intent, directory, root);
    // Before any source goes: an intent takes a source that is gone for one that was moved.
    await removeFile(join(directory, INTENT_NAME));
    await fsyncDirectory(directory);
  }
  await clearJob(directory);
}

/** Removes the files that are in their places already. What they were added to is complete again afterwards. */
async function takeBack({ job, layout, renames, kept }: Intent, directory: string, root: string): Promise<void> {
  const moved: FileToPublish[] = [];
  for (const file of renames) {
    const there = await fileSize(within(directory, file.from));
    if (there === undefined && (await fileSize(within(root, file.to))) === file.bytes) moved.push(file);
  }
  // Without a file in its place nothing is changed: what stood there before is as complete as it was.
  if (layout === "directory" && moved.length > 0) await removeFile(join(root, SUCCESS_NAME));
  const manifestPath = join(directory, MANIFEST_NAME);
  if ((await readManifest(manifestPath))?.job === job) {
    if (kept === undefined) await removeFile(manifestPath);
    else await writeDurably(manifestPath, JSON.stringify(kept, null, 1));
  }
  for (const { to } of moved) {
    await removeFile(within(root, to));
    await removeEmptied(root, to);
  }
  if (kept !== undefined) await writeDurably(join(root, SUCCESS_NAME), "");
  await fsyncDirectory(root);
}

/** Removes what a job left, all but its lock and the manifest. What says that a job is here goes last. */
export async function clearJob(directory: string): Promise<void> {
  const names = (await listNames(directory)).filter(
    (name) => isJobFile(name) && name !== LOCK_NAME && name !== MANIFEST_NAME,
  );
  const last = [INTENT_NAME, PLAN_NAME, DONE_NAME];
  for (const name of names.sort((a, b) => last.indexOf(a) - last.indexOf(b))) {
    if (last.includes(name)) await fsyncDirectory(directory);
    await removeTree(join(directory, name));
    faultPoint("cleared");
  }
  await fsyncDirectory(directory);
}

/** The manifest at a path; undefined where there is none. */
export async function readManifest(path: string): Promise<Manifest | undefined> {
  const found = await readJson(path);
  if (found === undefined) return undefined;
  if (!isManifest(found)) throw garbled(path, "it is no list of published files");
  return found as unknown as Manifest;
}

function isManifest(found: unknown): boolean {
  return (
    isObject(found) &&
    typeof found.job === "string" &&
    typeof found.at === "string" &&
    Array.isArray(found.files) &&
    found.files.every((f) => isObject(f) && typeof f.path === "string" && isCount(f.rows) && isCount(f.bytes))
  );
}

async function readIntent(directory: string): Promise<Intent | undefined> {
  const path = join(directory, INTENT_NAME);
  const found = await readJson(path);
  if (found === undefined) return undefined;
  const { job, layout, at, renames, replaced, kept } = found;
  const sound =
    typeof job === "string" &&
    (layout === "file" || layout === "directory") &&
    typeof at === "string" &&
    Array.isArray(renames) &&
    renames.every(
      (f) => isObject(f) && [f.from, f.to].every((n) => typeof n === "string") && isCount(f.rows) && isCount(f.bytes),
    ) &&
    Array.isArray(replaced) &&
    replaced.every((f) => isObject(f) && typeof f.path === "string" && isCount(f.bytes)) &&
    (kept === undefined || isManifest(kept));
  if (!sound) throw garbled(path, "it is no intent of a publication");
  return found as unknown as Intent;
}

function wrongSize(path: string, found: number | undefined, recorded: number): StorageError {
  return new StorageError(`${path} has ${found ?? "no"} bytes; it was recorded with ${recorded}`, {
    hint: "somebody changed or removed it; begin again with --restart",
  });
}

function inTheWay(path: string): StorageError {
  return new StorageError(`${path} is in the way: it was not there when the job began`, {
    hint: "nothing of it was touched; move it away and try again",
  });
}

function lost(source: string, target: string): StorageError {
  return new StorageError(`neither ${source} nor ${target} is the file that was recorded`, {
    hint: "somebody removed or changed it; begin again with --restart",
  });
}
