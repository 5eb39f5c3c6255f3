/*
 * Owns what can be said of CSV, JSON and Arrow files without reading their rows: what their sidecars say, or they
 * themselves, and of files of other origin the names of their columns. Parquet files and tables are in inspect.ts.
 */
import { basename } from "node:path";
import { UsageError } from "../base/errors.ts";
import type { Connection } from "../duckdb/engine.ts";
import { statusOf } from "../storage/local.ts";
import { pathsBelow } from "./files.ts";
import { arrowSummary } from "./import/arrow.ts";
import { findSourceFiles, formatOfName } from "./import/files.ts";
import { type OwnColumn, ownMetadata, readSidecar } from "./import/ownfiles.ts";
import { openPart, type SourcePart } from "./import/source.ts";
import { Spool } from "./import/spool.ts";

/** Files of one export, or of several that were put together. */
export interface Provenance {
  readonly source: string;
  readonly exportedAt: string;
  readonly version: string;
  readonly files: number;
}

export interface TextColumn {
  /** In the file. */
  readonly name: string;
  /** What an export wrote down of it; absent in files of other origin. */
  readonly cql?: { readonly name: string; readonly type: string; readonly kind: string } | undefined;
}

export interface TextReport {
  readonly kind: "text";
  readonly path: string;
  /** Null where no sidecar tells them. */
  readonly rows: number | null;
  readonly bytes: number;
  readonly exports: readonly Provenance[];
  /** Of all files, those of the first one first. */
  readonly columns: readonly TextColumn[];
  readonly files: readonly {
    readonly path: string;
    readonly format: string;
    readonly compression: string;
    readonly rows: number | null;
    readonly bytes: number;
  }[];
  readonly notices: readonly string[];
}

/** What a file says of its columns and its origin. */
interface Words extends Pick<SourcePart, "own" | "notice"> {
  readonly columns: readonly { readonly name: string; readonly own?: OwnColumn | undefined }[];
}

/** Whether a path is a text or Arrow file, or a directory with such and no Parquet file. */
export async function isText(path: string): Promise<boolean> {
  const status = await statusOf(path);
  const isTextName = (name: string) => ![undefined, "parquet"].includes(formatOfName(name));
  if (status?.kind !== "directory") return status?.kind === "file" && isTextName(basename(path));
  const paths = await pathsBelow(path, (name) => formatOfName(name) !== undefined);
  return paths.length > 0 && paths.every((found) => isTextName(basename(found)));
}

/** @throws DataError for a file or sidecar that is damaged at its beginning */
export async function inspectText(connection: Connection, path: string): Promise<TextReport> {
  const files: TextReport["files"][number][] = [];
  const parts: Words[] = [];
  for (const file of await findSourceFiles([path], undefined, connection, noStdin)) {
    const { format, compression, bytes } = file;
    const { rows = null } = await readSidecar(file);
    parts.push(format === "arrow" ? ownWords(file.path) : await openPart(connection, file, new Spool(), {}));
    files.push({ path: file.path, format, compression, rows, bytes });
  }
  const counts = files.map(({ rows }) => rows);
  const columns = new Map<string, TextColumn>();
  for (const { name, own } of parts.flatMap((part) => part.columns)) {
    if (columns.has(name)) continue;
    columns.set(name, { name, cql: own && { name: own.name, type: own.type, kind: own.kind } });
  }
  return {
    kind: "text",
    path,
    rows: counts.reduce((sum: number | null, rows) => (sum === null || rows === null ? null : sum + rows), 0),
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    exports: exportsOf(parts),
    columns: [...columns.values()],
    files,
    notices: parts.flatMap(({ notice }) => (notice === undefined ? [] : [notice])),
  };
}

/** What an Arrow file says without being read. */
function ownWords(path: string): Words {
  const { keyValues, names } = arrowSummary(path);
  const own = ownMetadata(keyValues, path);
  return {
    own,
    columns: own?.columns.map((column) => ({ name: column.column, own: column })) ?? names.map((name) => ({ name })),
  };
}

/** A path that begins with `./` is one, so that it never comes to this. */
function noStdin(): never {
  throw new UsageError("stdin can't be inspected", { hint: "put it into a file" });
}

function exportsOf(parts: readonly Words[]): Provenance[] {
  const found = new Map<string, Provenance>();
  for (const { own } of parts) {
    if (!own) continue;
    const { source = "", exportedAt = "", version = "" } = own;
    const key = JSON.stringify([source, exportedAt, version]);
    found.set(key, { source, exportedAt, version, files: (found.get(key)?.files ?? 0) + 1 });
  }
  return [...found.values()];
}
