/*
 * Owns Arrow files as sources: DuckDB has no reader for them, so their rows are fed to it once and kept as a Parquet file
 * of the import's, which is then read like any other.
 */
import { DataError } from "../../base/errors.ts";
import { copyRows, quoteName } from "../../duckdb/copy.ts";
import type { Connection } from "../../duckdb/engine.ts";
import { RowFeed } from "../../duckdb/feed.ts";
import { ArrowReader } from "../../formats/arrowread.ts";
import { ArrowRows } from "../../formats/arrowrows.ts";
import type { SourceFile } from "./files.ts";

/** A record batch is in memory as a whole. */
const MOST_BATCH_BYTES = 512 << 20;
let feeds = 0;

/** What an Arrow file says besides its rows. */
export interface KeptArrow {
  readonly keyValues: ReadonlyMap<string, string>;
  /** The columns of the Parquet file are `c0`, `c1`, …: their names, and why one could not be read, in this order. */
  readonly columns: readonly {
    readonly name: string;
    readonly isNull: boolean;
    readonly problem: string | undefined;
  }[];
  readonly notice?: string;
  /** What ended the rows before their end. */
  readonly damage?: DataError;
}

/** Writes the rows of an Arrow file into a Parquet file. @throws DataError for a file that is no Arrow file; StorageError */
export async function keepArrow(connection: Connection, { content, path }: SourceFile, to: string): Promise<KeptArrow> {
  const reader = ArrowReader.open(content, path, MOST_BATCH_BYTES);
  try {
    const rows = new ArrowRows(reader);
    const { fields, keyValues } = reader.schema;
    if (fields.length === 0) throw new DataError(`${path} has no columns`);
    const types = rows.fields.map(({ type }) => type);
    const feed = new RowFeed(connection, types, `arrow_rows_${feeds++}`);
    const list = rows.fields.map(({ nanos }, i) =>
      nanos ? `make_timestamp_ns(c${i}) AS ${quoteName(`c${i}`)}` : `c${i}`,
    );
    // A dictionary would merge 0.0 and -0.0.
    const options = ["FORMAT parquet", "COMPRESSION snappy", "DICTIONARY_SIZE_LIMIT 0"];
    await feed.serve(rows, () => copyRows(connection, `SELECT ${list.join(", ")} FROM ${feed.from}`, to, options));
    return {
      keyValues,
      columns: fields.map(({ name, type }, i) => ({
        name,
        isNull: type.kind === "null",
        problem: rows.fields[i]!.problem,
      })),
      ...openEnd(reader, path),
      ...(rows.damage ? { damage: rows.damage } : {}),
    };
  } finally {
    reader.close();
  }
}

/** What an Arrow file says of itself, and the names of its columns. @throws DataError for a file that is no Arrow file */
export function arrowSummary(path: string): Pick<KeptArrow, "keyValues"> & { readonly names: readonly string[] } {
  const reader = ArrowReader.open(path, path, MOST_BATCH_BYTES);
  try {
    const { keyValues, fields } = reader.schema;
    return { keyValues, names: fields.map(({ name }) => name) };
  } finally {
    reader.close();
  }
}

/** Our own exports never end without the mark; of other writers it is allowed. */
function openEnd({ isOpenEnded, schema }: ArrowReader, path: string): Pick<KeptArrow, "notice" | "damage"> {
  if (!isOpenEnded) return {};
  const text = `${path} ends without its mark: rows may be missing`;
  return schema.keyValues.has("cqlduck.columns") ? { damage: new DataError(text) } : { notice: text };
}
