/*
 * Owns what our files say of themselves, enough to bring every cell back as it was: Parquet and Arrow in their key-value metadata,
 * formats that have no such place in a sidecar, which is a file of JSON beside them.
 */
import { typeToSql } from "../../base/column.ts";
import type { FileToPublish } from "../../jobs/publish.ts";
import { codecFor } from "../../types/table.ts";
import { VERSION } from "../../version.ts";
import type { Source } from "../source/source.ts";
import type { Result } from "./result.ts";

/** The columns as `cqlduck.columns` has them: those that are in paths follow those that are in the files. */
export function columnsOf({ columns, kept, path }: Result): readonly Readonly<Record<string, string | undefined>>[] {
  return [...kept.map((place) => columns[place]!), ...path].map(({ file, name, cqlText, kind, of }) => ({
    column: file,
    name,
    type: cqlText,
    kind,
    of,
  }));
}

/** The `cqlduck.*` pairs. `exportedAt` is the job's beginning: the same in every file of an export. */
export function fileMetadata(source: Source, result: Result, exportedAt: string, sql?: string): Record<string, string> {
  return {
    "cqlduck.schema": source.create,
    "cqlduck.columns": JSON.stringify(columnsOf(result)),
    "cqlduck.source": source.name,
    "cqlduck.exported_at": exportedAt,
    "cqlduck.version": VERSION,
    ...(Object.keys(typesSaid(result)).length === 0 ? {} : { "cqlduck.types": JSON.stringify(typesSaid(result)) }),
    // Of what the rows were made; the schema stays that of the table they were read from.
    ...(sql === undefined ? {} : { "cqlduck.sql": sql }),
  };
}

/**
 * The text of a sidecar: the same pairs, and what a reader has to know besides. Files are listed with their sizes, by
 * which one that was changed since can be told.
 */
export function sidecarText(
  pairs: Readonly<Record<string, string>>,
  result: Result,
  format: Readonly<Record<string, unknown>>,
  files: readonly FileToPublish[],
): string {
  const sidecar = {
    ...pairs,
    "cqlduck.columns": columnsOf(result),
    "cqlduck.format": format,
    "cqlduck.types": typesSaid(result),
    "cqlduck.files": files.map(({ to, rows, bytes, partition }) => ({
      path: to,
      rows,
      bytes,
      "cqlduck.partition": partition,
    })),
  };
  return `${JSON.stringify(sidecar, null, 1)}\n`;
}

/** The DuckDB types of the columns in the files that --type, --uuid or --sql gave another than their CQL type has. */
export function typesSaid({ columns, kept }: Result): Readonly<Record<string, string>> {
  const inFiles = kept.map((place) => columns[place]!);
  const own = inFiles.map(({ cql }) => codecFor(cql, { uuid: "text", empty: "error" }).column);
  const said = inFiles.map(({ file, type }) => [file, typeToSql(type)] as const);
  return Object.fromEntries(said.filter(([, type], i) => type !== typeToSql(own[i]!)));
}
