/*
 * Owns rows on their way between the reading and the files, where something has to look at them again: Parquet files of
 * the job directory with the columns c0, c1, … and, of partitioned rows, their path p.
 */
import type { ColumnType } from "../../base/column.ts";
import { copyRows, fileList } from "../../duckdb/copy.ts";
import type { Connection } from "../../duckdb/engine.ts";
import type { ExportOptions } from "../options.ts";
import { tooLongName, withPath } from "./partitions.ts";
import type { Result } from "./result.ts";
import { countLeaves, segmentLimits } from "./segments.ts";

/** Files of this size or more are put together from whole segments; smaller ones need rows cut to measure. */
const PACKED_FROM_BYTES = 100e6;

/** Whether rows are staged: their files are made from them afterwards, not the segments themselves published. */
export function isStaged({ partitionBy, sortBy, sql, maxFileSize = Number.POSITIVE_INFINITY }: ExportOptions): boolean {
  return Boolean(partitionBy ?? sortBy ?? sql) || maxFileSize < PACKED_FROM_BYTES;
}

/** Whether segments are staged by path; else the path comes with a later step, or there is none. */
export function segmentsHavePaths({ partitionBy, sortBy, sql }: ExportOptions): boolean {
  return partitionBy !== undefined && sortBy === undefined && sql === undefined;
}

/** Small, so that a reader of few partitions passes over most of a file. */
const ROW_GROUP_ROWS = 8192;

/**
 * Without dictionaries, which would merge -0.0 with 0.0, and whose sizes say nothing of what values take in memory. Not synced.
 * @returns how many rows there were
 */
async function stage(connection: Connection, query: string, path: string): Promise<number> {
  const options = ["FORMAT parquet", "COMPRESSION lz4_raw", `ROW_GROUP_SIZE ${ROW_GROUP_ROWS}`];
  try {
    return await copyRows(connection, query, path, [...options, "DICTIONARY_SIZE_LIMIT 0"]);
  } catch (error) {
    throw tooLongName(error);
  }
}

/** Stages a segment's table. @throws DataError for a value that no directory can be named by */
export async function stageSegment(
  connection: Connection,
  table: string,
  { columns, path }: Result,
  byPath: boolean,
  file: string,
): Promise<number> {
  const query = byPath
    ? `SELECT * EXCLUDE (${textNames(path)}) FROM ${withPath(table, path, columns)} ORDER BY p`
    : `FROM ${table}`;
  return stage(connection, query, file);
}

/** Stages what a query makes of staged rows; its columns become c0, c1, … */
export async function stageQuery(
  connection: Connection,
  query: string,
  columns: number,
  file: string,
): Promise<number> {
  const names = Array.from({ length: columns }, (_, i) => `c${i}`).join(", ");
  return stage(connection, `SELECT * FROM (${query}) _result(${names})`, file);
}

/** Stages rows in the result's order, of one path after the other where there are paths. Rows that are equal in it stay as they were. */
export async function stageSorted(
  connection: Connection,
  files: readonly string[],
  { columns, path, order }: Result,
  file: string,
): Promise<number> {
  const rows = `(SELECT *, file_index AS f, file_row_number AS n FROM ${stagedRows(files)})`;
  const from = path.length > 0 ? withPath(rows, path, columns) : rows;
  const helpers = ["f", "n", ...(path.length > 0 ? [textNames(path)] : [])].join(", ");
  const by = [...(path.length > 0 ? ["p"] : []), ...order, "f", "n"].join(", ");
  return stage(connection, `SELECT * EXCLUDE (${helpers}) FROM ${from} ORDER BY ${by}`, file);
}

function textNames(path: Result["path"]): string {
  return path.map((_, i) => `t${i}`).join(", ");
}

/** Staged files, as they stand behind FROM. A row's place is file_index, in the order of the list, and file_row_number. */
export function stagedRows(files: readonly string[]): string {
  return `read_parquet(${fileList(files)}, hive_partitioning = false)`;
}

/** What DuckDB's in-memory table costs for each leaf column once it has more than one vector of rows (measured). */
const TABLE_BYTES_PER_LEAF = 0.28e6;
const VECTOR_ROWS = 2048;

/** What may be held in memory of staged rows at once, under a memory budget (bytes). */
export function loadLimits(types: readonly ColumnType[], memoryBytes: number): { rows: number; bytes: number } {
  const { rows, bytes } = segmentLimits(memoryBytes);
  const leaves = types.reduce((sum, type) => sum + countLeaves(type), 0);
  const tooWide = leaves * TABLE_BYTES_PER_LEAF * 2 > memoryBytes / 4;
  return { rows: Math.ceil((tooWide ? VECTOR_ROWS : rows) / 2), bytes: Math.ceil(bytes / 2) };
}
