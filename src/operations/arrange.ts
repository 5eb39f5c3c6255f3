/*
 * Owns the step from durable segments to the files that are published: a part each, or all put together in one file
 * without decoding a page.
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

/** A file for each segment: part-00000.parquet, … */
export function partsOf(job: Job<JobPlan>): FileToPublish[] {
  return filled(job.records).map(({ file, rows, bytes }, i) => ({
    from: file,
    to: `part-${String(i).padStart(5, "0")}.parquet`,
    rows,
    bytes,
  }));
}

/** One file of all segments. It is durable and recorded when this returns. */
export async function arrangeOneFile(
  job: Job<JobPlan>,
  destination: string,
  signal: AbortSignal,
): Promise<FileToPublish[]> {
  const records = filled(job.records);
  const to = basename(destination);
  const [only] = records;
  if (records.length === 1 && only) return [{ from: only.file, to, rows: only.rows, bytes: only.bytes }];

  // A process before this one may have come so far.
  const [arranged] = job.outputs;
  if (arranged) return [{ from: arranged.file, to, rows: arranged.rows, bytes: arranged.bytes }];
  const file = outputName(0);
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
  await job.appendOutput({ output: 0, segments: records.map((record) => record.segment), file, rows, bytes });
  return [{ from: file, to, rows, bytes }];
}
