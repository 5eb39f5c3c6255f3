/*
 * Stands in for @duckdb/node-bindings inside the binary: unpacks DuckDB's library, which the binary carries
 * compressed, into a private cache directory and loads it. Only scripts/build/binary.ts bundles it; that is why it
 * lies here and not in src, which also runs under Node and Deno with the bindings that npm installed.
 */
import { createHash, randomUUID } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { messageOf, StorageError } from "../../src/base/errors.ts";
import { convertBranches } from "./branches.ts";

/** A file in the binary and what it must be once unpacked. The first of a list is the addon that Node-API loads. */
export interface NativeFile {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  /** Where its bytes can be read, as packed.ts made them: branches converted, then Brotli by blocks. */
  readonly packed: string;
}

/** A file left by an unpacking that was killed is deleted after this time. */
const STALE_MS = 10 * 60 * 1000;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** The exports of DuckDB's addon. @throws StorageError naming each directory tried */
export function loadNative(files: readonly NativeFile[]): unknown {
  const failures: string[] = [];
  for (const root of cacheRoots(process.env)) {
    try {
      return dlopen(join(unpack(files, root), files[0]!.name));
    } catch (error) {
      failures.push(`${root}: ${messageOf(error)}`);
    }
  }
  const megabytes = Math.ceil(files.reduce((sum, file) => sum + file.size, 0) / 1e6);
  throw new StorageError(`can't unpack the DuckDB library that this program carries:\n  ${failures.join("\n  ")}`, {
    hint: `set CQLDUCK_CACHE_DIR to a directory of yours with ${megabytes} MB free, not mounted noexec`,
  });
}

/** Directories to try in turn: the one the user names and no other, or else the user's cache and memory-backed ones. */
function cacheRoots(env: NodeJS.ProcessEnv): string[] {
  if (env.CQLDUCK_CACHE_DIR) return [env.CQLDUCK_CACHE_DIR];
  const owner = process.getuid?.() ?? "user";
  const roots = [join(tmpdir(), `cqlduck-${owner}`)];
  if (process.platform === "linux") roots.push(`/dev/shm/cqlduck-${owner}`);
  const cache = userCache(env);
  return cache === undefined ? roots : [join(cache, "cqlduck"), ...roots];
}

function userCache(env: NodeJS.ProcessEnv): string | undefined {
  // The XDG specification: a relative path here is to be ignored.
  const named = process.platform === "win32" ? env.LOCALAPPDATA : env.XDG_CACHE_HOME;
  if (named && isAbsolute(named)) return named;
  try {
    const home = homedir();
    return isAbsolute(home) ? join(home, ".cache") : undefined;
  } catch {
    return undefined; // no HOME and no entry in the user database
  }
}

/** Puts what is missing or damaged below `root`; returns the directory that holds the files. */
function unpack(files: readonly NativeFile[], root: string): string {
  // The directory's name says the content, so that versions of the program don't disturb each other.
  const directory = join(
    root,
    createHash("sha256")
      .update(files.map((file) => file.sha256).join())
      .digest("hex")
      .slice(0, 16),
  );
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const path of [root, directory]) assertPrivate(path, "directory");
  const missing = files.filter((file) => !isIntact(join(directory, file.name), file));
  if (missing.length > 0) removeStale(directory);
  for (const file of missing) place(join(directory, file.name), file);
  return directory;
}

/** Code is loaded from here: nobody else may be able to put it there. */
function assertPrivate(path: string, kind: "directory" | "file"): Stats {
  const stats = lstatSync(path);
  if (kind === "directory" ? !stats.isDirectory() : !stats.isFile()) throw new Error(`${path} is not a ${kind}`);
  const uid = process.getuid?.();
  if (uid === undefined) return stats; // Windows: the user's own directories are private by inheritance
  if (stats.uid !== uid && stats.uid !== 0) throw new Error(`${path} belongs to another user (${stats.uid})`);
  const sticky = kind === "directory" && (stats.mode & STICKY) !== 0;
  if ((stats.mode & WRITABLE_BY_OTHERS) !== 0 && !sticky) throw new Error(`${path} can be written by other users`);
  return stats;
}

/** The size tells a truncated file at no cost; every byte is only compared where CQLDUCK_VERIFY=1 asks for it. */
function isIntact(path: string, file: NativeFile): boolean {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return false;
  if (assertPrivate(path, "file").size !== file.size) return false;
  return process.env.CQLDUCK_VERIFY !== "1" || sha256(readFileSync(path)) === file.sha256;
}

/** Writes the file beside its place and renames it: several first starts at once each see all of it or none. */
function place(path: string, file: NativeFile): void {
  const bytes = decompressed(readFileSync(file.packed));
  convertBranches(bytes, "relative");
  if (sha256(bytes) !== file.sha256) throw new Error(`${file.name} is damaged inside the program's own file`);
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const descriptor = openSync(temporary, "wx", 0o700);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Blocks with their lengths before them. */
function decompressed(packed: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at < packed.length; ) {
    const start = at + 4;
    at = start + packed.readUInt32LE(at);
    blocks.push(brotliDecompressSync(packed.subarray(start, at)));
  }
  return Buffer.concat(blocks);
}

function removeStale(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (!name.endsWith(".tmp")) continue;
    const path = join(directory, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats !== undefined && Date.now() - stats.mtimeMs > STALE_MS) rmSync(path, { force: true });
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function dlopen(path: string): unknown {
  const module = { exports: {} as unknown };
  process.dlopen(module, path);
  return module.exports;
}
