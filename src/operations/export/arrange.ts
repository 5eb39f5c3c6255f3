/*
 * Owns the step from durable segments to the files that are published: a part each, or several joined to one file. How
 * a format joins them is its own business.
 */
import { basename } from "node:path";
import type { FileFormat } from "../../formats/format.ts";
import { outputName, type SegmentRecord } from "../../jobs/job.ts";
import type { ArrangingMeter } from "../../jobs/progress.ts";
import type { FileToPublish } from "../../jobs/publish.ts";
import { statusOf } from "../../storage/local.ts";
import { TOLERANCE } from "./cutter.ts";
import type { ExportJob } from "./job.ts";

/** What the files are made of, and as what. */
export interface Arrangement {
  readonly job: ExportJob;
  readonly format: FileFormat;
  readonly signal: AbortSignal;
  readonly meter: ArrangingMeter;
}

/** Segments that have rows; the first one where none has, since an empty table gives a file too. */
export function filled<R extends { readonly rows: number }>(records: readonly R[]): readonly R[] {
  const some = records.filter((record) => record.rows > 0);
  return some.length ? some : records.slice(0, 1);
}

/** What a file of a directory may have; nothing said: a segment each. */
export interface PartLimits {
  readonly rowsPerFile?: number | undefined;
  /** Files come as near to it as whole segments allow (bytes). */
  readonly maxFileSize?: number | undefined;
}

/** A file for each segment; with limits for as many one after the other as keep to them together. */
export async function arrangeParts(
  arrangement: Arrangement,
  nameOf: (part: number) => string,
  limits: PartLimits,
): Promise<FileToPublish[]> {
  const files: FileToPublish[] = [];
  const records = filled(arrangement.job.records);
  arrangement.meter.begin("files", rowsOf(records));
  let outputs = 0;
  for (const group of grouped(records, limits)) {
    const name = nameOf(files.length);
    files.push(await together(arrangement, group, outputs, name));
    if (group.length > 1 || !arrangement.format.piecesAreFiles) outputs++;
  }
  return files;
}

/** Neighbours as long as they keep to the limits. The same for the same records, which a resume needs. */
function grouped(records: readonly SegmentRecord[], { rowsPerFile, maxFileSize }: PartLimits): SegmentRecord[][] {
  const groups: SegmentRecord[][] = [];
  let rows = 0;
  let bytes = 0;
  const fits = (record: SegmentRecord) => {
    if (rowsPerFile === undefined && maxFileSize === undefined) return false;
    if (rows + record.rows > (rowsPerFile ?? Number.POSITIVE_INFINITY)) return false;
    if (maxFileSize === undefined) return true;
    // With the segment it must be nearer to the limit than without, and not beyond what a limit may be passed by.
    return bytes + record.bytes / 2 <= maxFileSize && bytes + record.bytes <= maxFileSize * TOLERANCE;
  };
  for (const record of records) {
    const last = groups.at(-1);
    if (last && fits(record)) {
      last.push(record);
      rows += record.rows;
      bytes += record.bytes;
    } else {
      groups.push([record]);
      rows = record.rows;
      bytes = record.bytes;
    }
  }
  return groups;
}

/** One file of all segments. */
export async function arrangeOneFile(arrangement: Arrangement, destination: string): Promise<FileToPublish[]> {
  const records = filled(arrangement.job.records);
  arrangement.meter.begin("files", rowsOf(records));
  return [await together(arrangement, records, 0, basename(destination))];
}

function rowsOf(records: readonly { readonly rows: number }[]): number {
  return records.reduce((sum, record) => sum + record.rows, 0);
}

/** One file of some segments; where it has to be made of them, it is durable and recorded as output `number` afterwards. */
async function together(
  { job, format, signal, meter }: Arrangement,
  records: readonly SegmentRecord[],
  number: number,
  to: string,
): Promise<FileToPublish> {
  const [only] = records;
  const rows = rowsOf(records);
  if (format.piecesAreFiles && records.length === 1 && only) {
    meter.add(rows, 1);
    return { from: only.file, to, rows, bytes: only.bytes };
  }

  // A process before this one may have come so far.
  const arranged = job.arranged[number];
  if (arranged) {
    meter.add(rows, 1);
    return { from: arranged.file, to, rows: arranged.rows, bytes: arranged.bytes };
  }
  const file = outputName(number);
  const pieces = records.map((record) => ({ path: job.path(record.file), rows: record.rows }));
  await format.join(pieces, job.path(file), signal, (piece) => meter.add(piece.rows));
  const bytes = (await statusOf(job.path(file)))?.bytes ?? 0;
  await job.appendOutput([{ file, rows, bytes, flags: {} }]);
  meter.add(0, 1);
  return { from: file, to, rows, bytes };
}
