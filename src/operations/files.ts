/*
 * Owns which data files a path stands for: a file itself, or all below a directory that readers would read.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../base/errors.ts";
import { attempt } from "../base/filefailure.ts";
import { statusOf } from "../storage/local.ts";

export interface DataFile {
  readonly path: string;
  readonly bytes: number;
}

export interface FoundFiles {
  readonly isDirectory: boolean;
  /** In the order of their paths; at least one. */
  readonly files: readonly DataFile[];
}

/**
 * The file at the path, whatever its name, or all `.parquet` files below the directory; names that begin with `_` or
 * `.` are left out, as all readers do.
 * @throws UsageError where there is none
 */
export async function findParquetFiles(path: string): Promise<FoundFiles> {
  return findDataFiles(path, (name) => name.endsWith(".parquet"), "Parquet");
}

/**
 * The file at the path, whatever its name, or all below the directory whose names are wanted.
 * @param what names such files in messages
 * @throws UsageError where there is none
 */
export async function findDataFiles(
  path: string,
  isWanted: (name: string) => boolean,
  what = "data",
): Promise<FoundFiles> {
  const status = await statusOf(path);
  if (status === undefined) {
    throw new UsageError(`there is no file or directory ${path}`, { hint: "check the spelling of the path" });
  }
  if (status.kind === "file") return { isDirectory: false, files: [{ path, bytes: status.bytes }] };
  if (status.kind === "other") throw new UsageError(`${path} is neither a file nor a directory`);
  const files: DataFile[] = [];
  for (const found of await pathsBelow(path, isWanted)) {
    files.push({ path: found, bytes: (await statusOf(found))?.bytes ?? 0 });
  }
  if (files.length === 0) {
    throw new UsageError(`there are no ${what} files in ${path}`, {
      hint: "files end in .parquet or, as text, in .csv, .json or .jsonl; names that begin with _ or . are left out",
    });
  }
  return { isDirectory: true, files };
}

/** Files below a directory, in the order of their paths; names that begin with `_` or `.` are left out. */
export async function pathsBelow(directory: string, isWanted: (name: string) => boolean): Promise<string[]> {
  const entries = await attempt("list", directory, () => readdir(directory, { withFileTypes: true }));
  const paths: string[] = [];
  for (const entry of entries) {
    if (/^[_.]/.test(entry.name)) continue;
    const path = join(directory, entry.name);
    // Links to directories are not followed: they may lead round in a circle.
    if (entry.isDirectory()) paths.push(...(await pathsBelow(path, isWanted)));
    else if (isWanted(entry.name)) paths.push(path);
  }
  return paths.sort();
}
