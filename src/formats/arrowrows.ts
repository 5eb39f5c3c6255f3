/*
 * Owns the rows of an Arrow file as chunks that DuckDB can be fed with (duckdb/feed.ts). A file that is damaged gives the
 * rows before the damage; what is wrong with it is told afterwards.
 */
import { Arena, type ColumnBuffer, clearColumn, createColumn } from "../base/column.ts";
import { DataError, messageOf } from "../base/errors.ts";
import { CHUNK_ROWS } from "../duckdb/chunk.ts";
import type { ChunkSource } from "../duckdb/feed.ts";
import { type ArrowColumn, arrowColumn } from "./arrowcolumns.ts";
import type { ArrowBatch, ArrowReader } from "./arrowread.ts";

/** Rows that are copied at a time, column by column. */
const STEP_ROWS = 64;
/** A chunk ends when its texts take so much: dictionaries make many out of few bytes. */
const CHUNK_BYTES = 4 << 20;

export class ArrowRows implements ChunkSource {
  readonly fields: readonly ArrowColumn[];
  readonly columns: readonly ColumnBuffer[];
  readonly arena = new Arena();
  readonly #reader: ArrowReader;
  #batch: ArrowBatch | undefined;
  /** The next row of the batch. */
  #at = 0;
  #number = 0;
  #damage: DataError | undefined;

  constructor(reader: ArrowReader) {
    this.#reader = reader;
    this.fields = reader.schema.fields.map(arrowColumn);
    this.columns = this.fields.map(({ type }) => createColumn(type, this.arena));
  }

  /** Why the rows ended before their end. */
  get damage(): DataError | undefined {
    return this.#damage;
  }

  rewind(): void {
    this.#reader.rewind();
    this.#batch = undefined;
    this.#at = this.#number = 0;
    this.#damage = undefined;
  }

  next(): number {
    for (const column of this.columns) clearColumn(column);
    this.arena.length = 0;
    let rows = 0;
    try {
      while (rows < CHUNK_ROWS && this.arena.length < CHUNK_BYTES && this.#hasRows())
        rows += this.#step(CHUNK_ROWS - rows);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      this.#damage = error;
    }
    return rows;
  }

  /** Whether a row is left, in this batch or the next. */
  #hasRows(): boolean {
    if (this.#damage) return false;
    while (!this.#batch || this.#at >= this.#batch.rows) {
      this.#batch = this.#reader.next();
      this.#number++;
      this.#at = 0;
      if (!this.#batch) return false;
    }
    return true;
  }

  #step(most: number): number {
    const { arrays, rows } = this.#batch!;
    const count = Math.min(most, STEP_ROWS, rows - this.#at);
    const before = this.columns[0]?.rows ?? 0;
    for (const [i, array] of arrays.entries()) {
      try {
        this.fields[i]!.append(array, this.#at, count, this.columns[i]!);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        for (const column of this.columns) column.rows = before;
        throw new DataError(
          `column ${this.#reader.schema.fields[i]!.name} in record batch ${this.#number} of ${this.#reader.path} can't be read: ${messageOf(error)}`,
          { cause: error },
        );
      }
    }
    this.#at += count;
    return count;
  }
}
