/*
 * Owns the small Parquet files that the judge is tested with: written by DuckDB from SQL values, or by pyarrow where
 * DuckDB refuses the values, both with the metadata that an export writes.
 */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { CqlType } from "../../src/types/cql.ts";
import { cql } from "./cases.ts";
import {
  type Difference,
  type JudgeCell,
  type JudgeColumn,
  JudgeError,
  type JudgeOptions,
  judge,
  judgePython,
} from "./venv.ts";

export interface FileColumn extends JudgeColumn {
  /** The type as system_schema writes it, for the metadata. */
  readonly text: string;
  /** DuckDB's type. */
  readonly sql: string;
  /** The name in the file, where it is another. */
  readonly file?: string;
}

export const ID: FileColumn = { name: "id", type: cql("int"), text: "int", sql: "INTEGER" };
export const V_INT = valueColumn(cql("int"), "int", "INTEGER");
export const V_TEXT = valueColumn(cql("text"), "text", "VARCHAR");

export function valueColumn(type: CqlType, text: string, sql: string): FileColumn {
  return { name: "v", type, text, sql };
}

/** An int as CQL bytes in hex. */
export function id(value: number): string {
  return value.toString(16).padStart(8, "0");
}

/** The difference that the judge shows for column v. */
export function valueDiffers(expected: string | null, got: string | null, row = 1): Difference {
  return { row: { id: id(row) }, column: "v", expected, got };
}

/** What the judge finds, nothing if it says equal. */
export async function findings(
  file: string,
  columns: readonly JudgeColumn[],
  rows: readonly (readonly JudgeCell[])[],
  options?: JudgeOptions,
): Promise<readonly Difference[]> {
  try {
    await judge(file, columns, rows, options);
    return [];
  } catch (error) {
    if (error instanceof JudgeError) return error.differences;
    throw error;
  }
}

export function metadataOf(columns: readonly FileColumn[]): Record<string, string> {
  const entries = columns.map(({ name, text, file }, at) => {
    return { column: file ?? name, name, type: text, kind: at === 0 ? "partition_key" : "regular" };
  });
  return {
    "cqlduck.schema": "CREATE TABLE t (id int PRIMARY KEY)",
    "cqlduck.columns": JSON.stringify(entries),
    "cqlduck.source": "ks.t",
    "cqlduck.exported_at": "2026-11-21T10:00:00.000Z",
    "cqlduck.version": "0.1.0",
  };
}

export interface TestFiles {
  readonly directory: string;
  /** Writes rows of SQL values; the file's name is made up unless said. */
  parquet(
    columns: readonly FileColumn[],
    rows: readonly (readonly string[])[],
    options?: { readonly file?: string; readonly metadata?: Readonly<Record<string, string>> },
  ): Promise<string>;
  /** Writes columns that are Python expressions of pyarrow arrays; pa is pyarrow, np numpy. */
  pyarrow(columns: readonly FileColumn[], arrays: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

export async function openFiles(): Promise<TestFiles> {
  const connection = await (await DuckDBInstance.create(":memory:", { threads: "1" })).connect();
  const directory = await mkdtemp(join(tmpdir(), "cqlduck-judge-test-"));
  let made = 0;
  return {
    directory,
    async parquet(columns, rows, { file = `f${made++}.parquet`, metadata = metadataOf(columns) } = {}) {
      const path = join(directory, file);
      await mkdir(dirname(path), { recursive: true });
      await connection.run(copyStatement(path, columns, rows, metadata));
      return path;
    },
    async pyarrow(columns, arrays) {
      const path = join(directory, `f${made++}.parquet`);
      const script = `
import json, sys
import numpy as np, pyarrow as pa, pyarrow.parquet
names, metadata = json.loads(sys.argv[2])
table = pa.table([${arrays.join(", ")}], names=names).replace_schema_metadata(metadata)
pa.parquet.write_table(table, sys.argv[1], use_dictionary=False)`;
      const names = columns.map((column) => column.file ?? column.name);
      execFileSync((await judgePython())!, ["-c", script, path, JSON.stringify([names, metadataOf(columns)])]);
      return path;
    },
    async close() {
      connection.closeSync();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

function copyStatement(
  path: string,
  columns: readonly FileColumn[],
  rows: readonly (readonly string[])[],
  metadata: Readonly<Record<string, string>>,
): string {
  const names = columns.map((c) => `"${(c.file ?? c.name).replaceAll('"', '""')}"`);
  const select = (row: readonly string[]) =>
    `SELECT ${row.map((value, at) => `(${value})::${columns[at]!.sql} AS ${names[at]}`).join(", ")}`;
  const nothing = `${select(columns.map(() => "NULL"))} LIMIT 0`;
  const query = rows.length === 0 ? nothing : rows.map(select).join(" UNION ALL ");
  const pairs = Object.entries(metadata).map(([key, value]) => `${quoted(key)}: ${quoted(value)}`);
  // Dictionaries of DuckDB's merge 0.0 and -0.0.
  const options = `FORMAT parquet, DICTIONARY_SIZE_LIMIT 0, KV_METADATA {${pairs.join(", ")}}`;
  return `COPY (${query}) TO ${quoted(path)} (${options})`;
}
