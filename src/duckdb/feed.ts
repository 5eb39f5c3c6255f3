/*
 * Owns the way of rows into DuckDB: a table function that asks for them chunk by chunk while a statement runs, so that
 * DuckDB holds no more of them than the statement needs (an in-memory table takes each row three times: once by the
 * appender, twice by its INSERT). Columns are c0, c1, … inside DuckDB, since two CQL names may be one name to it.
 */
import duckdb, { type Connection, type DataChunk, type TableFunctionInfo } from "@duckdb/node-bindings";
import type { Arena, ColumnBuffer, ColumnType } from "../base/column.ts";
import { messageOf } from "../base/errors.ts";
import { ChunkFiller, logicalType } from "./chunk.ts";

/** Rows in chunks. */
export interface ChunkSource {
  /** The next chunk's values, and what its strings point into; the same objects all the time. */
  readonly columns: readonly ColumnBuffer[];
  readonly arena: Arena;
  /** Back to before the first row: each statement reads all of them. */
  rewind(): void;
  /** Puts the next rows, at most CHUNK_ROWS, into the columns and says how many they are; 0 behind the last one. */
  next(): number;
}

const NAME = "fed_rows";

/** A source while statements read it, and what it threw. */
interface Served {
  readonly source: ChunkSource;
  failure?: { readonly error: unknown };
}

/** The rows that the statements of one engine can read. */
export class RowFeed {
  /** What stands behind FROM; once in a statement. */
  readonly from: string;
  readonly #filler = new ChunkFiller();
  #served: Served | undefined;

  /**
   * A chunk is good until the next is asked for: statements copy it before they do.
   * @param name of no other feed of the engine
   */
  constructor(connection: Connection, types: readonly ColumnType[], name = NAME) {
    this.from = `${name}()`;
    const table = duckdb.create_table_function();
    duckdb.table_function_set_name(table, name);
    duckdb.table_function_set_bind(table, (info) => {
      types.forEach((type, i) => {
        duckdb.bind_add_result_column(info, `c${i}`, logicalType(type));
      });
    });
    duckdb.table_function_set_init(table, (info) => {
      duckdb.init_set_max_threads(info, 1);
      this.#served?.source.rewind();
    });
    duckdb.table_function_set_function(table, (info, chunk) => {
      const served = this.#served;
      if (served) this.#fill(info, chunk, served);
      else duckdb.function_set_error(info, `${name} has no rows to give now`);
    });
    duckdb.register_table_function(connection, table);
  }

  /**
   * Runs `work`, whose statements read the rows of `source`.
   * @throws what the source threw rather than DuckDB's words for it
   */
  async serve<T>(source: ChunkSource, work: () => Promise<T>): Promise<T> {
    const served: Served = { source };
    this.#served = served;
    try {
      const result = await work();
      if (served.failure) throw served.failure.error;
      return result;
    } catch (error) {
      throw served.failure ? served.failure.error : error;
    } finally {
      this.#served = undefined;
      this.#filler.release();
    }
  }

  #fill(info: TableFunctionInfo, chunk: DataChunk, served: Served): void {
    try {
      const rows = served.source.next();
      if (rows > 0) this.#filler.fill(chunk, served.source, rows);
      else duckdb.data_chunk_set_size(chunk, 0);
    } catch (error) {
      served.failure = { error };
      duckdb.function_set_error(info, messageOf(error));
    }
  }
}
