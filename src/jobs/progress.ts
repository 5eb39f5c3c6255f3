/*
 * Owns the arithmetic of progress: counters in, at most ten Progress events a second out, with rate and time left.
 * Draws nothing and has no timer: no counting, no event.
 */
import type { Arranging, Progress, ReadUnit } from "./events.ts";

const EMIT_EVERY_MS = 100;
const RATE_WINDOW_MS = 5_000;
/** From this share of the ranges on they tell more of the whole than the server's estimate of rows. */
const RANGES_SPEAK_FROM = 0.05;

export interface ProgressOptions {
  readonly unit: ReadUnit;
  readonly ranges: number;
  /** 0 where the server has no estimate. */
  readonly estimatedRows: number;
  readonly emit: (progress: Progress) => void;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: (() => number) | undefined;
}

export class ProgressMeter {
  readonly #options: ProgressOptions;
  readonly #now: () => number;
  readonly #startedAt: number;
  #emittedAt = Number.NEGATIVE_INFINITY;
  #rows = 0;
  #bytes = 0;
  #rangesDone = 0;
  #segments = 0;
  #retries = 0;
  #failedRanges = 0;
  /** What had been counted when, for the rate: a point at most every EMIT_EVERY_MS, the oldest just out of the window. */
  readonly #points: { at: number; rows: number }[] = [];

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#startedAt = this.#now();
    this.#points.push({ at: this.#startedAt, rows: 0 });
  }

  addRows(rows: number, bytes: number): void {
    this.#rows += rows;
    this.#bytes += bytes;
    this.#tell();
  }

  rangeDone(): void {
    this.#rangesDone++;
    this.#tell();
  }

  segmentDone(): void {
    this.#segments++;
    this.#tell();
  }

  retried(): void {
    this.#retries++;
    this.#tell();
  }

  rangeFailed(): void {
    this.#failedRanges++;
    this.#tell();
  }

  /** Emits where things stand, however short ago the last event was; for the end. */
  flush(): void {
    this.#emittedAt = this.#now();
    this.#options.emit(this.current());
  }

  current(): Progress {
    const now = this.#now();
    const rowsPerSecond = this.#rate(now);
    return {
      kind: "progress",
      rows: this.#rows,
      bytes: this.#bytes,
      unit: this.#options.unit,
      rangesDone: this.#rangesDone,
      ranges: this.#options.ranges,
      estimatedRows: this.#options.estimatedRows,
      segments: this.#segments,
      retries: this.#retries,
      failedRanges: this.#failedRanges,
      elapsedMs: now - this.#startedAt,
      rowsPerSecond,
      etaMs: this.#eta(rowsPerSecond),
    };
  }

  #tell(): void {
    const now = this.#now();
    if (now - this.#emittedAt < EMIT_EVERY_MS) return;
    this.#points.push({ at: now, rows: this.#rows });
    while (this.#points.length > 2 && now - this.#points[1]!.at >= RATE_WINDOW_MS) this.#points.shift();
    this.flush();
  }

  #rate(now: number): number {
    const oldest = this.#points[0]!;
    return now > oldest.at ? ((this.#rows - oldest.rows) * 1000) / (now - oldest.at) : 0;
  }

  #eta(rowsPerSecond: number): number | undefined {
    const { ranges, estimatedRows } = this.#options;
    if (this.#rangesDone >= ranges) return 0;
    if (rowsPerSecond <= 0) return undefined;
    const share = this.#rangesDone / ranges;
    if (share >= RANGES_SPEAK_FROM) return ((this.#rows * (1 - share)) / share / rowsPerSecond) * 1000;
    if (estimatedRows > this.#rows) return ((estimatedRows - this.#rows) / rowsPerSecond) * 1000;
    return undefined;
  }
}

/** Counts the rows of files that are made of segments. */
export class ArrangingMeter {
  readonly #emit: (event: Arranging) => void;
  readonly #now: () => number;
  #emittedAt = Number.NEGATIVE_INFINITY;
  #state: Omit<Arranging, "kind"> = { step: "files", rows: 0, totalRows: 0, files: 0 };

  /** @param now milliseconds of a clock that never goes back */
  constructor(emit: (event: Arranging) => void, now: () => number = () => performance.now()) {
    this.#emit = emit;
    this.#now = now;
  }

  /** Tells that a step on so many rows begins, of which a process before this one may have done some. */
  begin(step: Arranging["step"], totalRows: number, rows = 0): void {
    this.#state = { step, rows, totalRows, files: 0 };
    this.#tell(true);
  }

  /** Counts rows that are through the step, and the files that they completed. */
  add(rows: number, files = 0): void {
    this.#state = { ...this.#state, rows: this.#state.rows + rows, files: this.#state.files + files };
    this.#tell(this.#state.rows >= this.#state.totalRows);
  }

  #tell(atOnce: boolean): void {
    const now = this.#now();
    if (!atOnce && now - this.#emittedAt < EMIT_EVERY_MS) return;
    this.#emittedAt = now;
    this.#emit({ kind: "arranging", ...this.#state });
  }
}
