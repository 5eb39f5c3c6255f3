/*
 * Owns the columns that rows travel in: typed buffers in DuckDB's own vector layout, filled by the decoders of
 * src/types and handed to DuckDB without looking at a value again. Knows neither CQL types nor DuckDB's API.
 */

/** The DuckDB types that hold one value in a fixed number of bytes, with that number. */
export const FIXED_WIDTH = {
  BOOLEAN: 1,
  TINYINT: 1,
  SMALLINT: 2,
  INTEGER: 4,
  BIGINT: 8,
  FLOAT: 4,
  DOUBLE: 8,
  DATE: 4,
  TIME_NS: 8,
  TIMESTAMPTZ: 8,
  UUID: 16,
} as const;

export type FixedKind = keyof typeof FIXED_WIDTH;

/** The shape of a column in DuckDB, to any depth. */
export type ColumnType =
  | { readonly kind: FixedKind }
  | { readonly kind: "VARCHAR" | "BLOB" }
  | { readonly kind: "DECIMAL"; readonly width: number; readonly scale: number }
  | { readonly kind: "LIST"; readonly child: ColumnType }
  | { readonly kind: "MAP"; readonly key: ColumnType; readonly value: ColumnType }
  | { readonly kind: "STRUCT"; readonly fields: readonly StructField[] };

export interface StructField {
  readonly name: string;
  readonly type: ColumnType;
}

/** Bytes that string entries point into: the rows' own bytes, and texts made on the way (uuid, decimal). Shared by a chunk. */
export class Arena {
  bytes = new Uint8Array(1 << 16);
  length = 0;

  /** Makes room for `extra` bytes more; `bytes` may be another array afterwards, offsets stay. */
  reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.bytes.length) return;
    const bigger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    bigger.set(this.bytes.subarray(0, this.length));
    this.bytes = bigger;
  }

  /** Copies `source` behind what is there and returns its offset. */
  append(source: Uint8Array): number {
    this.reserve(source.length);
    const at = this.length;
    this.bytes.set(source, at);
    this.length += source.length;
    return at;
  }
}

/** What decoders noticed in a column since it was made; operations turn it into flags and the report. */
export interface ColumnNotes {
  /** A -0.0, or a NaN that is not the canonical one: dictionaries of DuckDB's Parquet writer would merge it. */
  exactFloatBits: boolean;
  /** Zero-length values that became NULL (`--empty null`). */
  emptied: number;
  /** User-defined type or tuple values with fewer fields than the type has today. */
  evolved: number;
  /** The most digits before and after the decimal point that a decimal had: what DECIMAL(p,s) would have to hold. */
  integerDigits: number;
  fractionDigits: number;
}

/**
 * Values of one column. Layout of `bytes`, by kind: fixed-width values little-endian (a DECIMAL takes 2, 4, 8 or 16
 * bytes by its width); VARCHAR and BLOB 16 bytes as in DuckDB's string_t: int32 length, then up to 12 bytes inline
 * (rest zero), or the first 4 bytes and a 64-bit offset into the arena, which becomes a pointer when the chunk is
 * handed over; LIST and MAP 16 bytes: 64-bit offset into the child and 64-bit length; STRUCT none.
 * Children: LIST one; MAP one STRUCT of key and value; STRUCT one a field.
 */
export interface ColumnBuffer {
  readonly type: ColumnType;
  /** Bytes a value takes in `bytes`. */
  readonly width: number;
  /** Values written so far. */
  rows: number;
  bytes: Uint8Array;
  /** The same memory as `bytes`. */
  i32: Int32Array;
  /** One bit a value, least significant first, 1 = not NULL. Bits at and beyond `rows` are 1. */
  valid: Uint8Array;
  hasNull: boolean;
  readonly arena: Arena;
  readonly children: readonly ColumnBuffer[];
  /** Shared by a column and all that is nested in it. */
  readonly notes: ColumnNotes;
}

/** Bytes that one value of the type takes in `ColumnBuffer.bytes`. */
function valueWidth(type: ColumnType): number {
  switch (type.kind) {
    case "VARCHAR":
    case "BLOB":
    case "LIST":
    case "MAP":
      return 16;
    case "STRUCT":
      return 0;
    case "DECIMAL":
      return type.width <= 4 ? 2 : type.width <= 9 ? 4 : type.width <= 18 ? 8 : 16;
    default:
      return FIXED_WIDTH[type.kind];
  }
}

function childTypes(type: ColumnType): readonly ColumnType[] {
  switch (type.kind) {
    case "LIST":
      return [type.child];
    case "MAP":
      return [
        {
          kind: "STRUCT",
          fields: [
            { name: "key", type: type.key },
            { name: "value", type: type.value },
          ],
        },
      ];
    case "STRUCT":
      return type.fields.map((field) => field.type);
    default:
      return [];
  }
}

/** An empty column with room for `capacity` values; its children begin small and grow. */
export function createColumn(type: ColumnType, arena: Arena, capacity = 2048, notes = createNotes()): ColumnBuffer {
  const width = valueWidth(type);
  const bytes = new Uint8Array(capacity * width);
  const childCapacity = type.kind === "STRUCT" ? capacity : 16;
  return {
    type,
    width,
    rows: 0,
    bytes,
    i32: new Int32Array(bytes.buffer, 0, bytes.length >> 2),
    valid: new Uint8Array((capacity + 7) >> 3).fill(255),
    hasNull: false,
    arena,
    children: childTypes(type).map((child) => createColumn(child, arena, childCapacity, notes)),
    notes,
  };
}

export function createNotes(): ColumnNotes {
  return { exactFloatBits: false, emptied: 0, evolved: 0, integerDigits: 0, fractionDigits: 0 };
}

/** Makes room for `extra` values more. `bytes`, `i32` and `valid` may be other arrays afterwards. */
export function reserveRows(column: ColumnBuffer, extra: number): void {
  const needed = column.rows + extra;
  if (needed <= column.valid.length * 8 && needed * column.width <= column.bytes.length) return;
  const capacity = Math.max(needed, column.rows * 2, 16);
  const bytes = new Uint8Array(Math.ceil((capacity * column.width) / 4) * 4);
  bytes.set(column.bytes.subarray(0, column.rows * column.width));
  const valid = new Uint8Array((capacity + 7) >> 3).fill(255);
  valid.set(column.valid.subarray(0, (column.rows + 7) >> 3));
  column.bytes = bytes;
  column.i32 = new Int32Array(bytes.buffer);
  column.valid = valid;
}

/** Marks a value NULL. Its bytes should be zero or what they were: nobody reads them. */
export function setNull(column: ColumnBuffer, row: number): void {
  column.hasNull = true;
  column.valid[row >> 3]! &= ~(1 << (row & 7));
}

export function isNull(column: ColumnBuffer, row: number): boolean {
  return ((column.valid[row >> 3]! >> (row & 7)) & 1) === 0;
}

/** Forgets the values, keeps the memory and the notes. The arena is emptied by its owner. */
export function clearColumn(column: ColumnBuffer): void {
  if (column.hasNull) column.valid.fill(255);
  column.hasNull = false;
  column.rows = 0;
  for (const child of column.children) clearColumn(child);
}

/** Some of a column's values, in the same memory. `first` is a multiple of 8, as the bits of validity are. */
export function sliceColumn(column: ColumnBuffer, first: number, rows: number): ColumnBuffer {
  const at = first * column.width;
  return {
    ...column,
    rows,
    bytes: column.bytes.subarray(at, at + rows * column.width),
    i32: column.i32.subarray(at >> 2),
    valid: column.valid.subarray(first >> 3),
    // Lists and maps say themselves where their elements are.
    children:
      column.type.kind === "STRUCT" ? column.children.map((child) => sliceColumn(child, first, rows)) : column.children,
  };
}

/** The type as DuckDB SQL writes it. */
export function typeToSql(type: ColumnType): string {
  switch (type.kind) {
    case "DECIMAL":
      return `DECIMAL(${type.width},${type.scale})`;
    case "LIST":
      return `${typeToSql(type.child)}[]`;
    case "MAP":
      return `MAP(${typeToSql(type.key)}, ${typeToSql(type.value)})`;
    case "STRUCT":
      return `STRUCT(${type.fields.map((f) => `"${f.name.replaceAll('"', '""')}" ${typeToSql(f.type)}`).join(", ")})`;
    default:
      return type.kind;
  }
}
