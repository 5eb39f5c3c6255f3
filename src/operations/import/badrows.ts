/*
 * Owns the file of rejected rows: a line of JSON each, with file, row, column, reason and the row's values in the text
 * forms that an import takes, so that it can be repaired and imported again. The rows are read once more for it.
 */

import { type ColumnBuffer, isNull, typeToSql } from "../../base/column.ts";
import { quoteName, quoteText } from "../../duckdb/copy.ts";
import type { Connection } from "../../duckdb/engine.ts";
import { columnTypeOf } from "../../duckdb/filetypes.ts";
import { Scan } from "../../duckdb/scan.ts";
import { columnJson } from "../../types/column-json.ts";
import { cqlTypeToText } from "../../types/cql-type.ts";
import { memberText } from "../../types/json-rows.ts";
import { codecFor } from "../../types/table.ts";
import type { MatchedColumn } from "./match.ts";
import { nanosJson } from "./nanos.ts";
import type { ImportPart } from "./parts.ts";
import type { RejectedRow } from "./segments.ts";
import type { BadRowType, FileColumn } from "./source.ts";

/** The lines for rejected rows, in their order. */
export async function describeRejected(
  connection: Connection,
  parts: readonly ImportPart[],
  rows: readonly RejectedRow[],
): Promise<string> {
  const lines: string[] = [];
  for (let at = 0; at < rows.length; ) {
    const { part } = rows[at]!;
    let end = at;
    while (rows[end]?.part === part) end++;
    lines.push(...(await linesOf(connection, parts[part]!, rows.slice(at, end))));
    at = end;
  }
  return lines.map((line) => `${line}\n`).join("");
}

async function linesOf(connection: Connection, part: ImportPart, rows: readonly RejectedRow[]): Promise<string[]> {
  const { source } = part;
  const values = await readValues(
    connection,
    part,
    rows.filter(({ malformed }) => !malformed),
  );
  const types = typesOf(part);
  return rows.map(({ row, column, reason, malformed }) => {
    if (malformed) {
      const { line, text } = malformed;
      return JSON.stringify({ file: source.path, line, column: null, reason, values: text });
    }
    const head = JSON.stringify({ file: source.path, row: row + 1, column: column ?? null, reason, types });
    return `${head.slice(0, -1)},"values":${values.get(row) ?? "null"}}`;
  });
}

/** What an import of the lines has to know of our own columns whose values, or names, stand in another form than others do. */
function typesOf({ match }: ImportPart): Record<string, BadRowType> | undefined {
  const said = match.columns.flatMap(({ file: { name, own }, target, cql, conversion }): [string, BadRowType][] => {
    const forms = (["text", "native"] as const).map((uuid) =>
      typeToSql(codecFor(cql, { uuid, empty: "error" }).column),
    );
    const form = conversion.form ? typeToSql(conversion.form) : forms[0]!;
    const isOther = !forms.includes(form) || (own?.name === target.name && own.name !== name);
    return isOther ? [[name, [cqlTypeToText(cql), form, target.name]]] : [];
  });
  return said.length > 0 ? Object.fromEntries(said) : undefined;
}

/** The rows as JSON objects, by their place. */
async function readValues(
  connection: Connection,
  part: ImportPart,
  rows: readonly RejectedRow[],
): Promise<Map<number, string>> {
  if (rows.length === 0) return new Map();
  const { source } = part;
  const number = source.rowNumber ? quoteName(source.rowNumber) : "row_number() OVER () - 1";
  const inPath = source.columns.filter(({ text }) => text !== "json").map(({ sql }) => sql);
  const columns = source.json
    ? ["json", ...inPath]
    : source.columns.map((column, i) => `${valueSql(part, column)} AS c${i}`);
  const places = rows.map(({ row }) => row).join(", ");
  const numbered = `SELECT ${[`${number} AS place`, ...columns].join(", ")} FROM ${source.relation}`;
  const sql = `SELECT * FROM (${numbered}) WHERE place IN (${places})`;
  const found = new Map<number, string>();
  const scan = await Scan.open(connection, sql, `reading rejected rows of ${source.path}`);
  for (let chunk = await scan.next(); chunk; chunk = await scan.next()) {
    const [place, ...buffers] = chunk.columns;
    for (let row = 0; row < chunk.rows; row++) {
      const at = (place!.i32[row * 2]! >>> 0) + place!.i32[row * 2 + 1]! * 0x1_0000_0000;
      found.set(at, source.json ? objectJson(part, buffers, row) : rowJson(part, source.columns, buffers, row));
    }
  }
  return found;
}

/** A column's values, as text where no column here has its type. Instants without a zone are UTC, here as everywhere. */
function valueSql({ match }: ImportPart, file: FileColumn): string {
  const { sql, type, timestampFormat } = file;
  const matched = match.columns.find((column) => column.file === file);
  if (matched && isDecoded(matched)) {
    return `coalesce(to_json(TRY(decode(${sql})))::VARCHAR, '{"bytes":"0x' || lower(hex(${sql})) || '"}')`;
  }
  if (matched?.cql.name === "timestamp" && timestampFormat !== undefined && !matched.conversion.form) {
    const instant = `try_strptime(${sql}, ${quoteText(timestampFormat)})::TIMESTAMPTZ`;
    return `coalesce(CASE WHEN epoch_us(${instant}) % 1000 = 0 THEN epoch_ms(${instant})::VARCHAR END, ${sql})`;
  }
  const json = jsonSql(file);
  if (json !== undefined) return json;
  if (columnTypeOf(type)) return sql;
  const isInstant = type.kind === "SIMPLE" && type.name.startsWith("TIMESTAMP");
  return isInstant ? `${sql}::VARCHAR || 'Z'` : `${sql}::VARCHAR`;
}

/** Values with instants that the text of the column does not have as an import takes them; undefined for all others. */
function jsonSql({ sql, type, json }: FileColumn): string | undefined {
  return json ?? (type.kind === "SIMPLE" ? undefined : nanosJson(sql, type));
}

/** Bytes of another origin that are taken as text; what is none must not come in as the text of its bytes. */
function isDecoded({ file, cql, conversion }: MatchedColumn): boolean {
  const isBytes = file.type.kind === "SIMPLE" && file.type.name === "BLOB";
  return isBytes && (cql.name === "text" || cql.name === "ascii") && !conversion.form;
}

/** The row as it stands in the file, with what the path says of it; as a text where it is no JSON. */
function objectJson(part: ImportPart, [texts, ...others]: readonly ColumnBuffer[], row: number): string {
  const { columns, json } = part.source;
  const text = columnJson(texts!, row, true).trim();
  try {
    JSON.parse(text);
  } catch {
    return JSON.stringify(text);
  }
  const object = json?.inside === undefined ? text : (memberText(texts!, row, json.inside.key) ?? text);
  const inPath = rowJson(
    part,
    columns.filter((column) => column.text !== "json"),
    others,
    row,
  );
  if (inPath === "{}" || !object.endsWith("}")) return object;
  return object.replace(/,?\s*}$/, "").replace(/^\{\s*$/, "{") + (/^\{\s*}$/.test(object) ? "" : ",") + inPath.slice(1);
}

function rowJson(
  { match }: ImportPart,
  columns: readonly FileColumn[],
  buffers: readonly ColumnBuffer[],
  row: number,
): string {
  const members = columns.flatMap((column, i) => {
    const buffer = buffers[i]!;
    if (isNull(buffer, row)) return [];
    const matched = match.columns.find(({ file }) => file === column);
    // The text of what holds others is JSON by itself.
    const isNested = column.text !== undefined && (matched?.cql.of.length ?? 0) > 0;
    const isJson =
      column.text === "json" ||
      isNested ||
      jsonSql(column) !== undefined ||
      (matched !== undefined && isDecoded(matched));
    return [`${JSON.stringify(column.name)}:${isJson ? plainJson(buffer, row) : columnJson(buffer, row)}`];
  });
  return `{${members.join(",")}}`;
}

/** The text itself, as a text where it is no JSON. */
function plainJson(texts: ColumnBuffer, row: number): string {
  const text = columnJson(texts, row, true);
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}
