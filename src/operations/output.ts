/*
 * Owns where an export's files go: one file or a directory, the names of its parts, and what becomes of an export
 * that was published there before.
 */
import { join } from "node:path";
import { StorageError, UsageError } from "../base/errors.ts";
import { type Onto, type Standing, standingAt } from "../jobs/destination.ts";
import type { FileToReplace, Layout, Manifest } from "../jobs/publish.ts";
import { readFooterSummary } from "../parquet/footer.ts";
import { fileMetadata } from "./metadata.ts";
import type { ExportOptions } from "./options.ts";
import type { Result } from "./result.ts";
import type { Source } from "./source.ts";

/** One file, or a directory of parts: the destination's name says which. */
export function layoutOf(destination: string): Layout {
  if (destination === "")
    throw new UsageError("the destination is empty", { hint: "name a file x.parquet, or a directory" });
  return destination.endsWith(".parquet") ? "file" : "directory";
}

const DIRECTORY_ONLY = [
  ["append", "--append"],
  ["rowsPerFile", "--rows-per-file"],
  ["maxFileSize", "--max-file-size"],
  ["partitionBy", "--partition-by"],
] as const;

/** What the export does with one before it. @throws UsageError where the options don't go together */
export function ontoOf({ destination, overwrite, append, ...options }: ExportOptions): Onto {
  if (overwrite && append) {
    throw new UsageError("--overwrite and --append are two ways: one replaces the files, the other adds to them", {
      hint: "say one",
    });
  }
  const { rowsPerFile, maxFileSize, partitionBy } = options;
  const said = { append: append || undefined, rowsPerFile, maxFileSize, partitionBy };
  const directoryOnly = DIRECTORY_ONLY.find(([key]) => said[key] !== undefined)?.[1];
  if (directoryOnly && layoutOf(destination) === "file") {
    throw new UsageError(`${directoryOnly} needs a directory, and ${destination} is one file`, {
      hint: `name a directory (${destination.slice(0, -".parquet".length) || "out"}/)`,
    });
  }
  return overwrite ? "overwrite" : append ? "append" : "nothing";
}

/** The name of a part; of one that is added: with its job's name, which no other export gives. */
export function partName(number: number, onto: Onto, job: string): string {
  const numbered = String(number).padStart(5, "0");
  return onto === "append" ? `part-${job}-${numbered}.parquet` : `part-${numbered}.parquet`;
}

/**
 * Parts that are added must have the columns of those that are there: same names, CQL types and order. What --type and
 * --uuid make of them in the files is not compared.
 * @throws UsageError naming the first column that differs
 */
export async function checkSameColumns({ destination }: ExportOptions, source: Source, result: Result): Promise<void> {
  const [part] = (await standingAt(destination, "directory")).ours;
  if (part === undefined) return;
  const key = "cqlduck.columns";
  const before = (await readFooterSummary(join(destination, part.path))).keyValues.get(key) ?? "[]";
  const now = fileMetadata(source, result, "")[key]!;
  if (before === now) return;
  const [old, own] = [columnsIn(before), columnsIn(now)];
  const at = own.findIndex((column, i) => column !== old[i]);
  const said = (columns: readonly string[]) => columns[at < 0 ? own.length : at] ?? "no more";
  throw new UsageError(
    `${destination} holds other columns than those of ${source.name}: ${said(old)}, where now is ${said(own)}`,
    { hint: "--columns chooses columns; --overwrite replaces what is there; or choose another destination" },
  );
}

/** Each column in words, as it is compared. */
function columnsIn(text: string): string[] {
  const columns = JSON.parse(text) as { column: string; name: string; type: string; kind: string }[];
  return columns.map(({ column, name, type, kind }) => {
    return `${name} ${type} (${kind}${column === name ? "" : `, as ${column}`})`;
  });
}

/** What publishing does with the files that stand at the destination by now. */
export async function filesBefore(
  { destination }: ExportOptions,
  layout: Layout,
  onto: Onto,
): Promise<{ readonly replace: readonly FileToReplace[]; readonly kept: Manifest | undefined }> {
  if (onto === "nothing") return { replace: [], kept: undefined };
  const { ours, manifest, missing, foreign }: Standing = await standingAt(destination, layout);
  const odd = onto === "append" ? [...foreign, ...missing] : foreign;
  if (odd.length > 0) {
    throw new StorageError(`somebody changed the files in ${destination} since the export began: ${odd[0]}`, {
      hint: "nothing of them was touched; put them back, or out of the way, and try again",
    });
  }
  return onto === "append" ? { replace: [], kept: manifest } : { replace: ours, kept: undefined };
}
