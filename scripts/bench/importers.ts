/*
 * Owns who imports: cqlduck, DSBulk, cqlsh and a Python script, each as a command that puts a file into an empty table.
 */
import { join } from "node:path";
import { ensureBinary } from "../build/ensure.ts";
import { findJava } from "../cassandra/java.ts";
import type { Competitor } from "./rounds.ts";
import { cqlsh, dsbulkClassPath, dsbulkCommand, python, whereHad } from "./tools.ts";

/** The same rows as files, and the table that they go into. */
export interface ImportTask {
  readonly host: string;
  readonly port: number;
  readonly keyspace: string;
  readonly table: string;
  readonly parquet: string;
  readonly csv: string;
  /** Where logs may go. */
  readonly directory: string;
}

export interface Importer extends Competitor {
  /** What --only knows it by. */
  readonly key: "b" | "c" | "d" | "e";
  command(task: ImportTask): readonly string[];
}

function cqlduck(binary: string, name: string, file: "parquet" | "csv"): Importer {
  return {
    key: "b",
    isPeer: false,
    name,
    command: ({ host, port, keyspace, table, ...files }) => [
      ...[binary, "import", files[file], `${keyspace}.${table}`, "-H", `${host}:${port}`],
      ...["--progress", "none", "--json", "--restart"],
    ],
  };
}

function dsbulk(): Importer {
  const classPath = dsbulkClassPath();
  const { java } = findJava();
  return {
    key: "c",
    isPeer: true,
    name: "DSBulk 1.10, CSV",
    command: ({ csv, directory, ...target }) => [
      ...dsbulkCommand(classPath, java, "load", target),
      ...["-url", csv, "-header", "true", "--log.directory", join(directory, "dsbulk-logs")],
      // Rows of 1,000 columns are longer than it expects.
      ...["--connector.csv.maxCharsPerColumn", "-1", "--connector.csv.maxColumns", "2048"],
    ],
  };
}

function pythonScript(): Importer {
  const interpreter = python();
  return {
    key: "d",
    isPeer: true,
    name: "Python driver + pyarrow, zstd Parquet",
    command: ({ host, port, keyspace, table, parquet }) => [
      ...[interpreter, "-B", join(import.meta.dirname, "import.py")],
      ...[host, String(port), keyspace, table, parquet],
    ],
  };
}

function copyFrom(): Importer {
  const command = cqlsh();
  return {
    key: "e",
    isPeer: true,
    name: "cqlsh COPY FROM, CSV",
    command: ({ host, port, keyspace, table, csv, directory }) => [
      ...[...command, host, String(port), "--connect-timeout", "60", "--request-timeout", "120", "-e"],
      `COPY ${keyspace}.${table} FROM '${csv}' WITH HEADER = TRUE AND ERRFILE = '${join(directory, "cqlsh.err")}'
       AND DATETIMEFORMAT = '%Y-%m-%dT%H:%M:%S.%f%z'`,
    ],
  };
}

/** Those asked for whose software is here or can be had. @param notes is told why others are left out */
export async function importers(keys: readonly string[], notes: string[]): Promise<Importer[]> {
  const found: Importer[] = [];
  if (keys.includes("b")) {
    const binary = await ensureBinary();
    found.push(cqlduck(binary, "cqlduck, zstd Parquet", "parquet"), cqlduck(binary, "cqlduck, CSV", "csv"));
  }
  if (keys.includes("c")) found.push(...whereHad("DSBulk", dsbulk, notes));
  if (keys.includes("d")) found.push(...whereHad("Python", pythonScript, notes));
  if (keys.includes("e")) found.push(...whereHad("cqlsh", copyFrom, notes));
  return found;
}
