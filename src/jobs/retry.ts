/*
 * Owns waiting and trying again: exponential backoff with jitter, bounded, ended at once by an abort.
 * What deserves another attempt is the caller's to say.
 */

export interface RetryOptions {
  /** Attempts in all, the first one included. */
  readonly attempts: number;
  /** The wait before the second attempt; it doubles each time. */
  readonly baseMs: number;
  /** The longest wait. */
  readonly maxMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly isRetryable: (error: unknown) => boolean;
  /** Called before each wait; the place to count. `attempt` is the number of the attempt that failed, from 1. */
  readonly onRetry?: ((error: unknown, attempt: number, waitMs: number) => void) | undefined;
}

/** Runs the task until it succeeds; throws its last error, or the signal's reason. */
export async function retrying<T>(task: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    options.signal?.throwIfAborted();
    try {
      return await task(attempt);
    } catch (error) {
      // What fails because of the abort is the abort.
      options.signal?.throwIfAborted();
      if (attempt >= options.attempts || !options.isRetryable(error)) throw error;
      const waitMs = backoff(attempt, options.baseMs, options.maxMs);
      options.onRetry?.(error, attempt, waitMs);
      await sleep(waitMs, options.signal);
    }
  }
}

/** Half of the wait is certain, half is chance, so that many clients don't come back together. */
function backoff(attempt: number, baseMs: number, maxMs: number): number {
  return Math.min(maxMs, baseMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
}

/** Waits. Throws the signal's reason as soon as it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
