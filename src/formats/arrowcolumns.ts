/*
 * Owns what becomes of Arrow's arrays in column buffers: the type of the column for each field, and the copying of runs of
 * rows, chosen once a field. A value that its column can't hold exactly is an error.
 */
import { type ColumnBuffer, type ColumnType, type FixedKind, reserveRows, setNull } from "../base/column.ts";
import { storeEntry } from "../types/strings.ts";
import { isText } from "../types/text.ts";
import type { ArrowArray } from "./arrowarray.ts";
import {
  dateOfMillis,
  digits,
  halfFloat,
  MICROS,
  NANOS,
  PER_SECOND,
  type Same,
  type Store,
  same,
  scaled,
  uuid,
  zeroExtended,
} from "./arrowfixed.ts";
import type { ArrowField, ArrowType } from "./arrowschema.ts";

/** Appends rows of an array to a column. Damaged arrays throw a RangeError. */
export type Append = (source: ArrowArray, from: number, count: number, out: ColumnBuffer) => void;

export interface ArrowColumn {
  readonly type: ColumnType;
  readonly append: Append;
  /** The values are nanoseconds since 1970. */
  readonly nanos?: boolean;
  /** Why no value of the field can be read: all are NULL here. */
  readonly problem?: string;
}

const MOST_DIGITS = 38;
const UUID = "arrow.uuid";

/** How a field of a file becomes a column. */
export function arrowColumn(field: ArrowField): ArrowColumn {
  const { type } = field;
  // Only a column of its own can be one of TIMESTAMP_NS.
  if (type.kind === "timestamp" && type.unit === "ns" && !field.dictionary) {
    return { ...fixed("BIGINT", same(8)), nanos: true };
  }
  const column = columnOf(field);
  return typeof column === "string" ? { ...NOTHING, problem: column } : column;
}

type Column = Pick<ArrowColumn, "type" | "append">;

const NOTHING: Column = {
  type: { kind: "VARCHAR" },
  append(_source, _from, count, out) {
    for (let i = 0; i < count; i++) appendNull(out);
  },
};

/** A text says why the field can't be read. */
function columnOf(field: ArrowField): Column | string {
  const values = valuesOf(field);
  if (typeof values === "string" || !field.dictionary) return values;
  return { type: values.type, append: withNulls(fromDictionary(values.append, field.dictionary.index)) };
}

function valuesOf(field: ArrowField): Column | string {
  const { type } = field;
  switch (type.kind) {
    case "null":
      return NOTHING;
    case "boolean":
      return { type: { kind: "BOOLEAN" }, append: withNulls(appendBits) };
    case "int":
      return type.signed ? fixed(SIGNED[type.bits]!, same(type.bits / 8)) : unsigned(type.bits);
    case "float":
      return type.bits === 16
        ? fixed("FLOAT", halfFloat)
        : fixed(type.bits === 32 ? "FLOAT" : "DOUBLE", same(type.bits / 8));
    case "decimal":
      return decimal(type);
    case "utf8":
    case "binary":
      return { type: { kind: type.kind === "utf8" ? "VARCHAR" : "BLOB" }, append: withNulls(appendStrings(type)) };
    case "view":
    case "binaryview":
      return {
        type: { kind: type.kind === "view" ? "VARCHAR" : "BLOB" },
        append: withNulls(appendViews(type.kind === "view")),
      };
    case "fixedbinary":
      if (field.extension === UUID && type.width === 16) return fixed("UUID", uuid);
      return { type: { kind: "BLOB" }, append: withNulls(appendFixedBytes(type.width)) };
    case "date":
      return type.unit === "day" ? fixed("DATE", same(4)) : fixed("DATE", dateOfMillis);
    case "time":
      return fixed("TIME_NS", scaled(type.bits / 8, PER_SECOND[type.unit], NANOS));
    case "timestamp":
      return fixed("TIMESTAMPTZ", scaled(8, PER_SECOND[type.unit], MICROS));
    case "other":
      return `values of Arrow's type ${type.name}`;
    default:
      return nested(field, type);
  }
}

function nested(field: ArrowField, type: ArrowType): Column | string {
  const children = field.children.map(columnOf);
  const problem = children.find((child) => typeof child === "string");
  if (problem !== undefined) return problem as string;
  const columns = children as Column[];
  if (type.kind === "struct") return struct(field, columns);
  const [child] = columns;
  if (!child || columns.length !== 1)
    throw new RangeError(`column ${field.name} is a list of ${columns.length} kinds of elements`);
  const append = withNulls(appendLists(type, child.append));
  if (type.kind !== "map") return { type: { kind: "LIST", child: child.type }, append };
  if (child.type.kind !== "STRUCT" || child.type.fields.length !== 2)
    throw new RangeError(`column ${field.name} is a map without key and value`);
  const [key, value] = child.type.fields;
  return { type: { kind: "MAP", key: key!.type, value: value!.type }, append };
}

function struct({ children }: ArrowField, columns: readonly Column[]): Column | string {
  const names = new Set(children.map(({ name }) => name.toLowerCase()));
  if (columns.length === 0) return "structs without fields";
  if (names.size < columns.length) return "structs whose fields have the same name";
  const append: Append = (source, from, count, out) => {
    checkRows(source, from, count);
    const first = out.rows;
    columns.forEach((column, i) => {
      column.append(child(source, i), from, count, out.children[i]!);
    });
    grow(out, count);
    // What stands in a struct that is NULL is nobody's value.
    if (source.valid) for (let i = 0; i < count; i++) if (!isValid(source.valid, from + i)) nullify(out, first + i);
  };
  return {
    type: { kind: "STRUCT", fields: columns.map(({ type }, i) => ({ name: children[i]!.name, type })) },
    append,
  };
}

function nullify(out: ColumnBuffer, row: number): void {
  setNull(out, row);
  if (out.type.kind === "STRUCT") for (const inner of out.children) nullify(inner, row);
}

function child(source: ArrowArray, i: number): ArrowArray {
  const found = source.children[i];
  if (!found) throw new RangeError("an array without the arrays in it");
  return found;
}

/** Makes room for rows, and says which is the first of them. */
function grow(out: ColumnBuffer, count: number): number {
  reserveRows(out, count);
  const first = out.rows;
  out.rows += count;
  return first;
}

function isValid(valid: Uint8Array, row: number): boolean {
  return ((valid[row >> 3]! >> (row & 7)) & 1) === 1;
}

/** The values are appended whatever they are; then those that are NULL are made so. */
function withNulls(append: Append): Append {
  return (source, from, count, out) => {
    checkRows(source, from, count);
    const first = out.rows;
    append(source, from, count, out);
    const { valid } = source;
    if (!valid) return;
    const { width } = out;
    for (let i = 0; i < count; i++) {
      if (isValid(valid, from + i)) continue;
      out.bytes.fill(0, (first + i) * width, (first + i + 1) * width);
      setNull(out, first + i);
    }
  };
}

function checkRows({ length }: ArrowArray, from: number, count: number): void {
  if (from < 0 || count < 0 || from + count > length) throw new RangeError("elements beyond the end of their array");
}

const SIGNED: Readonly<Record<number, FixedKind>> = { 8: "TINYINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT" };

function fixed(kind: FixedKind, store: Store | Same): Column {
  return { type: { kind }, append: withNulls(appendFixed(store)) };
}

function appendFixed(store: Store | Same): Append {
  return (source, from, count, out) => {
    const first = grow(out, count);
    const view = source.buffers[0]!;
    if (typeof store === "function") {
      const target = new DataView(out.bytes.buffer);
      // What stands under a NULL may be no value at all.
      for (let i = 0; i < count; i++) {
        if (!source.valid || isValid(source.valid, from + i)) store(view, from + i, target, (first + i) * out.width);
      }
      return;
    }
    const { width } = store;
    out.bytes.set(new Uint8Array(view.buffer, view.byteOffset + from * width, count * width), first * width);
  };
}

/** The next bigger type holds all values. */
function unsigned(bits: number): Column {
  const append = withNulls(appendFixed(zeroExtended(bits / 8)));
  if (bits === 64) return { type: { kind: "DECIMAL", width: 20, scale: 0 }, append };
  return { type: { kind: SIGNED[bits * 2]! }, append };
}

function decimal({ precision, scale, bits }: Extract<ArrowType, { kind: "decimal" }>): Column | string {
  if (precision > MOST_DIGITS) return `decimals of ${precision} digits, and no more than ${MOST_DIGITS} can be read`;
  if (precision < 1 || scale < 0 || scale > precision)
    return `decimals of ${precision} digits, ${scale} of them after the point`;
  return {
    type: { kind: "DECIMAL", width: precision, scale },
    append: withNulls(appendFixed(digits(bits / 8, precision))),
  };
}

function appendBits(source: ArrowArray, from: number, count: number, out: ColumnBuffer): void {
  const first = grow(out, count);
  const bits = source.buffers[0]!;
  for (let i = 0; i < count; i++) out.bytes[first + i] = (bits.getUint8((from + i) >> 3) >> ((from + i) & 7)) & 1;
}

/** Offsets of 32 or 64 bits; checked to lie in order within `end`. */
function offsetsIn(view: DataView, large: boolean, end: number): (row: number) => number {
  let least = 0;
  return (row) => {
    const at = large ? Number(view.getBigInt64(row * 8, true)) : view.getInt32(row * 4, true);
    if (at < least || at > end) throw new RangeError("offsets that are not in order, or beyond the end");
    least = at;
    return at;
  };
}

function appendStrings({ kind, large }: Extract<ArrowType, { kind: "utf8" | "binary" }>): Append {
  return (source, from, count, out) => {
    if (count === 0) return;
    const [places, data] = source.buffers as [DataView, DataView];
    const offset = offsetsIn(places, large, data.byteLength);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    let start = offset(from);
    // The bytes of all of them at once.
    const ends = Array.from({ length: count }, (_, i) => offset(from + i + 1));
    const shift = out.arena.append(bytes.subarray(start, ends[count - 1]!)) - start;
    let row = grow(out, count);
    for (const [i, end] of ends.entries()) {
      if (!source.valid || isValid(source.valid, from + i))
        storeBytes(out, row, data, start, end - start, shift, kind === "utf8");
      start = end;
      row++;
    }
  };
}

function storeBytes(
  out: ColumnBuffer,
  row: number,
  data: DataView,
  at: number,
  size: number,
  shift: number,
  asText: boolean,
): void {
  if (asText && !isText(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), data, at, size)) {
    throw new RangeError("a text that is not UTF-8");
  }
  storeEntry(out.i32, row, data, at, size, shift);
}

/** Texts and bytes that stand in their entries, or anywhere in one of several buffers. */
function appendViews(asText: boolean): Append {
  return (source, from, count, out) => {
    const [views, ...data] = source.buffers as [DataView, ...DataView[]];
    const first = grow(out, count);
    for (let i = 0; i < count; i++) {
      if (source.valid && !isValid(source.valid, from + i)) continue;
      const entry = (from + i) * 16;
      const size = views.getInt32(entry, true);
      const isInline = size <= 12;
      const holder = isInline ? views : data[views.getInt32(entry + 8, true)];
      const at = isInline ? entry + 4 : views.getInt32(entry + 12, true);
      if (!holder || size < 0 || at < 0 || at + size > holder.byteLength) throw new RangeError("a text out of reach");
      const bytes = new Uint8Array(holder.buffer, holder.byteOffset + at, size);
      storeBytes(out, first + i, holder, at, size, isInline ? 0 : out.arena.append(bytes) - at, asText);
    }
  };
}

function appendFixedBytes(width: number): Append {
  return (source, from, count, out) => {
    const view = source.buffers[0];
    const data = view ?? new DataView(new ArrayBuffer(0));
    const bytes = new Uint8Array(data.buffer, data.byteOffset + from * width, count * width);
    const shift = out.arena.append(bytes) - from * width;
    const first = grow(out, count);
    for (let i = 0; i < count; i++) storeEntry(out.i32, first + i, data, (from + i) * width, width, shift);
  };
}

type ListType = Extract<ArrowType, { kind: "list" | "listview" | "fixedlist" | "map" }>;

function appendLists(type: ArrowType, append: Append): Append {
  const stretch = stretchesOf(type as ListType);
  return (source, from, count, out) => {
    const elements = child(source, 0);
    const target = out.children[0]!;
    const first = grow(out, count);
    const placeOf = stretch(source, elements.length);
    for (let i = 0; i < count; i++) {
      const isThere = !source.valid || isValid(source.valid, from + i);
      const [start, length] = isThere ? placeOf(from + i) : NO_ELEMENTS;
      const slot = (first + i) * 4;
      out.i32[slot] = target.rows;
      out.i32[slot + 1] = out.i32[slot + 3] = 0;
      out.i32[slot + 2] = length;
      if (length > 0) {
        if (start + length > elements.length) throw new RangeError("a list beyond the end of its elements");
        append(elements, start, length, target);
      }
    }
  };
}

/** Where the elements of a list begin, and how many they are. */
type Stretch = readonly [start: number, length: number];

const NO_ELEMENTS: Stretch = [0, 0];

function stretchesOf(type: ListType): (source: ArrowArray, end: number) => (row: number) => Stretch {
  switch (type.kind) {
    case "fixedlist":
      return () => (row) => [row * type.size, type.size];
    case "listview":
      return ({ buffers: [places, sizes] }, end) => {
        const read = (view: DataView, row: number) =>
          type.large ? Number(view.getBigInt64(row * 8, true)) : view.getInt32(row * 4, true);
        return (row) => {
          const [start, length] = [read(places!, row), read(sizes!, row)];
          if (start < 0 || length < 0 || start + length > end) throw new RangeError("a list beyond its elements");
          return [start, length];
        };
      };
    default:
      return ({ buffers: [places] }, end) => {
        const offset = offsetsIn(places!, type.kind === "list" && type.large, end);
        return (row) => {
          const start = offset(row);
          return [start, offset(row + 1) - start];
        };
      };
  }
}

function fromDictionary(append: Append, index: ArrowType): Append {
  const { bits, signed } = index as Extract<ArrowType, { kind: "int" }>;
  return (source, from, count, out) => {
    const numbers = source.buffers[0]!;
    const parts = source.dictionary ?? [];
    for (let i = 0; i < count; i++) {
      if (source.valid && !isValid(source.valid, from + i)) {
        appendNull(out);
        continue;
      }
      let number = readIndex(numbers, from + i, bits, signed);
      let part = 0;
      while (part < parts.length && number >= parts[part]!.length) number -= parts[part++]!.length;
      if (number < 0 || part === parts.length) throw new RangeError("a number beyond its dictionary");
      append(parts[part]!, number, 1, out);
    }
  };
}

/** A row of any type whose value nobody reads. */
function appendNull(out: ColumnBuffer): void {
  const row = grow(out, 1);
  out.bytes.fill(0, row * out.width, (row + 1) * out.width);
  if (out.type.kind === "STRUCT") for (const inner of out.children) appendNull(inner);
  setNull(out, row);
}

function readIndex(view: DataView, row: number, bits: number, signed: boolean): number {
  switch (bits) {
    case 8:
      return signed ? view.getInt8(row) : view.getUint8(row);
    case 16:
      return signed ? view.getInt16(row * 2, true) : view.getUint16(row * 2, true);
    case 32:
      return signed ? view.getInt32(row * 4, true) : view.getUint32(row * 4, true);
    default:
      return Number(signed ? view.getBigInt64(row * 8, true) : view.getBigUint64(row * 8, true));
  }
}
