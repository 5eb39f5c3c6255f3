/*
 * Owns DuckDB's COPY of a query to a file, and the quoting of what stands in its SQL. What the options mean is the
 * format's business.
 */
import duckdb, { type Connection } from "@duckdb/node-bindings";
import { fromHere, run } from "./engine.ts";

/** Writes the rows of a query to a file, and says how many. `options` are those of COPY. Not synced. */
export async function copyRows(
  connection: Connection,
  query: string,
  path: string,
  options: readonly string[],
): Promise<number> {
  const all = [...options, "USE_TMP_FILE false"].join(", ");
  const result = await run(connection, `COPY (${query}) TO ${pathText(path)} (${all})`, `writing ${path}`);
  return duckdb.rows_changed(result);
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Text as SQL writes it. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A list of paths as SQL writes it, each taken as it stands and not as a pattern. */
export function fileList(paths: readonly string[]): string {
  return `[${paths.map((path) => pathText(path.replace(/[[*?]/g, "[$&]"))).join(", ")}]`;
}

function pathText(path: string): string {
  return quoteText(fromHere(path));
}
