/*
 * Owns giving memory back to the system that DuckDB's allocators keep after a statement: they wait for the next one to take
 * it again, and for a table of many columns that is most of what the process has. Knows nothing of what took it.
 */
import { type Connection, run } from "./engine.ts";

/** Giving back costs page faults later: not again before so much more is resident than what stayed the last time. */
const GROWTH = 1.5;

/** What an engine may keep between its statements. */
export class Trimmer {
  readonly #connection: Connection;
  readonly #engineBytes: number;
  readonly #keep: number;
  /** What was resident after giving back. */
  #left = 0;

  /**
   * @param connection of the engine; it runs nothing else while `trim` does
   * @param engineBytes the engine's limit, which stays as it is
   * @param keep what the process may have resident (bytes) before anything is given back
   */
  constructor(connection: Connection, engineBytes: number, keep: number) {
    this.#connection = connection;
    this.#engineBytes = engineBytes;
    this.#keep = keep;
  }

  /** To be called between statements. */
  async trim(): Promise<void> {
    if (process.memoryUsage.rss() > this.#left * GROWTH) await this.trimBefore();
  }

  /** To be called before a statement that takes much more than those around it. */
  async trimBefore(): Promise<void> {
    if (process.memoryUsage.rss() <= this.#keep) return;
    // Whatever the limit is, setting it has both of DuckDB's allocators (its own, and the system's) give back what is free.
    await run(this.#connection, `SET memory_limit = '${this.#engineBytes}B'`, "giving memory back");
    this.#left = process.memoryUsage.rss();
  }
}
