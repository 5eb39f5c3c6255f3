/*
 * Owns how columns of text become cells: the shape of a type's reading of text, and what all types do alike.
 * What each type takes is in text-numbers.ts, text-times.ts, text-simple.ts and text-nested.ts.
 */
import { type ColumnType, isNull } from "../base/column.ts";
import { type CellWriter, type Encode, ValueError } from "./codec.ts";
import { JsonReader, NULL, PLAIN, STRING } from "./json.ts";
import { entryBytes, entryStart } from "./strings.ts";

/** Appends the value that the bytes from `start` to `end` say. @throws ValueError, whose row is not known yet */
export type ReadText = (bytes: Uint8Array, start: number, end: number, out: CellWriter) => void;

/**
 * Appends the value that begins at the token at hand and ends with the one at hand afterwards.
 * @returns false if it is null
 * @throws ValueError, whose row is not known yet
 */
export type ReadJson = (from: JsonReader, out: CellWriter) => boolean;

/** How a type is read from text. */
export interface TextReader {
  /** Absent where the type's text is JSON. */
  readonly text?: ReadText;
  readonly json: ReadJson;
}

export interface TextOptions {
  /** The DuckDB type whose text was written instead of the type's own, to any depth: BLOB is the value's bytes. */
  readonly want?: ColumnType | undefined;
  /** Whether timestamps with digits beyond milliseconds are cut to the millisecond before. */
  readonly truncateTimes: boolean;
  /** Lists may have nulls, as those of what is told of cells have; CQL's own may not. */
  readonly innerNulls?: boolean | undefined;
}

/** A type whose values are one text each: in JSON a string, a number, or a word. Spaces around it say nothing. */
export function scalarReader(name: string, read: ReadText): TextReader {
  const text: ReadText = (bytes, start, end, out) => {
    let from = start;
    let to = end;
    while (from < to && isSpace(bytes[from]!)) from++;
    while (from < to && isSpace(bytes[to - 1]!)) to--;
    read(bytes, from, to, out);
  };
  const json: ReadJson = (from, out) => {
    if (from.token === NULL) return false;
    if (from.token !== STRING && from.token !== PLAIN) throw from.wrong(`a value of type ${name}`);
    text(from.text, from.start, from.stop, out);
    return true;
  };
  return { text, json };
}

function isSpace(byte: number): boolean {
  return byte === 32 || byte === 9;
}

/** What to throw for a text that is no value of the type. */
export function notA(name: string, bytes: Uint8Array, start: number, end: number, why = "", hint?: string): ValueError {
  return new ValueError(0, `'${shown(bytes, start, end)}' is no ${name}${why && `: ${why}`}`, hint);
}

const MOST_SHOWN = 80;

function shown(bytes: Uint8Array, start: number, end: number): string {
  const text = new TextDecoder().decode(bytes.subarray(start, Math.min(end, start + MOST_SHOWN)));
  return end - start > MOST_SHOWN ? `${text}…` : text;
}

/** Reads one value of a type, whatever its text is, out of texts that are not in a column. @returns false if it is null */
export type ReadWhole = (bytes: Uint8Array, start: number, end: number, out: CellWriter) => boolean;

/** A type's reading of texts: `form` is csv for the type's own text, json for a JSON value. */
export function wholeReader({ text, json }: TextReader, form: "csv" | "json"): ReadWhole {
  if (form === "csv" && text) {
    return (bytes, start, end, out) => {
      text(bytes, start, end, out);
      return true;
    };
  }
  const reader = new JsonReader();
  return (bytes, start, end, out) => {
    reader.open(bytes, start, end);
    const isThere = json(reader, out);
    reader.close();
    return isThere;
  };
}

/**
 * The Encode of a VARCHAR column of texts. Where it throws, the cells written are those of the values before that one,
 * and the caller may go on behind it.
 */
export function textEncode(reader: TextReader, form: "csv" | "json"): Encode {
  const read = wholeReader(reader, form);
  return (column, first, count, out) => {
    let row = first;
    let at = out.length;
    try {
      for (const end = first + count; row < end; row++) {
        at = out.length;
        if (isNull(column, row)) {
          out.cell(0, -1);
          continue;
        }
        const size = column.i32[row * 4]!;
        const start = entryStart(column, row, size);
        if (read(entryBytes(column, size), start, start + size, out)) out.cell(at, out.length - at);
        else out.cell(0, -1);
      }
    } catch (error) {
      out.length = at;
      throw error instanceof ValueError ? new ValueError(row, error.message, error.hint) : error;
    }
  };
}
