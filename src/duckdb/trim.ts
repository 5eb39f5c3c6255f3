/*
 * Owns giving memory back to the system that DuckDB's allocators keep after a statement: they wait for the next one to take
 * it again, and for a table of many columns that is most of what the process has. Knows nothing of what took it.
 */
import { type Connection, run } from "./engine.ts";

/** What an engine may keep between its statements. */
export class Trimmer {
  readonly #connection: Connection;
  readonly #engineBytes: number;
  readonly #keep: number;
  readonly #growth: number;
  /** What was resident after giving back. */
  #left = 0;

  /**
   * @param connection of the engine, with no open stream; other connections may work meanwhile
   * @param engineBytes the engine's limit, which stays as it is
   * @param keep what the process may have resident (bytes) before anything is given back
   * @param growth giving back costs page faults later: not again before so many times as much is resident as stayed
   */
  constructor(connection: Connection, engineBytes: number, keep: number, growth = 1.5) {
    this.#connection = connection;
    this.#engineBytes = engineBytes;
    this.#keep = keep;
    this.#growth = growth;
  }

  /** Gives back what is free, where that is worth it. */
  async trim(): Promise<void> {
    if (process.memoryUsage.rss() > this.#left * this.#growth) await this.trimBefore();
  }

  /** The same before a statement that takes much more than those around it. */
  async trimBefore(): Promise<void> {
    if (process.memoryUsage.rss() <= this.#keep) return;
    // Whatever the limit is, setting it has both of DuckDB's allocators (its own, and the system's) give back what is free.
    await run(this.#connection, `SET memory_limit = '${this.#engineBytes}B'`, "giving memory back");
    this.#left = process.memoryUsage.rss();
  }
}
