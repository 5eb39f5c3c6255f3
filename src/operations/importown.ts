/*
 * Owns what our own exports say of their files (`cqlduck.*`), as an import reads it.
 */
import { DataError } from "../base/errors.ts";
import { quoteText } from "../duckdb/copy.ts";

/** What an export wrote down of a column. */
export interface OwnColumn {
  /** In the file. */
  readonly column: string;
  /** In the table that was exported. */
  readonly name: string;
  readonly type: string;
  readonly kind: string;
  readonly of?: string;
}

/** What an export wrote down of its file. */
export interface OwnMetadata {
  readonly columns: readonly OwnColumn[];
  readonly schema: string | undefined;
  readonly exportedAt: string | undefined;
  /** Exact values of the columns that are in the file's path. */
  readonly partition: ReadonlyMap<string, string | null>;
}

/** A path as DuckDB's functions take it, to which some signs of a name would be a pattern. */
export function pathLiteral(path: string): string {
  return quoteText(path.replace(/[*?[]/g, "[$&]"));
}

/** The `cqlduck.*` pairs of a file; undefined in files of other origin. @throws DataError where they are damaged */
export function ownMetadata(keyValues: ReadonlyMap<string, string>, path: string): OwnMetadata | undefined {
  const text = keyValues.get("cqlduck.columns");
  if (text === undefined) return undefined;
  try {
    const partition = JSON.parse(keyValues.get("cqlduck.partition") ?? "{}") as Record<string, string | null>;
    return {
      columns: JSON.parse(text) as OwnColumn[],
      schema: keyValues.get("cqlduck.schema"),
      exportedAt: keyValues.get("cqlduck.exported_at"),
      partition: new Map(Object.entries(partition)),
    };
  } catch (error) {
    throw new DataError(`${path}: its cqlduck metadata can't be read`, { cause: error });
  }
}
