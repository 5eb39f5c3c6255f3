/*
 * Owns what an import puts on disk to be able to read it: what comes through stdin, and files in forms that DuckDB has no
 * reader for. It is in the directory for temporary files, and gone when the import ends, however it does.
 */
import { createWriteStream } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { attempt } from "../../base/filefailure.ts";
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

  async close(): Promise<void> {
    if (this.#directory !== undefined) await removeTree(this.#directory);
  }
}
