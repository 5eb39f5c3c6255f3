/*
 * Asks DuckDB about files, for tests.
 */
import { DuckDBInstance } from "@duckdb/node-api";

/** The rows of a query as objects; integers beyond 32 bits come as text. */
export async function ask(sql: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(sql);
    return reader.getRowObjectsJson() as Record<string, unknown>[];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
