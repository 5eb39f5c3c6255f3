/*
 * Owns JSON files as tables for the user's query: numbers are numbers, and texts stay the texts that they are. Files that
 * are read without a query are taken apart by src/types instead.
 */
import { quoteText } from "../../duckdb/copy.ts";
import type { Connection } from "../../duckdb/engine.ts";
import { type FileType, fileTypeToSql } from "../../duckdb/filetypes.ts";
import { describe } from "../../duckdb/scan.ts";
import type { SourceFile } from "./files.ts";
import { pathLiteral } from "./ownfiles.ts";
import { textReading } from "./text.ts";

/** What DuckDB makes of texts that look like it, and would write in another form. */
const FROM_TEXTS = new Set(["DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ", "UUID"]);

/** What stands behind FROM. @throws an error of DuckDB's for a file that is no JSON */
export async function jsonTable(connection: Connection, file: SourceFile): Promise<string> {
  const read = (columns: string) => {
    const options = [
      columns,
      "hive_partitioning = false",
      `maximum_object_size = ${textReading(file, {}).longestLine}`,
      `compression = ${quoteText(file.compression)}`,
    ];
    return `read_json(${pathLiteral(file.content)}, ${options.join(", ")})`;
  };
  const found = await describe(connection, `SELECT * FROM ${read("sample_size = -1")}`, `reading ${file.path}`);
  if (!found.some(({ type }) => holds(type, FROM_TEXTS))) return read("sample_size = -1");
  const columns = found.map(({ name, type }) => `${quoteText(name)}: ${quoteText(fileTypeToSql(withTexts(type)))}`);
  return read(`columns = {${columns.join(", ")}}`);
}

/** Whether values of several kinds, such as numbers and texts, are among those of a column: each comes as JSON. */
export function holdsJson(type: FileType): boolean {
  return holds(type, new Set(["JSON"]));
}

function holds(type: FileType, names: ReadonlySet<string>): boolean {
  switch (type.kind) {
    case "SIMPLE":
      return names.has(type.name);
    case "DECIMAL":
      return false;
    case "LIST":
      return holds(type.child, names);
    case "MAP":
      return holds(type.key, names) || holds(type.value, names);
    case "STRUCT":
      return type.fields.some((field) => holds(field.type, names));
  }
}

function withTexts(type: FileType): FileType {
  switch (type.kind) {
    case "SIMPLE":
      return FROM_TEXTS.has(type.name) ? { kind: "SIMPLE", name: "VARCHAR" } : type;
    case "DECIMAL":
      return type;
    case "LIST":
      return { ...type, child: withTexts(type.child) };
    case "MAP":
      return { ...type, key: withTexts(type.key), value: withTexts(type.value) };
    case "STRUCT":
      return { ...type, fields: type.fields.map(({ name, type: inner }) => ({ name, type: withTexts(inner) })) };
  }
}
