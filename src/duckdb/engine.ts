/*
 * Owns the DuckDB engine inside the process: its settings, its connections and the wording of its failures. Nothing
 * of it lasts: it is in memory, and what is to stay is written by COPY (see copy.ts).
 */
import duckdb, { type Connection, type Database, type Result } from "@duckdb/node-bindings";
import { assert, CqlduckError, DataError, messageOf, StorageError } from "../base/errors.ts";

export interface EngineOptions {
  /** Bytes for DuckDB's buffers. They do not bound what the process takes: see docs/design.md, Memory. */
  readonly memoryBytes: number;
  readonly threads: number;
  /** Where DuckDB may put what does not fit into memory. */
  readonly tempDirectory: string;
  /** Statements give and write rows in the order they were read in. */
  readonly keepOrder?: boolean;
}

export type { Connection };

/** One engine a job. Two connections can work at the same time; statements of one connection wait for each other. */
export class Engine {
  readonly #database: Database;
  readonly #connections: Connection[] = [];

  private constructor(database: Database) {
    this.#database = database;
  }

  static async open(options: EngineOptions): Promise<Engine> {
    const config = duckdb.create_config();
    const settings: Record<string, string> = {
      memory_limit: `${options.memoryBytes}B`,
      threads: String(options.threads),
      temp_directory: options.tempDirectory,
      // Rows have no order between token ranges; keeping one would make COPY hold all row groups of a segment.
      preserve_insertion_order: String(options.keepOrder ?? false),
      // The product uses no extension that is not built in, and must never reach for the network by itself.
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
    };
    for (const [name, value] of Object.entries(settings)) duckdb.set_config(config, name, value);
    return new Engine(await duckdb.open(":memory:", config));
  }

  async connect(): Promise<Connection> {
    const connection = await duckdb.connect(this.#database);
    this.#connections.push(connection);
    return connection;
  }

  /** Ends running statements; each fails in its caller. */
  interrupt(): void {
    for (const connection of this.#connections) {
      interrupted.add(connection);
      duckdb.interrupt(connection);
    }
  }

  close(): void {
    for (const connection of this.#connections) duckdb.disconnect_sync(connection);
    this.#connections.length = 0;
    duckdb.close_sync(this.#database);
  }
}

/** Connections with a stream that is being read. */
const streaming = new WeakSet<Connection>();
const interrupted = new WeakSet<Connection>();

/** Whether its statements were ended, as all of its engine. */
export function wasInterrupted(connection: Connection): boolean {
  return interrupted.has(connection);
}

/** Notes that a stream of this connection is being read, until `endStream`. */
export function beginStream(connection: Connection): void {
  checkIdle(connection);
  streaming.add(connection);
}

export function endStream(connection: Connection): void {
  streaming.delete(connection);
}

/** Another statement would end the stream without a word, as if its last row had come. */
export function checkIdle(connection: Connection): void {
  assert(!streaming.has(connection), "a connection whose stream is being read runs no other statement");
}

/** Runs one statement. @throws what failureOf makes of DuckDB's error; `doing` names the work, e.g. "writing part 3" */
export async function run(connection: Connection, sql: string, doing: string): Promise<Result> {
  checkIdle(connection);
  try {
    return await duckdb.query(connection, sql);
  } catch (error) {
    throw failureOf(error, doing);
  }
}

/** Has the connection's engine work with so many threads from now on. */
export async function setThreads(connection: Connection, threads: number): Promise<void> {
  await run(connection, `SET threads = ${threads}`, "preparing to write");
}

const outOfMemory = new WeakSet<object>();

/** Whether an error is that DuckDB's limit was too low. */
export function isOutOfMemory(error: unknown): boolean {
  return error instanceof StorageError && outOfMemory.has(error);
}

/** DuckDB's errors come as texts that begin with their kind, e.g. "IO Error: …". */
export function failureOf(error: unknown, doing: string): Error {
  if (error instanceof CqlduckError) return error;
  const text = messageOf(error);
  const options = { cause: error };
  // What it spills to disk it counts as memory, even where the disk is what has no room for it.
  if (/No space left on device|max_temp_directory_size/i.test(text)) {
    return new StorageError(`${doing}: the disk is full`, {
      ...options,
      hint: "free some space, or write to another disk",
    });
  }
  if (/^(IO|Permission) Error/.test(text)) return new StorageError(`${doing}: ${text}`, options);
  if (/^Out of Memory Error/.test(text)) {
    const failure = new StorageError(`${doing}: DuckDB ran out of memory`, {
      ...options,
      hint: "give the job more with --memory",
    });
    outOfMemory.add(failure);
    return failure;
  }
  if (/^(Conversion|Invalid Input|Out of Range) Error/.test(text)) return new DataError(`${doing}: ${text}`, options);
  return new Error(`${doing}: ${text}`, options);
}
