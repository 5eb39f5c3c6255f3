/*
 * Owns a segment's rows while they are in DuckDB: the in-memory table they are appended to. Columns are c0, c1, …
 * inside DuckDB, since two CQL names may be one name to it; files get the real names.
 */
import duckdb, { type Appender, type Connection, type DataChunk } from "@duckdb/node-bindings";
import { type ColumnType, typeToSql } from "../base/column.ts";
import { failureOf, run } from "./engine.ts";

export class SegmentTable {
  /** To be read by. */
  readonly name: string;
  readonly #appender: Appender;

  private constructor(connection: Connection, name: string) {
    this.name = name;
    this.#appender = duckdb.appender_create(connection, null, name);
  }

  /** Makes an empty table; `name` must not be in use. */
  static async create(connection: Connection, name: string, columns: readonly ColumnType[]): Promise<SegmentTable> {
    const list = columns.map((type, i) => `c${i} ${typeToSql(type)}`).join(", ");
    await run(connection, `CREATE TABLE ${name} (${list})`, "making the segment's table");
    return new SegmentTable(connection, name);
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

  async drop(connection: Connection): Promise<void> {
    await run(connection, `DROP TABLE ${this.name}`, "dropping the segment's table");
  }
}
