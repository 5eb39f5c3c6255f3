/*
 * Owns the first record of a CSV file, which names the columns or tells how many there are. It is read from the file's
 * bytes: bytes further down that are no text don't matter yet, as they would to DuckDB's reader.
 */
import { createReadStream } from "node:fs";
import type { Transform } from "node:stream";
import * as zlib from "node:zlib";
import { isNull } from "../../base/column.ts";
import { DataError } from "../../base/errors.ts";
import { attempt } from "../../base/filefailure.ts";
import type { Connection } from "../../duckdb/engine.ts";
import { Scan } from "../../duckdb/scan.ts";
import { entryText } from "../../types/strings.ts";
import type { SourceFile } from "./files.ts";
import { linesOf, type TextReading } from "./text.ts";

/** Not in Node 20. */
const { createZstdDecompress: createZstd } = zlib as unknown as { readonly createZstdDecompress?: () => Transform };

export type Signs = Readonly<Record<"delimiter" | "quote" | "escape", string>>;

export interface FirstRecord {
  /** None of a file that has no record. */
  readonly fields: readonly string[];
  /** Empty lines before it. */
  readonly blank: number;
  /** What it ends with, as lines of the file do; undefined where that isn't known. */
  readonly newLine?: string | undefined;
}

/** Of a file that DuckDB has to decompress: lines that the names of the columns may take, which in quotes may have several. */
const HEAD_LINES = 100;
const BYTE_ORDER_MARK = "\xef\xbb\xbf";

/** @throws DataError where it is no record, or none of UTF-8 */
export async function firstRecord(
  connection: Connection,
  file: SourceFile,
  signs: Signs,
  reading: TextReading,
): Promise<FirstRecord> {
  const found = await attempt("read", file.path, () => findRecord(connection, file, signs, reading));
  if (!found) {
    throw new DataError(`${file.path}: its first line can't be read: a quote is open at its end`, {
      hint: "say how the file is quoted: --quote, --escape",
    });
  }
  return { ...found, fields: found.fields.map((field) => utf8(field, file)) };
}

async function findRecord(
  connection: Connection,
  file: SourceFile,
  signs: Signs,
  reading: TextReading,
): Promise<FirstRecord | undefined> {
  const reader = new RecordReader(signs);
  for await (const bytes of bytesOf(connection, file, reading)) {
    const record = reader.read(bytes.toString("latin1"), false);
    if (record || reader.length > reading.longestLine) return record;
  }
  return reader.read("", true);
}

/** The first bytes of a file, and more as they are asked for. */
async function* bytesOf(connection: Connection, file: SourceFile, reading: TextReading): AsyncGenerator<Buffer> {
  if (file.compression === "zstd" && !createZstd) return yield* linesByDuckdb(connection, file, reading);
  const stored = createReadStream(file.content);
  const unpacked = decompressor(file);
  if (unpacked) stored.once("error", (error) => unpacked.destroy(error)).pipe(unpacked);
  try {
    for await (const bytes of unpacked ?? stored) yield bytes as Buffer;
  } finally {
    stored.destroy();
    unpacked?.destroy();
  }
}

function decompressor({ compression }: SourceFile): Transform | undefined {
  if (compression === "gzip") return zlib.createGunzip();
  return compression === "zstd" ? createZstd?.() : undefined;
}

/** The first lines, where nothing else can decompress them; DuckDB reads them in blocks, all of which must be UTF-8. */
async function* linesByDuckdb(connection: Connection, file: SourceFile, reading: TextReading): AsyncGenerator<Buffer> {
  const linesEnding = (newLine: string) => headLines(connection, file, reading, newLine);
  const [lines, split] = [await linesEnding("\\r\\n"), await linesEnding("\\n")];
  const blanks = (from: readonly string[], at: number) => {
    const end = from.findIndex((line, i) => i >= at && line !== "");
    return (end < 0 ? from.length : end) - at;
  };
  let at = 0;
  for (const [i, line] of lines.entries()) {
    // Where \r and \n end a line each, the two together leave an empty one.
    const isPair = blanks(split, at + 1) > blanks(lines, i + 1);
    at += isPair ? 2 : 1;
    yield Buffer.from(`${line}${isPair ? "\r\n" : "\n"}`);
  }
}

async function headLines(
  connection: Connection,
  file: SourceFile,
  { longestLine }: TextReading,
  newLine: string,
): Promise<string[]> {
  const lines = linesOf(file, { longestLine, malformed: undefined }, newLine);
  const sql = `SELECT json FROM ${lines} LIMIT ${HEAD_LINES}`;
  const scan = await Scan.open(connection, sql, `reading ${file.path}`);
  try {
    const chunk = await scan.next();
    const texts = chunk?.columns[0];
    return Array.from({ length: chunk?.rows ?? 0 }, (_, row) => (isNull(texts!, row) ? "" : entryText(texts!, row)));
  } finally {
    await scan.settle();
  }
}

function utf8(bytes: string, { path }: SourceFile): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(bytes, "latin1"));
  } catch (cause) {
    throw new DataError(`${path}: its first line can't be read: bytes that are not UTF-8`, { cause });
  }
}

/** Finds the end of the first record in a text whose signs are bytes. */
class RecordReader {
  readonly #delimiter: string;
  readonly #quote: string;
  readonly #escape: string;
  #text = "";

  constructor(signs: Signs) {
    const bytes = (sign: string) => Buffer.from(sign).toString("latin1");
    this.#delimiter = bytes(signs.delimiter);
    this.#quote = bytes(signs.quote);
    this.#escape = bytes(signs.escape);
  }

  get length(): number {
    return this.#text.length;
  }

  /** @returns the record, once its end is there; its fields are bytes still */
  read(more: string, isEnd: boolean): FirstRecord | undefined {
    this.#text += more;
    const text = this.#text;
    // A line's end may be two signs, and the mark is three.
    if (!isEnd && text.length < BYTE_ORDER_MARK.length) return undefined;
    let at = text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
    let blank = 0;
    for (let length = lineEnd(text, at); length > 0; length = lineEnd(text, at)) {
      at += length;
      blank++;
    }
    if (at >= text.length) return isEnd ? { fields: [], blank: 0 } : undefined;
    const found = this.#fields(at, isEnd);
    return found && { ...found, blank };
  }

  #fields(from: number, isEnd: boolean): Pick<FirstRecord, "fields" | "newLine"> | undefined {
    const text = this.#text;
    const fields: string[] = [];
    for (let at = from; ; at += this.#delimiter.length) {
      let field = "";
      if (text.startsWith(this.#quote, at)) {
        const quoted = this.#quoted(at + this.#quote.length, isEnd);
        if (!quoted) return undefined;
        ({ field, at } = quoted);
      }
      const start = at;
      while (at < text.length && lineEnd(text, at) === 0 && !text.startsWith(this.#delimiter, at)) at++;
      fields.push(field + text.slice(start, at));
      const length = lineEnd(text, at);
      // A sign may follow that belongs to the line's end.
      if (at + length >= text.length && !isEnd) return undefined;
      if (at >= text.length) return { fields };
      if (length > 0) return { fields, newLine: text.slice(at, at + length) };
    }
  }

  /** What stands in quotes from a place on, and the place behind them. */
  #quoted(from: number, isEnd: boolean): { field: string; at: number } | undefined {
    const text = this.#text;
    let field = "";
    for (let at = from; at < text.length; ) {
      const escaped = text.startsWith(this.#escape, at) ? this.#escapedAt(at + this.#escape.length) : "";
      if (escaped) {
        field += escaped;
        at += this.#escape.length + escaped.length;
      } else if (text.startsWith(this.#quote, at)) {
        const end = at + this.#quote.length;
        // The sign behind may make it an escape.
        return end < text.length || isEnd ? { field, at: end } : undefined;
      } else field += text[at++];
    }
    return undefined;
  }

  /** The quote or escape that stands behind an escape; nothing where that is none. */
  #escapedAt(at: number): string {
    return [this.#quote, this.#escape].find((sign) => this.#text.startsWith(sign, at)) ?? "";
  }
}

/** How long the line's end at a place is; 0 where there is none. */
function lineEnd(text: string, at: number): number {
  if (text[at] === "\n") return 1;
  if (text[at] !== "\r") return 0;
  return text[at + 1] === "\n" ? 2 : 1;
}
