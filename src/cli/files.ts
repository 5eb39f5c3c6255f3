/*
 * Owns what the files that say options (cqlduck.toml, cqlshrc) have in common: settings with their places, logins, how
 * their paths are meant, and who else can read them.
 */
import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { UsageError } from "../base/errors.ts";
import { storageError } from "../base/filefailure.ts";
import type { World } from "./world.ts";

export type Environment = World["env"];

/** An option's value by commander's name for it, and where it stands. */
export interface Setting {
  readonly key: string;
  readonly value: unknown;
  readonly place: string;
}

/** The text of a file that the user named, or that was found. */
export function readText(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { message, hint } = storageError("read", path, cause);
    throw new UsageError(`${what}: ${message}`, { cause, hint });
  }
}

/** `~/x` as the shell would have it. */
export function expandHome(path: string, env: Environment): string {
  const home = env.HOME ?? env.USERPROFILE;
  return home && /^~(?=\/|$)/.test(path) ? join(home, path.slice(1)) : path;
}

/** A path of a file's own text: relative to the file, wherever the program was started. */
export function pathIn(directory: string, path: string, env: Environment): string {
  return resolve(directory, expandHome(path, env));
}

/** Whether others than the owner may read a file. Pipes and the like are nobody's to read twice. */
export function isExposed(path: string): boolean {
  if (process.platform === "win32") return false;
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true && (found.mode & 0o044) !== 0;
}
