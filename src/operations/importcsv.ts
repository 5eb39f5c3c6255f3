/*
 * Owns reading CSV files with DuckDB as columns of texts. Their first record is read here, so that DuckDB's reader is told
 * all of their form, and guesses nothing.
 */
import { isNull } from "../base/column.ts";
import { DataError, UsageError } from "../base/errors.ts";
import { uniqueNames } from "../base/names.ts";
import { quoteText } from "../duckdb/copy.ts";
import type { Connection } from "../duckdb/engine.ts";
import { Scan } from "../duckdb/scan.ts";
import type { CsvForm } from "../formats/csv.ts";
import { entryText } from "../types/strings.ts";
import type { SourceFile } from "./importfiles.ts";
import { pathLiteral } from "./importown.ts";
import { linesOf, type MalformedLines, readerOptions } from "./importtext.ts";

/** How a CSV file is read. */
export interface CsvRelation {
  /** What stands behind FROM. */
  readonly relation: string;
  readonly names: readonly string[];
}

/** Lines that the names of the columns may take: a name in quotes may have several. */
const HEAD_LINES = 100;

/**
 * A CSV file as columns of texts: an empty field is NULL and `""` is an empty text, unless another text is said to stand
 * for NULL.
 * @param positions the names of all columns, where they are known other than by the first line
 * @throws UsageError where the file has fewer columns than names; DataError where it can't be read
 */
export async function csvRelation(
  connection: Connection,
  file: SourceFile,
  csv: CsvForm = {},
  positions?: readonly string[],
  malformed?: MalformedLines,
): Promise<CsvRelation> {
  const { header = true, quote = '"' } = csv;
  const delimiter = csv.delimiter ?? (/\.tsv(\.|$)/i.test(file.path) ? "\t" : ",");
  const sign = csv.escape ?? quote;
  const { fields, blank } = await firstRecord(connection, file, { delimiter, quote, escape: sign });
  const names = namesOf(file, fields, header, positions);
  const options = [
    `columns = {${names.map((name) => `${quoteText(name)}: 'VARCHAR'`).join(", ")}}`,
    `header = ${header}`,
    ...(blank > 0 ? [`skip = ${blank}`] : []),
    `delim = ${quoteText(delimiter)}`,
    `quote = ${quoteText(quote)}`,
    `escape = ${quoteText(sign)}`,
    `nullstr = ${quoteText(csv.nullText ?? "")}`,
    "allow_quoted_nulls = false",
    ...readerOptions(file, malformed),
  ];
  return { relation: `read_csv(${pathLiteral(file.content)}, ${options.join(", ")})`, names };
}

function namesOf(
  { path }: SourceFile,
  head: readonly string[],
  header: boolean,
  positions: readonly string[] | undefined,
): string[] {
  if (positions && head.length > 0 && head.length < positions.length) {
    throw new UsageError(`${path} has ${head.length} columns, and ${positions.length} are named`, {
      hint: "check --columns and --delimiter",
    });
  }
  const named = positions ?? (header ? head : []);
  const count = Math.max(head.length, named.length, 1);
  return uniqueNames(Array.from({ length: count }, (_, i) => named[i] || `column${i}`));
}

type Signs = Readonly<Record<"delimiter" | "quote" | "escape", string>>;

interface FirstRecord {
  /** None of a file that has no record. */
  readonly fields: readonly string[];
  /** Empty lines before it. */
  readonly blank: number;
}

async function firstRecord(connection: Connection, file: SourceFile, signs: Signs): Promise<FirstRecord> {
  // In this encoding a sign is a byte: bytes that are no text in a line further down don't matter yet.
  const sql = `SELECT json FROM ${linesOf(file, undefined, "encoding = 'latin-1'")} LIMIT ${HEAD_LINES}`;
  const scan = await Scan.open(connection, sql, `reading ${file.path}`);
  try {
    const chunk = await scan.next();
    let text: string | undefined;
    for (let row = 0; row < (chunk?.rows ?? 0); row++) {
      const texts = chunk!.columns[0]!;
      const line = isNull(texts, row) ? "" : utf8(entryText(texts, row), file);
      if (text === undefined && line === "") continue;
      text = text === undefined ? line : `${text}\n${line}`;
      const fields = fieldsOf(text, signs);
      if (fields) return { fields, blank: row - text.split("\n").length + 1 };
    }
    if (text === undefined) return { fields: [], blank: 0 };
    throw new DataError(`${file.path}: its first line can't be read: a quote is open at its end`, {
      hint: "say how the file is quoted: --quote, --escape",
    });
  } finally {
    await scan.settle();
  }
}

/** The text whose bytes the signs are, without a byte order mark. */
function utf8(signs: string, { path }: SourceFile): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(signs, "latin1"));
  } catch (cause) {
    throw new DataError(`${path}: its first line can't be read: bytes that are not UTF-8`, { cause });
  }
}

/** The fields of a record; undefined where it goes on in the next line. */
function fieldsOf(text: string, { delimiter, quote, escape: sign }: Signs): string[] | undefined {
  const fields: string[] = [];
  for (let at = 0; ; at++) {
    let field = "";
    if (text[at] === quote) {
      for (at++; text[at] !== quote || (sign === quote && text[at + 1] === quote); at++) {
        if (at >= text.length) return undefined;
        if (text[at] === sign && (text[at + 1] === quote || text[at + 1] === sign)) at++;
        field += text[at];
      }
      at++;
    }
    const end = text.indexOf(delimiter, at);
    fields.push(field + text.slice(at, end < 0 ? undefined : end));
    if (end < 0) return fields;
    at = end;
  }
}
