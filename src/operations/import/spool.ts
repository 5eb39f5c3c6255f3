/*
 * Owns what an import puts on disk to be able to read it: what comes through stdin, and files in forms that DuckDB has no
 * reader for, or not an exact one. It is in the directory for temporary files, and gone when the import ends, however it does.
 */
import { constants, createWriteStream } from "node:fs";
import { chmod, copyFile, mkdtemp, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { StorageError } from "../../base/errors.ts";
import { attempt, errorCode } from "../../base/filefailure.ts";
import { removeTree } from "../../storage/local.ts";

export class Spool {
  #directory: string | undefined;
  #files = 0;

  /** A path for another file. @throws StorageError */
  async newPath(): Promise<string> {
    const place = join(tmpdir(), "cqlduck-");
    this.#directory ??= await attempt("make a directory for", place, () => mkdtemp(place));
    return join(this.#directory, String(this.#files++));
  }

  /** Writes a stream to its end into a file. @throws StorageError; the signal's reason */
  async keep(input: Readable, signal: AbortSignal): Promise<string> {
    const path = await this.newPath();
    await attempt("keep", `stdin in ${path}`, () => pipeline(input, createWriteStream(path), { signal })).catch(
      (error) => {
        signal.throwIfAborted();
        throw error;
      },
    );
    return path;
  }

  /**
   * A copy of a file that has other bytes from `at` on, to its end. It shares the file's blocks where the file system can.
   * @throws StorageError
   */
  async copyWithEnd(path: string, at: number, end: Uint8Array): Promise<string> {
    const copy = await this.newPath();
    const write = async () => {
      await copyFile(path, copy, constants.COPYFILE_FICLONE);
      // It has got the mode of the file, which may forbid writing.
      await chmod(copy, 0o600);
      const file = await open(copy, "r+");
      try {
        await file.truncate(at);
        await file.write(end, 0, end.length, at);
      } finally {
        await file.close();
      }
    };
    await attempt("copy", `${path} to ${copy}`, write).catch((error: unknown) => {
      if (!isFull(error)) throw error;
      const hint = "free some space, or name a directory on a bigger disk in the environment variable TMPDIR";
      throw new StorageError((error as Error).message, { hint, cause: error });
    });
    return copy;
  }

  async close(): Promise<void> {
    if (this.#directory !== undefined) await removeTree(this.#directory);
  }
}

function isFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(errorCode(error) ?? "");
}
