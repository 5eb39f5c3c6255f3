/*
 * Owns the way of columns into DuckDB: column buffers are copied into the vectors of a data chunk as they are. No
 * value is looked at except the 16-byte entries of long strings, whose arena offsets become pointers.
 */
import duckdb, { type DataChunk, type LogicalType, type Type, type Vector } from "@duckdb/node-bindings";
import type { Arena, ColumnBuffer, ColumnType, FixedKind } from "../base/column.ts";

/** Rows that a data chunk takes at the most: DuckDB's STANDARD_VECTOR_SIZE. */
export const CHUNK_ROWS = 2048;

const { Type: T } = duckdb;

const SIMPLE: Record<FixedKind | "VARCHAR" | "BLOB", Type> = {
  BOOLEAN: T.BOOLEAN,
  TINYINT: T.TINYINT,
  SMALLINT: T.SMALLINT,
  INTEGER: T.INTEGER,
  BIGINT: T.BIGINT,
  FLOAT: T.FLOAT,
  DOUBLE: T.DOUBLE,
  DATE: T.DATE,
  TIME_NS: T.TIME_NS,
  TIMESTAMPTZ: T.TIMESTAMP_TZ,
  UUID: T.UUID,
  VARCHAR: T.VARCHAR,
  BLOB: T.BLOB,
};

/** DuckDB's type for a column. */
export function logicalType(type: ColumnType): LogicalType {
  switch (type.kind) {
    case "DECIMAL":
      return duckdb.create_decimal_type(type.width, type.scale);
    case "LIST":
      return duckdb.create_list_type(logicalType(type.child));
    case "MAP":
      return duckdb.create_map_type(logicalType(type.key), logicalType(type.value));
    case "STRUCT":
      return duckdb.create_struct_type(
        type.fields.map((field) => logicalType(field.type)),
        type.fields.map((field) => field.name),
      );
    default:
      return duckdb.create_logical_type(SIMPLE[type.kind]);
  }
}

/** Columns that share an arena. */
interface FilledColumns {
  readonly columns: readonly ColumnBuffer[];
  readonly arena: Arena;
}

/** Strings up to this length stand in the entry itself (DuckDB's string_t). */
const INLINE = 12;

/** Fills data chunks, one after the other. */
export class ChunkFiller {
  /** Holds the arena's bytes inside DuckDB's memory while a chunk points into them. */
  readonly #anchor = duckdb.create_data_chunk([duckdb.create_logical_type(T.BLOB)]);

  /**
   * Copies columns of `rows` values each, at most CHUNK_ROWS, into an empty chunk of their types. What is longer than an
   * inline string is good until the next chunk is filled.
   */
  fill(chunk: DataChunk, { columns, arena }: FilledColumns, rows: number): void {
    const base = this.#anchorArena(arena);
    columns.forEach((column, i) => {
      fillVector(duckdb.data_chunk_get_vector(chunk, i), column, base);
    });
    duckdb.data_chunk_set_size(chunk, rows);
  }

  /** Gives the arena's copy back to DuckDB's allocator. */
  release(): void {
    duckdb.data_chunk_reset(this.#anchor);
  }

  /**
   * Copies the arena into a BLOB of DuckDB's with one call and returns its address: strings can then point into it,
   * where assigning each by itself would cost a call a value.
   */
  #anchorArena({ bytes, length }: Arena): number {
    this.release();
    if (length <= INLINE) return 0; // nothing longer than an inline string can be in it
    const vector = duckdb.data_chunk_get_vector(this.#anchor, 0);
    duckdb.vector_assign_string_element_len(vector, 0, bytes.subarray(0, length));
    const entry = duckdb.vector_get_data(vector, 16);
    const view = new DataView(entry.buffer, entry.byteOffset, 16);
    return view.getUint32(8, true) + view.getUint32(12, true) * 0x1_0000_0000;
  }
}

function fillVector(vector: Vector, column: ColumnBuffer, base: number): void {
  const { rows, type } = column;
  if (rows === 0) return;
  if (type.kind === "LIST" || type.kind === "MAP") fillList(vector, column, base);
  else if (type.kind === "STRUCT") {
    column.children.forEach((child, i) => {
      fillVector(duckdb.struct_vector_get_child(vector, i), child, base);
    });
  } else {
    if (type.kind === "VARCHAR" || type.kind === "BLOB") pointIntoArena(column, base);
    duckdb.copy_data_to_vector(vector, 0, column.bytes.buffer as ArrayBuffer, 0, rows * column.width);
  }
  if (!column.hasNull) return;
  duckdb.vector_ensure_validity_writable(vector);
  duckdb.copy_data_to_vector_validity(vector, 0, column.valid.buffer as ArrayBuffer, 0, (rows + 7) >> 3);
}

function fillList(vector: Vector, column: ColumnBuffer, base: number): void {
  const child = column.children[0]!;
  duckdb.list_vector_reserve(vector, child.rows);
  duckdb.list_vector_set_size(vector, child.rows);
  duckdb.copy_data_to_vector(vector, 0, column.bytes.buffer as ArrayBuffer, 0, column.rows * 16);
  fillVector(duckdb.list_vector_get_child(vector), child, base);
}

/** Turns the arena offsets of long strings into addresses, in place: a column is handed over once. */
function pointIntoArena(column: ColumnBuffer, base: number): void {
  const { i32, rows } = column;
  const low = base % 0x1_0000_0000;
  const high = (base - low) / 0x1_0000_0000;
  for (let row = 0, at = 0; row < rows; row++, at += 4) {
    if (i32[at]! <= INLINE) continue;
    const sum = low + (i32[at + 2]! >>> 0);
    i32[at + 2] = sum | 0;
    i32[at + 3] = high + (sum >= 0x1_0000_0000 ? 1 : 0);
  }
}
