/*
 * Owns reading text files with DuckDB as texts: every field of a CSV file and every object of a JSON file comes as it
 * stands there, and is made a value of by src/types. Sidecars, which say what our own text files hold, are read here.
 */
import { basename, dirname, join } from "node:path";
import type { Connection } from "@duckdb/node-bindings";
import { quoteText } from "../duckdb/copy.ts";
import { describe } from "../duckdb/scan.ts";
import { readText } from "../storage/local.ts";
import type { SourceFile } from "./importfiles.ts";
import type { CsvForm } from "./importoptions.ts";
import { type OwnMetadata, ownMetadata, pathLiteral } from "./importown.ts";

/** How a text file is read. */
export interface TextRelation {
  /** What stands behind FROM. */
  readonly relation: string;
  readonly names: readonly string[];
}

/** The longest line of a CSV file, in bytes. */
const LONGEST_LINE = 16 * 1024 * 1024;

/**
 * A CSV file as columns of texts: an empty field is NULL and `""` is an empty text, unless another text is said to stand
 * for NULL.
 * @param positions the names of the columns of a file whose first line does not say them
 */
export async function csvRelation(
  connection: Connection,
  file: SourceFile,
  csv: CsvForm = {},
  positions?: readonly string[],
): Promise<TextRelation> {
  const { header = true, quote = '"' } = csv;
  const delimiter = csv.delimiter ?? (/\.tsv(\.|$)/i.test(file.path) ? "\t" : ",");
  const options = [
    "all_varchar = true",
    `header = ${header}`,
    `delim = ${quoteText(delimiter)}`,
    `quote = ${quoteText(quote)}`,
    `escape = ${quoteText(csv.escape ?? quote)}`,
    `nullstr = ${quoteText(csv.nullText ?? "")}`,
    "allow_quoted_nulls = false",
    "hive_partitioning = false",
    "sample_size = 1000",
    `max_line_size = ${LONGEST_LINE}`,
    `buffer_size = ${2 * LONGEST_LINE}`,
    `compression = ${quoteText(file.compression)}`,
    ...(positions ? [`names = [${positions.map(quoteText).join(", ")}]`] : []),
  ];
  const relation = `read_csv(${pathLiteral(file.path)}, ${options.join(", ")})`;
  const columns = await describe(connection, `SELECT * FROM ${relation}`, `reading ${file.path}`);
  return { relation, names: columns.map(({ name }) => name) };
}

/** What an export wrote beside its text file, or in its directory; undefined where there is nothing. */
export async function readSidecar(path: string): Promise<OwnMetadata | undefined> {
  for (const place of [`${path}.cqlduck`, join(dirname(path), "_cqlduck.json")]) {
    const text = await readText(place);
    if (text === undefined) continue;
    const pairs = Object.entries(JSON.parse(text) as Record<string, unknown>);
    const texts = pairs.map(([key, value]): [string, string] => [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
    return ownMetadata(new Map(texts), basename(place));
  }
  return undefined;
}
