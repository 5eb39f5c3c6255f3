/*
 * Owns `cqlduck inspect`, and how what it finds reads: aligned text for people.
 */
import type { Command } from "commander";
import { parseTableName } from "../base/names.ts";
import { formatCount, formatSize } from "../base/units.ts";
import type { FilesReport, InspectedColumn, TableReport } from "../operations/inspect.ts";
import type { Provenance, TextReport } from "../operations/inspecttext.ts";
import { plural } from "./frame.ts";
import { addConnectionOptions, addExamples } from "./options.ts";
import { facts, table } from "./report.ts";
import { addResultOptions, isPath, NAME_OR_PATH, readLookup } from "./schema.ts";
import { type Session, writeResult } from "./world.ts";

export type InspectAction = (name: string, command: Command) => Promise<void>;

const FILES_NAMED = 10;
const LONGEST_VALUE = 24;
const LONGEST_TYPE = 40;
const LONGEST_METADATA = 60;

/** Describes `inspect` on an empty command. */
export function defineInspect(command: Command, action: InspectAction): void {
  command
    .summary("schema, types, sizes and statistics of files or a table")
    .description(
      "Shows what Parquet files say of themselves: columns with their CQL types where an export wrote them, sizes, " +
        "statistics, where they came from; of CSV and JSON files what their sidecars say; of a directory all files whose " +
        "names begin neither with _ nor with a dot. " +
        "Of a table its columns, options, indexes and views, and what the servers guess of its size. Reads no rows.",
    )
    .argument("<file | directory | ks.table>", `${NAME_OR_PATH}; a word without a dot is a directory too`);
  addConnectionOptions(command);
  addResultOptions(command);
  addExamples(command, [
    ["cqlduck inspect orders.parquet", "one file"],
    ["cqlduck inspect orders/ --json", "all files of a directory, for a program"],
    ["cqlduck inspect shop.orders", "a table"],
  ]);
  command.action((name: string) => action(name, command));
}

/** Prints what there is to say. */
export async function runInspect(session: Session, name: string, command: Command): Promise<void> {
  const { world } = session;
  const named = isPath(name) || !/[."]/.test(name) ? undefined : parseTableName(name);
  const { connection, json } = await readLookup(session, command, named === undefined);
  const { inspect } = await world.loadInspect();
  const report = await inspect(named && connection ? { connection, table: named } : { path: name });
  await writeResult(world, `${json ? JSON.stringify(report) : textOf(report)}\n`);
}

function textOf(report: FilesReport | TextReport | TableReport): string {
  switch (report.kind) {
    case "parquet":
      return filesText(report);
    case "text":
      return textFilesText(report);
    default:
      return tableText(report);
  }
}

/** What is known of text and Arrow files. */
function textFilesText(report: TextReport): string {
  const { files, exports, columns } = report;
  const count = report.rows === null ? "an unknown number of rows" : plural(report.rows, "row");
  const rows: [string, string][] = [
    ...exports.map(sourceOf),
    ...files
      .slice(0, FILES_NAMED)
      .map(({ path, format, compression, rows: found, bytes }): [string, string] => [
        "file",
        `${path} (${[format, compression === "uncompressed" ? [] : compression, found === null ? [] : plural(found, "row"), formatSize(bytes)].flat().join(", ")})`,
      ]),
    ...(files.length > FILES_NAMED
      ? [["", `and ${formatCount(files.length - FILES_NAMED)} more`] as [string, string]]
      : []),
    ...report.notices.map((text): [string, string] => ["note", text]),
  ];
  const ours = columns.some((column) => column.cql);
  const lines = columns.map(({ name, cql }) => [
    shown(name, LONGEST_TYPE),
    ...(ours ? [shown(cql?.type ?? "", LONGEST_TYPE), kindText(cql?.kind ?? "")] : []),
  ]);
  return [
    `${report.path}: ${plural(files.length, "file")}, ${count}, ${formatSize(report.bytes)}`,
    ...facts(rows),
    "",
    ...table([["column", ...(ours ? ["CQL", "kind"] : [])], ...lines]),
  ].join("\n");
}

/** One of several exports says how many files are its. */
function sourceOf(found: Provenance, _: number, all: readonly Provenance[]): [string, string] {
  const files = all.length > 1 ? ` (${plural(found.files, "file")})` : "";
  return ["source", `${found.source}, exported ${found.exportedAt} by cqlduck ${found.version}${files}`];
}

/** What files say of themselves. */
function filesText(report: FilesReport): string {
  const { files, exports, otherSchemas } = report;
  const more = files.length - FILES_NAMED;
  const packed = `${report.codecs.join(", ").toLowerCase() || "empty"}, ${formatSize(report.uncompressedBytes)} uncompressed`;
  const size = `${plural(report.rows, "row")}, ${formatSize(report.bytes)} (${packed})`;
  const rows: [string, string][] = [
    ...exports.map(sourceOf),
    ["written by", report.createdBy.join("; ")],
    ...(report.partitionedBy.length ? [["partitions", report.partitionedBy.join(", ")] as [string, string]] : []),
    ...Object.entries(report.metadata).map(([key, value]): [string, string] => [
      "metadata",
      `${key} = ${shown(value, LONGEST_METADATA)}`,
    ]),
    ...(files.length > 1
      ? files
          .slice(0, FILES_NAMED)
          .map((file): [string, string] => [
            "file",
            `${file.path} (${plural(file.rows, "row")}, ${formatSize(file.bytes)}, ${plural(file.rowGroups, "row group")})`,
          ])
      : []),
    ...(more > 0 ? [["", `and ${formatCount(more)} more`] as [string, string]] : []),
  ];
  const others = otherSchemas.flatMap((other) => [
    `${plural(other.files.length, "file")} with another schema: ${other.files.slice(0, FILES_NAMED).join(", ")}`,
    ...other.differences.map((line) => `  ${line}`),
  ]);
  return [
    `${report.path}: ${plural(files.length, "Parquet file")}, ${size}, ${plural(report.rowGroups, "row group")}`,
    ...facts(rows),
    "",
    ...columnTable(report.columns),
    ...(others.length ? ["", ...others] : []),
  ].join("\n");
}

function columnTable(columns: readonly InspectedColumn[]): string[] {
  const ours = columns.some((column) => column.cql);
  const header = ["column", ...(ours ? ["CQL", "kind"] : []), "DuckDB", "Parquet", "size", "unpacked"];
  const rows = columns.map(({ name, cql, duckdb, parquet, compressedBytes, uncompressedBytes, statistics }) => [
    shown(name, LONGEST_TYPE),
    ...(ours ? [shown(cql?.type ?? "", LONGEST_TYPE), kindText(cql?.kind ?? "")] : []),
    shown(duckdb, LONGEST_TYPE),
    parquet,
    formatSize(compressedBytes),
    formatSize(uncompressedBytes),
    statistics?.nulls == null ? "" : formatCount(statistics.nulls),
    boundText(statistics?.min),
    boundText(statistics?.max),
  ]);
  return table([[...header, "nulls", "min", "max"], ...rows]);
}

function boundText(text: string | null | undefined): string {
  // Empty is not the same as unknown.
  return text == null ? "" : shown(text || "''", LONGEST_VALUE);
}

/** What the schema and the servers say of a table. */
function tableText(report: TableReport): string {
  const { estimates, baseTable } = report;
  const many = (label: string, texts: readonly string[]) => texts.map((text): [string, string] => [label, text]);
  const ring = `${plural(report.tokenRanges, "range")}, ${plural(report.nodes, "node")} up in ${report.dataCenter}`;
  const rows: [string, string][] = [
    ...many("view of", baseTable === undefined ? [] : [baseTable]),
    ["key", `PRIMARY KEY (${report.primaryKey})`],
    ...many("size", estimates ? [sizeText(estimates)] : []),
    ...many("replication", Object.keys(report.replication).length ? [JSON.stringify(report.replication)] : []),
    ...many("token ring", report.tokenRanges ? [ring] : []),
    ...report.indexes.map(({ name, target, className }): [string, string] => [
      "index",
      `${name} on ${target}${className === undefined ? "" : `, ${className}`}`,
    ]),
    ...many("trigger", report.triggers),
    ...many("view", report.views),
    ...Object.entries(report.options).map(([name, value]): [string, string] => [
      "option",
      `${name} = ${JSON.stringify(value)}`,
    ]),
  ];
  const columns = report.columns.map(({ name, cql, duckdb, kind, order, masked }) => [
    shown(name, LONGEST_TYPE),
    cql,
    duckdb,
    kindText(kind),
    [...(order === "desc" ? ["descending"] : []), ...(masked ? ["masked"] : [])].join(", "),
  ]);
  return [
    `${report.kind} ${report.table}, ${plural(columns.length, "column")}`,
    ...facts(rows),
    "",
    ...table([["column", "CQL", "DuckDB", "kind", ""], ...columns]),
  ].join("\n");
}

function sizeText({ partitions, bytes }: NonNullable<TableReport["estimates"]>): string {
  if (partitions === 0) return "not known: the servers guess only what was flushed to disk";
  return `about ${plural(partitions, "partition")}, ${formatSize(bytes)} (the servers' guess of what was flushed to disk)`;
}

function kindText(kind: string): string {
  return kind.replaceAll("_", " ");
}

/** On one line and not too long. */
function shown(text: string, longest: number): string {
  const line = text.replaceAll("\n", "\\n").replaceAll("\t", "\\t").replaceAll("\r", "\\r");
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}
