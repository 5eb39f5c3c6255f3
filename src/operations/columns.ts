/*
 * Owns the row path: pages of cells become columns, columns become DuckDB data chunks. Joins src/cassandra, src/types
 * and src/duckdb, which do not know each other. No object is made per row.
 */
import { Arena, type ColumnBuffer, type ColumnNotes, clearColumn, createColumn, createNotes } from "../base/column.ts";
import { DataError } from "../base/errors.ts";
import { indexCells, type Page } from "../cassandra/pages.ts";
import { CHUNK_ROWS, ChunkFiller } from "../duckdb/chunk.ts";
import type { SegmentTable } from "../duckdb/segment.ts";
import { type Cells, type Codec, ValueError } from "../types/codec.ts";
import type { CqlType } from "../types/cql.ts";
import { valueText } from "../types/table.ts";

/** A column of the source with all that was decided about it. */
export interface SourceColumn {
  /** As Cassandra holds it; of a column that was added, the name it was to have in the file. */
  readonly name: string;
  /** In the file. */
  readonly file: string;
  readonly kind: string;
  /** The column whose writetime or TTL this one is. */
  readonly of?: string | undefined;
  readonly cql: CqlType;
  /** The type's text in system_schema. */
  readonly cqlText: string;
  readonly codec: Codec;
}

/** A chunk is handed over at this many bytes of rows even when it has room for more rows: blobs may be large. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Collects pages into data chunks and appends the full ones to a segment's table. */
export class RowBatch {
  readonly columns: readonly ColumnBuffer[];
  readonly #source: readonly SourceColumn[];
  readonly #table: string;
  readonly #arena = new Arena();
  readonly #filler: ChunkFiller;
  readonly #chunkRows: number;
  #cells = new Int32Array(0);
  #rows = 0;

  /**
   * @param table named in errors
   * @param chunkRows the most rows of a chunk
   */
  constructor(source: readonly SourceColumn[], table: string, chunkRows = CHUNK_ROWS) {
    this.#source = source;
    this.#table = table;
    this.#chunkRows = Math.min(chunkRows, CHUNK_ROWS);
    this.columns = source.map((column) => createColumn(column.codec.column, this.#arena, CHUNK_ROWS));
    this.#filler = new ChunkFiller(
      source.map((column) => column.codec.column),
      this.#arena,
    );
  }

  /** Appends a whole page. @throws DataError naming column and key of a value that can't be kept */
  append(page: Page, target: SegmentTable): void {
    const { rows, body } = page;
    if (rows === 0) return;
    const needed = rows * this.#source.length * 2;
    if (this.#cells.length < needed) this.#cells = new Int32Array(needed);
    const end = indexCells(page, this.#source.length, this.#cells);
    const startOf = (row: number) => (row < rows ? this.#cells[row * 2]! - 4 : end);
    const rowBytes = end / rows;
    for (let at = 0; at < rows; ) {
      const byBytes = Math.floor((CHUNK_BYTES - this.#arena.length) / rowBytes);
      const count = Math.max(1, Math.min(rows - at, this.#chunkRows - this.#rows, byBytes));
      const start = startOf(at);
      const shift = this.#arena.append(body.subarray(start, startOf(at + count))) - start;
      this.#decode(page, shift, at, count);
      at += count;
      if (this.#rows === this.#chunkRows || this.#arena.length >= CHUNK_BYTES) this.flush(target);
    }
  }

  /** Appends what is left of the last chunk. */
  flush(target: SegmentTable): void {
    if (this.#rows === 0) return;
    this.#filler.fill(this.columns, this.#rows);
    target.append(this.#filler.chunk);
    for (const column of this.columns) clearColumn(column);
    this.#arena.length = 0;
    this.#rows = 0;
  }

  /** What was noticed since the last call, by column; columns with nothing to note are left out. */
  takeNotes(): Record<string, ColumnNotes> {
    const found: Record<string, ColumnNotes> = {};
    this.columns.forEach(({ notes }, i) => {
      if (Object.values(notes).some(Boolean)) found[this.#source[i]!.name] = { ...notes };
      Object.assign(notes, createNotes());
    });
    return found;
  }

  #decode(page: Page, shift: number, first: number, count: number): void {
    const { body, rows } = page;
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    const stride = rows * 2;
    for (let c = 0; c < this.#source.length; c++) {
      const cells: Cells = { body, view, shift, index: this.#cells.subarray(c * stride, (c + 1) * stride) };
      try {
        this.#source[c]!.codec.decode(cells, first, count, this.columns[c]!);
      } catch (error) {
        throw error instanceof ValueError ? this.#refusal(error, page, c) : error;
      }
    }
    this.#rows += count;
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
