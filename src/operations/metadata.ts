/*
 * Owns what our Parquet files say of themselves in their key-value metadata: enough to bring every cell back as it was.
 */
import { VERSION } from "../version.ts";
import type { Result } from "./result.ts";
import type { Source } from "./source.ts";

/**
 * The `cqlduck.*` pairs. `exportedAt` is the job's beginning: the same in every file of an export. The columns that are
 * in paths follow those that are in the file.
 */
export function fileMetadata(
  source: Source,
  { columns: all, kept, path }: Result,
  exportedAt: string,
  sql?: string,
): Record<string, string> {
  const columns = [...kept.map((place) => all[place]!), ...path].map(({ file, name, cqlText, kind, of }) => ({
    column: file,
    name,
    type: cqlText,
    kind,
    of,
  }));
  return {
    "cqlduck.schema": source.create,
    "cqlduck.columns": JSON.stringify(columns),
    "cqlduck.source": source.name,
    "cqlduck.exported_at": exportedAt,
    "cqlduck.version": VERSION,
    // Of what the rows were made; the schema stays that of the table they were read from.
    ...(sql === undefined ? {} : { "cqlduck.sql": sql }),
  };
}
