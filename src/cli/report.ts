/*
 * Owns how a finished export and a plan read: aligned text for people. Pure; the JSON forms are the values themselves.
 */
import { formatCount, formatDuration, formatSize } from "../base/units.ts";
import type { ExportReport } from "../jobs/events.ts";
import type { KeyspaceExportPlan, KeyspaceReport } from "../operations/keyspace.ts";
import type { ExportPlan } from "../operations/options.ts";
import { estimate, plural } from "./frame.ts";

const FILES_NAMED = 5;

/** What an export did. `noticed` are the notices that were printed while it ran. */
export function reportText(report: ExportReport, noticed: ReadonlySet<string>): string {
  const rate = `${formatDuration(report.elapsedMs)} (${formatCount(report.rowsPerSecond)} rows/s)`;
  const head =
    `exported ${plural(report.rows, "row")} (${formatSize(report.bytes)}) from ${report.source} ` +
    `to ${placeOf(report.destination)} in ${rate}, ${plural(report.files.length, "file")}`;
  const decimals = Object.entries(report.decimals).map(([column, type]) => `${column} fits ${type}`);
  const more = report.files.length - FILES_NAMED;
  const rows: [string, string][] = [
    ...report.files
      .slice(0, FILES_NAMED)
      .map((file): [string, string] => [
        "file",
        `${file.path} (${plural(file.rows, "row")}, ${formatSize(file.bytes)})`,
      ]),
    ...(more > 0 ? [["", `and ${formatCount(more)} more`] as [string, string]] : []),
    ["read", `${report.readFrom} to ${report.readTo}, at ${report.consistency}; not a snapshot`],
    ["work", `${plural(report.segments, "segment")}, ${plural(report.ranges, "range")}, ${retries(report.retries)}`],
    ["memory", `${formatSize(report.peakMemoryBytes)} at most`],
    ...decimals.map((text): [string, string] => ["decimals", text]),
    ...report.notices.filter((notice) => !noticed.has(notice)).map((notice): [string, string] => ["note", notice]),
  ];
  return [head, ...facts(rows)].join("\n");
}

/** What an export of a keyspace did: a line for each table. */
export function keyspaceText(report: KeyspaceReport, noticed: ReadonlySet<string>): string {
  const { tables, keyspace, destination, rows, bytes, elapsedMs, schema } = report;
  const lines = tables.map((found) => [
    found.source,
    plural(found.rows, "row"),
    formatSize(found.bytes),
    plural(found.files.length, "file"),
    "elapsedMs" in found ? formatDuration(found.elapsedMs) : "was complete",
  ]);
  const notes = [
    ...report.notices.filter((notice) => !noticed.has(notice)),
    ...tables.flatMap((found) =>
      "notices" in found
        ? found.notices.filter((notice) => !noticed.has(notice)).map((notice) => `${found.source}, ${notice}`)
        : [],
    ),
  ];
  return [
    `exported ${plural(tables.length, "table")} of ${keyspace}, ${plural(rows, "row")} ` +
      `(${formatSize(bytes)}), to ${destination} in ${formatDuration(elapsedMs)}`,
    ...table(lines),
    ...facts([["schema", schema], ...notes.map((notice): [string, string] => ["note", notice])]),
  ].join("\n");
}

/** What an export of a keyspace would do. */
export function keyspacePlanText({ tables, notices }: KeyspaceExportPlan): string {
  return [...tables.map(planText), ...notices.map((notice) => `note: ${notice}`)].join("\n\n");
}

function placeOf(destination: string): string {
  return destination === "-" ? "stdout" : destination;
}

/** What an export would do. */
export function planText(plan: ExportPlan): string {
  const work =
    plan.whole === undefined
      ? `${plural(plan.ranges, "range")} in about ${plural(plan.estimatedSegments, "segment")}, ${estimate(plan)}`
      : `page by page with one statement: ${plan.whole}`;
  const header = ["column", "CQL", "DuckDB", "kind", ""];
  const columns = plan.columns.map((column) => [
    column.name,
    column.cql,
    column.duckdb,
    column.kind.replaceAll("_", " "),
    column.file === column.name ? "" : `as ${column.file}`,
  ]);
  return [
    `export of ${plan.source} to ${plan.layout === "stream" ? "stdout" : `${plan.layout} ${plan.destination}`}; nothing was read or written`,
    ...facts([
      ["read", work],
      ...plan.files.map((file): [string, string] => ["file", file]),
      ["CQL", plan.cql],
      ...plan.notices.map((notice): [string, string] => ["note", notice]),
    ]),
    "",
    ...table([header, ...columns]),
  ].join("\n");
}

function retries(count: number): string {
  return `${formatCount(count)} ${count === 1 ? "retry" : "retries"}`;
}

/** Lines of a label and a text, the texts below each other; a label that repeats is said once. */
export function facts(rows: readonly (readonly [label: string, text: string])[]): string[] {
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, text], i) => `  ${(label === rows[i - 1]?.[0] ? "" : label).padEnd(width)}  ${text}`);
}

/** Lines of cells, each column as wide as its widest cell. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}`.trimEnd());
}
