/*
 * Owns reading CSV files with DuckDB as columns of texts. Their first record is read here, so that DuckDB's reader is told
 * all of their form, and guesses nothing.
 */
import { UsageError } from "../../base/errors.ts";
import { uniqueNames } from "../../base/names.ts";
import { quoteText } from "../../duckdb/copy.ts";
import type { Connection } from "../../duckdb/engine.ts";
import type { CsvForm } from "../../formats/csv.ts";
import { firstRecord } from "./csvhead.ts";
import type { SourceFile } from "./files.ts";
import { pathLiteral } from "./ownfiles.ts";
import { readerOptions, type TextReading } from "./text.ts";

/** How a CSV file is read. */
export interface CsvRelation {
  /** What stands behind FROM. */
  readonly relation: string;
  readonly names: readonly string[];
}

/** As DuckDB names them. */
const NEW_LINES: Readonly<Record<string, string>> = { "\n": "\\n", "\r\n": "\\r\\n", "\r": "\\r" };

/**
 * A CSV file as columns of texts: an empty field is NULL and `""` is an empty text, unless another text is said to stand
 * for NULL.
 * @param positions the names of all columns, where they are known other than by the first line
 * @throws UsageError where the file has fewer columns than names; DataError where it can't be read
 */
export async function csvRelation(
  connection: Connection,
  file: SourceFile,
  csv: CsvForm,
  positions: readonly string[] | undefined,
  reading: TextReading,
): Promise<CsvRelation> {
  const { header = true, quote = '"' } = csv;
  const delimiter = csv.delimiter ?? (/\.tsv(\.|$)/i.test(file.path) ? "\t" : ",");
  const sign = csv.escape ?? quote;
  const { fields, blank, newLine } = await firstRecord(connection, file, { delimiter, quote, escape: sign }, reading);
  const names = namesOf(file, fields, header, positions);
  const options = [
    `columns = {${names.map((name) => `${quoteText(name)}: 'VARCHAR'`).join(", ")}}`,
    `header = ${header}`,
    ...(blank > 0 ? [`skip = ${blank}`] : []),
    // It takes other line ends that stand in quotes for those of the file, unless it is told.
    ...(newLine === undefined ? [] : [`new_line = ${quoteText(NEW_LINES[newLine]!)}`]),
    `delim = ${quoteText(delimiter)}`,
    `quote = ${quoteText(quote)}`,
    `escape = ${quoteText(sign)}`,
    `nullstr = ${quoteText(csv.nullText ?? "")}`,
    "allow_quoted_nulls = false",
    ...readerOptions(file, reading),
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
