/*
 * Owns the local file system as jobs need it: steps that are durable when they return, and failures that name path,
 * operation and reason. Knows nothing of jobs or of what is in a file.
 */
import * as fs from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { StorageError } from "../base/errors.ts";
import { attempt, errorCode, storageError } from "../base/filefailure.ts";

/** What stands at a path, symbolic links followed. */
export interface FileStatus {
  readonly kind: "file" | "directory" | "other";
  readonly bytes: number;
}

/** As `attempt`, but undefined where there is nothing at the path, which the error's code says. */
async function attemptOnExisting<T>(
  operation: string,
  path: string,
  run: () => Promise<T>,
  absent: readonly string[] = ["ENOENT"],
): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (absent.includes(errorCode(error) ?? "")) return undefined;
    throw storageError(operation, path, error);
  }
}

/**
 * Makes the file hold `data`: after a crash at any time it has its old content or all of the new. A failure leaves nothing.
 * Its temporary file has one fixed name, so what a crash leaves is gone after the next writing; one writer at a time.
 */
export async function writeDurably(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  await attempt("write", path, async () => {
    const file = await fs.open(temporary, "w");
    try {
      try {
        await file.writeFile(data);
        await file.sync();
      } finally {
        await file.close();
      }
      await fs.rename(temporary, path);
    } catch (error) {
      // What was written of it may take the last of a full disk. If it can't be removed, the first error says why.
      await fs.rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
  });
  await fsyncDirectory(dirname(path));
}

/** Makes sure that writeDurably may write to the path, without a change to what is there. */
export async function checkWritable(path: string): Promise<void> {
  const temporary = `${path}.tmp`;
  await attempt("write", path, async () => {
    await (await fs.open(temporary, "w")).close();
    await fs.unlink(temporary);
  });
}

/** Makes what was written to the file survive a power cut. Its name does after fsyncDirectory. */
export async function fsyncFile(path: string): Promise<void> {
  await attempt("sync", path, async () => {
    const file = await fs.open(path, "r+");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  });
}

/** Makes creations, renames and deletions in the directory survive a power cut. */
export async function fsyncDirectory(path: string): Promise<void> {
  await attempt("sync", path, async () => {
    const directory = await fs.open(path, "r");
    try {
      await directory.sync();
    } catch (error) {
      // Some network and FUSE file systems have no sync of directories; they order names by themselves or not at all.
      if (errorCode(error) !== "EINVAL" && errorCode(error) !== "ENOTSUP") throw error;
    } finally {
      await directory.close();
    }
  });
}

/** Renames within a file system, replacing a file of the new name. Durable after fsyncDirectory of both directories. */
export async function rename(from: string, to: string): Promise<void> {
  await attempt(`rename ${from} to`, to, () => fs.rename(from, to));
}

/** Makes the directory and its missing parents, durably. True if it was not there. */
export async function makeDirectory(path: string): Promise<boolean> {
  const first = await attempt("make directory", path, () => fs.mkdir(path, { recursive: true }));
  if (first === undefined) return false;
  const highest = dirname(resolve(first));
  for (let parent = dirname(resolve(path)); parent.length >= highest.length; parent = dirname(parent)) {
    await fsyncDirectory(parent);
    if (parent === highest) break;
  }
  return true;
}

/** What is at the path; undefined where nothing is. */
export async function statusOf(path: string): Promise<FileStatus | undefined> {
  const found = await attemptOnExisting("look at", path, () => fs.stat(path));
  if (found === undefined) return undefined;
  return { kind: found.isFile() ? "file" : found.isDirectory() ? "directory" : "other", bytes: found.size };
}

/** The size of a file; undefined where nothing is, -1 for what is no file. */
export async function fileSize(path: string): Promise<number | undefined> {
  const found = await statusOf(path);
  return found === undefined || found.kind === "file" ? found?.bytes : -1;
}

/** The names in a directory, sorted; none where there is no directory. */
export async function listNames(path: string): Promise<string[]> {
  try {
    return (await fs.readdir(path)).sort();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) return [];
    throw storageError("list", path, error);
  }
}

/** All that is below a directory and is none itself, as names relative to it with `/`; links are not followed. */
export async function listBelow(path: string): Promise<string[]> {
  const entries = await attempt("list", path, () => fs.readdir(path, { withFileTypes: true }));
  const found: string[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory()) found.push(entry.name);
    else found.push(...(await listBelow(join(path, entry.name))).map((name) => `${entry.name}/${name}`));
  }
  return found.sort();
}

/** The text of a file; undefined where there is none, nor a directory that could hold it. */
export function readText(path: string): Promise<string | undefined> {
  return attemptOnExisting("read", path, () => fs.readFile(path, "utf8"), ["ENOENT", "ENOTDIR"]);
}

/** Deletes a file. False if there was none. Durable after fsyncDirectory. */
export async function removeFile(path: string): Promise<boolean> {
  const removed = await attemptOnExisting("delete", path, async () => {
    await fs.unlink(path);
    return true;
  });
  return removed ?? false;
}

/** Deletes a directory that is empty. False if it isn't there or holds something. */
export async function removeEmptyDirectory(path: string): Promise<boolean> {
  try {
    await fs.rmdir(path);
    return true;
  } catch (error) {
    if (["ENOENT", "ENOTEMPTY", "EEXIST"].includes(errorCode(error) ?? "")) return false;
    throw storageError("delete", path, error);
  }
}

/** Deletes a file or a directory with all below it. Nothing there is fine. */
export async function removeTree(path: string): Promise<void> {
  await attempt("delete", path, () => fs.rm(path, { recursive: true, force: true }));
}

/** Bytes that can still be written by this user on the disk that holds the path. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await attempt("look at the disk of", path, () => fs.statfs(path));
  return bavail * bsize;
}

/** The path of a name inside a directory. Names come from our own plans and intents: one that leaves it is refused. */
export function within(directory: string, name: string): string {
  const parts = name.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) {
    throw new StorageError(`"${name}" is not a name inside of ${directory}`);
  }
  return join(directory, ...parts);
}
