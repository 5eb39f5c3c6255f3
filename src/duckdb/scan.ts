/*
 * Owns the way of columns out of DuckDB: a query runs as a stream, and the vectors of each chunk become column buffers.
 * The mirror of chunk.ts: no value is looked at but the entries of long strings, whose pointers become arena offsets.
 */
import duckdb, { type Connection, type DataChunk, type Result, type Vector } from "@duckdb/node-bindings";
import { Arena, type ColumnBuffer, type ColumnType, createColumn, isNull } from "../base/column.ts";
import { CHUNK_ROWS } from "./chunk.ts";
import { beginStream, checkIdle, endStream, failureOf, wasInterrupted } from "./engine.ts";
import { columnTypeOf, type FileType, fileType, fileTypeToSql } from "./filetypes.ts";

export interface DescribedColumn {
  readonly name: string;
  readonly type: FileType;
}

/** The columns that a query gives, without running it. `doing` names the work in errors. */
export async function describe(connection: Connection, sql: string, doing: string): Promise<DescribedColumn[]> {
  const statement = await prepare(connection, sql, doing);
  const count = duckdb.prepared_statement_column_count(statement);
  const columns = Array.from({ length: count }, (_, i) => ({
    name: duckdb.prepared_statement_column_name(statement, i),
    type: fileType(duckdb.prepared_statement_column_logical_type(statement, i)),
  }));
  duckdb.destroy_prepare_sync(statement);
  return columns;
}

async function prepare(connection: Connection, sql: string, doing: string) {
  checkIdle(connection);
  try {
    return await duckdb.prepare(connection, sql);
  } catch (error) {
    throw failureOf(error, doing);
  }
}

/** Rows of a scan, column by column. Good until the next one is asked for. */
export interface ScanChunk {
  readonly rows: number;
  readonly columns: readonly ColumnBuffer[];
}

/** A running query, read chunk by chunk in its order. Until its end, or until it is settled, its connection does nothing else. */
export class Scan {
  readonly columns: readonly ColumnBuffer[];
  readonly #connection: Connection;
  readonly #sql: string;
  readonly #result: Result;
  readonly #arena: Arena;
  readonly #doing: string;
  /** The chunk after the current one, which DuckDB makes meanwhile. */
  #next: Promise<DataChunk | null> | undefined;

  private constructor(
    { connection, sql, doing }: { readonly connection: Connection; readonly sql: string; readonly doing: string },
    result: Result,
    types: readonly ColumnType[],
  ) {
    this.#connection = connection;
    this.#sql = sql;
    this.#result = result;
    this.#doing = doing;
    this.#arena = new Arena();
    this.columns = types.map((type) => createColumn(type, this.#arena, 0));
  }

  /**
   * Starts a query whose columns all are of types that columns here can have.
   * @param doing names the work in errors, e.g. "reading x.parquet"
   */
  static async open(connection: Connection, sql: string, doing: string): Promise<Scan> {
    const statement = await prepare(connection, sql, doing);
    try {
      const result = await duckdb.execute_prepared_streaming(statement);
      const types = Array.from({ length: duckdb.column_count(result) }, (_, i) => {
        const found = fileType(duckdb.column_logical_type(result, i));
        const type = columnTypeOf(found);
        if (!type) throw new Error(`${doing}: no column can be of type ${fileTypeToSql(found)}`);
        return type;
      });
      beginStream(connection);
      return new Scan({ connection, sql, doing }, result, types);
    } catch (error) {
      throw failureOf(error, doing);
    } finally {
      duckdb.destroy_prepare_sync(statement);
    }
  }

  /** The next rows; undefined behind the last. @throws what failureOf makes of DuckDB's error */
  async next(): Promise<ScanChunk | undefined> {
    try {
      const chunk = await (this.#next ?? duckdb.fetch_chunk(this.#result));
      this.#next = undefined;
      const rows = chunk === null ? 0 : duckdb.data_chunk_get_size(chunk);
      if (chunk === null || rows === 0) {
        endStream(this.#connection);
        if (!this.#isWhole()) throw await this.#fault();
        return undefined;
      }
      this.#next = duckdb.fetch_chunk(this.#result);
      // Its failure is told when it is asked for; until then nobody may be listening.
      this.#next.catch(() => undefined);
      this.#arena.length = 0;
      this.columns.forEach((column, i) => {
        readVector(duckdb.data_chunk_get_vector(chunk, i), column, rows);
      });
      // All of it is copied; what lists and strings have besides must not wait for the garbage collector.
      duckdb.data_chunk_reset(chunk);
      return { rows, columns: this.columns };
    } catch (error) {
      this.#next = undefined;
      endStream(this.#connection);
      throw failureOf(error, this.#doing);
    }
  }

  /** A stream that fails ends like one that is at its end; only its result tells, and not why. */
  #isWhole(): boolean {
    return (
      duckdb.result_return_type(this.#result) !== duckdb.ResultType.INVALID && duckdb.result_is_streaming(this.#result)
    );
  }

  /** What the same rows fail with where they are not streamed. */
  async #fault(): Promise<unknown> {
    if (wasInterrupted(this.#connection)) return new Error("INTERRUPT Error: Interrupted!");
    try {
      await duckdb.query(this.#connection, `SELECT count(*) FROM (${this.#sql}\n) _all WHERE hash(_all) = 0`);
    } catch (error) {
      return error;
    }
    return new Error("the rows ended before their end");
  }

  /** Waits for what DuckDB still does for a scan that is left before its end. */
  async settle(): Promise<void> {
    await this.#next?.catch(() => undefined);
    this.#next = undefined;
    endStream(this.#connection);
  }
}

/** @param parent the struct that the column is a field of: what stands in a NULL struct is nobody's value */
function readVector(vector: Vector, column: ColumnBuffer, rows: number, parent?: ColumnBuffer): void {
  column.rows = rows;
  readValidity(vector, column, rows);
  if (parent?.hasNull) inheritNulls(parent, column);
  const { type, width } = column;
  if (type.kind === "STRUCT") {
    column.children.forEach((child, i) => {
      readVector(duckdb.struct_vector_get_child(vector, i), child, rows, column);
    });
    return;
  }
  free(column.bytes);
  const bytes = atOrigin(duckdb.vector_get_data(vector, rows * width));
  column.bytes = bytes;
  column.i32 = new Int32Array(bytes.buffer, 0, bytes.length >> 2);
  if (type.kind === "VARCHAR" || type.kind === "BLOB") pullStrings(column, rows);
  else if (type.kind === "LIST" || type.kind === "MAP") {
    readVector(duckdb.list_vector_get_child(vector), column.children[0]!, duckdb.list_vector_get_size(vector));
  }
}

/**
 * Frees what a column had of the chunk before: garbage collectors see little of buffers, and let hundreds of megabytes of
 * them gather where there are many columns. Node 20 can't, and waits for its collector.
 */
function free(bytes: Uint8Array): void {
  const buffer: ArrayBufferLike & { transfer?(length: number): unknown } = bytes.buffer;
  // One that others are in too is not the column's to free.
  if (buffer.byteLength === bytes.byteLength) buffer.transfer?.(0);
}

/** Columns begin where their memory begins. */
function atOrigin(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset === 0 ? bytes : bytes.slice();
}

function readValidity(vector: Vector, column: ColumnBuffer, rows: number): void {
  const valid = rows > 0 ? duckdb.vector_get_validity(vector, (rows + 7) >> 3) : null;
  column.hasNull = valid !== null;
  column.valid = valid ?? allValid(rows);
  if (valid === null) return;
  if (rows & 7) valid[valid.length - 1]! |= (255 << (rows & 7)) & 255;
}

let ones = new Uint8Array(CHUNK_ROWS >> 3).fill(255);

/** The validity of rows none of which is NULL; shared by all columns, and never written to. */
function allValid(rows: number): Uint8Array {
  if (ones.length * 8 < rows) ones = new Uint8Array((rows + 7) >> 3).fill(255);
  return ones;
}

function inheritNulls(parent: ColumnBuffer, child: ColumnBuffer): void {
  if (!child.hasNull) child.valid = parent.valid.slice();
  else for (let i = 0; i < parent.valid.length; i++) child.valid[i]! &= parent.valid[i]!;
  child.hasNull = true;
}

/** Strings up to this length stand in the entry itself (DuckDB's string_t). */
const INLINE = 12;
/** Less than a page of memory: what lies between two readable places so near to each other is readable too. */
const GAP = 4000;

/** Copies long strings into the arena, those that lie near each other at one go, and turns their pointers into offsets. */
function pullStrings(column: ColumnBuffer, rows: number): void {
  const { i32, arena, bytes } = column;
  let start = 0;
  let end = 0;
  let base = 0;
  for (let row = 0, at = 0; row < rows; row++, at += 4) {
    if (column.hasNull && isNull(column, row)) {
      i32[at] = i32[at + 1] = i32[at + 2] = i32[at + 3] = 0;
      continue;
    }
    const length = i32[at]!;
    if (length <= INLINE) continue;
    const address = addressAt(i32, at);
    if (address < start || address + length > end) {
      start = address;
      end = stretchEnd(column, row, rows);
      base = arena.append(
        duckdb.get_data_from_pointer(bytes.buffer as ArrayBuffer, bytes.byteOffset + at * 4 + 8, end - start),
      );
    }
    const offset = base + (address - start);
    i32[at + 2] = offset | 0;
    i32[at + 3] = (offset / 0x1_0000_0000) | 0;
  }
}

function addressAt(i32: Int32Array, at: number): number {
  return i32[at + 3]! * 0x1_0000_0000 + (i32[at + 2]! >>> 0);
}

/** Where the strings end that lie in memory one behind the other from that of `first` on. */
function stretchEnd(column: ColumnBuffer, first: number, rows: number): number {
  const { i32 } = column;
  const start = addressAt(i32, first * 4);
  let end = start + i32[first * 4]!;
  for (let row = first + 1; row < rows; row++) {
    const length = i32[row * 4]!;
    if (length <= INLINE || (column.hasNull && isNull(column, row))) continue;
    const address = addressAt(i32, row * 4);
    if (address < start || address > end + GAP) break;
    end = Math.max(end, address + length);
  }
  return end;
}
