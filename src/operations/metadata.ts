/*
 * Owns what our files say of themselves, enough to bring every cell back as it was: Parquet in its key-value metadata,
 * formats that have no such place in a sidecar, which is a file of JSON beside them.
 */
import { typeToSql } from "../base/column.ts";
import type { FileToPublish } from "../jobs/publish.ts";
import { codecFor } from "../types/table.ts";
import { VERSION } from "../version.ts";
import type { Source } from "./source.ts";

/** The columns as `cqlduck.columns` has them. */
export function columnsOf(source: Source): readonly Readonly<Record<string, string | undefined>>[] {
  return source.columns.map(({ file, name, cqlText, kind, of }) => ({ column: file, name, type: cqlText, kind, of }));
}

/** The `cqlduck.*` pairs. `exportedAt` is the job's beginning: the same in every file of an export. */
export function fileMetadata(source: Source, exportedAt: string): Record<string, string> {
  return {
    "cqlduck.schema": source.create,
    "cqlduck.columns": JSON.stringify(columnsOf(source)),
    "cqlduck.source": source.name,
    "cqlduck.exported_at": exportedAt,
    "cqlduck.version": VERSION,
  };
}

/**
 * The text of a sidecar: the same pairs, and what a reader has to know besides. Files are listed with their sizes, by
 * which one that was changed since can be told.
 */
export function sidecarText(
  source: Source,
  exportedAt: string,
  format: Readonly<Record<string, unknown>>,
  files: readonly FileToPublish[],
): string {
  const sidecar = {
    ...fileMetadata(source, exportedAt),
    "cqlduck.columns": columnsOf(source),
    "cqlduck.format": format,
    "cqlduck.types": typesSaid(source),
    "cqlduck.files": files.map(({ to, rows, bytes }) => ({ path: to, rows, bytes })),
  };
  return `${JSON.stringify(sidecar, null, 1)}\n`;
}

/** The DuckDB types of the columns whose texts are not simply those of their CQL type. */
function typesSaid(source: Source): Readonly<Record<string, string>> {
  const own = source.columns.map(({ cql }) => codecFor(cql, { uuid: "text", empty: "error" }).column);
  const said = source.columns.map(({ file, codec }) => [file, typeToSql(codec.column)] as const);
  return Object.fromEntries(said.filter(([, type], i) => type !== typeToSql(own[i]!)));
}
