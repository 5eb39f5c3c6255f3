/*
 * Owns waiting for something that others bring about: any number wait, one ring wakes them all, an abort ends it at once.
 */

export class Bell {
  readonly #wakes = new Set<() => void>();

  /** Waits for the next ring, at most so many milliseconds. Throws the signal's reason as soon as it is aborted. */
  wait(signal: AbortSignal, ms?: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const leave = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        this.#wakes.delete(wake);
      };
      const wake = () => {
        leave();
        resolve();
      };
      const abort = () => {
        leave();
        reject(signal.reason);
      };
      const timer = ms === undefined ? undefined : setTimeout(wake, ms);
      signal.addEventListener("abort", abort);
      this.#wakes.add(wake);
    });
  }

  ring(): void {
    for (const wake of [...this.#wakes]) wake();
  }
}
