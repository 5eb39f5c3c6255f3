/*
 * Owns JSON as an output: one array of objects, or an object a line (JSONL). Writetimes and TTLs stand in an object of
 * their own beside the columns. Values are made exact in textform.ts; DuckDB's own JSON writer is not used.
 */
import { uniqueNames } from "../base/names.ts";
import { copyRows, quoteText } from "../duckdb/copy.ts";
import type { Connection } from "../duckdb/engine.ts";
import type { FileColumn, FileFormat, Rows } from "./format.ts";
import { CODEC_ENDINGS, frameOf, joinFramed, type TextCodec } from "./framed.ts";
import { jsonText, objectText } from "./textform.ts";

export interface JsonOptions {
  /** One array, or an object a line. */
  readonly layout: "array" | "lines";
  /** Each member on a line of its own; arrays only. */
  readonly pretty: boolean;
}

const CELL_KINDS = ["writetime", "ttl"] as const;
type Member = readonly [key: string, text: string];

/** The key of the object that holds writetimes and TTLs: one that no column has. Undefined where there are none. */
export function metadataKey(columns: readonly FileColumn[]): string | undefined {
  if (!columns.some((column) => column.cell)) return undefined;
  return uniqueNames([...columns.map(({ name }) => name), "_metadata"]).at(-1);
}

/** JSON files of these columns. */
export function jsonFormat(columns: readonly FileColumn[], options: JsonOptions, codec: TextCodec): FileFormat {
  // DuckDB writes the line breaks around a piece of an array: see copyOptions.
  const frame = options.layout === "array" ? frameOf(codec, "[", ",", "]\n") : frameOf(codec, "", "", "");
  return {
    extension: `${options.layout === "array" ? ".json" : ".jsonl"}${CODEC_ENDINGS[codec]}`,
    piecesAreFiles: options.layout === "lines",
    frame,
    writePiece: (connection, rows, path) => writePiece(connection, columns, rows, options, codec, path),
    join: (pieces, path, signal, joined) => joinFramed(frame, pieces, path, signal, joined),
  };
}

function writePiece(
  connection: Connection,
  columns: readonly FileColumn[],
  rows: Rows,
  options: JsonOptions,
  codec: TextCodec,
  path: string,
): Promise<number> {
  const values = rows.expressions.map((expression, i) => `${expression} AS v${i}`).join(", ");
  const query = `SELECT ${rowText(columns, options)} AS line FROM (SELECT ${values} FROM ${rows.from})`;
  return copyRows(connection, query, path, copyOptions(options, codec));
}

function rowText(columns: readonly FileColumn[], { pretty }: JsonOptions): string {
  const members: Member[] = [];
  const cells = new Map<string, Member[]>();
  columns.forEach(({ name, type, cql, cell }, i) => {
    const text = jsonText(type, cql, `v${i}`);
    if (cell) cells.set(cell.kind, [...(cells.get(cell.kind) ?? []), [cell.of, text]]);
    else members.push([name, text]);
  });
  const key = metadataKey(columns);
  if (key !== undefined) {
    const kinds = CELL_KINDS.filter((kind) => cells.has(kind));
    members.push([key, objectText(kinds.map((kind) => [kind, objectText(cells.get(kind)!)]))]);
  }
  return pretty
    ? objectText(members, { open: "  {\n    ", between: ",\n    ", colon: ": ", close: "\n  }" })
    : objectText(members);
}

/** The CSV writer writes lines as they are where it has nothing to quote. */
function copyOptions({ layout }: JsonOptions, codec: TextCodec): string[] {
  const newLine = quoteText("\n");
  return [
    "FORMAT csv",
    "HEADER false",
    "QUOTE ''",
    "ESCAPE ''",
    `DELIMITER ${newLine}`,
    // Only between a prefix and a suffix does the last line go without what stands between lines.
    ...(layout === "array" ? [`NEW_LINE ${quoteText(",\n")}`, `PREFIX ${newLine}`, `SUFFIX ${newLine}`] : []),
    `COMPRESSION ${codec}`,
  ];
}
