/*
 * Owns what is compared: the bare drain, cqlduck, DSBulk and a Python script, each as a command that reads the whole
 * table and a way to learn how many rows it got.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ensureBinary } from "../build/ensure.ts";
import { findJava } from "../cassandra/java.ts";
import type { Competitor } from "./rounds.ts";
import { dsbulkClassPath, dsbulkCommand, python, whereHad } from "./tools.ts";

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly keyspace: string;
  readonly table: string;
  /** The file of the drain's plan, with the token ranges that cqlduck reads. */
  readonly plan: string;
}

export interface Contestant extends Competitor {
  /** What --only knows it by. */
  readonly key: "a" | "b" | "c" | "d";
  /** The command that reads the table; `out` does not exist yet, its directory does. */
  command(target: Target, out: string): readonly string[];
  /** How many rows it read, by its own account or its files. */
  rows(stdout: string, out: string): number;
}

const bench = join(import.meta.dirname, "../bench.ts");
const reportedRows = (stdout: string): number => (JSON.parse(stdout) as { rows: number }).rows;

function drain(): Contestant {
  return {
    key: "a",
    isPeer: false,
    name: "bare drain, nothing written",
    command: ({ plan }) => [process.execPath, bench, "drain", plan],
    rows: reportedRows,
  };
}

function cqlduck(binary: string, name: string, ending: string, options: readonly string[] = []): Contestant {
  return {
    key: "b",
    isPeer: false,
    name,
    command: ({ host, port, keyspace, table }, out) => [
      ...[binary, "export", `${keyspace}.${table}`, `${out}${ending}`, "-H", `${host}:${port}`],
      ...["--compression", "zstd", "--progress", "none", "--json", ...options],
    ],
    rows: reportedRows,
  };
}

function dsbulk(): Contestant {
  const classPath = dsbulkClassPath();
  const { java } = findJava();
  return {
    key: "c",
    isPeer: true,
    name: "DSBulk 1.10 to CSV",
    command: ({ host, port, keyspace, table }, out) => [
      ...dsbulkCommand(classPath, java, "unload", { host, port, keyspace, table }),
      ...["-url", out, "-header", "false", "--log.directory", `${out}-logs`],
    ],
    rows: (_, out) => readdirSync(out).reduce((sum, file) => sum + lines(readFileSync(join(out, file))), 0),
  };
}

/** The texts of the table hold no line ends. */
function lines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}

function pythonScript(): Contestant {
  const interpreter = python();
  return {
    key: "d",
    isPeer: true,
    name: "Python driver + pyarrow to one zstd Parquet file",
    command: ({ host, port, plan }, out) => [
      ...[interpreter, "-B", join(import.meta.dirname, "export.py")],
      ...[host, String(port), plan, out],
    ],
    rows: reportedRows,
  };
}

export interface Prepared {
  readonly contestants: readonly Contestant[];
  /** Why some are left out. */
  readonly notes: readonly string[];
}

/** Those asked for whose software is here or can be had. */
export async function prepare(keys: readonly string[]): Promise<Prepared> {
  const contestants: Contestant[] = [];
  const notes: string[] = [];
  if (keys.includes("a")) contestants.push(drain());
  if (keys.includes("b")) {
    const binary = await ensureBinary();
    contestants.push(cqlduck(binary, "cqlduck to a directory of zstd Parquet", ""));
    contestants.push(cqlduck(binary, "cqlduck to one zstd Parquet file", ".parquet"));
    contestants.push(cqlduck(binary, "cqlduck to 48 partitions of zstd Parquet", "", ["--partition-by", "city"]));
  }
  if (keys.includes("c")) contestants.push(...whereHad("DSBulk", dsbulk, notes));
  if (keys.includes("d")) contestants.push(...whereHad("Python", pythonScript, notes));
  return { contestants, notes };
}

/** The size of a file, or of all files below a directory. */
export function sizeBelow(path: string): number {
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status?.isDirectory()) return status?.size ?? 0;
  return readdirSync(path).reduce((sum, name) => sum + sizeBelow(join(path, name)), 0);
}
