/*
 * Owns the table that --create makes for files: which columns it has, of which types, and its key. Out of what our exports
 * say of themselves, else out of the columns of the files. Whether it is there already is looked at in create.ts.
 */
import { UsageError } from "../../base/errors.ts";
import { type PrimaryKey, quoteIdentifier } from "../../base/names.ts";
import { nearest } from "../../base/nearest.ts";
import { type ParsedTable, parseCreateStatements } from "../../cassandra/ddlparse.ts";
import { compareNames, type TableColumn, type TableSchema } from "../../cassandra/schema.ts";
import { qualifiedName } from "../../cassandra/statements.ts";
import type { Connection } from "../../duckdb/engine.ts";
import { parseCqlType } from "../../types/cql.ts";
import { isMadeOfCells } from "../../types/table.ts";
import type { ImportOptions } from "./options.ts";
import type { FileColumn, SourcePart } from "./source.ts";
import {
  addUserTypes,
  cqlTypeOf,
  type MadeTypes,
  readJsonTypes,
  readTextTypes,
  type TextTypes,
  textTypeOf,
  widerType,
} from "./types.ts";

/** A column that the table is to have. */
interface Wanted {
  readonly type: string;
  readonly isStatic: boolean;
  /** The name in the table that was exported, where it was. */
  readonly ownName: string | undefined;
  /** The file that said it first. */
  readonly path: string;
}

/**
 * The table for all of the parts, with the types that it needs. Its id is not known yet.
 * @throws UsageError where a column has no type in CQL or two in the files, and where nothing says the primary key
 */
export async function newTable(
  connection: Connection,
  parts: readonly SourcePart[],
  options: ImportOptions,
): Promise<TableSchema> {
  const { keyspace, table } = options.table;
  const userTypes: MadeTypes = new Map();
  const wanted = new Map<string, Wanted>();
  const own = ownTable(parts, userTypes);
  const texts: TextTypes = new Map();
  const isText = (column: FileColumn) => column.text === "csv" && !column.own;
  const isChosen = (column: FileColumn) => options.columns?.includes(nameOf(column, options)) ?? true;
  for (const part of parts) {
    for (const column of part.columns.filter((found) => isValue(found, part, options) && isChosen(found))) {
      if (!column.own && column.text) continue;
      const type = column.own?.type ?? cqlTypeOf(column.type, [table, column.name], userTypes);
      want(wanted, nameOf(column, options), type, column, part);
    }
    const textColumns = part.columns.filter(
      (column) => isValue(column, part, options) && isText(column) && isChosen(column),
    );
    await readTextTypes(connection, part, textColumns, texts);
  }
  for (const part of parts) {
    for (const column of part.columns.filter((found) => isText(found) && texts.has(found.name))) {
      const name = nameOf(column, options);
      if (!wanted.has(name)) want(wanted, name, textTypeOf(texts.get(column.name)!), column, part);
    }
  }
  await wantJson(connection, parts, options, wanted, userTypes);
  const schema = { keyspace, table, id: "", virtual: false, userTypes };
  return { ...schema, columns: columnsOf(schema, wanted, keyOf(wanted, own, options, parts), own) };
}

/** The keys of JSON of other origin, which the first rows need not have all. */
async function wantJson(
  connection: Connection,
  parts: readonly SourcePart[],
  options: ImportOptions,
  wanted: Map<string, Wanted>,
  userTypes: MadeTypes,
): Promise<void> {
  const foreign = parts.filter(({ json, own }) => json && !own);
  if (foreign.length === 0) return;
  for (const [key, type] of await readJsonTypes(connection, foreign)) {
    const column: FileColumn = { name: key, sql: "", type, text: "json" };
    const name = nameOf(column, options);
    if (wanted.has(name) || !(options.columns?.includes(name) ?? true)) continue;
    want(wanted, name, cqlTypeOf(type, [options.table.table, key], userTypes), column, foreign[0]!);
  }
}

function nameOf({ name, own }: FileColumn, { map }: ImportOptions): string {
  return map?.get(name) ?? own?.name ?? name;
}

/** Whether the column is one of the table's, and not something that is told of another. */
function isValue({ name, own }: FileColumn, part: SourcePart, { map }: ImportOptions): boolean {
  if (map?.has(name)) return true;
  if (own) return !["writetime", "ttl", "virtual"].includes(own.kind);
  const of = /^(.+)\.(year|month|day|hour|date)$/.exec(name)?.[1];
  return !(part.file?.partition.has(name) && part.columns.some((column) => column.name === of));
}

function want(
  wanted: Map<string, Wanted>,
  name: string,
  type: string,
  { own }: FileColumn,
  { path }: SourcePart,
): void {
  if (name === "") {
    throw new UsageError(`${path} has a column without a name`, { hint: "--sql gives it one" });
  }
  const before = wanted.get(name);
  const both = before ? widerType(before.type, type) : type;
  if (before && both === undefined) {
    throw new UsageError(`column ${quoteIdentifier(name)} is ${before.type} in ${before.path} and ${type} in ${path}`, {
      hint: "--sql makes them one type, --columns leaves the column out",
    });
  }
  const isStatic = before?.isStatic ?? own?.kind === "static";
  wanted.set(name, { type: both!, isStatic, ownName: before?.ownName ?? own?.name, path: before?.path ?? path });
}

/** What the first file of ours says of its table; the types of all of them are added. */
function ownTable(parts: readonly SourcePart[], userTypes: MadeTypes): ParsedTable | undefined {
  let first: ParsedTable | undefined;
  for (const schema of new Set(parts.map(({ own }) => own?.schema))) {
    if (schema === undefined) continue;
    const parsed = parseCreateStatements(schema);
    addUserTypes(userTypes, parsed.userTypes, parts.find(({ own }) => own?.schema === schema)!.path);
    first ??= parsed;
  }
  return first;
}

/** The key that is said, or that of the exported table where all of it is in the files. */
function keyOf(
  wanted: ReadonlyMap<string, Wanted>,
  own: ParsedTable | undefined,
  options: ImportOptions,
  parts: readonly SourcePart[],
): PrimaryKey {
  const { primaryKey: said, table } = options;
  if (said) {
    const placed = (name: string) => placedName(name, wanted);
    return { partition: said.partition.map(placed), clustering: said.clustering.map(placed) };
  }
  const keys = (own?.hasKey ? own.columns : []).filter(({ kind }) => kind === "partition_key" || kind === "clustering");
  const placed = keys.map((key) => ({ ...key, now: [...wanted].find(([, { ownName }]) => ownName === key.name)?.[0] }));
  if (keys.length > 0 && placed.every(({ now }) => now !== undefined)) {
    const of = (kind: TableColumn["kind"]) => placed.filter((key) => key.kind === kind).map(({ now }) => now!);
    return { partition: of("partition_key"), clustering: of("clustering") };
  }
  const names = [...wanted.keys()].map(quoteIdentifier);
  throw new UsageError(`nothing in ${parts[0]?.path} says the primary key of ${qualifiedName(table)}`, {
    hint: `say it: --primary-key '${names[0]}', or '(a, b), c' for a partition key of two columns; there are ${names.join(", ")}`,
  });
}

/** As the table will have it: other writers keep the case that CQL folds. */
function placedName(name: string, wanted: ReadonlyMap<string, Wanted>): string {
  if (wanted.has(name)) return name;
  const names = [...wanted.keys()];
  const folded = names.filter((other) => other.toLowerCase() === name);
  if (folded.length === 1) return folded[0]!;
  const near = nearest(name, names);
  throw new UsageError(`--primary-key: the table would have no column ${quoteIdentifier(name)}`, {
    hint:
      near === undefined
        ? `it would have ${names.map(quoteIdentifier).join(", ")}`
        : `did you mean ${quoteIdentifier(near)}?`,
  });
}

/** In the order of SELECT *. */
function columnsOf(
  schema: Pick<TableSchema, "userTypes">,
  wanted: ReadonlyMap<string, Wanted>,
  { partition, clustering }: PrimaryKey,
  own: ParsedTable | undefined,
): TableColumn[] {
  const key = (name: string, kind: "partition_key" | "clustering"): TableColumn => {
    const { type, ownName } = wanted.get(name)!;
    const before = own?.columns.find((column) => column.name === ownName && column.kind === "clustering");
    return {
      name,
      type: frozen(type, schema),
      kind,
      descending: kind === "clustering" && (before?.descending ?? false),
    };
  };
  const others = [...wanted]
    .filter(([name]) => !partition.includes(name) && !clustering.includes(name))
    .map(([name, { type, isStatic }]): TableColumn => {
      const kind = isStatic && clustering.length > 0 ? "static" : "regular";
      return { name, type, kind, descending: false };
    })
    .sort((a, b) => compareNames(a.name, b.name));
  return [
    ...partition.map((name) => key(name, "partition_key")),
    ...clustering.map((name) => key(name, "clustering")),
    ...others.filter(({ kind }) => kind === "static"),
    ...others.filter(({ kind }) => kind === "regular"),
  ];
}

/** Keys take what is made of several cells only in one. */
function frozen(type: string, { userTypes }: Pick<TableSchema, "userTypes">): string {
  return type.startsWith("frozen<") || !isMadeOfCells(parseCqlType(type, userTypes)) ? type : `frozen<${type}>`;
}
