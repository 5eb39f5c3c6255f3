/*
 * Owns what the schema of an Arrow file says: its fields with their types, also those that our own exports never write.
 * The field numbers are those of Schema.fbs. What becomes of the types is arrowcolumns.ts's.
 */
import type { TableReader } from "./flatbuffers.ts";

export type TimeUnit = "s" | "ms" | "us" | "ns";

/** A type of Arrow's; `other` are those that no column of a table can be filled from, and so many buffers belong to them. */
export type ArrowType =
  | { readonly kind: "null" | "boolean" | "struct" | "map" | "view" | "binaryview" }
  | { readonly kind: "int"; readonly bits: number; readonly signed: boolean }
  | { readonly kind: "float"; readonly bits: number }
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number; readonly bits: number }
  | { readonly kind: "utf8" | "binary"; readonly large: boolean }
  | { readonly kind: "list" | "listview"; readonly large: boolean }
  | { readonly kind: "fixedbinary"; readonly width: number }
  | { readonly kind: "date"; readonly unit: "day" | "ms" }
  | { readonly kind: "time"; readonly unit: TimeUnit; readonly bits: number }
  | { readonly kind: "timestamp"; readonly unit: TimeUnit }
  | { readonly kind: "fixedlist"; readonly size: number }
  | { readonly kind: "other"; readonly name: string; readonly buffers: number };

export interface ArrowField {
  readonly name: string;
  readonly type: ArrowType;
  readonly children: readonly ArrowField[];
  /** Its values are numbers of values in this dictionary. */
  readonly dictionary?: { readonly id: number; readonly index: ArrowType } | undefined;
  /** `ARROW:extension:name`. */
  readonly extension?: string | undefined;
}

export interface ArrowSchema {
  readonly fields: readonly ArrowField[];
  readonly keyValues: ReadonlyMap<string, string>;
}

const BIG_ENDIAN = 1;

/** @throws RangeError for what can't be read */
export function readSchema(schema: TableReader): ArrowSchema {
  if (schema.short(0) === BIG_ENDIAN)
    throw new RangeError("its numbers are big-endian, which this version doesn't read");
  return { fields: schema.tables(1).map(readField), keyValues: pairsOf(schema, 2) };
}

function pairsOf(table: TableReader, field: number): Map<string, string> {
  return new Map(table.tables(field).map((pair) => [pair.text(0), pair.text(1)]));
}

function readField(field: TableReader): ArrowField {
  const dictionary = field.table(4);
  return {
    name: field.text(0),
    type: readType(field.byte(2), field.table(3)),
    children: field.tables(5).map(readField),
    dictionary: dictionary && { id: dictionary.long(0), index: indexType(dictionary.table(1)) },
    extension: pairsOf(field, 6).get("ARROW:extension:name"),
  };
}

function indexType(type: TableReader | undefined): ArrowType {
  return type ? integer(type) : { kind: "int", bits: 32, signed: true };
}

function integer(type: TableReader): ArrowType {
  return { kind: "int", bits: type.int(0), signed: type.byte(1) !== 0 };
}

const UNITS: readonly TimeUnit[] = ["s", "ms", "us", "ns"];
const FLOATS = [16, 32, 64];

/** The members of the union Type, by their numbers. */
const TYPES: Readonly<Record<number, (type: TableReader) => ArrowType>> = {
  1: () => ({ kind: "null" }),
  2: integer,
  3: (type) => ({ kind: "float", bits: known(FLOATS, type.short(0)) }),
  4: () => ({ kind: "binary", large: false }),
  5: () => ({ kind: "utf8", large: false }),
  6: () => ({ kind: "boolean" }),
  7: (type) => ({ kind: "decimal", precision: type.int(0), scale: type.int(1), bits: type.int(2, 128) }),
  8: (type) => ({ kind: "date", unit: type.short(0, 1) === 0 ? "day" : "ms" }),
  9: (type) => ({ kind: "time", unit: known(UNITS, type.short(0, 1)), bits: type.int(1, 32) }),
  10: (type) => ({ kind: "timestamp", unit: known(UNITS, type.short(0)) }),
  11: () => ({ kind: "other", name: "interval", buffers: 2 }),
  12: () => ({ kind: "list", large: false }),
  13: () => ({ kind: "struct" }),
  // sparse or dense
  14: (type) => ({ kind: "other", name: "union", buffers: type.short(0) === 0 ? 1 : 2 }),
  15: (type) => ({ kind: "fixedbinary", width: type.int(0) }),
  16: (type) => ({ kind: "fixedlist", size: type.int(0) }),
  17: () => ({ kind: "map" }),
  18: () => ({ kind: "other", name: "duration", buffers: 2 }),
  19: () => ({ kind: "binary", large: true }),
  20: () => ({ kind: "utf8", large: true }),
  21: () => ({ kind: "list", large: true }),
  22: () => ({ kind: "other", name: "run-end encoded", buffers: 0 }),
  23: () => ({ kind: "binaryview" }),
  24: () => ({ kind: "view" }),
  25: () => ({ kind: "listview", large: false }),
  26: () => ({ kind: "listview", large: true }),
};

function readType(number: number, type: TableReader | undefined): ArrowType {
  const read = TYPES[number];
  if (read && type) return read(type);
  throw new RangeError(`its schema has a type ${number} that this version doesn't know`);
}

function known<T>(values: readonly T[], number: number): T {
  const value = values[number];
  if (value === undefined) throw new RangeError(`its schema has a unit ${number} that nobody knows`);
  return value;
}
