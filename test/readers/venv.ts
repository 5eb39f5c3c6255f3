/*
 * Owns the judge's Python: a virtual environment in the user's cache, made once for each set of requirements, and
 * asking judge.py, which compares Parquet files with the bytes that a server holds.
 */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, open, readFile, rename, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { CqlType } from "../../src/types/cql.ts";
import { askJudge } from "./judging.ts";

export interface JudgeColumn {
  /** The CQL name, as in `cqlduck.columns`. */
  readonly name: string;
  readonly type: CqlType;
  /** The DuckDB type asked for with --type, where one was: the file must have exactly that. */
  readonly as?: string;
  /** Its values are in the paths of the files, not in them; such columns come last. */
  readonly path?: true;
}

/** A cell as the server holds it: bytes, the same in hex, or null. */
export type JudgeCell = Uint8Array | string | null;

export interface JudgeOptions {
  /** Who reads the files: pyarrow unless said. */
  readonly reader?: Reader;
  /** An Arrow stream of the rows, as somebody else read them; in the place of a reader. */
  readonly stream?: string;
  /** The export ran with --empty null. */
  readonly emptyNull?: boolean;
  /** The export ran with --uuid native. */
  readonly uuid?: "text" | "native";
}

export const READERS = ["pyarrow", "duckdb", "polars"] as const;
/** `metadata`: pyarrow, of partitioned directories, with the values that each file's own metadata has for its path. */
export type Reader = (typeof READERS)[number] | "metadata";

export interface Verdict {
  readonly rows: number;
  readonly cells: number;
  readonly columns: number;
  readonly files: number;
  /** Server cells whose bytes were changed before comparing: evolved, emptied or rescaled values. */
  readonly normalised: number;
}

export interface Difference {
  /** The primary key of the row, in hex. */
  readonly row?: Readonly<Record<string, string | null>>;
  readonly column?: string;
  readonly expected?: string | null;
  readonly got?: string | null;
  readonly file?: string;
  readonly problem?: string;
  readonly cells?: Readonly<Record<string, string | null>>;
}

/** The files don't hold what the server holds. */
export class JudgeError extends Error {
  override name = "JudgeError";
  readonly differences: readonly Difference[];

  constructor(differences: readonly Difference[]) {
    super(`the files differ from the server:\n${differences.map((d) => JSON.stringify(d)).join("\n")}`);
    this.differences = differences;
  }
}

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const OLDEST_PYTHON = [3, 11] as const;
const INSTALL_TIMEOUT_MS = 600_000;

function run(command: string, args: readonly string[], timeout: number): Promise<Finished> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout, maxBuffer: 1 << 28, encoding: "utf8" }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr: code === -1 ? `${stderr}${error?.message ?? ""}` : stderr });
    });
  });
}

/** A Python new enough, as version and path of the interpreter itself: shims and links may change their mind later. */
async function findPython(): Promise<{ readonly version: string; readonly path: string } | undefined> {
  const script = "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.executable)";
  for (const name of ["python3.11", "python3", "python"]) {
    const { code, stdout } = await run(name, ["-c", script], 20_000);
    const [version = "", path = ""] = stdout.trim().split(/\r?\n/);
    const [major = 0, minor = 0] = version.split(".").map(Number);
    if (code === 0 && major === OLDEST_PYTHON[0] && minor >= OLDEST_PYTHON[1]) return { version, path };
  }
  return undefined;
}

/** Makes the environment beside its place and renames it: whoever comes second finds it there and drops their own. */
async function makeVenv(python: string, requirements: string, venv: string): Promise<string | undefined> {
  const staged = `${venv}.${randomUUID().slice(0, 8)}.tmp`;
  try {
    const made = await run(python, ["-m", "venv", staged], INSTALL_TIMEOUT_MS);
    if (made.code !== 0) return `python -m venv: ${made.stderr || made.stdout}`;
    const pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "-r", requirements];
    const installed = await run(interpreter(staged), pip, INSTALL_TIMEOUT_MS);
    if (installed.code !== 0) return `pip install: ${installed.stderr}`;
    await rename(staged, venv).catch((error: unknown) => {
      if (!existsSync(interpreter(venv))) throw error;
    });
    return undefined;
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}

function interpreter(venv: string): string {
  return process.platform === "win32" ? join(venv, "Scripts", "python.exe") : join(venv, "bin", "python");
}

async function preparePython(requirements: string): Promise<string | undefined> {
  const python = await findPython();
  if (python === undefined) return missing(`no Python ${OLDEST_PYTHON.join(".")} or newer`);
  const hash = createHash("sha256")
    .update(await readFile(requirements))
    // An environment points at the interpreter it was made with.
    .update(`${python.version}\0${python.path}`)
    .digest("hex");
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "cqlduck-dev");
  const venv = join(cache, `venv-${hash.slice(0, 16)}`);
  if (existsSync(interpreter(venv))) return interpreter(venv);
  await mkdir(cache, { recursive: true });
  const failure = await makeVenv(python.path, requirements, venv);
  return failure === undefined ? interpreter(venv) : missing(failure);
}

function missing(reason: string): undefined {
  process.stderr.write(`tests that need the Python readers are skipped: ${reason}\n`);
  return undefined;
}

const prepared = new Map<string, Promise<string | undefined>>();

/** The interpreter that has what a file of requirements asks for, made at the first call ever; undefined, said on stderr, where there is none. */
export function pythonWith(requirements: string): Promise<string | undefined> {
  const python = prepared.get(requirements) ?? preparePython(requirements);
  prepared.set(requirements, python);
  return python;
}

/** The interpreter that has the judge's readers, or undefined. */
export function judgePython(): Promise<string | undefined> {
  return pythonWith(join(import.meta.dirname, "requirements.txt"));
}

function cellText(cell: JudgeCell): string | null {
  if (cell === null || typeof cell === "string") return cell;
  return Buffer.from(cell.buffer, cell.byteOffset, cell.byteLength).toString("hex");
}

/** Writes cells.jsonl as judge.py reads it. */
async function writeCells(
  file: string,
  columns: readonly JudgeColumn[],
  rows: Iterable<readonly JudgeCell[]> | AsyncIterable<readonly JudgeCell[]>,
): Promise<void> {
  const handle = await open(file, "w");
  try {
    let text = `${JSON.stringify({ columns })}\n`;
    for await (const row of rows) {
      text += `${JSON.stringify(row.map(cellText))}\n`;
      if (text.length > 1 << 20) {
        await handle.appendFile(text);
        text = "";
      }
    }
    await handle.appendFile(text);
  } finally {
    await handle.close();
  }
}

/**
 * Compares a Parquet file, or all below a directory, with the rows that the server holds, whatever their order.
 * @throws JudgeError with the differences
 */
export async function judge(
  file: string,
  columns: readonly JudgeColumn[],
  rows: Iterable<readonly JudgeCell[]> | AsyncIterable<readonly JudgeCell[]>,
  options: JudgeOptions = {},
): Promise<Verdict> {
  const python = await judgePython();
  if (python === undefined) throw new Error("the judge needs Python: ask judgePython() first, and skip the test");
  const directory = await mkdtemp(join(tmpdir(), "cqlduck-judge-"));
  try {
    const cells = join(directory, "cells.jsonl");
    await writeCells(cells, columns, rows);
    const args = [file, cells, "--reader", options.reader ?? "pyarrow"];
    if (options.stream !== undefined) args.push("--stream", options.stream);
    if (options.emptyNull === true) args.push("--empty-null");
    if (options.uuid !== undefined) args.push("--uuid", options.uuid);
    const { error, ok, differences, ...verdict } = JSON.parse(await askJudge(python, args));
    if (error !== undefined) throw new Error(`judge.py ${args.join(" ")}: ${error}`);
    if (ok !== true) throw new JudgeError(differences);
    return verdict;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
