/*
 * Owns secure connect bundles: the zip file that says where a database is and how it is spoken to. The driver reads
 * it; here stands what its errors mean.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { type CqlduckError, messageOf, UsageError } from "../base/errors.ts";
import { storageError } from "../base/filefailure.ts";
import { clusterFailure } from "./failure.ts";

const HINT = "download the bundle again from where the database is managed";

/** @throws UsageError where the driver would only fail obscurely: no such file, or no zip */
export function checkBundle(path: string): void {
  const start = Buffer.alloc(2);
  try {
    const file = openSync(path, "r");
    try {
      readSync(file, start);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    const { message, hint } = storageError("read", path, cause);
    throw new UsageError(`--bundle: ${message}`, { cause, hint });
  }
  if (start.toString("latin1") !== "PK") throw new UsageError(`--bundle: ${path} is not a zip file`, { hint: HINT });
}

/** What to tell the user of an error that the driver threw while it connected by a bundle. */
export function bundleFailure(error: unknown, path: string): CqlduckError {
  const failure = clusterFailure(error, `connecting by the bundle ${path}`);
  // What the driver finds wrong with the file itself comes as errors of JavaScript's, or of the zip reader's.
  const own = error instanceof Error && ["Error", "TypeError", "SyntaxError"].includes(error.name);
  if (!own || failure instanceof UsageError) return failure;
  const message = messageOf(error).replace(/^ADM-ZIP: /, "");
  return new UsageError(`--bundle: ${path} is not a secure connect bundle: ${message}`, { cause: error, hint: HINT });
}
