/*
 * Owns the row path: pages of cells become columns, columns become DuckDB data chunks. Joins src/cassandra, src/types
 * and src/duckdb, which do not know each other. No object is made per row.
 */
import {
  Arena,
  type ColumnBuffer,
  type ColumnNotes,
  clearColumn,
  createColumn,
  createNotes,
} from "../../base/column.ts";
import { DataError } from "../../base/errors.ts";
import { indexCells, type Page } from "../../cassandra/pages.ts";
import { CHUNK_ROWS } from "../../duckdb/chunk.ts";
import type { ChunkSource } from "../../duckdb/feed.ts";
import { type Cells, type Codec, ValueError } from "../../types/codec.ts";
import type { CqlType } from "../../types/cql.ts";
import { valueText } from "../../types/table.ts";
import { addSeconds } from "./ttls.ts";

/** A column of the source with all that was decided about it. */
export interface SourceColumn {
  /** As Cassandra holds it; of a column that was added, the name it was to have in the file. */
  readonly name: string;
  /** In the file. */
  readonly file: string;
  readonly kind: string;
  /** The column that this one tells something of, e.g. its writetime. */
  readonly of?: string | undefined;
  readonly cql: CqlType;
  /** The type's text in system_schema. */
  readonly cqlText: string;
  readonly codec: Codec;
}

/** A chunk ends at this many bytes of rows even when it has room for more rows: blobs may be large. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Ends the reading of rows whose floats turn out to need every bit: what they are written to must keep those. */
export class ExactFloatsNeeded extends Error {
  override name = "ExactFloatsNeeded";
}

/** Decodes pages, chunk by chunk as they are asked for. One for all segments of an export: its buffers are used again. */
export class PageDecoder implements ChunkSource {
  readonly arena = new Arena();
  readonly columns: readonly ColumnBuffer[];
  /** How many rows were given since the last rewind. */
  given = 0;
  readonly #source: readonly SourceColumn[];
  readonly #table: string;
  readonly #chunkRows: number;
  readonly #exportedAt: number;
  #pages: readonly Page[] = [];
  #exactFloats = false;
  /** The page that comes next, and its row. */
  #page = 0;
  #row = 0;
  #cells = new Int32Array(0);
  /** Behind the last cell of the page. */
  #end = 0;

  /**
   * @param table named in errors
   * @param exportedAt milliseconds since 1970 that TTLs will count from
   * @param chunkRows the most rows of a chunk
   */
  constructor(source: readonly SourceColumn[], table: string, exportedAt: number, chunkRows = CHUNK_ROWS) {
    this.#source = source;
    this.#exportedAt = exportedAt;
    this.#table = table;
    this.#chunkRows = chunkRows;
    this.columns = source.map((column) => createColumn(column.codec.column, this.arena, CHUNK_ROWS));
  }

  /** Takes the pages to decode; `exactFloats` says that every bit of a float will be kept. */
  load(pages: readonly Page[], exactFloats: boolean): void {
    this.#pages = pages;
    this.#exactFloats = exactFloats;
    this.rewind();
  }

  rewind(): void {
    this.given = 0;
    this.#page = 0;
    this.#row = 0;
    for (const { notes } of this.columns) Object.assign(notes, createNotes());
  }

  /** @throws DataError naming column and key of a value that can't be kept; ExactFloatsNeeded */
  next(): number {
    for (const column of this.columns) clearColumn(column);
    this.arena.length = 0;
    // No chunk crosses a multiple of CHUNK_ROWS, where row groups end.
    const most = Math.min(this.#chunkRows, CHUNK_ROWS - (this.given % CHUNK_ROWS));
    let rows = 0;
    for (let page = this.#pages[this.#page]; page && rows < most; page = this.#pages[this.#page]) {
      const count = this.#decodeSome(page, rows, most);
      if (count === 0) break;
      rows += count;
    }
    this.given += rows;
    if (!this.#exactFloats && this.columns.some(({ notes }) => notes.exactFloatBits)) throw new ExactFloatsNeeded();
    return rows;
  }

  /** Adds rows of a page to the `before` that are in the chunk already, as many as a chunk of `most` has room for. */
  #decodeSome(page: Page, before: number, most: number): number {
    if (this.#row === 0) this.#index(page);
    const byBytes = Math.floor(((CHUNK_BYTES - this.arena.length) * page.rows) / this.#end);
    const room = Math.min(most - before, before === 0 ? Math.max(1, byBytes) : byBytes);
    const count = Math.min(page.rows - this.#row, Math.max(0, room));
    if (count === 0) return 0;
    const start = this.#startOf(page, this.#row);
    const shift = this.arena.append(page.body.subarray(start, this.#startOf(page, this.#row + count))) - start;
    this.#decode(page, shift, this.#row, count);
    this.#row += count;
    if (this.#row === page.rows) {
      this.#page++;
      this.#row = 0;
    }
    return count;
  }

  #index(page: Page): void {
    const needed = page.rows * this.#source.length * 2;
    if (this.#cells.length < needed) this.#cells = new Int32Array(needed);
    this.#end = indexCells(page, this.#source.length, this.#cells);
  }

  #startOf({ rows }: Page, row: number): number {
    return row < rows ? this.#cells[row * 2]! - 4 : this.#end;
  }

  /** What was noticed since the last rewind, by column; columns with nothing to note are left out. */
  notes(): Record<string, ColumnNotes> {
    const found: Record<string, ColumnNotes> = {};
    this.columns.forEach(({ notes }, i) => {
      if (Object.values(notes).some(Boolean)) found[this.#source[i]!.name] = { ...notes };
    });
    return found;
  }

  #decode(page: Page, shift: number, first: number, count: number): void {
    const { body, rows } = page;
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    const stride = rows * 2;
    // The server counts in whole seconds of its clock.
    const age = Math.floor(page.askedAt / 1000) - Math.floor(this.#exportedAt / 1000);
    for (let c = 0; c < this.#source.length; c++) {
      const cells: Cells = { body, view, shift, index: this.#cells.subarray(c * stride, (c + 1) * stride) };
      const column = this.columns[c]!;
      const before = column.rows;
      try {
        this.#source[c]!.codec.decode(cells, first, count, column);
        if (this.#source[c]!.kind === "ttl" && age !== 0) addSeconds(column, before, age);
      } catch (error) {
        throw error instanceof ValueError ? this.#refusal(error, page, c) : error;
      }
    }
  }

  /** The error for a value that its column can't hold, naming the row by its key as far as it was read. */
  #refusal(error: ValueError, { body, rows }: Page, column: number): DataError {
    const { name } = this.#source[column]!;
    const key = this.#source.flatMap((source, c) => {
      if (source.kind !== "partition_key" && source.kind !== "clustering") return [];
      const at = (c * rows + error.row) * 2;
      const [offset, length] = [this.#cells[at]!, this.#cells[at + 1]!];
      const text = length < 0 ? "null" : valueText(source.cql, body.subarray(offset, offset + length));
      return [`${source.name} = ${text}`];
    });
    const where = key.length ? `the row with ${key.join(", ")}` : "a row whose key is not among the columns read";
    return new DataError(`column ${name} of ${this.#table}, ${where}: ${error.message}`, {
      hint: error.hint?.replaceAll("{column}", name),
    });
  }
}
