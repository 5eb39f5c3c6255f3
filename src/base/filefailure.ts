/*
 * Owns what the file system's refusals mean to a user: the reason in words, and what helps.
 */
import { messageOf, StorageError } from "./errors.ts";

const PERMISSION = "check the owner and the mode of the file and of its directory";
const SPACE = "free some space, or use a place on a bigger disk";

/** What the system's error codes mean to a user: the reason, and what to do about it. */
const REASONS: Readonly<Record<string, readonly [reason: string, hint?: string]>> = {
  EACCES: ["permission denied", PERMISSION],
  EDQUOT: ["the disk quota is used up", SPACE],
  EEXIST: ["it exists already"],
  EFBIG: ["the file system takes no file of this size", "use another file system"],
  EIO: ["input/output error", "check the disk and the system's log"],
  EISDIR: ["it is a directory"],
  ELOOP: ["too many symbolic links"],
  EMFILE: ["too many open files", "raise the limit: ulimit -n 4096"],
  ENAMETOOLONG: ["the name is too long"],
  ENFILE: ["too many open files in the system"],
  ENOENT: ["no such file or directory"],
  ENOSPC: ["no space left on the device", SPACE],
  ENOTDIR: ["a part of the path is not a directory", "check the spelling of the path"],
  ENOTEMPTY: ["the directory is not empty"],
  EPERM: ["operation not permitted", PERMISSION],
  EROFS: ["read-only file system", "use a place that can be written to"],
  ESTALE: ["the network file system lost the file", "check the mount"],
  EXDEV: ["the two paths are on different file systems", "keep the job directory on the disk of the destination"],
};

/** The system's code (`ENOENT`, …) of an error, or of the error it was made from. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  return error.cause === undefined ? undefined : errorCode(error.cause);
}

/** A StorageError that says what could not be done to which path, why, and what helps. `operation` is a verb: "write". */
export function storageError(operation: string, path: string, cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  const code = errorCode(cause);
  const [reason, hint] = REASONS[code ?? ""] ?? [messageOf(cause)];
  return new StorageError(`can't ${operation} ${path}: ${reason}`, { hint, cause });
}

/** Runs something that the file system may refuse. */
export async function attempt<T>(operation: string, path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw storageError(operation, path, error);
  }
}
