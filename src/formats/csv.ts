/*
 * Owns CSV as an output (RFC 4180): DuckDB's writer quotes and writes texts that textform.ts made exact. A piece has
 * no header; the file's comes before all pieces.
 */
import { tmpdir } from "node:os";
import { messageOf, UsageError } from "../base/errors.ts";
import { copyRows, quoteText } from "../duckdb/copy.ts";
import { type Connection, Engine } from "../duckdb/engine.ts";
import { readRows } from "../duckdb/reader.ts";
import type { FileColumn, FileFormat, Rows } from "./format.ts";
import { CODEC_ENDINGS, frameOf, joinFramed, type TextCodec } from "./framed.ts";
import { plainText } from "./textform.ts";

/** What may be said of CSV files. What is absent is as usual; of files that we wrote, as their sidecar says. */
export interface CsvForm {
  /** Whether the first line has the names of the columns; it has unless said. */
  readonly header?: boolean | undefined;
  /** What stands between fields; a comma, or a tab in files that end in `.tsv`. */
  readonly delimiter?: string | undefined;
  readonly quote?: string | undefined;
  /** What stands before a quote inside quotes; the quote itself unless said. */
  readonly escape?: string | undefined;
  /** The text of NULL, without quotes; nothing unless said. */
  readonly nullText?: string | undefined;
  /** How timestamps are written, as strftime and strptime take it, in UTC unless it says the zone; ISO 8601 unless said. */
  readonly timestampFormat?: string | undefined;
}

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
    piecesAreFiles: !dialect.header,
    frame,
    writePiece: (connection, rows, path) => writePiece(connection, columns, rows, dialect, codec, path),
    join: (pieces, path, signal, joined) => joinFramed(frame, pieces, path, signal, joined),
  };
}

const SAMPLE = "TIMESTAMP '2024-11-27 22:58:59.123'";

/** Whether timestamps written in a format can be read back. @throws UsageError for one that strftime does not take */
export async function keepsTimestamps(format: string): Promise<boolean> {
  const engine = await Engine.open({ memoryBytes: 64e6, threads: 1, tempDirectory: tmpdir() });
  try {
    const text = quoteText(format);
    const connection = await engine.connect();
    const kept = `try_strptime(strftime(${SAMPLE}, ${text}), ${text}) IS NOT DISTINCT FROM ${SAMPLE}`;
    const [row] = await readRows<{ kept: boolean }>(connection, `SELECT ${kept} AS kept`, "reading --timestamp-format");
    return row?.kept === true;
  } catch (cause) {
    throw new UsageError(
      `--timestamp-format ${format}: ${messageOf(cause)
        .split("\n")[0]
        ?.replace(/^.* Error: /, "")}`,
      {
        hint: "write it as strftime takes it: '%Y-%m-%d %H:%M:%S.%g'",
        cause,
      },
    );
  } finally {
    engine.close();
  }
}

function writePiece(
  connection: Connection,
  columns: readonly FileColumn[],
  rows: Rows,
  dialect: CsvDialect,
  codec: TextCodec,
  path: string,
): Promise<number> {
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
  const { header, delimiter, quote, escape: escapeSign } = dialect;
  const forced = forcedQuotes(columns, header, escapeSign !== quote);
  return [
    "FORMAT csv",
    "HEADER false",
    `DELIMITER ${quoteText(delimiter)}`,
    `QUOTE ${quoteText(quote)}`,
    `ESCAPE ${quoteText(escapeSign)}`,
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
function field(text: string, { delimiter, quote, escape: sign, null: nullText }: CsvDialect): string {
  const isPlain =
    ![delimiter, quote, sign, "\n", "\r"].some((special) => text.includes(special)) &&
    text !== nullText &&
    text !== "" &&
    !text.startsWith("\ufeff");
  if (isPlain) return text;
  const escaped = sign === quote ? text : text.replaceAll(sign, sign + sign);
  return `${quote}${escaped.replaceAll(quote, sign + quote)}${quote}`;
}
