/*
 * Owns a bound on rows a second: a token bucket that fills evenly and holds a second's worth at the most. Rows are taken
 * before they are asked for, and those that did not come are given back.
 */
import { Bell } from "./bell.ts";

export class RateLimit {
  readonly #perMs: number;
  readonly #most: number;
  readonly #bell = new Bell();
  #tokens = 0;
  #filledAt = performance.now();
  /** Who comes first is served first: nobody with few rows gets ahead of one with many for ever. */
  #last: Promise<void> = Promise.resolve();

  /** @param rowsPerSecond more than 0 */
  constructor(rowsPerSecond: number) {
    this.#perMs = rowsPerSecond / 1000;
    this.#most = rowsPerSecond;
  }

  /** Waits until so many rows may be moved. Throws the signal's reason as soon as it is aborted. */
  take(rows: number, signal: AbortSignal): Promise<void> {
    // More than the bucket holds would never be there: it is taken on credit when the bucket is full.
    const needed = Math.min(rows, this.#most);
    const turn = this.#last.then(async () => {
      signal.throwIfAborted();
      for (let missing = needed - this.#fill(); missing > 0; missing = needed - this.#fill()) {
        await this.#bell.wait(signal, Math.ceil(missing / this.#perMs));
      }
      this.#tokens -= rows;
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Gives back rows that were taken and did not come; a negative number takes those that came beyond. */
  giveBack(rows: number): void {
    this.#tokens = Math.min(this.#most, this.#fill() + rows);
    this.#bell.ring();
  }

  #fill(): number {
    const now = performance.now();
    this.#tokens = Math.min(this.#most, this.#tokens + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
    return this.#tokens;
  }
}
