/*
 * Owns where the writetimes and TTLs of an import's cells come from, column by column: the columns that an export added
 * for them, or what the user says. Decided before a row is read; what becomes of each row is in cells.ts.
 */
import { UsageError } from "../../base/errors.ts";
import { quoteIdentifier } from "../../base/names.ts";
import type { TableColumn, TableSchema } from "../../cassandra/schema.ts";
import { qualifiedName } from "../../cassandra/statements.ts";
import { type FileType, fileTypeToSql } from "../../duckdb/filetypes.ts";
import { parseCqlType } from "../../types/cql.ts";
import { fieldNames } from "../../types/cql-type.ts";
import { hasSeveralCells } from "../source/choose.ts";
import { type Conversion, convert } from "./convert.ts";
import { isKey, type Match, type MatchedColumn } from "./match.ts";
import type { ImportOptions } from "./options.ts";
import type { FileColumn, SourcePart } from "./source.ts";

type Kind = "writetime" | "ttl";

/** A column of the file that is read for times. */
export interface TimeColumn {
  readonly file: FileColumn;
  readonly kind: Kind;
  /** It has a list of them, one for each cell of a value. */
  readonly several: boolean;
  /** To bigint or int, or a list of these in which 0 may stand for null. */
  readonly conversion: Conversion;
}

/** Where the times of a column's cells come from. */
export type TimeSource =
  | { readonly value: bigint }
  /** The place of a TimeColumn. `since`: the second that TTLs count from; the import's first where it is undefined. */
  | { readonly place: number; readonly since: number | undefined };

export interface CellTimes {
  /** For each matched column; undefined where its cells have the times of their row. */
  readonly writetimes: readonly (TimeSource | undefined)[];
  readonly ttls: readonly (TimeSource | undefined)[];
  readonly columns: readonly TimeColumn[];
  /** When the file's rows were read, in milliseconds since 1970, where that is known. */
  readonly exportedAt: number | undefined;
  /** What the user should know. */
  readonly notices: readonly string[];
}

/** Whether cells may have other times than their rows. */
function hasCellTimes({ preserve, writetimeMap, ttlMap }: ImportOptions): boolean {
  return preserve === true || (writetimeMap?.size ?? 0) > 0 || (ttlMap?.size ?? 0) > 0;
}

/** Undefined where cells have the times of their rows. @throws UsageError for what can't carry times, or hasn't any */
export function matchTimes(
  source: SourcePart,
  { columns: matched }: Match,
  schema: TableSchema,
  options: ImportOptions,
): CellTimes | undefined {
  if (!hasCellTimes(options)) return undefined;
  checkTimesPossible(schema, options);
  const exportedAt = Date.parse(source.own?.exportedAt ?? "");
  const finder = new TimeFinder(source, options, Number.isNaN(exportedAt) ? undefined : exportedAt);
  const sourcesOf = (kind: Kind) => matched.map((column) => finder.sourceOf(column, kind, schema));
  const [writetimes, ttls] = [sourcesOf("writetime"), sourcesOf("ttl")];
  const values = matched.filter(({ target }) => !isKey(target));
  checkMapped(source, values, schema, options);
  if (options.preserve && values.length > 0 && finder.columns.length === 0) {
    throw new UsageError(`--preserve: ${source.path} has no writetimes and no TTLs`, {
      hint: "cqlduck export writes them with --writetime all --ttl all; or import it without --preserve",
    });
  }
  return {
    writetimes,
    ttls,
    columns: finder.columns,
    exportedAt: finder.exportedAt,
    notices: noticesOf({ writetimes, ttls }, matched, options),
  };
}

function checkTimesPossible(schema: TableSchema, { mode, preserve, writetimeMap }: ImportOptions): void {
  const option = preserve ? "--preserve" : writetimeMap?.size ? "--writetime-map" : "--ttl-map";
  if (mode === "if-not-exists" || mode === "delete") {
    throw new UsageError(`--mode ${mode} takes no ${option}: it writes no cells with times of their own`);
  }
  if (schema.columns.some(({ type }) => type === "counter")) {
    throw new UsageError(
      `${option}: ${qualifiedName(schema)} has counters, and these take neither timestamps nor TTLs`,
    );
  }
}

/** @throws UsageError for a name in a map that is none of a column whose cells could have times */
function checkMapped(
  source: SourcePart,
  values: readonly MatchedColumn[],
  schema: TableSchema,
  { writetimeMap, ttlMap }: ImportOptions,
): void {
  const maps = [["--writetime-map", writetimeMap] as const, ["--ttl-map", ttlMap] as const];
  for (const [option, map] of maps) {
    for (const name of map?.keys() ?? []) {
      if (values.some(({ target }) => target.name === name)) continue;
      const column = schema.columns.find((candidate) => candidate.name === name);
      const quoted = quoteIdentifier(name);
      if (!column) throw new UsageError(`${option}: ${qualifiedName(schema)} has no column ${quoted}`);
      if (isKey(column)) throw new UsageError(`${option}: ${quoted} is in the primary key, and keys have no times`);
      throw new UsageError(`${option}: no column of ${source.path} goes into ${quoted}`);
    }
  }
}

/** Finds the columns that times are read from, each once. */
class TimeFinder {
  readonly columns: TimeColumn[] = [];
  readonly exportedAt: number | undefined;
  readonly #source: SourcePart;
  readonly #options: ImportOptions;

  constructor(source: SourcePart, options: ImportOptions, exportedAt: number | undefined) {
    this.#source = source;
    this.#options = options;
    this.exportedAt = exportedAt;
  }

  sourceOf(matched: MatchedColumn, kind: Kind, schema: TableSchema): TimeSource | undefined {
    const { target, file } = matched;
    const { preserve, writetimeMap, ttlMap } = this.#options;
    const said = (kind === "writetime" ? writetimeMap : ttlMap)?.get(target.name);
    if (said) return "value" in said ? said : this.#named(said, matched, kind, schema);
    if (!preserve || isKey(target) || !file.own) return undefined;
    const { name } = file.own;
    const found = this.#source.columns.find(({ own }) => own?.kind === kind && own.of === name);
    return found && this.#read(found, matched, kind, schema);
  }

  #named({ column }: { readonly column: string }, matched: MatchedColumn, kind: Kind, schema: TableSchema): TimeSource {
    const found = this.#source.columns.find(({ name }) => name === column);
    if (found) return this.#read(found, matched, kind, schema);
    throw new UsageError(`--${kind}-map: ${this.#source.path} has no column ${column}`, {
      hint: `it has ${this.#source.columns.map(({ name }) => name).join(", ")}`,
    });
  }

  #read(file: FileColumn, matched: MatchedColumn, kind: Kind, schema: TableSchema): TimeSource {
    const isOwnTtl = kind === "ttl" && file.own?.kind === "ttl" && this.exportedAt !== undefined;
    const since = isOwnTtl ? Math.floor(this.exportedAt! / 1000) : undefined;
    const several = isList(file);
    if (several) checkSeveral(file, matched, schema);
    let place = this.columns.findIndex((column) => column.file === file && column.kind === kind);
    if (place < 0)
      place = this.columns.push({ file, kind, several, conversion: conversionOf(file, kind, several) }) - 1;
    return { place, since };
  }
}

function isList({ type, text, own }: FileColumn): boolean {
  return text ? (own?.type.startsWith("list<") ?? false) : type.kind === "LIST";
}

/** @throws UsageError where the list can't be one of the value's cells, in their order */
function checkSeveral(file: FileColumn, { target, cql, file: value }: MatchedColumn, schema: TableSchema): void {
  if (!hasSeveralCells(target, schema)) {
    throw new UsageError(`${file.name} has several times a row, and ${quoteIdentifier(target.name)} is one cell`);
  }
  if (cql.name !== "udt" || value.text || value.type.kind !== "STRUCT") return;
  const inFile = value.type.fields.map(({ name }) => name.toLowerCase());
  const names = fieldNames(cql).map((name) => name.toLowerCase());
  if (inFile.every((name, i) => name === names[i])) return;
  throw new UsageError(
    `${quoteIdentifier(target.name)} has its fields in another order than the file, and ${file.name} goes by the order`,
  );
}

function conversionOf(file: FileColumn, kind: Kind, several: boolean): Conversion {
  const element = kind === "writetime" ? "bigint" : "int";
  const cql = parseCqlType(several ? `list<${element}>` : element, new Map());
  // CQL's lists have no nulls; 0 says as much here, since a cell without TTL is what CQL calls one of 0 seconds.
  const sql = several && !file.text ? `list_transform(${file.sql}, lambda t: coalesce(t, 0))` : file.sql;
  const conversion = convert(cql, { ...file, sql, own: false }, { truncateTimes: false, innerNulls: true });
  if (conversion) return conversion;
  throw new UsageError(`column ${file.name} is ${typeText(file.type)}, and no ${kind === "ttl" ? "TTL" : kind}`);
}

function typeText(type: FileType): string {
  return fileTypeToSql(type);
}

function noticesOf(
  { writetimes, ttls }: Pick<CellTimes, "writetimes" | "ttls">,
  matched: readonly MatchedColumn[],
  { preserve, timestamp }: ImportOptions,
): string[] {
  const without = (sources: readonly (TimeSource | undefined)[]) =>
    namesOf(matched.filter(({ target }, i) => !isKey(target) && !sources[i]).map(({ target }) => target));
  const lists = namesOf(
    matched
      .filter(({ target, cql }, i) => cql.name === "list" && !/^frozen/.test(target.type) && (writetimes[i] || ttls[i]))
      .map(({ target }) => target),
  );
  const [written, living] = [without(writetimes), without(ttls)];
  const when = timestamp ? "as --timestamp says" : "when the export began";
  return [
    ...(preserve && written ? [`no writetimes in the file: ${written}; they count as written ${when}`] : []),
    ...(preserve && living ? [`no TTLs in the file: ${living}`] : []),
    ...(lists
      ? [
          `the elements of a list get the latest writetime and the longest TTL among them, a little later where the table has rows: ${lists}`,
        ]
      : []),
    ...(preserve
      ? [
          "nobody can read when a row itself was made: it counts as made with its earliest value that stays, or with the one that lives longest",
        ]
      : []),
  ];
}

const NAMES_SHOWN = 10;

function namesOf(columns: readonly TableColumn[]): string {
  const names = columns.map(({ name }) => quoteIdentifier(name));
  const more = names.length - NAMES_SHOWN;
  return `${names.slice(0, NAMES_SHOWN).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
