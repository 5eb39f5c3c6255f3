/*
 * Owns reading text files with DuckDB as texts: every field of a CSV file and every object of a JSON file comes as it
 * stands there, and is made a value of by src/types.
 */
import { quoteText } from "../duckdb/copy.ts";
import type { Connection } from "../duckdb/engine.ts";
import { describe, Scan } from "../duckdb/scan.ts";
import type { CsvForm } from "../formats/csv.ts";
import { type JsonKeys, jsonKeys } from "../types/json-rows.ts";
import type { SourceFile } from "./importfiles.ts";
import { pathLiteral } from "./importown.ts";

/** How a text file is read. */
export interface TextRelation {
  /** What stands behind FROM. */
  readonly relation: string;
  readonly names: readonly string[];
}

/** Rows whose keys are taken for those of all. */
const SAMPLE_ROWS = 2048;
/** The longest line of a file, or object, in bytes. */
const LONGEST_LINE = 16 * 1024 * 1024;

/**
 * A CSV file as columns of texts: an empty field is NULL and `""` is an empty text, unless another text is said to stand
 * for NULL.
 * @param positions the names of all columns, where they are known other than by the first line
 * @param empty the file may have no line at all, in which DuckDB would look for them
 */
export async function csvRelation(
  connection: Connection,
  file: SourceFile,
  csv: CsvForm = {},
  positions?: readonly string[],
  empty = false,
): Promise<TextRelation> {
  const { header = true, quote = '"' } = csv;
  const delimiter = csv.delimiter ?? (/\.tsv(\.|$)/i.test(file.path) ? "\t" : ",");
  const options = [
    `header = ${header}`,
    `delim = ${quoteText(delimiter)}`,
    `quote = ${quoteText(quote)}`,
    `escape = ${quoteText(csv.escape ?? quote)}`,
    `nullstr = ${quoteText(csv.nullText ?? "")}`,
    "allow_quoted_nulls = false",
    "hive_partitioning = false",
    `max_line_size = ${LONGEST_LINE}`,
    `buffer_size = ${2 * LONGEST_LINE}`,
    `compression = ${quoteText(file.compression)}`,
    ...columnOptions(positions, empty),
  ];
  const relation = `read_csv(${pathLiteral(file.path)}, ${options.join(", ")})`;
  const columns = await describe(connection, `SELECT * FROM ${relation}`, `reading ${file.path}`);
  return { relation, names: columns.map(({ name }) => name) };
}

function columnOptions(positions: readonly string[] | undefined, empty: boolean): string[] {
  if (positions && empty) {
    return [
      "auto_detect = false",
      `columns = {${positions.map((name) => `${quoteText(name)}: 'VARCHAR'`).join(", ")}}`,
    ];
  }
  const names = positions ? [`names = [${positions.map(quoteText).join(", ")}]`] : [];
  return ["all_varchar = true", "sample_size = 1000", ...names];
}

/** A JSON file as one column of texts, an object each. */
export async function jsonRelation(connection: Connection, file: SourceFile): Promise<JsonKeys & { relation: string }> {
  const path = pathLiteral(file.path);
  const compression = `compression = ${quoteText(file.compression)}`;
  // As lines, so that one that is no JSON costs that line only; DuckDB's own reader would stop at it.
  const lines = [
    "columns = {'json': 'VARCHAR'}",
    "auto_detect = false",
    "header = false",
    "delim = E'\\x01'",
    "quote = ''",
    "escape = ''",
    `max_line_size = ${LONGEST_LINE}`,
    `buffer_size = ${2 * LONGEST_LINE}`,
    // A directory may be named json=….
    "hive_partitioning = false",
    compression,
  ];
  const objects = [
    "format = 'auto'",
    "hive_partitioning = false",
    `maximum_object_size = ${LONGEST_LINE}`,
    compression,
  ];
  const relation =
    file.format === "jsonl"
      ? `read_csv(${path}, ${lines.join(", ")})`
      : `(SELECT json::VARCHAR AS json FROM read_json_objects(${path}, ${objects.join(", ")}))`;
  const scan = await Scan.open(connection, `SELECT json FROM ${relation} LIMIT ${SAMPLE_ROWS}`, `reading ${file.path}`);
  const chunk = await scan.next();
  const keys = chunk ? jsonKeys(chunk.columns[0]!, chunk.rows) : { names: [], inside: undefined };
  await scan.settle();
  return { ...keys, relation };
}
