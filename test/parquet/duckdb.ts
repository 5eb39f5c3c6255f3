/*
 * Owns a DuckDB that makes Parquet files for these tests and says what is in one. The library under test has no part in it.
 */
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";

export class Judge {
  readonly #connection: DuckDBConnection;

  private constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  static async start(): Promise<Judge> {
    const instance = await DuckDBInstance.create(":memory:", { threads: "1" }); // two would mix up the order of rows;
    return new Judge(await instance.connect());
  }

  async rows(sql: string): Promise<unknown[][]> {
    return (await this.#connection.runAndReadAll(sql)).getRowsJson();
  }

  async write(path: string, select: string, options = ""): Promise<string> {
    await this.#connection.run(`COPY (${select}) TO '${path}' (FORMAT parquet${options && `, ${options}`})`);
    return path;
  }

  /** A digest of all rows of the files in their order, taken of a text that keeps every bit but those of a NaN. */
  async read(...paths: string[]): Promise<unknown> {
    const files = paths.map((path) => `'${path}'`).join(", ");
    return this.one(`SELECT [md5(string_agg(r::VARCHAR, chr(10))), count(*)::VARCHAR] FROM read_parquet([${files}]) r`);
  }

  async one(sql: string): Promise<unknown> {
    return (await this.rows(sql))[0]?.[0];
  }

  close(): void {
    this.#connection.closeSync();
  }
}
