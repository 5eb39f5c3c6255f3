/*
 * Owns a segment's rows while they are in DuckDB: the in-memory table they are appended to, and the COPY that makes a
 * Parquet file of it. Columns are c0, c1, … inside DuckDB, since two CQL names may be one name to it; the file gets
 * the real names.
 */
import duckdb, { type Appender, type Connection, type DataChunk } from "@duckdb/node-bindings";
import { type ColumnType, typeToSql } from "../base/column.ts";
import { failureOf, run } from "./engine.ts";

const VECTOR_ROWS = 2048;

/** How a Parquet file is written. */
export interface ParquetOptions {
  /** DuckDB's name: uncompressed, snappy, gzip, zstd, brotli, lz4_raw. */
  readonly compression: string;
  /** zstd only. */
  readonly compressionLevel?: number | undefined;
  /** Rounded up to a multiple of DuckDB's 2,048 rows; DuckDB's own 122,880 where it is absent. */
  readonly rowGroupRows?: number | undefined;
  /** The file's key-value metadata. */
  readonly keyValues: Readonly<Record<string, string>>;
  /** Floats must keep every bit: dictionaries would merge 0.0 with -0.0 and NaNs with each other. */
  readonly withoutDictionaries: boolean;
}

export interface SegmentColumn {
  /** In the file. */
  readonly name: string;
  readonly type: ColumnType;
}

export class SegmentTable {
  readonly #name: string;
  readonly #columns: readonly SegmentColumn[];
  readonly #appender: Appender;

  private constructor(connection: Connection, name: string, columns: readonly SegmentColumn[]) {
    this.#name = name;
    this.#columns = columns;
    this.#appender = duckdb.appender_create(connection, null, name);
  }

  /** Makes an empty table; `name` must not be in use. */
  static async create(connection: Connection, name: string, columns: readonly SegmentColumn[]): Promise<SegmentTable> {
    const list = columns.map((column, i) => `c${i} ${typeToSql(column.type)}`).join(", ");
    await run(connection, `CREATE TABLE ${name} (${list})`, "making the segment's table");
    return new SegmentTable(connection, name, columns);
  }

  /** @throws when DuckDB refuses a value, e.g. a MAP with equal keys, or runs out of memory */
  append(chunk: DataChunk): void {
    try {
      duckdb.append_data_chunk(this.#appender, chunk);
    } catch (error) {
      throw failureOf(error, "appending rows");
    }
  }

  /** Ends appending; the rows are in the table after it. */
  seal(): void {
    try {
      duckdb.appender_close_sync(this.#appender);
    } catch (error) {
      throw failureOf(error, "appending rows");
    }
  }

  /** Writes the sealed rows on another connection, so that the next segment can be filled meanwhile. Not synced. */
  async writeParquet(connection: Connection, path: string, options: ParquetOptions): Promise<void> {
    const list = this.#columns.map((column, i) => `c${i} AS ${quoteName(column.name)}`).join(", ");
    const copy = `COPY (SELECT ${list} FROM ${this.#name}) TO ${quoteText(path)} (${parquetOptions(options)})`;
    await run(connection, copy, `writing ${path}`);
  }

  async drop(connection: Connection): Promise<void> {
    await run(connection, `DROP TABLE ${this.#name}`, "dropping the segment's table");
  }
}

function parquetOptions(options: ParquetOptions): string {
  const keyValues = Object.entries(options.keyValues).map(([key, value]) => `${quoteName(key)}: ${quoteText(value)}`);
  return [
    "FORMAT parquet",
    `COMPRESSION ${options.compression}`,
    ...(options.compressionLevel === undefined ? [] : [`COMPRESSION_LEVEL ${options.compressionLevel}`]),
    ...(options.rowGroupRows === undefined ? [] : [`ROW_GROUP_SIZE ${wholeVectors(options.rowGroupRows)}`]),
    ...(options.withoutDictionaries ? ["DICTIONARY_SIZE_LIMIT 0"] : []),
    "USE_TMP_FILE false",
    ...(keyValues.length ? [`KV_METADATA {${keyValues.join(", ")}}`] : []),
  ].join(", ");
}

/** DuckDB writes whole vectors: said here, the size does not depend on how it rounds. */
function wholeVectors(rows: number): number {
  return Math.ceil(rows / VECTOR_ROWS) * VECTOR_ROWS;
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Text as SQL writes it. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
