/*
 * Owns what a file of the source holds: its columns with their types, what our own exports say of them, and the SQL that
 * reads it. Nothing of the table is known here, and no row is read.
 */

import type { ColumnType } from "../../base/column.ts";
import { CqlduckError, DataError, messageOf } from "../../base/errors.ts";
import { quoteName, quoteText } from "../../duckdb/copy.ts";
import type { Connection } from "../../duckdb/engine.ts";
import type { FileType } from "../../duckdb/filetypes.ts";
import { readRows } from "../../duckdb/reader.ts";
import { describe } from "../../duckdb/scan.ts";
import type { CsvForm } from "../../formats/csv.ts";
import { readFooterSummary } from "../../parquet/footer.ts";
import { duckdbTypeFromText } from "../../types/column-type.ts";
import type { Inside } from "../../types/json-rows.ts";
import { keepArrow } from "./arrow.ts";
import { oldCalendarOf, rebased } from "./calendar.ts";
import { csvRelation } from "./csv.ts";
import type { SourceFile } from "./files.ts";
import { exactFile, type OfInt96, ofInt96 } from "./nanos.ts";
import type { ImportOptions } from "./options.ts";
import { isInPath, type OwnColumn, type OwnMetadata, ownMetadata, pathLiteral, readSidecar } from "./ownfiles.ts";
import type { Spool } from "./spool.ts";
import { jsonRelation, textReading } from "./text.ts";
import { checkWhole } from "./whole.ts";

/** A column that a file gives. */
export interface FileColumn {
  readonly name: string;
  readonly sql: string;
  readonly type: FileType;
  /** Its values are texts in this form, whatever type they stand for. */
  readonly text?: "csv" | "json" | undefined;
  readonly own?: OwnColumn | undefined;
  /** The type whose text was written in place of that of the CQL type. */
  readonly want?: ColumnType | undefined;
  /** The form of timestamps in CSV, as strptime takes it. */
  readonly timestampFormat?: string | undefined;
  /** Numbers of JSON among its values came through DOUBLE. */
  readonly rounded?: boolean;
  /** Values of JSON among its values are of several kinds, and stand there as JSON. */
  readonly mixed?: boolean;
  /** Of JSON: the keys below each other that its value is at, where it is no member of the row itself. */
  readonly inside?: readonly [metadata: string, kind: string, key: string] | undefined;
  /** SQL that is true in rows whose value nobody can tell, or `sql` doesn't; why that is, as what the column has. */
  readonly check?: { readonly sql: string; readonly reason: string } | undefined;
  /** SQL of its values as JSON, where `sql` does not have all of them. */
  readonly json?: string | undefined;
  /** What DuckDB would not read of it as the file has it. */
  readonly flaw?: { readonly reason: string; readonly fatal: boolean } | undefined;
}

/** A file, or several together under one query. */
export interface SourcePart {
  /** As messages and bad rows name it. */
  readonly path: string;
  readonly file: SourceFile | undefined;
  readonly columns: readonly FileColumn[];
  readonly own: OwnMetadata | undefined;
  /** What the user should know of the file. */
  readonly notice?: string | undefined;
  /** What stands behind FROM. */
  readonly relation: string;
  /** Lines that are none of the file's format are not among its rows: readMalformed has them. */
  readonly leavesOut?: boolean;
  /** Told when all rows were read: others should have followed. */
  readonly damage?: DataError | undefined;
  /** Undefined where only reading would tell. */
  readonly rows: number | undefined;
  /** A column of `relation` that numbers the rows from 0, which makes beginning in the middle cheap. */
  readonly rowNumber: string | undefined;
  /**
   * The relation has one column, `json`, with an object each, or an object that has it `inside`. The member
   * `metadata` of the objects holds no columns.
   */
  readonly json?: { readonly inside: Inside | undefined; readonly metadata: string | undefined };
}

/** A column's CQL type, the DuckDB type in whose form its values stand, and the table's name for it. */
export type BadRowType = readonly [cql: string, duckdb: string, name: string];

/** What the user says of files. Names of columns are those of a text file that doesn't say them. */
type ReadOptions = Pick<ImportOptions, "csv" | "columns" | "sql" | "maxRows" | "maxErrors" | "truncateTimes">;

const ROW_NUMBER = "file_row_number";
/** Of a column that has no values. */
const NULL_TYPE: FileType = { kind: "SIMPLE", name: '"NULL"' };
const TEXT: FileType = { kind: "SIMPLE", name: "VARCHAR" };

/** @throws DataError for a file that is damaged or not of its format */
export async function openPart(
  connection: Connection,
  file: SourceFile,
  spool: Spool,
  options: ReadOptions,
): Promise<SourcePart> {
  const part = await openFormat(connection, file, spool, options).catch((error: unknown) => {
    throw isUnreadable(error) ? new DataError(messageOf(error), { cause: error }) : error;
  });
  return { ...part, columns: [...part.columns, ...pathColumns(part)] };
}

/** Whether it is DuckDB that can't read a file, in words that are no kind of failure here. */
export function isUnreadable(error: unknown): boolean {
  return !(error instanceof CqlduckError) && /^reading (?!.*INTERRUPT Error)/.test(messageOf(error));
}

function openFormat(connection: Connection, file: SourceFile, spool: Spool, options: ReadOptions): Promise<SourcePart> {
  switch (file.format) {
    case "parquet":
      return openParquet(connection, file, spool, options);
    case "arrow":
      return openArrow(connection, file, spool, options);
    default:
      return openText(connection, file, options);
  }
}

async function openArrow(
  connection: Connection,
  file: SourceFile,
  spool: Spool,
  options: ReadOptions,
): Promise<SourcePart> {
  const content = await spool.newPath();
  const { keyValues, columns, notice, damage } = await keepArrow(connection, file, content);
  const part = await openParquet(connection, { ...file, content }, spool, options);
  const said = ownMetadata(keyValues, file.path);
  const own = said && { ...said, partition: partitionOfArrow(said, file, columns, part.rows === 0) };
  const known = new Map(own?.columns.map((column) => [column.column, column]));
  const inFile = part.columns.map((column, i): FileColumn => {
    const { name, isNull, problem } = columns[i]!;
    const flaw = problem === undefined ? undefined : { reason: problem, fatal: true };
    return { ...column, name, type: isNull ? NULL_TYPE : column.type, own: known.get(name), flaw };
  });
  return {
    ...part,
    own,
    notice,
    damage,
    columns: [...inFile, ...(own ? lostColumns(own, inFile) : [])],
  };
}

/** The schema of an Arrow file says which columns are in its path, and the path their exact values; without rows there is none. */
function partitionOfArrow(
  { columns }: OwnMetadata,
  { partition }: SourceFile,
  inFile: readonly { readonly name: string }[],
  isEmpty: boolean,
): ReadonlyMap<string, string | null> {
  const absent = columns.filter(({ column }) => !inFile.some(({ name }) => name === column));
  const known = absent.filter(({ column }) => isEmpty || partition.has(column));
  return new Map(known.map(({ column, name }) => [name, partition.get(column) ?? null]));
}

/** Columns that an export had left to the path of its file, which is another now. */
function lostColumns(own: OwnMetadata, inFile: readonly FileColumn[]): FileColumn[] {
  const lost = own.columns.filter(
    (column) =>
      column.kind !== "virtual" && !isInPath(own, column) && !inFile.some(({ name }) => name === column.column),
  );
  return lost.map((column) => {
    const reason = `its value stood in the path of the file, as ${column.column}=…: put the file back below that directory`;
    return { name: column.column, sql: "NULL::VARCHAR", type: TEXT, own: column, flaw: { reason, fatal: true } };
  });
}

/** The columns that the file's path has: by what our own exports say of it, else by the names of its directories. */
function pathColumns({ own, file, columns }: SourcePart): FileColumn[] {
  const known = (own?.columns ?? []).filter((column) => own && isInPath(own, column));
  const exact = known.map((column) => [column.column, own!.partition.get(column.name)!, column] as const);
  const others = [...(file?.partition ?? [])].filter(([name]) => !known.some(({ column }) => column === name));
  const found = [...exact, ...others.map(([name, value]) => [name, value, undefined] as const)];
  return found
    .filter(([name]) => !columns.some((column) => column.name === name))
    .map(([name, value, column]): FileColumn => {
      const sql = value === null ? "NULL::VARCHAR" : textSql(value);
      // A date that was exported as a number is one in the path too, and no text of a date is.
      const isDays = column?.type === "date" && /^-?\d+$/.test(value ?? "");
      return { name, sql, type: TEXT, text: "csv", own: column, want: isDays ? { kind: "INTEGER" } : undefined };
    });
}

/** A text as SQL, which can't hold the character 0 in quotes. */
function textSql(text: string): string {
  return `(${text.split("\0").map(quoteText).join(" || chr(0) || ")})`;
}

async function openParquet(
  connection: Connection,
  given: SourceFile,
  spool: Spool,
  { truncateTimes = false }: ReadOptions,
): Promise<SourcePart> {
  const { path } = given;
  // Before DuckDB, whose messages say less of what is damaged.
  const { rows, keyValues } = await readFooterSummary(given.content);
  const own = ownMetadata(keyValues, path);
  const { content, int96AsBytes } = await exactFile(given, keyValues, spool, truncateTimes);
  const file = { ...given, content };
  const plain = `read_parquet(${pathLiteral(content)}, hive_partitioning = false`;
  const doing = `reading ${path}`;
  const described = await describe(connection, `SELECT * FROM ${plain})`, doing);
  const flaws = await findFlaws(connection, given.content, doing);
  const calendar = oldCalendarOf(keyValues);
  const exact = described.map(({ name, type }, i) => {
    const { physical } = flaws[i]!;
    if (int96AsBytes) return ofInt96(quoteName(name), type, physical);
    return calendar && rebased(calendar, quoteName(name), type, physical);
  });
  const sqls = exact.map((one, i) => one?.sql ?? quoteName(described[i]!.name));
  const list = sqls.map((sql, i) => `${sql} AS c${i}`).join(", ");
  const types = await describe(connection, `SELECT ${list} FROM ${plain})`, doing);
  const known = new Map(own?.columns.map((column) => [column.column, column]));
  const hasOwnNumbers = described.some(({ name }) => name.toLowerCase() === ROW_NUMBER);
  return {
    path,
    file,
    own,
    relation: hasOwnNumbers ? `${plain})` : `${plain}, ${ROW_NUMBER} = true)`,
    rows,
    rowNumber: hasOwnNumbers ? undefined : ROW_NUMBER,
    columns: described.map(({ name }, i): FileColumn => {
      const { isNull, flaw } = flaws[i]!;
      const { check, json }: Partial<OfInt96> = exact[i] ?? {};
      return {
        name,
        sql: sqls[i]!,
        check,
        json,
        type: isNull ? NULL_TYPE : types[i]!.type,
        own: known.get(name),
        flaw: flaw ?? (check && calendar ? { reason: check.reason, fatal: false } : undefined),
      };
    }),
  };
}

async function openText(connection: Connection, file: SourceFile, options: ReadOptions): Promise<SourcePart> {
  await checkWhole(file);
  const { own, notice } = await readSidecar(file);
  const known = new Map(own?.columns.map((column) => [column.column, column]));
  const part = { path: file.path, file, own, notice, rows: undefined, rowNumber: undefined };
  const column = (name: string, text: "csv" | "json", timestampFormat?: string): FileColumn => ({
    name,
    sql: quoteName(name),
    type: TEXT,
    text,
    own: known.get(name),
    want: own?.types.get(name),
    timestampFormat,
  });
  const reading = { ...textReading(file, options), own: own !== undefined };
  const leavesOut = reading.malformed !== undefined;
  const inFile = own?.columns.filter((one) => !isInPath(own, one));
  if (file.format === "csv") {
    const csv = csvForm(options.csv, own);
    const positions = inFile?.map((one) => one.column) ?? (csv.header === false ? options.columns : undefined);
    const { relation, names } = await csvRelation(connection, file, csv, positions, reading);
    return {
      ...part,
      relation,
      leavesOut,
      columns: names.map((name) => column(name, "csv", csv.timestampFormat)),
    };
  }
  const { relation, names, inside } = await jsonRelation(connection, file, reading);
  const metadata = own?.format.metadata;
  const isCell = ({ kind }: OwnColumn) => kind === "writetime" || kind === "ttl";
  const values = inFile?.filter((one) => !isCell(one)).map((one) => one.column) ?? [];
  const all = [...new Set([...names, ...values])].filter((name) => name !== metadata);
  const nameOf = (of: string | undefined) => inFile?.find((one) => !isCell(one) && one.name === of)?.column ?? of ?? "";
  const cells = metadata === undefined ? [] : (inFile?.filter(isCell) ?? []);
  return {
    ...part,
    relation,
    leavesOut: leavesOut && file.format === "jsonl",
    notice,
    json: { inside, metadata },
    columns: [
      ...all.map((name) => ({ ...column(name, "json"), ...badRowColumn(name, inside, file) })),
      ...cells.map((one): FileColumn => {
        return { ...column(one.column, "json"), inside: [metadata!, one.kind, nameOf(one.of)] };
      }),
    ],
  };
}

/** What a file of rejected rows says of a column. @throws DataError where it can't be read */
function badRowColumn(name: string, inside: Inside | undefined, { path }: SourceFile): Partial<FileColumn> {
  if (inside?.types === undefined) return {};
  try {
    const types = JSON.parse(inside.types) as Record<string, BadRowType>;
    const said = Object.hasOwn(types, name) ? types[name] : undefined;
    if (!said) return {};
    const [type, form, column] = said;
    return { own: { column: name, name: column, type, kind: "regular" }, want: duckdbTypeFromText(form) };
  } catch (error) {
    throw new DataError(`${path}: the "types" of its first row can't be read: ${messageOf(error)}`, { cause: error });
  }
}

/** What the user says of a CSV file, then what our export said of it. */
function csvForm(said: CsvForm = {}, own: OwnMetadata | undefined): CsvForm {
  const { header, delimiter, quote, escape: sign, null: nullText, timestampFormat } = own?.format ?? {};
  return {
    header: said.header ?? header,
    delimiter: said.delimiter ?? delimiter,
    quote: said.quote ?? quote,
    escape: said.escape ?? sign,
    nullText: said.nullText ?? nullText,
    timestampFormat: said.timestampFormat ?? timestampFormat,
  };
}

interface Element {
  readonly name: string;
  readonly type: string | null;
  readonly num_children: number | null;
  readonly logical_type: string | null;
  readonly converted_type: string | null;
  readonly precision: number | null;
}

interface Findings {
  readonly isNull: boolean;
  readonly flaw: FileColumn["flaw"];
  /** The types of the leaves. */
  readonly physical: readonly (string | null)[];
}

const MOST_DIGITS = 38;

/** What DuckDB changes while it reads, column by column, as the file's schema betrays it. */
async function findFlaws(connection: Connection, path: string, doing: string): Promise<Findings[]> {
  const elements = await readRows<Element>(
    connection,
    `SELECT name, type, num_children, logical_type, converted_type, precision
     FROM parquet_schema(${pathLiteral(path)}) ORDER BY column_id`,
    doing,
  );
  let at = 1;
  const take = (): Element[] => {
    const element = elements[at++]!;
    return [element, ...Array.from({ length: element.num_children ?? 0 }, take).flat()];
  };
  return Array.from({ length: elements[0]?.num_children ?? 0 }, () => {
    const inside = take();
    const flaw = inside.map(flawOf).find(Boolean);
    const isNull = inside.length === 1 && /^NullType/.test(inside[0]!.logical_type ?? "");
    return { isNull, flaw, physical: inside.filter((one) => !one.num_children).map(({ type }) => type) };
  });
}

function flawOf({ logical_type: logical, converted_type: converted, precision }: Element): FileColumn["flaw"] {
  const isDecimal = /DECIMAL/.test(converted ?? "") || /^DecimalType/.test(logical ?? "");
  if (!isDecimal || (precision ?? 0) <= MOST_DIGITS) return undefined;
  return { reason: `decimals of ${precision} digits, of which DuckDB reads no more than ${MOST_DIGITS}`, fatal: true };
}
