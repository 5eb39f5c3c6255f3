/*
 * Owns how a finished import and its plan read: aligned text for people. Pure; the JSON forms are the values themselves.
 */
import { formatCount, formatDuration, formatSize } from "../base/units.ts";
import type { ImportPlan, ImportReport } from "../operations/import/options.ts";
import { plural } from "./frame.ts";
import { facts, table } from "./report.ts";

const FILES_NAMED = 5;

/** What an import did. `noticed` are the notices that were printed while it ran. */
export function importText(report: ImportReport, noticed: ReadonlySet<string>): string {
  const rate = `${formatDuration(report.elapsedMs)} (${formatCount(report.rowsPerSecond)} rows/s)`;
  const { rejected, existing, expired, badRows } = report;
  const head = `imported ${plural(report.rows, "row")} from ${plural(report.files, "file")} into ${report.destination} in ${rate}`;
  const where = badRows === null ? "; --bad-rows <file> keeps them" : `, in ${badRows}`;
  const rows: [string, string][] = [
    ...(rejected ? [["rejected", `${plural(rejected, "row")}${where}`] as [string, string]] : []),
    ...(existing ? [["existing", `${plural(existing, "row")} that were there already`] as [string, string]] : []),
    ...(expired ? [["expired", `${plural(expired, "value")} that had expired, left out`] as [string, string]] : []),
    [
      "work",
      `${plural(report.segments, "segment")}, ${formatCount(report.retries)} ${report.retries === 1 ? "retry" : "retries"}`,
    ],
    ["written", `at ${report.consistency}`],
    ["memory", `${formatSize(report.peakMemoryBytes)} at most`],
    ...report.notices.filter((notice) => !noticed.has(notice)).map((notice): [string, string] => ["note", notice]),
  ];
  return [head, ...facts(rows)].join("\n");
}

/** What the first rows told. */
function sampleFacts({ sample, requests, rows: count }: ImportPlan): [string, string][] {
  const { rows, files, rejected, partitions } = sample;
  const whose = files === 1 ? "the file" : `${formatCount(files)} files`;
  const which = rows === count ? "all rows" : `the first ${formatCount(sample.rowsOfEachFile)} rows of ${whose}`;
  const all = requests === null || rows === count ? "" : `, about ${plural(requests, "request")} for all rows`;
  const carried = `${plural(sample.written, "row")} of ${plural(partitions, "partition")} in ${plural(sample.requests, "request")}`;
  const more = rejected - sample.reasons.length;
  return [
    ["sample", rows === 0 ? "no rows" : `${which}: ${carried}${all}`],
    ...(rejected > 0 ? [["rejected", `${plural(rejected, "row")} of the sample`] as [string, string]] : []),
    ...sample.reasons.map(({ file, row, line, column, reason }): [string, string] => [
      "",
      `${file}, ${row === null ? `line ${formatCount(line ?? 0)}` : `row ${formatCount(row)}`}${column === null ? "" : `, ${column}`}: ${reason}`,
    ]),
    ...(more > 0 ? [["", `and ${formatCount(more)} more`] as [string, string]] : []),
  ];
}

/** What an import would do. */
export function importPlanText(plan: ImportPlan): string {
  const { files } = plan;
  const more = files.length - FILES_NAMED;
  const count = plan.rows === null ? "an unknown number of rows" : plural(plan.rows, "row");
  const named = files
    .slice(0, FILES_NAMED)
    .map(({ path, format, rows }) => `${path} (${format}${rows === null ? "" : `, ${plural(rows, "row")}`})`);
  const header = ["file column", "DuckDB", "", "table column", "CQL", "kind"];
  const columns = plan.columns.map(({ file, duckdb, name, cql, kind }) => [
    ...[file, duckdb, "->", name, cql, kind.replaceAll("_", " ")],
  ]);
  return [
    `import of ${count} into ${plan.destination}; nothing was written`,
    ...facts([
      ...named.map((text): [string, string] => ["file", text]),
      ...(more > 0 ? [["", `and ${formatCount(more)} more`] as [string, string]] : []),
      ...sampleFacts(plan),
      ...plan.statements.map((text): [string, string] => ["CQL", text]),
      ...plan.notices.map((text): [string, string] => ["note", text]),
    ]),
    "",
    ...table([header, ...columns]),
    // Not indented: what can be copied.
    ...(plan.create.length > 0 ? ["", ...plan.create] : []),
  ].join("\n");
}
