/*
 * Owns the CQL that makes what a schema holds: keyspaces, types, tables with all their options, indexes, views,
 * functions, aggregates, triggers. Pure text; what there is to make is read in ddlread.ts.
 */
import { DataError } from "../base/errors.ts";
import { quoteIdentifier } from "../base/names.ts";
import { qualified, type TypeStatements, typeStatements, typeText } from "./ddltypes.ts";
import type { TableColumn, TableSchema, UserTypes } from "./schema.ts";

/** A value of an option as the driver reads it from system_schema. */
export type OptionValue = string | number | boolean | Uint8Array | { readonly [key: string]: string | Uint8Array };
/** By name, in the order of the statement. */
export type Options = ReadonlyMap<string, OptionValue>;

/** What stands behind MASKED WITH. Values are texts as the server holds them, without the quotes of CQL. */
export interface Mask {
  readonly keyspace: string;
  readonly function: string;
  readonly arguments: readonly { readonly type: string; readonly value: string | undefined }[];
  /** All of it as the server writes it, where that is known. */
  readonly written?: string | undefined;
}

export interface IndexDefinition {
  readonly name: string;
  /** A column as CQL writes it, or `keys(…)`, `values(…)`, `entries(…)`, `full(…)` of one. */
  readonly target: string;
  /** Of a CUSTOM index. */
  readonly className: string | undefined;
  readonly options: { readonly [key: string]: string };
}

export interface TriggerDefinition {
  readonly name: string;
  readonly className: string;
}

export interface TableDefinition {
  readonly name: string;
  readonly columns: readonly TableColumn[];
  /** By column. */
  readonly masks: ReadonlyMap<string, Mask>;
  /** COMPACT STORAGE, as servers before 4.0 have it. */
  readonly compact: boolean;
  readonly options: Options;
  readonly indexes: readonly IndexDefinition[];
  readonly triggers: readonly TriggerDefinition[];
}

export interface ViewDefinition {
  readonly name: string;
  readonly base: string;
  readonly columns: readonly TableColumn[];
  /** Made by SELECT *: a column that is added to the table is added to the view. */
  readonly allColumns: boolean;
  readonly where: string;
  readonly options: Options;
}

export interface FunctionDefinition {
  readonly name: string;
  readonly argumentNames: readonly string[];
  readonly argumentTypes: readonly string[];
  readonly calledOnNull: boolean;
  readonly returns: string;
  readonly language: string;
  readonly body: string;
}

export interface AggregateDefinition {
  readonly name: string;
  readonly argumentTypes: readonly string[];
  readonly stateFunction: string;
  readonly stateType: string;
  readonly finalFunction: string | undefined;
  /** As CQL writes it. */
  readonly initial: string | undefined;
}

/** All that a keyspace has, each kind in the order of its names. */
export interface KeyspaceDefinition {
  readonly name: string;
  readonly options: Options;
  readonly types: UserTypes;
  readonly functions: readonly FunctionDefinition[];
  readonly aggregates: readonly AggregateDefinition[];
  readonly tables: readonly TableDefinition[];
  readonly views: readonly ViewDefinition[];
}

/** The statements that make a keyspace with all that is in it, each after those that it needs. */
export function keyspaceStatements(keyspace: KeyspaceDefinition): string[] {
  const { name, options, functions, aggregates, tables, views } = keyspace;
  const names = [...keyspace.types.keys()].sort().map(quoteIdentifier);
  const types = typeStatements(
    keyspace.types,
    names,
    tables.flatMap((table) => table.columns),
    name,
  );
  return [
    `CREATE KEYSPACE ${quoteIdentifier(name)} WITH ${optionList(options).join("\n  AND ")};`,
    ...types.create,
    // A mask may be one of the functions.
    ...functions.map((definition) => createFunction(name, definition)),
    ...aggregates.map((definition) => createAggregate(name, definition)),
    ...tables.filter(types.isEarly).flatMap((table) => tableWithItsOwn(keyspace, table)),
    ...types.alter,
    ...tables.filter((table) => !types.isEarly(table)).flatMap((table) => tableWithItsOwn(keyspace, table)),
    ...views.map((view) => createView(name, view)),
  ];
}

/** The statements that make a table: the types and functions that it needs, itself, its indexes, triggers and views. */
export function tableStatements(keyspace: KeyspaceDefinition, table: TableDefinition): string[] {
  const { name } = keyspace;
  const masks = new Set([...table.masks.values()].map((mask) => (mask.keyspace === name ? mask.function : undefined)));
  const functions = keyspace.functions.filter((definition) => masks.has(definition.name));
  const texts = [
    ...table.columns.map((column) => column.type),
    ...functions.flatMap((definition) => [...definition.argumentTypes, definition.returns]),
  ];
  const types = typeStatements(keyspace.types, texts, table.columns, name);
  return [
    ...types.create,
    ...functions.map((definition) => createFunction(name, definition)),
    ...tableWithItsOwn(keyspace, table),
    ...keyspace.views.filter((view) => view.base === table.name).map((view) => createView(name, view)),
    ...types.alter,
  ];
}

/** The statement that makes a view; its table must be there. */
export function createView(keyspace: string, view: ViewDefinition): string {
  const columns = view.allColumns ? "*" : nameList(view.columns);
  return [
    `CREATE MATERIALIZED VIEW ${qualified(keyspace, view.name)} AS`,
    `  SELECT ${columns}`,
    `  FROM ${qualified(keyspace, view.base)}`,
    `  WHERE ${view.where}`,
    `  PRIMARY KEY (${primaryKey(view.columns)})`,
    `  ${withClause([...clusteringOrder(view.columns), ...optionList(view.options)])};`,
  ].join("\n");
}

/**
 * The CREATE TYPE and CREATE TABLE statements of a table's columns, or of some of them: names unqualified, types
 * first, no options. Where a column of the key is not among them a comment says what the key was.
 */
export function createStatements(schema: TableSchema, columns: readonly TableColumn[] = schema.columns): string {
  const { types, table } = tableOfColumns(schema, columns);
  return [...types.create, table, ...types.alter].join("\n");
}

/** A statement, and the one that takes back what it made. */
export interface Making {
  readonly cql: string;
  readonly undo?: string | undefined;
}

/**
 * The statements that make a table that is not there yet, with their keyspace, and the types that it needs besides those
 * that are `known`. No options.
 */
export function makingStatements(schema: TableSchema, known: ReadonlySet<string>): Making[] {
  const { types, table } = tableOfColumns(schema, schema.columns, { keyspace: schema.keyspace, known });
  return [
    ...types.create.map((cql, i) => ({ cql, undo: `DROP TYPE ${types.names[i]}` })),
    { cql: table, undo: `DROP TABLE ${qualified(schema.keyspace, schema.table)}` },
    ...types.alter.map((cql) => ({ cql })),
  ];
}

function tableOfColumns(
  schema: TableSchema,
  columns: readonly TableColumn[],
  { keyspace, known }: { readonly keyspace?: string; readonly known?: ReadonlySet<string> } = {},
): { readonly types: TypeStatements; readonly table: string } {
  const { table, userTypes } = schema;
  const texts = columns.map((column) => column.type);
  const types = typeStatements(userTypes, texts, columns, keyspace, known);
  const lines = columns.map((column) => columnLine(column, userTypes));
  const isWhole = keyColumns(schema.columns).every((column) => columns.includes(column));
  const key = `PRIMARY KEY (${primaryKey(schema.columns)})`;
  // In a comment no name may end the line.
  const last = isWhole ? key : `-- ${key.replaceAll(/[\r\n]/g, " ")}: not all of these columns are here`;
  const body = [...lines.map((line, i) => (isWhole || i < lines.length - 1 ? `${line},` : line)), last];
  const order = isWhole && columns.some((column) => column.descending) ? clusteringOrder(columns) : [];
  return { types, table: createTable(keyspace, table, body, order) };
}

/** Text in single quotes. */
function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function tableWithItsOwn({ name: keyspace, types }: KeyspaceDefinition, table: TableDefinition): string[] {
  const lines = table.columns.map((column) => {
    const mask = table.masks.get(column.name);
    const where = `${qualified(keyspace, table.name)}, column ${quoteIdentifier(column.name)}`;
    return `${columnLine(column, types)}${mask ? ` MASKED WITH ${maskText(mask, where)}` : ""},`;
  });
  const body = [...lines, `PRIMARY KEY (${primaryKey(table.columns)})`];
  const properties = [
    ...(table.compact ? ["COMPACT STORAGE"] : []),
    ...clusteringOrder(table.columns),
    ...optionList(table.options),
  ];
  return [
    createTable(keyspace, table.name, body, properties),
    ...table.indexes.map((index) => createIndex(keyspace, table.name, index)),
    ...table.triggers.map(
      ({ name, className }) =>
        `CREATE TRIGGER ${quoteIdentifier(name)} ON ${qualified(keyspace, table.name)} USING ${quoteText(className)};`,
    ),
  ];
}

function createTable(
  keyspace: string | undefined,
  table: string,
  body: readonly string[],
  properties: readonly string[],
): string {
  const end = properties.length ? `) ${withClause(properties)};` : ");";
  return [`CREATE TABLE ${qualified(keyspace, table)} (`, ...body.map((line) => `  ${line}`), end].join("\n");
}

function columnLine(column: TableColumn, userTypes: UserTypes): string {
  return `${quoteIdentifier(column.name)} ${typeText(column.type, userTypes)}${column.kind === "static" ? " static" : ""}`;
}

function createIndex(keyspace: string, table: string, index: IndexDefinition): string {
  const { name, target, className, options } = index;
  const on = `INDEX ${quoteIdentifier(name)} ON ${qualified(keyspace, table)} (${target})`;
  if (className === undefined) return `CREATE ${on};`;
  const more = Object.keys(options).length ? ` WITH OPTIONS = ${literal(options)}` : "";
  return `CREATE CUSTOM ${on} USING ${quoteText(className)}${more};`;
}

function createFunction(keyspace: string, definition: FunctionDefinition): string {
  const { name, argumentNames, argumentTypes, calledOnNull, returns, language, body } = definition;
  const list = argumentNames.map((argument, i) => `${quoteIdentifier(argument)} ${thawed(argumentTypes[i]!)}`);
  // Dollars take the body as it is, unless it has or makes such a mark itself.
  const code = body.includes("$$") || body.endsWith("$") ? quoteText(body) : `$$${body}$$`;
  return [
    `CREATE FUNCTION ${qualified(keyspace, name)} (${list.join(", ")})`,
    `  ${calledOnNull ? "CALLED" : "RETURNS NULL"} ON NULL INPUT`,
    `  RETURNS ${thawed(returns)}`,
    `  LANGUAGE ${language}`,
    `  AS ${code};`,
  ].join("\n");
}

function createAggregate(keyspace: string, definition: AggregateDefinition): string {
  const { name, argumentTypes, stateFunction, stateType, finalFunction, initial } = definition;
  return [
    `CREATE AGGREGATE ${qualified(keyspace, name)} (${argumentTypes.map(thawed).join(", ")})`,
    `  SFUNC ${quoteIdentifier(stateFunction)}`,
    `  STYPE ${thawed(stateType)}`,
    ...(finalFunction === undefined ? [] : [`  FINALFUNC ${quoteIdentifier(finalFunction)}`]),
    ...(initial === undefined ? [] : [`  INITCOND ${initial}`]),
  ]
    .join("\n")
    .concat(";");
}

/** Arguments, results and states of functions are frozen without a word, and refused where the word is there. */
function thawed(type: string): string {
  return /^frozen<(.*)>$/s.exec(type)?.[1] ?? type;
}

function withClause(properties: readonly string[]): string {
  return `WITH ${properties.join("\n  AND ")}`;
}

function optionList(options: Options): string[] {
  return [...options].map(([name, value]) => `${name} = ${literal(value)}`);
}

function literal(value: OptionValue): string {
  if (typeof value === "string") return quoteText(value);
  if (typeof value !== "object") return String(value);
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString("hex")}`;
  return `{${Object.entries(value)
    .map(([key, inner]) => `${quoteText(key)}: ${literal(inner)}`)
    .join(", ")}}`;
}

/** Types whose literals stand in quotes, and those whose text is the literal. */
const QUOTED = new Set(["ascii", "text", "varchar", "timestamp", "date", "time", "inet"]);
const PLAIN = new Set(
  "bigint boolean counter decimal double duration float int smallint timeuuid tinyint uuid varint".split(" "),
);

/** Whether each argument of the mask is of a type whose text, as the server holds it, is nearly that of a literal. */
export function hasPlainArguments(mask: Mask): boolean {
  return mask.arguments.every(
    ({ type, value }) => value === undefined || QUOTED.has(type) || PLAIN.has(type) || type === "blob",
  );
}

function maskText(mask: Mask, where: string): string {
  if (mask.written !== undefined) return mask.written;
  const values = mask.arguments.map(({ type, value }) => {
    if (value === undefined) return "null";
    if (QUOTED.has(type)) return quoteText(value);
    if (type === "blob") return `0x${value}`;
    if (PLAIN.has(type)) return value;
    // The server keeps these in a form of its own, not in CQL's.
    throw new DataError(`${where}: an argument of its mask is a ${type}, which can't be written as CQL`, {
      hint: "DESCRIBE TABLE in cqlsh shows the mask",
    });
  });
  const name = mask.keyspace === "system" ? quoteIdentifier(mask.function) : qualified(mask.keyspace, mask.function);
  return `${name}(${values.join(", ")})`;
}

function keyColumns(columns: readonly TableColumn[]): TableColumn[] {
  return columns.filter((column) => column.kind === "partition_key" || column.kind === "clustering");
}

/** `(a, b), c`: what stands in the brackets of PRIMARY KEY. */
export function primaryKey(columns: readonly TableColumn[]): string {
  const of = (kind: TableColumn["kind"]) => nameList(columns.filter((column) => column.kind === kind));
  const clustering = of("clustering");
  return `(${of("partition_key")})${clustering ? `, ${clustering}` : ""}`;
}

/** Said even where all is ascending, as DESCRIBE does; nothing for a table without clustering columns. */
function clusteringOrder(columns: readonly TableColumn[]): string[] {
  const order = columns
    .filter((column) => column.kind === "clustering")
    .map((column) => `${quoteIdentifier(column.name)} ${column.descending ? "DESC" : "ASC"}`);
  return order.length ? [`CLUSTERING ORDER BY (${order.join(", ")})`] : [];
}

function nameList(columns: readonly TableColumn[]): string {
  return columns.map((column) => quoteIdentifier(column.name)).join(", ");
}
