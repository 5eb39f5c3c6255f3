/*
 * Owns where an export's files go: one file or a directory, the names of its parts and of what says what they are, and
 * what becomes of an export that was published there before.
 */
import { basename, join } from "node:path";
import { DataError, StorageError, UsageError } from "../../base/errors.ts";
import { quoteIdentifier } from "../../base/names.ts";
import { readSchemaKeyValues } from "../../formats/arrowmessage.ts";
import { type Chosen, isFileName, isPart, saysItself } from "../../formats/choose.ts";
import { type Onto, type Outputs, type Standing, standingAt } from "../../jobs/destination.ts";
import type { FileToReplace, Layout, Manifest } from "../../jobs/publish.ts";
import { readFooterSummary } from "../../parquet/footer.ts";
import { readText } from "../../storage/local.ts";
import type { ExportOptions } from "../options.ts";
import type { Source } from "../source/source.ts";
import { columnsOf, typesSaid } from "./metadata.ts";
import type { Result } from "./result.ts";

/** One file, or a directory of parts: the destination's name says which. */
export function layoutOf(destination: string): Layout {
  return isFileName(destination) ? "file" : "directory";
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
      hint: `name a directory (${destination.replace(/\.[^/]*$/, "") || "out"}/)`,
    });
  }
  return overwrite ? "overwrite" : append ? "append" : "nothing";
}

/** The name of a part; of one that is added: with its job's name, which no other export gives. */
export function partName(number: number, onto: Onto, job: string, extension: string): string {
  const numbered = String(number).padStart(5, "0");
  return onto === "append" ? `part-${job}-${numbered}${extension}` : `part-${numbered}${extension}`;
}

const DIRECTORY_SIDECAR = "_cqlduck.json";

/** The name of what says what the files are, beside the destination or in it; undefined where the files say it. */
export function sidecarName(
  { destination }: ExportOptions,
  chosen: Chosen,
  onto: Onto,
  job: string,
): string | undefined {
  if (saysItself(chosen.name)) return undefined;
  if (chosen.layout === "file") return `${basename(destination)}.cqlduck`;
  return onto === "append" ? `_cqlduck-${job}.json` : DIRECTORY_SIDECAR;
}

/** What will be published, as far as it matters for what stands there. */
export function outputsOf(options: ExportOptions, chosen: Chosen, onto: Onto): Outputs {
  const sidecar = onto === "append" ? undefined : sidecarName(options, chosen, onto, "");
  return { isPart: (name) => isPart(name, chosen.name), beside: sidecar === undefined ? [] : [sidecar] };
}

/** What the parts of a directory say of themselves. */
interface Described {
  readonly columns: unknown;
  /** DuckDB types by column, where they are not those of the CQL types. */
  readonly types: Readonly<Record<string, string>>;
  /** How they are written; binary files say it in ways of their own. */
  readonly format: unknown;
}

/**
 * Parts that are added must be like those that are there: columns of the same names, types and order, in the same format.
 * @throws UsageError naming the first column that differs
 */
export async function checkSameParts(
  options: ExportOptions,
  source: Source,
  result: Result,
  chosen: Chosen,
  format: Described["format"],
): Promise<void> {
  const { destination } = options;
  const { ours } = await standingAt(destination, "directory", outputsOf(options, chosen, "append"));
  if (ours.length === 0) return;
  const part = ours.find(({ path }) => isPart(path, chosen.name));
  const before = part && (await describedIn(destination, part.path, chosen));
  if (before === undefined || !isSame(before.format, format)) {
    throw new UsageError(`${destination} holds files that are not ${chosen.name} as this export would write it`, {
      hint: "say the same options as for those; or choose another destination",
    });
  }
  const now = columnsOf(result);
  if (isSame(before.columns, now)) return checkSameTypes(destination, before.types, typesSaid(result));
  const [old, own] = [columnsIn(before.columns), columnsIn(now)];
  const at = own.findIndex((column, i) => column !== old[i]);
  const said = (columns: readonly string[]) => columns[at < 0 ? own.length : at] ?? "no more";
  throw new UsageError(
    `${destination} holds other columns than those of ${source.name}: ${said(old)}, where now is ${said(own)}`,
    { hint: "--columns chooses columns; --overwrite replaces what is there; or choose another destination" },
  );
}

/** Readers take a directory's files for one table: many fail where a column has two types, or change the values of one. */
function checkSameTypes(destination: string, before: Described["types"], now: Described["types"]): void {
  const column = [...Object.keys(before), ...Object.keys(now)].find((name) => before[name] !== now[name]);
  if (column === undefined) return;
  const said = (types: Described["types"]) => types[column] ?? "that of its CQL type";
  throw new UsageError(
    `${destination} holds column ${quoteIdentifier(column)} with another type: ${said(before)}, where now is ${said(now)}`,
    { hint: "--type and --uuid say types; --overwrite replaces what is there; or choose another destination" },
  );
}

async function describedIn(destination: string, part: string, chosen: Chosen): Promise<Described | undefined> {
  if (saysItself(chosen.name)) {
    const file = join(destination, part);
    const keyValues =
      chosen.name === "arrow" ? await readSchemaKeyValues(file) : (await readFooterSummary(file)).keyValues;
    const [columns, types] = ["cqlduck.columns", "cqlduck.types"].map((key) => keyValues.get(key));
    return { columns: JSON.parse(columns ?? "[]"), types: JSON.parse(types ?? "{}"), format: undefined };
  }
  const path = join(destination, DIRECTORY_SIDECAR);
  const text = await readText(path);
  if (text === undefined) return undefined;
  try {
    const said = JSON.parse(text);
    return { columns: said["cqlduck.columns"], types: said["cqlduck.types"] ?? {}, format: said["cqlduck.format"] };
  } catch (cause) {
    throw new DataError(`${path} is damaged: it is no JSON`, { hint: "--overwrite replaces what is there", cause });
  }
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Each column in words, as it is compared. */
function columnsIn(said: unknown): string[] {
  const columns = (said ?? []) as { column: string; name: string; type: string; kind: string }[];
  return columns.map(({ column, name, type, kind }) => {
    return `${name} ${type} (${kind}${column === name ? "" : `, as ${column}`})`;
  });
}

/** What publishing does with the files that stand at the destination by now. */
export async function filesBefore(
  { destination }: ExportOptions,
  layout: Layout,
  onto: Onto,
  outputs: Outputs,
): Promise<{ readonly replace: readonly FileToReplace[]; readonly kept: Manifest | undefined }> {
  if (onto === "nothing") return { replace: [], kept: undefined };
  const { ours, manifest, missing, foreign }: Standing = await standingAt(destination, layout, outputs);
  const odd = onto === "append" ? [...foreign, ...missing] : foreign;
  if (odd.length > 0) {
    throw new StorageError(`somebody changed the files in ${destination} since the export began: ${odd[0]}`, {
      hint: "nothing of them was touched; put them back, or out of the way, and try again",
    });
  }
  return onto === "append" ? { replace: [], kept: manifest } : { replace: ours, kept: undefined };
}
