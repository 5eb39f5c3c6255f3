/*
 * Owns which column of a file goes into which column of the table: by what our exports wrote down, else by name, or as
 * the user says. What doesn't fit is told before anything is written, both sides next to each other.
 */
import { DataError, UsageError } from "../../base/errors.ts";
import { quoteIdentifier } from "../../base/names.ts";
import type { TableColumn, TableSchema } from "../../cassandra/schema.ts";
import { qualifiedName } from "../../cassandra/statements.ts";
import { fileTypeToSql } from "../../duckdb/filetypes.ts";
import type { Encode } from "../../types/codec.ts";
import { parseCqlType } from "../../types/cql.ts";
import { type CqlType, cqlTypeToText } from "../../types/cql-type.ts";
import { keepingAll } from "../../types/table.ts";
import { type Conversion, convert } from "./convert.ts";
import type { FixedOrColumn, ImportOptions } from "./options.ts";
import type { FileColumn, SourcePart } from "./source.ts";

/** A column of the table with the column of the file that it is filled from. */
export interface MatchedColumn {
  readonly target: TableColumn;
  readonly cql: CqlType;
  readonly file: FileColumn;
  readonly conversion: Conversion;
}

/** Columns that hold a timestamp or a TTL for each row, as they come in a chunk. */
export interface TimeColumns {
  readonly timestamp?: MatchedColumn["conversion"] & { readonly name: string };
  readonly ttl?: MatchedColumn["conversion"] & { readonly name: string };
}

export interface Match {
  /** In the order of the table's columns. */
  readonly columns: readonly MatchedColumn[];
  /** What the user should know of the columns that are left out or unset. */
  readonly notices: readonly string[];
}

/** What became of a column of the file. */
interface Fate {
  readonly file: FileColumn;
  readonly target?: TableColumn;
  readonly conversion?: Conversion;
  /** Why the column makes the import impossible. */
  readonly problem?: string;
  /** Why it is left out. */
  readonly left?: string;
}

/** @throws UsageError, with all columns of both sides, where one doesn't fit */
export function matchColumns(part: SourcePart, schema: TableSchema, options: ImportOptions): Match {
  const targets = chosenTargets(schema, options);
  const fates = part.columns.map((file) => fateOf(file, part, schema, targets, options));
  const problems = [...problemsOf(fates), ...missingKeys(fates, schema, options)];
  if (problems.length > 0) throw mismatch(part, schema, fates, problems);
  const columns = schema.columns.flatMap((target): MatchedColumn[] => {
    const fate = fates.find((candidate) => candidate.target === target);
    if (!fate?.conversion) return [];
    return [{ target, cql: cqlOf(schema, target), file: fate.file, conversion: fate.conversion }];
  });
  return {
    columns,
    notices: [...(part.notice === undefined ? [] : [part.notice]), ...noticesOf(fates, columns, targets, options)],
  };
}

function cqlOf(schema: TableSchema, { type }: TableColumn): CqlType {
  return parseCqlType(type, schema.userTypes);
}

/** The columns of the table that may be filled. */
function chosenTargets(schema: TableSchema, { columns, mode }: ImportOptions): readonly TableColumn[] {
  for (const name of columns ?? []) {
    if (schema.columns.some((column) => column.name === name)) continue;
    throw new UsageError(`${qualifiedName(schema)} has no column ${quoteIdentifier(name)}`, {
      hint: `it has ${schema.columns.map((column) => quoteIdentifier(column.name)).join(", ")}`,
    });
  }
  const chosen = columns ? schema.columns.filter(({ name }) => columns.includes(name)) : schema.columns;
  return mode === "delete" ? chosen.filter(isKey) : chosen;
}

export function isKey({ kind }: TableColumn): boolean {
  return kind === "partition_key" || kind === "clustering";
}

function fateOf(
  file: FileColumn,
  part: SourcePart,
  schema: TableSchema,
  targets: readonly TableColumn[],
  options: ImportOptions,
): Fate {
  const { own } = file;
  if (!options.map?.has(file.name)) {
    if (own?.kind === "writetime" || own?.kind === "ttl") return { file, left: own.kind };
    if (own?.kind === "virtual" || isVirtualPart(file, schema, part)) return { file, left: "virtual" };
  }
  const target = targetOf(file, schema, part, options);
  if (!target) {
    if (namedForTimes(options).has(file.name)) return { file, left: "times" };
    if (options.columns || options.ignoreExtra || options.mode === "delete") return { file, left: "extra" };
    return { file, problem: "the table has no such column" };
  }
  if (!targets.includes(target)) return { file, left: "not chosen" };
  if (file.flaw?.fatal) return { file, target, problem: file.flaw.reason };
  const cql = cqlOf(schema, target);
  if (file.text && own && holdsDoubles(own.type) && !holdsDoubles(target.type) && holdsFloats(target.type)) {
    return { file, target, problem: `the digits of ${own.type} would be rounded to those of ${target.type}` };
  }
  if (file.rounded && holdsDigits(cql)) return { file, target, problem: "--sql reads numbers of JSON as DOUBLE" };
  if (file.mixed && fileTypeToSql(file.type) !== "JSON") {
    return { file, target, problem: "it holds values of JSON of several kinds, or none, which --sql has to cast" };
  }
  const isOwn = own !== undefined && sameType(own.type, target, schema);
  const conversion = convert(cql, { ...file, own: isOwn }, { truncateTimes: options.truncateTimes ?? false });
  // What stands in descending order the server keeps as it was sent.
  const keeping = (encode: Encode) => (target.descending ? encode : keepingAll(cql, encode));
  return conversion
    ? { file, target, conversion: { ...checkedToo(conversion, file), encode: keeping(conversion.encode) } }
    : { file, target, problem: `${typeOf(file)} can't become ${cqlTypeToText(cql)}` };
}

/** The conversion with the file's own check. */
function checkedToo(conversion: Conversion, { check }: FileColumn): Conversion {
  if (check === undefined) return conversion;
  const both = conversion.check === undefined ? check.sql : `(${check.sql}) OR coalesce(${conversion.check}, false)`;
  return { ...conversion, check: both };
}

function holdsDoubles(type: string): boolean {
  return /\bdouble\b/.test(type);
}

function holdsFloats(type: string): boolean {
  return /\bfloat\b/.test(type);
}

/** Columns of the file that options name for times, which need not be in the table. */
function namedForTimes({ timestamp, ttl, writetimeMap, ttlMap }: ImportOptions): ReadonlySet<string> {
  const said: (FixedOrColumn | undefined)[] = [
    timestamp,
    ttl,
    ...(writetimeMap?.values() ?? []),
    ...(ttlMap?.values() ?? []),
  ];
  return new Set(said.flatMap((one) => (one && "column" in one ? [one.column] : [])));
}

/** Whether values may have more digits than a DOUBLE. */
function holdsDigits({ name, of }: CqlType): boolean {
  return name === "decimal" || name === "varint" || of.some(holdsDigits);
}

/** A part of a column's value as our exports make directories of it: `id.year=2024`. */
function isVirtualPart(file: FileColumn, schema: TableSchema, part: SourcePart): boolean {
  if (!part.file?.partition.has(file.name)) return false;
  const [, name, of] = /^(.+)\.(year|month|day|hour|date)$/.exec(file.name) ?? [];
  return of !== undefined && schema.columns.some((column) => column.name === name);
}

function targetOf(
  file: FileColumn,
  schema: TableSchema,
  part: SourcePart,
  { map }: ImportOptions,
): TableColumn | undefined {
  const named = (name: string) => schema.columns.find((column) => column.name === name);
  const mapped = map?.get(file.name);
  if (mapped !== undefined) {
    const target = named(mapped);
    if (target) return target;
    throw new UsageError(`--map: ${qualifiedName(schema)} has no column ${quoteIdentifier(mapped)}`, {
      hint: `it has ${schema.columns.map((column) => quoteIdentifier(column.name)).join(", ")}`,
    });
  }
  if (file.own) return named(file.own.name);
  const exact = named(file.name);
  if (exact) return exact;
  // Most other writers keep the case that CQL folds: taken where only one column on each side can be meant.
  const folded = file.name.toLowerCase();
  const near = schema.columns.filter((column) => column.name.toLowerCase() === folded);
  const rivals = part.columns.filter((column) => column.name.toLowerCase() === folded);
  return near.length === 1 && rivals.length === 1 ? near[0] : undefined;
}

function sameType(type: string, target: TableColumn, schema: TableSchema): boolean {
  try {
    return cqlTypeToText(parseCqlType(type, schema.userTypes)) === cqlTypeToText(cqlOf(schema, target));
  } catch (error) {
    // A type of a user that this keyspace doesn't have.
    if (error instanceof DataError) return false;
    throw error;
  }
}

function problemsOf(fates: readonly Fate[]): string[] {
  return fates.flatMap(({ file, target, problem }) => {
    const twice = target && fates.find((fate) => fate.target === target && fate.file !== file);
    if (twice) return [`${file.name} and ${twice.file.name} both go into ${quoteIdentifier(target.name)}`];
    return problem ? [`${file.name}: ${problem}`] : [];
  });
}

/** A DELETE may name a part of the clustering columns: the rows below it go. */
function missingKeys(fates: readonly Fate[], schema: TableSchema, options: ImportOptions): string[] {
  const has = (column: TableColumn) => fates.some(({ target }) => target === column);
  const statics = schema.columns.filter(({ kind }) => kind === "static");
  const clustering = schema.columns.filter(({ kind }) => kind === "clustering");
  const onlyStatics =
    statics.some(has) && !clustering.some(has) && !schema.columns.some((c) => c.kind === "regular" && has(c));
  const needed = schema.columns.filter((column) => {
    if (column.kind === "partition_key") return true;
    if (column.kind !== "clustering" || onlyStatics) return false;
    return options.mode !== "delete" || clustering.slice(clustering.indexOf(column)).some(has);
  });
  return needed
    .filter((column) => !has(column))
    .map((column) => `no column of the file goes into ${quoteIdentifier(column.name)}, which is in the primary key`);
}

function typeOf({ type, text }: FileColumn): string {
  return text ? "text" : fileTypeToSql(type);
}

/** Both sides next to each other, and what is wrong. */
function mismatch(
  part: SourcePart,
  schema: TableSchema,
  fates: readonly Fate[],
  problems: readonly string[],
): UsageError {
  const matched = new Set(fates.map(({ target }) => target));
  const rows = [
    ...fates.map(({ file, target, problem, left }) => [
      file.name,
      typeOf(file),
      target ? quoteIdentifier(target.name) : "-",
      target ? target.type : "",
      problem ? "<- doesn't fit" : left ? "left out" : "",
    ]),
    ...schema.columns
      .filter((column) => !matched.has(column))
      .map((column) => ["-", "", quoteIdentifier(column.name), column.type, isKey(column) ? "<- missing" : ""]),
  ];
  const lines = tableLines([["in the file", "", "in the table", "", ""], ...rows]);
  const message = [
    `${part.path} doesn't fit ${qualifiedName(schema)}:`,
    ...problems.map((text) => `  ${text}`),
    "",
    ...lines,
  ];
  return new UsageError(message.join("\n"), {
    hint: "--map file=column names what goes where, --ignore-extra leaves out what the table lacks, --sql converts",
  });
}

/** Lines of cells below each other. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}`.trimEnd());
}

function noticesOf(
  fates: readonly Fate[],
  columns: readonly MatchedColumn[],
  targets: readonly TableColumn[],
  options: ImportOptions,
): string[] {
  const left = (why: Fate["left"]) => fates.filter((fate) => fate.left === why).map(({ file }) => file.name);
  const unset = targets.filter((target) => !columns.some((column) => column.target === target));
  const named = namedForTimes(options);
  const cells = [...left("writetime"), ...left("ttl")].filter((name) => !named.has(name));
  return [
    ...(cells.length && !options.preserve ? [`left out, as --preserve is not said: ${cells.join(", ")}`] : []),
    ...(left("extra").length ? [`not in the table, and left out: ${left("extra").join(", ")}`] : []),
    ...(unset.length
      ? [`not in the file, and left as they are: ${unset.map(({ name }) => quoteIdentifier(name)).join(", ")}`]
      : []),
    ...columns.flatMap(({ file }) => (file.flaw ? [`column ${file.name} has ${file.flaw.reason}`] : [])),
  ];
}
