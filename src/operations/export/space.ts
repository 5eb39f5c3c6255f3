/*
 * Owns the question whether a disk has room for an export, as far as the servers' guess of the table's size can answer
 * it before a row is read. How much smaller the rows become in a file isn't known: an export is only refused where even
 * the best that can be hoped for would not fit.
 */
import { dirname, resolve } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { formatSize } from "../../base/units.ts";
import { inspectDestination } from "../../jobs/destination.ts";
import type { Layout } from "../../jobs/publish.ts";
import { freeBytes, statusOf } from "../../storage/local.ts";
import type { ExportOptions } from "../options.ts";
import type { Scan } from "../source/scan.ts";

/** Files take at least this part of what the table takes uncompressed, as far as can be hoped. */
const LEAST_SHARE = 1 / 20;
/** Files often take as much as this. */
const USUAL_SHARE = 1 / 2;

/** What is known before an export begins. */
interface Demand extends Pick<Scan, "name" | "estimatedBytes" | "sureBytes"> {
  /** Segments and the files made of them are there at the same time. */
  readonly twice: boolean;
}

type SpaceOptions = Pick<
  ExportOptions,
  "destination" | "columns" | "onEvent" | (typeof MAKES_FILES_ANEW)[number] | "sql"
>;

/** With one of these the parts are there beside the files made of them. */
const MAKES_FILES_ANEW = ["rowsPerFile", "maxFileSize", "partitionBy", "sortBy"] as const;

/**
 * Looks at the disk of the destination, and tells where it may become tight. Nothing is checked where the servers have
 * no guess, where only some columns are read, and where an unfinished export holds what it needs already.
 * @throws UsageError where the export can't fit
 */
export async function checkSpace(
  options: SpaceOptions,
  source: Pick<Scan, "name" | "estimatedBytes" | "sureBytes">,
  layout: Layout,
): Promise<void> {
  const { destination, columns, onEvent } = options;
  if (source.estimatedBytes === 0 || columns) return;
  if ((await inspectDestination(destination, layout)).state === "unfinished-job") return;
  const free = await freeBytes(await nearest(resolve(destination)));
  // What SQL gives may be far less than what it is made of.
  const twice = !options.sql && (layout === "file" || MAKES_FILES_ANEW.some((key) => options[key] !== undefined));
  const notice = judgeSpace(free, destination, { ...source, twice });
  if (notice !== undefined) onEvent?.({ kind: "notice", message: notice });
}

/**
 * What to tell the user of a disk with `free` bytes; undefined where there is nothing to tell.
 * @throws UsageError where the export can't fit
 */
export function judgeSpace(free: number, destination: string, demand: Demand): string | undefined {
  const { name, estimatedBytes, sureBytes, twice } = demand;
  const times = twice ? 2 : 1;
  const least = sureBytes * LEAST_SHARE * times;
  const parts = twice ? ", and its parts and the files made of them are there at the same time" : "";
  if (free < least) {
    throw new UsageError(
      `the disk of ${destination} has ${formatSize(free)} free, and needs ${formatSize(least)} even if ${name} ` +
        `(${formatSize(sureBytes)} uncompressed) shrinks to a twentieth${parts}`,
      {
        hint: twice
          ? "use a bigger disk, or export into a directory without --rows-per-file, --partition-by and the like, which needs half"
          : "use a bigger disk",
      },
    );
  }
  const usual = estimatedBytes * USUAL_SHARE * times;
  if (free >= usual) return undefined;
  return (
    `the disk of ${destination} has ${formatSize(free)} free, which may be too little for ${name} ` +
    `(about ${formatSize(estimatedBytes)} uncompressed)${parts}; an export that fills it can be gone on with later`
  );
}

/** The path, or what is there of it. */
async function nearest(path: string): Promise<string> {
  return (await statusOf(path)) !== undefined || dirname(path) === path ? path : nearest(dirname(path));
}
