/*
 * Owns what can be said of CSV and JSON files without reading their rows: what their sidecars say, and of files of other
 * origin the names of their columns. Parquet files and tables are in inspect.ts.
 */
import { basename } from "node:path";
import type { Connection } from "../duckdb/engine.ts";
import { statusOf } from "../storage/local.ts";
import { pathsBelow } from "./files.ts";
import { findSourceFiles, formatOfName } from "./importfiles.ts";
import { readSidecar } from "./importown.ts";
import { openPart, type SourcePart } from "./importsource.ts";

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

/** Whether a path is a text file, or a directory with such and no Parquet file. */
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
  const parts: SourcePart[] = [];
  for (const file of await findSourceFiles([path], undefined, connection)) {
    const { format, compression, bytes } = file;
    const { rows = null } = await readSidecar(file);
    parts.push(await openPart(connection, file, {}));
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

function exportsOf(parts: readonly SourcePart[]): Provenance[] {
  const found = new Map<string, Provenance>();
  for (const { own } of parts) {
    if (!own) continue;
    const { source = "", exportedAt = "", version = "" } = own;
    const key = JSON.stringify([source, exportedAt, version]);
    found.set(key, { source, exportedAt, version, files: (found.get(key)?.files ?? 0) + 1 });
  }
  return [...found.values()];
}
