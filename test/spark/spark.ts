/*
 * Owns the Spark that reads our files, and writes files of its own: one process for all of a test file's, since it takes
 * seconds to start. What it reads it gives as Arrow streams for the judge.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pythonWith } from "../readers/venv.ts";

/** What Spark read. */
interface SparkRows {
  /** An Arrow stream, as the judge takes it. */
  readonly stream: string;
  /** Spark's own types by the column's name, those of partition columns as it guessed them. */
  readonly types: Readonly<Record<string, string>>;
}

export interface Spark {
  /**
   * Reads a file, or all below a directory. `partitions` says the types of columns that are in paths.
   * @throws SparkError with Spark's reason
   */
  read(path: string, partitions?: Readonly<Record<string, string>>): Promise<SparkRows>;
  /**
   * Writes the rows of a query below a directory, partitioned by columns where there are some. `conf` are settings of
   * Spark's, for these files alone.
   */
  write(sql: string, to: string, conf?: Readonly<Record<string, string>>, by?: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Spark can't do it. */
export class SparkError extends Error {
  override name = "SparkError";
}

function hasJava(): Promise<boolean> {
  const { JAVA_HOME } = process.env;
  const java = JAVA_HOME ? join(JAVA_HOME, "bin", "java") : "java";
  return new Promise((resolve) => execFile(java, ["-version"], (error) => resolve(error === null)));
}

/** The Python that has Spark; undefined, said on stderr, where it or Java is missing. */
export async function sparkPython(): Promise<string | undefined> {
  if (await hasJava()) return pythonWith(join(import.meta.dirname, "requirements.txt"));
  process.stderr.write("tests that need Spark are skipped: no Java\n");
  return undefined;
}

/** The answers of a process, in the order of the questions; an error once it has ended. */
function conversation(child: ChildProcess): (question: object) => Promise<Record<string, unknown>> {
  let said = "";
  child.stderr!.on("data", (text) => {
    said = `${said}${text}`.slice(-4000);
  });
  const ended = new Promise<never>((_, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => reject(new Error(`Spark ended with ${code ?? signal}: ${said}`)));
  });
  // Only who waits for an answer is told.
  ended.catch(() => undefined);
  child.stdin!.on("error", () => undefined);
  const answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return async (question) => {
    child.stdin!.write(`${JSON.stringify(question)}\n`);
    const { value } = await Promise.race([answers.next(), ended]);
    return value === undefined ? ended : JSON.parse(value);
  };
}

/** Starts Spark; its first answer takes until it has. */
export async function startSpark(python: string): Promise<Spark> {
  const directory = await mkdtemp(join(tmpdir(), "cqlduck-spark-"));
  const script = join(import.meta.dirname, "spark.py");
  // No __pycache__ beside the sources.
  const env = { ...process.env, SPARK_LOCAL_IP: "127.0.0.1", SPARK_LOCAL_DIRS: directory };
  const child = spawn(python, ["-B", script, directory], { cwd: directory, env, stdio: "pipe" });
  const closed = new Promise((resolve) => child.on("close", resolve));
  const ask = conversation(child);
  return {
    async read(path, partitions) {
      const stream = join(directory, `${randomUUID()}.arrows`);
      const answer = await ask({ path, out: stream, partitions });
      if (answer["error"] !== undefined) throw new SparkError(String(answer["error"]));
      return { stream, types: answer["types"] as Record<string, string> };
    },
    async write(sql, to, conf = {}, by = []) {
      const answer = await ask({ sql, to, conf, by });
      if (answer["error"] !== undefined) throw new SparkError(String(answer["error"]));
    },
    async close() {
      child.stdin.end();
      await closed;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
