/*
 * Owns whether a compressed text file is whole: DuckDB takes one that is cut off for one that ends there, and its last
 * line, which may be half of one, for a row.
 */
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { DataError, messageOf } from "../../base/errors.ts";
import { attempt } from "../../base/filefailure.ts";
import type { SourceFile } from "./files.ts";

/** @throws DataError for a file that is cut off, or as damaged as its format lets see */
export async function checkWhole({
  path,
  content,
  compression,
}: Pick<SourceFile, "path" | "content" | "compression">): Promise<void> {
  try {
    if (compression === "gzip") await checkGzip(content);
    if (compression === "zstd") await checkZstd(content);
  } catch (error) {
    if (!(error instanceof Damage)) throw error;
    throw new DataError(`${path} is damaged or cut off: ${error.message}`, {
      hint: "nothing of it was written: replace it by a whole one",
      cause: error.cause,
    });
  }
}

class Damage extends Error {}

/** Decompresses it to its end, which its checksum stands at, and forgets what comes. */
async function checkGzip(path: string): Promise<void> {
  const gunzip = createGunzip();
  const nowhere = new Writable({ write: (_bytes, _encoding, done) => done() });
  let damage: Damage | undefined;
  gunzip.once("error", (cause: NodeJS.ErrnoException) => {
    if (cause.code?.startsWith("Z_")) damage = new Damage(messageOf(cause), { cause });
  });
  await attempt("read", path, () => pipeline(createReadStream(path), gunzip, nowhere)).catch((error: unknown) => {
    throw damage ?? error;
  });
}

const ZSTD_FRAME = 0xfd2fb528;
/** The first of sixteen magic numbers of frames that hold no data. */
const ZSTD_SKIPPABLE = 0x184d2a50;
/** Read at a time. */
const MOST_BYTES = 4;

/** Goes from block to block: not every runtime's zstd says that its input ended too early. */
async function checkZstd(path: string): Promise<void> {
  const file = await attempt("open", path, () => open(path, "r"));
  try {
    const { size } = await attempt("read", path, () => file.stat());
    const reader = new Bytes(file, path, size);
    for (let at = 0; at < size; ) {
      const magic = (await reader.read(at, 4)).getUint32(0, true);
      if (magic === ZSTD_FRAME) at = await endOfFrame(reader, at);
      else if ((magic & ~15) >>> 0 === ZSTD_SKIPPABLE) at += 8 + (await reader.read(at + 4, 4)).getUint32(0, true);
      else throw new Damage(`no zstd frame begins at byte ${at}`);
      if (at > size) throw new Damage("unexpected end of file");
    }
  } finally {
    await file.close();
  }
}

/** RFC 8878, section 3.1.1. */
async function endOfFrame(reader: Bytes, start: number): Promise<number> {
  const descriptor = (await reader.read(start + 4, 1)).getUint8(0);
  const isSingle = (descriptor & 0x20) !== 0;
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  const headerBytes = 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]! + sizeBytes;
  for (let at = start + headerBytes; ; ) {
    const low = await reader.read(at, 3);
    const head = low.getUint16(0, true) | (low.getUint8(2) << 16);
    const kind = (head >> 1) & 3;
    if (kind === 3) throw new Damage(`no zstd block begins at byte ${at}`);
    // A block of one byte that is repeated has that byte only.
    at += 3 + (kind === 1 ? 1 : head >> 3);
    if ((head & 1) === 1) return at + (descriptor & 4 ? 4 : 0);
  }
}

class Bytes {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #size: number;
  readonly #buffer = new DataView(new ArrayBuffer(MOST_BYTES));

  constructor(file: FileHandle, path: string, size: number) {
    this.#file = file;
    this.#path = path;
    this.#size = size;
  }

  /** Good until the next are read. */
  async read(at: number, length: number): Promise<DataView> {
    if (at + length > this.#size) throw new Damage("unexpected end of file");
    await attempt("read", this.#path, () => this.#file.read(this.#buffer, 0, length, at));
    return this.#buffer;
  }
}
