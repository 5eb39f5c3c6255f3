/*
 * Owns taking rows of JSON objects apart into columns: the value of each key is text in a column of its own, as it stands
 * there, without a copy where it is long. What the texts mean is for the types to say.
 */
import { type Arena, type ColumnBuffer, clearColumn, createColumn, isNull, reserveRows } from "../base/column.ts";
import { ValueError } from "./codec.ts";
import { CLOSE_ARRAY, CLOSE_OBJECT, END, JsonReader, OPEN_ARRAY, OPEN_OBJECT, STRING } from "./json.ts";
import { entryBytes, entryStart, entryText, storeEntry, storeNull } from "./strings.ts";

/** Splits objects into the columns of some of their keys. */
export class JsonRows {
  /** One for each name, in their order. Good until the next rows are read. */
  readonly columns: readonly ColumnBuffer[];
  readonly #places: ReadonlyMap<string, number>;
  readonly #inside: Inside | undefined;
  readonly #reader = new JsonReader();
  readonly #arena: Arena;
  /** Keys of the row before, which the next row most often has too, in the same order. */
  readonly #keys: { readonly bytes: Uint8Array; readonly place: number }[] = [];

  /**
   * @param arena that of the columns of texts that will be read
   * @param inside where within each object the one is that is meant
   */
  constructor(names: readonly string[], arena: Arena, inside?: Inside) {
    this.#arena = arena;
    this.#inside = inside;
    this.#places = new Map(names.map((name, i) => [name, i]));
    this.columns = names.map(() => createColumn({ kind: "VARCHAR" }, arena));
  }

  /**
   * Reads the objects of a column of JSON texts; what a row lacks is NULL, and so is all of a row without text.
   * @param unknown is told of each key of a row that is none of the names
   * @param refuse is told of each row that is no object
   */
  read(
    texts: ColumnBuffer,
    rows: number,
    unknown: (row: number, name: string) => void,
    refuse: (error: ValueError) => void,
  ): void {
    for (const column of this.columns) {
      clearColumn(column);
      reserveRows(column, rows);
    }
    for (let row = 0; row < rows; row++) {
      for (const column of this.columns) storeNull(column, row);
      if (isNull(texts, row)) continue;
      try {
        this.#row(texts, row, unknown);
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        for (const column of this.columns) storeNull(column, row);
        refuse(new ValueError(row, error.message, error.hint));
      }
    }
    for (const column of this.columns) column.rows = rows;
  }

  #row(texts: ColumnBuffer, row: number, unknown: (row: number, name: string) => void): void {
    const size = texts.i32[row * 4]!;
    const start = entryStart(texts, row, size);
    const bytes = entryBytes(texts, size);
    const reader = this.#reader;
    reader.open(bytes, start, start + size);
    if (reader.token !== OPEN_OBJECT) throw reader.wrong("the '{' of a row");
    if (this.#inside === undefined) this.#object(bytes, row, unknown);
    else this.#within(this.#inside, bytes, row, unknown);
    reader.close();
  }

  /** Goes on to the one member that holds the row. */
  #within(inside: Inside, bytes: Uint8Array, row: number, unknown: (row: number, name: string) => void): void {
    const reader = this.#reader;
    let types: string | undefined;
    for (let more = reader.enter(CLOSE_OBJECT); more; more = reader.goOn(CLOSE_OBJECT)) {
      const name = keyText(reader);
      reader.colon();
      const from = reader.tokenAt;
      if (name === inside.key && reader.token === OPEN_OBJECT) this.#object(bytes, row, unknown);
      else skipValue(reader);
      if (name === TYPES_KEY) types = new TextDecoder().decode(bytes.subarray(from, reader.at));
    }
    if (types !== inside.types) throw new ValueError(row, "its types are not those of the file's first row");
  }

  #object(bytes: Uint8Array, row: number, unknown: (row: number, name: string) => void): void {
    const reader = this.#reader;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let member = 0;
    for (let more = reader.enter(CLOSE_OBJECT); more; more = reader.goOn(CLOSE_OBJECT)) {
      const place = this.#placeOf(member++, row, unknown);
      reader.colon();
      const from = reader.tokenAt;
      skipValue(reader);
      if (place < 0) continue;
      const column = this.columns[place]!;
      if (!isNull(column, row)) throw new ValueError(row, `the key ${keyName(this.#keys[member - 1]!.bytes)} twice`);
      column.valid[row >> 3]! |= 1 << (row & 7);
      this.#store(column, row, view, bytes, from, reader.at);
    }
  }

  /** Values in the arena are pointed to; those of a row that is in its entry are as short. */
  #store(column: ColumnBuffer, row: number, view: DataView, bytes: Uint8Array, from: number, to: number): void {
    if (bytes !== this.#arena.bytes && to - from > 12) throw new Error("a long value in a short row");
    storeEntry(column.i32, row, view, from, to - from, 0);
  }

  /** The column of the key at hand; -1 for none. */
  #placeOf(member: number, row: number, unknown: (row: number, name: string) => void): number {
    const reader = this.#reader;
    if (reader.token !== STRING) throw reader.wrong("a key");
    const known = this.#keys[member];
    const key = reader.text.subarray(reader.start, reader.stop);
    if (known && Buffer.compare(known.bytes, key) === 0 && known.place >= 0) return known.place;
    const name = keyName(key);
    const place = this.#places.get(name) ?? -1;
    this.#keys[member] = { bytes: key.slice(), place };
    if (place < 0) unknown(row, name);
    return place;
  }
}

function keyText(reader: JsonReader): string {
  if (reader.token !== STRING) throw reader.wrong("a key");
  return keyName(reader.text.subarray(reader.start, reader.stop));
}

function keyName(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Reads on to the last token of the value that begins at hand. */
function skipValue(reader: JsonReader): void {
  for (let depth = 0; ; reader.next()) {
    const { token } = reader;
    if (token === END) throw reader.wrong("a value");
    if (token === OPEN_ARRAY || token === OPEN_OBJECT) depth++;
    else if (token === CLOSE_ARRAY || token === CLOSE_OBJECT) depth--;
    if (depth < 0) throw reader.wrong("a value");
    if (depth === 0) return;
  }
}

/** The text of a member of an object; undefined where the text is no object, or has no such member. */
export function memberText(texts: ColumnBuffer, row: number, name: string): string | undefined {
  const size = texts.i32[row * 4]!;
  const start = entryStart(texts, row, size);
  const bytes = entryBytes(texts, size);
  const reader = new JsonReader();
  try {
    reader.open(bytes, start, start + size);
    if (reader.token !== OPEN_OBJECT) return undefined;
    for (let more = reader.enter(CLOSE_OBJECT); more; more = reader.goOn(CLOSE_OBJECT)) {
      const isIt = keyText(reader) === name;
      reader.colon();
      const from = reader.tokenAt;
      skipValue(reader);
      if (isIt) return new TextDecoder().decode(bytes.subarray(from, reader.at));
    }
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
  }
  return undefined;
}

/** Where the rows of a file of rejected rows are. */
export interface Inside {
  /** Of the object within each object. */
  readonly key: string;
  /** JSON that says which columns stand in another form than their type's own; the same in each row. */
  readonly types: string | undefined;
}

export interface JsonKeys {
  /** In the order in which they first occur. */
  readonly names: readonly string[];
  /** Undefined where they are the object's own. */
  readonly inside: Inside | undefined;
}

const TYPES_KEY = "types";
const VALUES_KEY = "values";

/** What a line of a file of rejected rows holds; the row itself is the last of it. */
const BAD_ROW = new RegExp(`^file,row,column,reason,(${TYPES_KEY},)?${VALUES_KEY}$`);

/** The keys of some rows; texts that are no objects have none, and are refused when they are read. */
export function jsonKeys(texts: ColumnBuffer, rows: number): JsonKeys {
  const names = new Set<string>();
  let inside: Inside | undefined;
  for (let row = 0; row < rows; row++) {
    const object = objectOf(isNull(texts, row) ? "" : entryText(texts, row));
    if (row === 0 && BAD_ROW.test(Object.keys(object).join())) {
      inside = { key: VALUES_KEY, types: memberText(texts, row, TYPES_KEY) };
    }
    const members = inside === undefined ? object : object[inside.key];
    if (isObject(members)) for (const key of Object.keys(members)) names.add(key);
  }
  return { names: [...names], inside };
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
