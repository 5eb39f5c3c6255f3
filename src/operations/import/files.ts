/*
 * Owns which files an import reads: what paths, directories and globs stand for, the format of each, and what the names
 * of its directories say (`year=2024/`). Looks at the first bytes of a file only.
 */

import { open, stat } from "node:fs/promises";
import { basename, relative, resolve, sep } from "node:path";
import { constants, gunzipSync } from "node:zlib";
import { UsageError } from "../../base/errors.ts";
import { attempt } from "../../base/filefailure.ts";
import { valueOfDirectory } from "../../base/hive.ts";
import { quoteText } from "../../duckdb/copy.ts";
import type { Connection } from "../../duckdb/engine.ts";
import { readRows } from "../../duckdb/reader.ts";
import { statusOf } from "../../storage/local.ts";
import { pathsBelow } from "../files.ts";
import type { SourceFormat } from "./options.ts";

/** As DuckDB names them. */
export type TextCompression = "uncompressed" | "gzip" | "zstd";

export interface SourceFile {
  /** Absolute, or `stdin`; as messages name it. */
  readonly path: string;
  /** Where its bytes are. */
  readonly content: string;
  readonly format: SourceFormat;
  readonly compression: TextCompression;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  /** What the directories on the way say, decoded; null for NULL. */
  readonly partition: ReadonlyMap<string, string | null>;
}

const EXTENSIONS: Readonly<Record<string, SourceFormat>> = {
  ...{ parquet: "parquet", parq: "parquet", pq: "parquet" },
  ...{ arrow: "arrow", arrows: "arrow", feather: "arrow", ipc: "arrow" },
  ...{ csv: "csv", tsv: "csv", json: "json", jsonl: "jsonl", ndjson: "jsonl" },
};
const NAME = /\.([a-z]+)(?:\.(gz|gzip|zst|zstd))?$/i;

/** The source that is not a path. */
export const STDIN = "-";

/**
 * The files that the sources stand for, each source's in the order of their paths.
 * @param keepStdin gives the path of what comes through stdin
 * @throws UsageError for what isn't there, holds no data, or is in a format that can't be told
 */
export async function findSourceFiles(
  sources: readonly string[],
  format: SourceFormat | undefined,
  connection: Connection,
  keepStdin: () => Promise<string>,
): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for (const source of sources) {
    if (source === STDIN) {
      files.push({ ...(await describeFile(await keepStdin(), sep, format, "stdin")), partition: new Map() });
      continue;
    }
    const found = await pathsOf(source, connection);
    for (const { path, root } of found) files.push(await describeFile(path, root, format));
  }
  const twice = files.find((file, i) => files.findIndex(({ path }) => path === file.path) < i);
  if (twice) throw new UsageError(`${twice.path} is named twice`, { hint: "name each file once" });
  return files;
}

interface Found {
  readonly path: string;
  /** Directories below it say what is in them. */
  readonly root: string;
}

async function pathsOf(source: string, connection: Connection): Promise<Found[]> {
  const path = resolve(source);
  const status = await statusOf(path);
  if (status?.kind === "directory") {
    const paths = await pathsBelow(path, (name) => formatOfName(name) !== undefined);
    if (paths.length > 0) return paths.map((found) => ({ path: found, root: path }));
    throw new UsageError(`there are no data files in ${source}`, {
      hint: "names that begin with _ or . are left out; files end in .parquet, .arrow, .csv, .json or .jsonl, text also with .gz or .zst",
    });
  }
  if (status) return [{ path, root: sep }];
  if (!/[*?[]/.test(source)) {
    throw new UsageError(`there is no file or directory ${source}`, { hint: "check the spelling of the path" });
  }
  const matches = await readRows<{ file: string }>(
    connection,
    `SELECT file FROM glob(${quoteText(path)}) ORDER BY file`,
    `looking for ${source}`,
  );
  if (matches.length === 0)
    throw new UsageError(`no file matches ${source}`, { hint: "check the spelling of the path" });
  return matches.map(({ file }) => ({ path: resolve(file), root: sep }));
}

/** What a file's name says of its format; undefined for names that say none. */
export function formatOfName(name: string): SourceFormat | undefined {
  return EXTENSIONS[NAME.exec(name)?.[1]?.toLowerCase() ?? ""];
}

async function describeFile(
  path: string,
  root: string,
  format: SourceFormat | undefined,
  name = path,
): Promise<SourceFile> {
  const status = await attempt("look at", path, () => stat(path));
  if (!status.isFile()) throw new UsageError(`${path} is neither a file nor a directory`);
  const head = await firstBytes(path);
  const compression = compressionOf(head);
  return {
    path: name,
    content: path,
    format: format ?? formatOfName(basename(path)) ?? formatOfContent(name, head, compression),
    compression,
    bytes: status.size,
    modifiedAt: status.mtimeMs,
    partition: partitionOf(relative(root, path)),
  };
}

const HEAD_BYTES = 4096;

async function firstBytes(path: string): Promise<Buffer> {
  return attempt("read", path, async () => {
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  });
}

function compressionOf(head: Buffer): TextCompression {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  return head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528 ? "zstd" : "uncompressed";
}

function formatOfContent(path: string, head: Buffer, compression: TextCompression): SourceFormat {
  if (head.subarray(0, 4).toString("latin1") === "PAR1") return "parquet";
  if (head.subarray(0, 6).toString("latin1") === "ARROW1" || (head.length >= 4 && head.readInt32LE(0) === -1)) {
    return "arrow";
  }
  const text = beginningOf(head, compression).toString("utf8").trimStart();
  if (text.startsWith("{")) return "jsonl";
  if (text.startsWith("[")) return "json";
  if (text !== "" && !text.includes("\0") && text.includes(",")) return "csv";
  throw new UsageError(`the format of ${path} can't be told from its name or its first bytes`, {
    hint: "say it: --format parquet, csv, json, jsonl or arrow",
  });
}

/** The first bytes without their compression; none where that can't be undone before its end. */
function beginningOf(head: Buffer, compression: TextCompression): Buffer {
  if (compression === "uncompressed") return head;
  if (compression === "zstd") return Buffer.alloc(0);
  try {
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return Buffer.alloc(0); // It will be told of when it is read.
  }
}

/** What directories named `column=value` say, percent-decoded. */
function partitionOf(path: string): Map<string, string | null> {
  const directories = path.split(sep).slice(0, -1);
  return new Map(directories.filter((name) => name.indexOf("=") > 0).map(valueOfDirectory));
}

/** The files whose partition has all of these values. */
export function filterPartitions(
  files: readonly SourceFile[],
  filter: ReadonlyMap<string, string> | undefined,
): readonly SourceFile[] {
  if (!filter) return files;
  const known = new Set(files.flatMap((file) => [...file.partition.keys()]));
  for (const name of filter.keys()) {
    if (known.has(name)) continue;
    throw new UsageError(`--partition-filter: no directory of the source is named ${name}=…`, {
      hint: known.size ? `there are ${[...known].join(", ")}` : "the source has no such directories",
    });
  }
  const kept = files.filter((file) => [...filter].every(([name, value]) => sameValue(file.partition.get(name), value)));
  if (kept.length > 0) return kept;
  throw new UsageError(`no file has ${[...filter].map(([name, value]) => `${name}=${value}`).join(", ")}`);
}

/** Months are written with and without a leading zero. */
function sameValue(found: string | null | undefined, wanted: string): boolean {
  if (found === wanted) return true;
  return typeof found === "string" && /^\d+$/.test(found) && /^\d+$/.test(wanted) && BigInt(found) === BigInt(wanted);
}
