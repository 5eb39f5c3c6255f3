/*
 * Owns reading the small results of questions to DuckDB, such as a file's metadata, as JavaScript values. Rows travel
 * as JSON in one text column, so that no other type has to be read. Users' rows do not come this way.
 */
import duckdb, { type Connection, type DataChunk } from "@duckdb/node-bindings";
import { failureOf, run } from "./engine.ts";

/** Bytes of a string_t, and how many of its text stand in itself. */
const ENTRY = 16;
const INLINE = 12;

/**
 * The rows of a query, by the names of its columns. Numbers beyond 2^53 lose digits: cast them to VARCHAR.
 * @throws what failureOf makes of DuckDB's error; `doing` names the work, e.g. "reading x.parquet"
 */
export async function readRows<T>(connection: Connection, sql: string, doing: string): Promise<T[]> {
  const result = await run(connection, `SELECT to_json(_row)::VARCHAR FROM (${sql}) _row`, doing);
  const rows: T[] = [];
  try {
    for (;;) {
      const chunk = await duckdb.fetch_chunk(result);
      if (chunk === null || duckdb.data_chunk_get_size(chunk) === 0) return rows;
      for (const text of textsOf(chunk)) rows.push(JSON.parse(text) as T);
    }
  } catch (error) {
    throw failureOf(error, doing);
  }
}

/** The texts of a chunk's only column, none of which is NULL. */
function textsOf(chunk: DataChunk): string[] {
  const rows = duckdb.data_chunk_get_size(chunk);
  const entries = duckdb.vector_get_data(duckdb.data_chunk_get_vector(chunk, 0), rows * ENTRY);
  const view = new DataView(entries.buffer, entries.byteOffset, entries.length);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return Array.from({ length: rows }, (_, row) => {
    const at = row * ENTRY;
    const length = view.getUint32(at, true);
    if (length <= INLINE) return decoder.decode(entries.subarray(at + 4, at + 4 + length));
    return decoder.decode(
      duckdb.get_data_from_pointer(entries.buffer as ArrayBuffer, entries.byteOffset + at + 8, length),
    );
  });
}
