/*
 * Owns what a moment of progress looks like: as one line that fits a terminal's width, or as a line of a log. Pure.
 */
import { formatCount, formatDuration, formatSize } from "../base/units.ts";
import type { Arranging, JobEvent, Progress } from "../jobs/events.ts";

export type Phase = Extract<JobEvent, { kind: "phase" }>["phase"];

/** What the program is at in each phase. */
export const PHASE_NAMES: Readonly<Record<Phase, string>> = {
  read: "reading",
  arrange: "arranging files",
  publish: "publishing",
};

const SMALLEST_BAR = 12;
const LARGEST_BAR = 40;

interface Part {
  readonly text: string;
  /** Parts are left out from the highest rank down where the width doesn't do; rank 4 is the bar, which stretches. */
  readonly rank: number;
}

/** One line of less than `width` characters: writing into the last column makes some terminals wrap. */
export function frame(progress: Progress, width: number, phase: Phase = "read"): string {
  const room = Math.max(0, width - 1);
  const reading = phase === "read";
  const parts: Part[] = [{ text: PHASE_NAMES[phase], rank: reading ? 7 : 0 }];
  if (reading)
    parts.push({ text: bar(progress, SMALLEST_BAR), rank: 4 }, { text: percentOf(share(progress)), rank: 0 });
  parts.push({ text: `${formatCount(progress.rows)} rows`, rank: 1 });
  if (reading) parts.push({ text: `${formatCount(progress.rowsPerSecond)}/s`, rank: 3 });
  parts.push({ text: formatSize(progress.bytes), rank: 5 });
  // Not every operation has segments, and none has one at first.
  if (progress.segments > 0) parts.push({ text: plural(progress.segments, "segment"), rank: 6 });
  if (reading) parts.push({ text: `ETA ${eta(progress)}`, rank: 2 });
  const kept = fitting(parts, room);
  const spare = room - lineOf(kept).length;
  const line = kept.map((part) =>
    part.rank === 4 ? { ...part, text: bar(progress, Math.min(LARGEST_BAR, SMALLEST_BAR + spare)) } : part,
  );
  return lineOf(line).slice(0, room);
}

/** What the program is at in each step of arranging. */
const STEP_NAMES: Readonly<Record<Arranging["step"], string>> = {
  sql: "running --sql",
  sort: "sorting",
  files: PHASE_NAMES.arrange,
};

/** As `frame`, of the files that are made when all rows are read. */
export function arrangingFrame(arranging: Arranging, width: number): string {
  const room = Math.max(0, width - 1);
  const { step, rows, totalRows, files } = arranging;
  const name: Part = { text: STEP_NAMES[step], rank: 0 };
  const ofRows: Part = { text: rowsOf(totalRows), rank: 1 };
  if (step !== "files") return lineOf(fitting([name, ofRows], room)).slice(0, room);
  const done = arrangedShare(arranging);
  const parts: Part[] = [
    { ...name, rank: 2 },
    { text: barOf(done, SMALLEST_BAR), rank: 4 },
    { text: percentOf(done), rank: 0 },
    { text: `${formatCount(rows)} of ${rowsOf(totalRows)}`, rank: 1 },
    { text: plural(files, "file"), rank: 3 },
  ];
  return lineOf(fitting(parts, room)).slice(0, room);
}

/** The same for a log. `elapsedMs` is since the arranging began. */
export function arrangingLine(arranging: Arranging, elapsedMs: number): string {
  const { step, rows, totalRows, files } = arranging;
  const begun = `${formatDuration(elapsedMs)}: ${STEP_NAMES[step]}`;
  if (step !== "files") return `${begun}, ${rowsOf(totalRows)}`;
  const share = percentOf(arrangedShare(arranging));
  return `${begun}, ${formatCount(rows)} of ${rowsOf(totalRows)} (${share}), ${plural(files, "file")}`;
}

/** How much of the files is made, 0 to 0.99; what a step before them has done isn't known. */
export function arrangedShare({ step, rows, totalRows }: Arranging): number {
  return step === "files" && totalRows > 0 ? Math.min(LARGEST_SHARE, rows / totalRows) : 0;
}

function rowsOf(rows: number): string {
  return `${formatCount(rows)} rows`;
}

/** The parts of least rank that fit together, in their order. */
function fitting(parts: readonly Part[], room: number): readonly Part[] {
  let highest = Math.max(...parts.map((part) => part.rank));
  let kept = parts;
  for (; highest > 0 && lineOf(kept).length > room; highest--) kept = parts.filter((part) => part.rank < highest);
  return kept;
}

function lineOf(parts: readonly Part[]): string {
  return parts.map((part) => part.text).join("  ");
}

/** The same for a log, where nothing is redrawn. */
export function plainLine(progress: Progress, phase: Phase = "read"): string {
  return [
    `${formatDuration(progress.elapsedMs)}: ${PHASE_NAMES[phase]}, ${formatCount(progress.rows)} rows`,
    `${formatCount(progress.rowsPerSecond)} rows/s`,
    formatSize(progress.bytes),
    ...(progress.segments > 0 ? [plural(progress.segments, "segment")] : []),
    `${formatCount(progress.rangesDone)} of ${plural(progress.ranges, progress.unit)}`,
    `ETA ${eta(progress)}`,
  ].join(", ");
}

/** `1 file`, `4 files`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function bar(progress: Progress, width: number): string {
  return barOf(share(progress), width);
}

function barOf(share: number, width: number): string {
  const inside = width - 2;
  const done = Math.floor(share * inside);
  const head = done > 0 && done < inside ? ">" : "";
  return `[${("=".repeat(done - head.length) + head).padEnd(inside)}]`;
}

function percentOf(share: number): string {
  return `${Math.floor(share * 100)}%`;
}

/** The end is told by what follows, never by a share: the last range's last rows still have to be written. */
const LARGEST_SHARE = 0.99;
/** So many ranges, or more, may be all but done while none is: rows can be ahead of the ranges by that much. */
const RANGES_IN_FLIGHT = 32;

/**
 * How much of the reading is done, 0 to 0.99: by ranges and by the estimate of rows. One giant partition holds up its
 * range, so rows move the share too; the estimate may be far off, so the ranges bound it. It grows with either and
 * shrinks with neither, and so never goes back.
 */
export function share({ rangesDone, ranges, rows, estimatedRows }: Progress): number {
  const byRanges = ranges > 0 ? Math.min(1, rangesDone / ranges) : 0;
  const byRows = estimatedRows > 0 ? Math.min(1, rows / estimatedRows) : byRanges;
  const both =
    byRows < byRanges ? (byRows + byRanges) / 2 : Math.min(byRows, byRanges + RANGES_IN_FLIGHT / Math.max(1, ranges));
  return Math.min(LARGEST_SHARE, both);
}

function eta(progress: Progress): string {
  return progress.etaMs === undefined ? "--" : formatDuration(progress.etaMs);
}

/** The servers' guess of a table's size; they have none before the table is flushed to disk for the first time. */
export function estimate(size: { readonly estimatedRows: number; readonly estimatedBytes: number }): string {
  if (size.estimatedBytes === 0) return "size not known yet";
  // The sample that tells how big rows are may have had none.
  if (size.estimatedRows === 0) return `about ${formatSize(size.estimatedBytes)}`;
  return `about ${plural(size.estimatedRows, "row")} (${formatSize(size.estimatedBytes)})`;
}
