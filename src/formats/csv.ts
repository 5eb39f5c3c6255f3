/*
 * Owns CSV as an output (RFC 4180): DuckDB's writer quotes and writes texts that textform.ts made exact. A piece has
 * no header; the file's comes before all pieces.
 */
import { copyRows, quoteText } from "../duckdb/copy.ts";
import type { Connection } from "../duckdb/engine.ts";
import type { FileColumn, FileFormat, Rows } from "./format.ts";
import { CODEC_ENDINGS, frameOf, joinFramed, type TextCodec } from "./framed.ts";
import { plainText } from "./textform.ts";

/** How the fields of a CSV file are written. */
export interface CsvDialect {
  readonly header: boolean;
  readonly delimiter: string;
  readonly quote: string;
  readonly escape: string;
  /** What stands for NULL, unquoted; the same text as a value is quoted. */
  readonly null: string;
  /** Of timestamp columns, as strftime takes it; the text form of types.md where it is absent. */
  readonly timestampFormat?: string | undefined;
}

/** CSV files of these columns. */
export function csvFormat(columns: readonly FileColumn[], dialect: CsvDialect, codec: TextCodec): FileFormat {
  const header = dialect.header ? columns.map(({ name }) => field(name, dialect)).join(dialect.delimiter) : undefined;
  const frame = frameOf(codec, header === undefined ? "" : `${header}\n`, "", "");
  return {
    extension: `.csv${CODEC_ENDINGS[codec]}`,
    pieceIsFile: !dialect.header,
    frame,
    writePiece: (connection, rows, path) => writePiece(connection, columns, rows, dialect, codec, path),
    join: (pieces, path, signal) => joinFramed(frame, pieces, path, signal),
  };
}

function writePiece(
  connection: Connection,
  columns: readonly FileColumn[],
  rows: Rows,
  dialect: CsvDialect,
  codec: TextCodec,
  path: string,
): Promise<void> {
  const values = rows.expressions.map((expression, i) => `${expression} AS v${i}`).join(", ");
  const texts = columns.map((column, i) => `${fieldText(column, `v${i}`, dialect)} AS t${i}`).join(", ");
  const query = `SELECT ${texts} FROM (SELECT ${values} FROM ${rows.from})`;
  return copyRows(connection, query, path, copyOptions(columns, dialect, codec));
}

function fieldText({ type, cql }: FileColumn, x: string, { timestampFormat }: CsvDialect): string {
  if (type.kind !== "TIMESTAMPTZ" || timestampFormat === undefined) return plainText(type, cql, x);
  return `strftime(make_timestamp(epoch_us(${x})), ${quoteText(timestampFormat)})`;
}

function copyOptions(columns: readonly FileColumn[], dialect: CsvDialect, codec: TextCodec): string[] {
  const { header, delimiter, quote, escape } = dialect;
  const forced = forcedQuotes(columns, header, escape !== quote);
  return [
    "FORMAT csv",
    "HEADER false",
    `DELIMITER ${quoteText(delimiter)}`,
    `QUOTE ${quoteText(quote)}`,
    `ESCAPE ${quoteText(escape)}`,
    `NULLSTR ${quoteText(dialect.null)}`,
    ...(forced === undefined ? [] : [`FORCE_QUOTE ${forced}`]),
    `COMPRESSION ${codec}`,
  ];
}

/** The columns that are quoted whatever they hold. */
function forcedQuotes(columns: readonly FileColumn[], header: boolean, otherEscape: boolean): string | undefined {
  // Some readers take an escape as one outside of quotes too, where DuckDB does not double it.
  if (otherEscape) return "*";
  // The first bytes of a file may be a value's byte order mark, which readers take off unless a quote comes before it.
  return !header && columns[0]?.type.kind === "VARCHAR" ? "(t0)" : undefined;
}

/** A field as the header has it. */
function field(text: string, { delimiter, quote, escape, null: nullText }: CsvDialect): string {
  const isPlain =
    ![delimiter, quote, escape, "\n", "\r"].some((sign) => text.includes(sign)) &&
    text !== nullText &&
    text !== "" &&
    !text.startsWith("\ufeff");
  if (isPlain) return text;
  const escaped = escape === quote ? text : text.replaceAll(escape, escape + escape);
  return `${quote}${escaped.replaceAll(quote, escape + quote)}${quote}`;
}
