/*
 * Owns the lines of a text file that are none of its format: fields too few or too many, a quote that is never closed,
 * bytes that are not UTF-8. DuckDB leaves them out of its scan and keeps them in a table of the connection's.
 */
import { DataError } from "../../base/errors.ts";
import type { Connection } from "../../duckdb/engine.ts";
import { readRows } from "../../duckdb/reader.ts";
import type { ImportSegments, MalformedLine } from "./segments.ts";

interface Found {
  readonly line: number;
  readonly csv_line: string | null;
  readonly error_type: string;
  readonly error_message: string;
}

const REASONS: Readonly<Record<string, string>> = {
  "UNQUOTED VALUE": "a quote is not closed, or text stands behind it",
  "INVALID ENCODING": "bytes that are not UTF-8",
  "LINE SIZE OVER MAXIMUM":
    "a line of more than 34 MiB, which may be as long only in a file of up to 64 MiB that is not compressed",
};

/**
 * Rejects the lines that the last scan of the connection left out; it has to be at its end.
 * @returns how many they are
 * @throws DataError where they are more than may be: none of them is rejected then, and going on finds them again
 */
export async function rejectMalformed(
  connection: Connection,
  path: string,
  place: { readonly part: number; readonly row: number },
  segments: ImportSegments,
): Promise<number> {
  const lines = await readMalformed(connection, `reading ${path}`);
  const [first] = lines;
  if (first && !segments.allows(lines.length)) {
    throw new DataError(
      `too many lines of ${path} are malformed for --max-errors, the first of them line ${first.line}: ${first.reason}`,
      { hint: "check the delimiter and the quotes; or go on with a higher --max-errors, or -1 for no limit" },
    );
  }
  for (const line of lines) segments.reject({ ...place, column: undefined, reason: line.reason, malformed: line });
  return lines.length;
}

async function readMalformed(connection: Connection, doing: string): Promise<MalformedLine[]> {
  const rows = await readRows<Found>(
    connection,
    `SELECT line, any_value(csv_line) AS csv_line, first(error_type ORDER BY byte_position) AS error_type,
       first(error_message ORDER BY byte_position) AS error_message
     FROM reject_errors WHERE scan_id = (SELECT max(scan_id) FROM reject_scans) GROUP BY line ORDER BY line`,
    doing,
  );
  return rows.map(({ line, csv_line: text, error_type: type, error_message: message }) => ({
    line,
    text,
    reason:
      REASONS[type] ?? message.replace(/^Expected Number of Columns: (\d+) Found: (\d+).*/s, "$2 fields instead of $1"),
  }));
}
