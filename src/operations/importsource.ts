/*
 * Owns what a file of the source holds: its columns with their types, what our own exports say of them, and the SQL that
 * reads it. Nothing of the table is known here, and no row is read.
 */

import { quoteName, quoteText } from "../duckdb/copy.ts";
import type { Connection } from "../duckdb/engine.ts";
import type { FileType } from "../duckdb/filetypes.ts";
import { readRows } from "../duckdb/reader.ts";
import { describe } from "../duckdb/scan.ts";
import { readFooterSummary } from "../parquet/footer.ts";
import type { SourceFile } from "./importfiles.ts";
import type { ImportOptions } from "./importoptions.ts";
import { type OwnColumn, type OwnMetadata, ownMetadata, pathLiteral } from "./importown.ts";
import { csvRelation, jsonRelation, readSidecar } from "./importtext.ts";

/** A column that a file gives. */
export interface FileColumn {
  readonly name: string;
  readonly sql: string;
  readonly type: FileType;
  /** Its values are texts in this form, whatever type they stand for. */
  readonly text?: "csv" | "json" | undefined;
  readonly own?: OwnColumn | undefined;
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
  /** What stands behind FROM. */
  readonly relation: string;
  /** Undefined where only reading would tell. */
  readonly rows: number | undefined;
  /** A column of `relation` that numbers the rows from 0, which makes beginning in the middle cheap. */
  readonly rowNumber: string | undefined;
  /** The relation has one column, `json`, with an object each, or an object that has it as its member `inside`. */
  readonly json?: { readonly inside: string | undefined };
}

/** What the user says of text files. Names of columns are those of a file that doesn't say them. */
type TextOptions = Pick<ImportOptions, "csv" | "columns">;

const ROW_NUMBER = "file_row_number";
const TEXT: FileType = { kind: "SIMPLE", name: "VARCHAR" };

/** @throws DataError for a file that is damaged or not of its format */
export async function openPart(connection: Connection, file: SourceFile, options: TextOptions): Promise<SourcePart> {
  const part =
    file.format === "parquet" ? await openParquet(connection, file) : await openText(connection, file, options);
  const own = new Map(part.own?.columns.map((column) => [column.column, column]));
  const inPath = [...file.partition].filter(([name]) => !part.columns.some((column) => column.name === name));
  const columns = inPath.map(([name, value]): FileColumn => {
    const exact = part.own?.partition.has(name) ? part.own.partition.get(name)! : value;
    const sql = exact === null ? "NULL::VARCHAR" : quoteText(exact);
    return { name, sql, type: TEXT, text: "csv", own: own.get(name) };
  });
  return { ...part, columns: [...part.columns, ...columns] };
}

async function openParquet(connection: Connection, file: SourceFile): Promise<SourcePart> {
  const { path } = file;
  // Before DuckDB, whose messages say less of what is damaged.
  const { rows, keyValues } = await readFooterSummary(path);
  const own = ownMetadata(keyValues, path);
  const plain = `read_parquet(${pathLiteral(path)}, hive_partitioning = false`;
  const doing = `reading ${path}`;
  const described = await describe(connection, `SELECT * FROM ${plain})`, doing);
  const flaws = await findFlaws(connection, path, doing);
  const known = new Map(own?.columns.map((column) => [column.column, column]));
  const hasOwnNumbers = described.some(({ name }) => name.toLowerCase() === ROW_NUMBER);
  return {
    path,
    file,
    own,
    relation: hasOwnNumbers ? `${plain})` : `${plain}, ${ROW_NUMBER} = true)`,
    rows,
    rowNumber: hasOwnNumbers ? undefined : ROW_NUMBER,
    columns: described.map(({ name, type }, i) => ({
      name,
      sql: quoteName(name),
      type: flaws[i]?.isNull ? { kind: "SIMPLE", name: '"NULL"' } : type,
      own: known.get(name),
      flaw: flaws[i]?.flaw,
    })),
  };
}

async function openText(connection: Connection, file: SourceFile, options: TextOptions): Promise<SourcePart> {
  const own = await readSidecar(file.path);
  const known = new Map(own?.columns.map((column) => [column.column, column]));
  const part = { path: file.path, file, own, rows: undefined, rowNumber: undefined };
  const column = (name: string, text: "csv" | "json"): FileColumn => ({
    name,
    sql: quoteName(name),
    type: TEXT,
    text,
    own: known.get(name),
  });
  if (file.format === "csv") {
    const { csv, columns } = options;
    const positions = csv?.header === false ? columns : undefined;
    const { relation, names } = await csvRelation(connection, file, csv, positions);
    return { ...part, relation, columns: names.map((name) => column(name, "csv")) };
  }
  const { relation, names, inside } = await jsonRelation(connection, file);
  const all = new Set([...names, ...known.keys()]);
  return { ...part, relation, json: { inside }, columns: [...all].map((name) => column(name, "json")) };
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
    return { isNull: inside.length === 1 && /^NullType/.test(inside[0]!.logical_type ?? ""), flaw };
  });
}

function flawOf({ type, logical_type: logical, converted_type: converted, precision }: Element): FileColumn["flaw"] {
  const isDecimal = /DECIMAL/.test(converted ?? "") || /^DecimalType/.test(logical ?? "");
  if (isDecimal && (precision ?? 0) > MOST_DIGITS) {
    return {
      reason: `decimals of ${precision} digits, of which DuckDB reads no more than ${MOST_DIGITS}`,
      fatal: true,
    };
  }
  const isNanos = /isAdjustedToUTC=1.*NanoSeconds/.test(logical ?? "");
  if (type !== "INT96" && !isNanos) return undefined;
  return {
    reason: "timestamps with nanoseconds, which are read in microseconds: what is below is dropped",
    fatal: false,
  };
}
