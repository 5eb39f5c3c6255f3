/*
 * Owns the places at which tests let the process die as by `kill -9`. Does nothing in a normal run:
 * CQLDUCK_FAULT=<point> kills at the first passing of that point, CQLDUCK_FAULT=<point>:<n> at the n-th.
 */

/** Every point, in the order of a job's life. Each stands right after the step that it names. */
export const FAULT_POINTS = [
  "plan-written",
  /** A segment's file is durable, its record is not. */
  "segment-durable",
  "record-written",
  /** A piece of an arranged file is written; nothing of it is durable. */
  "piece-written",
  /** The files of an arranged output are durable, their record is not. */
  "output-durable",
  "output-written",
  "intent-written",
  /** After each rename of a publication. */
  "renamed",
  "renames-durable",
  /** After each deletion of a file that --overwrite replaces. */
  "deleted",
  "success-written",
  "manifest-written",
  "done-written",
  /** After each file removed from the job directory. */
  "cleared",
  /** The schema of a keyspace is written, which is not yet known to be finished. */
  "schema-written",
] as const;

export type FaultPoint = (typeof FAULT_POINTS)[number];

let passed = 0;

/** Kills this process, without a chance to tidy up, if a test asked for it here. */
export function faultPoint(name: FaultPoint): void {
  const wanted = process.env.CQLDUCK_FAULT;
  if (wanted === undefined) return;
  const [point, nth = "1"] = wanted.split(":");
  if (point !== name) return;
  passed++;
  if (passed < Number(nth)) return;
  process.kill(process.pid, "SIGKILL");
  // The signal may take a moment; nothing may happen after the point.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10_000);
}
