/*
 * Owns which options go together with a mode, and with a table of counters. Columns are for match.ts to say, timestamps
 * and TTLs of cells for times.ts.
 */
import { UsageError } from "../../base/errors.ts";
import type { TableSchema } from "../../cassandra/schema.ts";
import { qualifiedName } from "../../cassandra/statements.ts";
import { isKey } from "./match.ts";
import type { ImportOptions } from "./options.ts";
import type { ImportPart } from "./parts.ts";
import { hasCounters, partShapes } from "./statements.ts";

/** @throws UsageError for options that would say nothing, or other than they mean */
export function checkModes(schema: TableSchema, parts: readonly ImportPart[], options: ImportOptions): void {
  if (options.mode === "delete" && options.ttl)
    throw new UsageError("--mode delete takes no --ttl: nothing is left to live");
  if (hasCounters(schema)) checkCounters(schema, parts, options);
  const updates = options.mode === "update" || (hasCounters(schema) && options.mode !== "delete");
  const bare = parts.find(({ match }) => match.columns.every(({ target }) => isKey(target)));
  if (!updates || !bare) return;
  throw new UsageError(
    `${bare.source.path} has the key of ${qualifiedName(schema)} alone: there is nothing to update`,
    {
      hint: hasCounters(schema) ? "counters have to be in the file" : "--mode insert writes rows that are a key alone",
    },
  );
}

function checkCounters(schema: TableSchema, parts: readonly ImportPart[], options: ImportOptions): void {
  const name = qualifiedName(schema);
  if (options.timestamp) throw new UsageError(`--timestamp: ${name} has counters, and these take none`);
  if (options.ttl) throw new UsageError(`--ttl: ${name} has counters, and these take none`);
  if (options.mode === "if-not-exists") {
    throw new UsageError(`--mode if-not-exists: ${name} has counters, and these are only added to`);
  }
  if (options.nulls === "write") {
    throw new UsageError("--nulls write: counters can't be deleted by adding to them");
  }
  if (options.skipRows && parts.some((part) => partShapes(schema, part, options).statics)) {
    throw new UsageError("static counters can't be added when rows are skipped: one of those may have added them", {
      hint: "leave the static columns out with --columns",
    });
  }
}
