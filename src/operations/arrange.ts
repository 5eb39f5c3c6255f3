/*
 * Owns the step from durable segments to the files that are published: a part each, or several put together in one
 * file without decoding a page.
 */
import { basename } from "node:path";
import { assert } from "../base/errors.ts";
import { type Job, type JobPlan, outputName, type SegmentRecord } from "../jobs/job.ts";
import type { FileToPublish } from "../jobs/publish.ts";
import { ParquetConcat } from "../parquet/concat.ts";
import { readFooterSummary } from "../parquet/footer.ts";
import { statusOf } from "../storage/local.ts";

/** Segments that have rows; the first one where none has, since an empty table gives a file too. */
function filled(records: readonly SegmentRecord[]): readonly SegmentRecord[] {
  const some = records.filter((record) => record.rows > 0);
  return some.length ? some : records.slice(0, 1);
}

/** A file for each segment; with `rowsPerFile` for as many one after the other as have no more rows together. */
export async function arrangeParts(
  job: Job<JobPlan>,
  nameOf: (part: number) => string,
  rowsPerFile: number | undefined,
  signal: AbortSignal,
): Promise<FileToPublish[]> {
  const files: FileToPublish[] = [];
  let outputs = 0;
  for (const group of grouped(filled(job.records), rowsPerFile ?? 0)) {
    const name = nameOf(files.length);
    files.push(await together(job, group, outputs, name, signal));
    if (group.length > 1) outputs++;
  }
  return files;
}

/** Neighbours as long as they have no more than `most` rows together. The same for the same records, which a resume needs. */
function grouped(records: readonly SegmentRecord[], most: number): SegmentRecord[][] {
  const groups: SegmentRecord[][] = [];
  let rows = 0;
  for (const record of records) {
    const last = groups.at(-1);
    rows += record.rows;
    if (last && rows <= most) {
      last.push(record);
    } else {
      groups.push([record]);
      rows = record.rows;
    }
  }
  return groups;
}

/** One file of all segments. */
export async function arrangeOneFile(
  job: Job<JobPlan>,
  destination: string,
  signal: AbortSignal,
): Promise<FileToPublish[]> {
  return [await together(job, filled(job.records), 0, basename(destination), signal)];
}

/** One file of some segments; where there are several, it is durable and recorded as output `number` afterwards. */
async function together(
  job: Job<JobPlan>,
  records: readonly SegmentRecord[],
  number: number,
  to: string,
  signal: AbortSignal,
): Promise<FileToPublish> {
  const [only] = records;
  if (records.length === 1 && only) return { from: only.file, to, rows: only.rows, bytes: only.bytes };

  // A process before this one may have come so far.
  const arranged = job.outputs[number];
  if (arranged) return { from: arranged.file, to, rows: arranged.rows, bytes: arranged.bytes };
  const file = outputName(number);
  const concat = await ParquetConcat.create(job.path(file));
  try {
    for (const record of records) {
      signal.throwIfAborted();
      await concat.append(job.path(record.file));
    }
    await concat.finish();
  } finally {
    await concat.close();
  }
  const rows = records.reduce((sum, record) => sum + record.rows, 0);
  const written = await readFooterSummary(job.path(file));
  assert(written.rows === rows, `${job.path(file)} has ${written.rows} rows of the ${rows} in its segments`);
  const bytes = (await statusOf(job.path(file)))?.bytes ?? 0;
  await job.appendOutput({ output: number, segments: records.map((record) => record.segment), file, rows, bytes });
  return { from: file, to, rows, bytes };
}
