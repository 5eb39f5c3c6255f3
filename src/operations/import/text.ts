/*
 * Owns reading text files with DuckDB as texts: every field of a CSV file and every object of a JSON file comes as it
 * stands there, and is made a value of by src/types.
 */
import { quoteText } from "../../duckdb/copy.ts";
import type { Connection } from "../../duckdb/engine.ts";
import { Scan } from "../../duckdb/scan.ts";
import { type JsonKeys, jsonKeys } from "../../types/json-rows.ts";
import type { SourceFile } from "./files.ts";
import { DEFAULT_MAX_ERRORS, type ImportOptions } from "./options.ts";
import { pathLiteral } from "./ownfiles.ts";

/** Rows whose keys are taken for those of all. */
const SAMPLE_ROWS = 2048;
/** Lines, or objects, of so many bytes are read from any file: what a server takes for a row by itself, as hex digits. */
const LONG_LINE = 34 * 1024 * 1024;
/** A line may be as long as a file of so many bytes, which is in memory as a whole then. */
const SMALL_FILE = 64 * 1024 * 1024;

/** What becomes of lines that are none of their format: undefined where the first of them ends the reading. */
export interface MalformedLines {
  /** So many are kept; 0: all. */
  readonly most: number;
}

/** How a text file is read. */
export interface TextReading {
  /** In bytes: longer ones are malformed. */
  readonly longestLine: number;
  readonly malformed: MalformedLines | undefined;
}

export function textReading(
  { bytes, compression }: Pick<SourceFile, "bytes" | "compression">,
  options: Pick<ImportOptions, "sql" | "maxRows" | "maxErrors">,
): TextReading {
  const inFile = compression === "uncompressed" ? Math.min(bytes, SMALL_FILE) : 0;
  // Of the file alone: rows are counted from its beginning when an import goes on, so the same lines have to be left out.
  return { longestLine: Math.max(LONG_LINE, inFile), malformed: malformedLines(options) };
}

/**
 * Whether malformed lines are rejected one by one, and how many are kept: not where a query may not see them, or where the
 * file is not read to its end, since only then they are known.
 */
function malformedLines({
  sql,
  maxRows,
  maxErrors = DEFAULT_MAX_ERRORS,
}: Pick<ImportOptions, "sql" | "maxRows" | "maxErrors">): MalformedLines | undefined {
  if (sql !== undefined || maxRows !== undefined) return undefined;
  return { most: maxErrors < 0 ? 0 : maxErrors + 1 };
}

/** The options of DuckDB's reader for lines that it can't read: they are left out, and kept in a table of their own. */
function rejectsOptions(malformed: MalformedLines | undefined): string[] {
  return malformed ? ["store_rejects = true", `rejects_limit = ${malformed.most}`] : [];
}

/** The options that make DuckDB's CSV reader read as it is told, and find out nothing by itself. */
export function readerOptions(file: SourceFile, { longestLine, malformed }: TextReading): string[] {
  return [
    // It would take lines with # for comments, and others for a title.
    "auto_detect = false",
    "hive_partitioning = false",
    `max_line_size = ${longestLine}`,
    `buffer_size = ${2 * longestLine}`,
    `compression = ${quoteText(file.compression)}`,
    ...rejectsOptions(malformed),
  ];
}

/**
 * A text file as one column of texts, `json`, a line each, whichever end each has.
 * @param newLine the only end of lines, as DuckDB names it
 */
export function linesOf(file: SourceFile, reading: TextReading, newLine?: string): string {
  const options = [
    "columns = {'json': 'VARCHAR'}",
    "header = false",
    "delim = E'\\x01'",
    "quote = ''",
    "escape = ''",
    // Else one line that ends as none before it fails them all.
    "strict_mode = false",
    ...(newLine === undefined ? [] : [`new_line = ${quoteText(newLine)}`]),
    ...readerOptions(file, reading),
  ];
  return `read_csv(${pathLiteral(file.content)}, ${options.join(", ")})`;
}

/** A JSON file as one column of texts, an object each. */
export async function jsonRelation(
  connection: Connection,
  file: SourceFile,
  reading: TextReading,
): Promise<JsonKeys & { relation: string }> {
  const compression = `compression = ${quoteText(file.compression)}`;
  // A directory may be named json=….
  const hive = "hive_partitioning = false";
  const objects = ["format = 'auto'", hive, `maximum_object_size = ${reading.longestLine}`, compression];
  // As lines, so that one that is no JSON costs that line only; DuckDB's own reader would stop at it.
  const relation =
    file.format === "jsonl"
      ? linesOf(file, reading)
      : `(SELECT json::VARCHAR AS json FROM read_json_objects(${pathLiteral(file.content)}, ${objects.join(", ")}))`;
  const scan = await Scan.open(connection, `SELECT json FROM ${relation} LIMIT ${SAMPLE_ROWS}`, `reading ${file.path}`);
  const chunk = await scan.next();
  const keys = chunk ? jsonKeys(chunk.columns[0]!, chunk.rows) : { names: [], inside: undefined };
  await scan.settle();
  return { ...keys, relation };
}
