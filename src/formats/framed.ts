/*
 * Owns files that are their pieces one behind the other, with fixed bytes before, between and after them, compressed
 * or not: gzip members and zstd frames may follow each other. What the bytes say is each format's.
 */
import { type FileHandle, open } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { assert } from "../base/errors.ts";
import { attempt } from "../base/filefailure.ts";
import type { Frame, Piece } from "./format.ts";

const COPY_BYTES = 1 << 20;

/** How a text file is compressed as a whole. */
export type TextCodec = "none" | "gzip" | "zstd";

/** What a file's name ends in, behind the extension of its format. */
export const CODEC_ENDINGS: Readonly<Record<TextCodec, string>> = { none: "", gzip: ".gz", zstd: ".zst" };

/** The bytes of a file around its pieces, compressed as those are. */
export function frameOf(codec: TextCodec, head: string, between: string, tail: string): Frame {
  const bytes = (text: string) => (text === "" ? new Uint8Array() : compressed(codec, new TextEncoder().encode(text)));
  return { head: bytes(head), between: bytes(between), tail: bytes(tail) };
}

function compressed(codec: TextCodec, bytes: Uint8Array): Uint8Array {
  return codec === "gzip" ? gzipSync(bytes) : codec === "zstd" ? storedInZstd(bytes) : bytes;
}

/** RFC 8878, 3.1.1: one segment, its size in four bytes; blocks that are stored as they are. */
const ZSTD_HEAD = [0x28, 0xb5, 0x2f, 0xfd, 0xa0];
const ZSTD_BLOCK = 1 << 17;

/** A zstd frame that holds the bytes uncompressed: Node 20 has no zstd, and this is a line. */
function storedInZstd(bytes: Uint8Array): Uint8Array {
  const parts = [Buffer.from(ZSTD_HEAD), int32(bytes.length)];
  for (let at = 0; at < bytes.length; at += ZSTD_BLOCK) {
    const block = bytes.subarray(at, at + ZSTD_BLOCK);
    const isLast = at + ZSTD_BLOCK >= bytes.length ? 1 : 0;
    parts.push(int32((block.length << 3) | isLast).subarray(0, 3), Buffer.from(block));
  }
  return Buffer.concat(parts);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

/** Takes bytes that are good until the promise is fulfilled. */
type Write = (bytes: Uint8Array) => Promise<void>;

/** Writes the framed pieces to a file that must not exist, and makes it durable; its name is the caller's. */
export async function joinFramed(
  frame: Frame,
  pieces: readonly Piece[],
  path: string,
  signal: AbortSignal,
  joined?: (piece: Piece) => void,
): Promise<void> {
  const out = await attempt("make", path, () => open(path, "wx"));
  const write: Write = (bytes) => attempt("write", path, () => writeAll(out, bytes));
  try {
    await write(frame.head);
    const filled = pieces.some((piece) => piece.rows > 0)
      ? pieces.filter((piece) => piece.rows > 0)
      : pieces.slice(0, 1);
    const buffer = new Uint8Array(COPY_BYTES);
    for (const [i, piece] of filled.entries()) {
      if (i > 0) await write(frame.between);
      await readFile(piece.path, buffer, write, signal);
      joined?.(piece);
    }
    await write(frame.tail);
    await attempt("sync", path, () => out.sync());
  } finally {
    await out.close();
  }
}

/** Hands over a file's bytes in order, through `buffer`. */
export async function readFile(path: string, buffer: Uint8Array, write: Write, signal: AbortSignal): Promise<void> {
  const source = await attempt("open", path, () => open(path, "r"));
  try {
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await attempt("read", path, () => source.read(buffer, 0, buffer.length, null));
      if (bytesRead === 0) return;
      await write(buffer.subarray(0, bytesRead));
    }
  } finally {
    await source.close();
  }
}

/** Writes all of the bytes at the end of a file. */
export async function writeAll(out: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await out.write(bytes, at, bytes.length - at, null);
    assert(bytesWritten > 0, "a write takes some bytes or fails");
    at += bytesWritten;
  }
}
