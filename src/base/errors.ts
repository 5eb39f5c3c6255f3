/*
 * Owns the few kinds of failure the program knows. Every layer throws one of these for the outside world's faults;
 * what a fault means for the process (its exit code) is decided in src/cli.
 */

/** What every failure says: what happened and to which thing, and what the user can do next. */
export class CqlduckError extends Error {
  override name = "CqlduckError";
  /** What to do next, a sentence for the user; absent where there is nothing to advise. */
  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string | undefined; cause?: unknown } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.hint = options.hint;
  }
}

/** The command, its options, the configuration or a refused login: nothing was written. */
export class UsageError extends CqlduckError {
  override name = "UsageError";
}

/** The cluster can't be reached or didn't answer as asked. */
export class ClusterError extends CqlduckError {
  override name = "ClusterError";
}

/** A value that can't be kept exactly, or a file that can't be read. */
export class DataError extends CqlduckError {
  override name = "DataError";
}

/** A file system or object store refused: full disk, no permission. */
export class StorageError extends CqlduckError {
  override name = "StorageError";
}

/** The user or the system asked to stop. */
export class InterruptedError extends CqlduckError {
  override name = "InterruptedError";
  readonly signal: "SIGINT" | "SIGTERM";

  constructor(signal: "SIGINT" | "SIGTERM", options: { hint?: string | undefined } = {}) {
    super(`stopped by ${signal}`, options);
    this.signal = signal;
  }
}

/** The text of any thrown thing. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** An assertion of the program's own logic: a failure is a bug of ours, not a fault of the world. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${what}`);
}
