/*
 * Owns the cutting of a stream of pages into segments: one is filled while the one before is written. Knows which
 * stretch of which token range each segment holds; how a sealed one is made durable is the caller's.
 */
import type { ColumnType } from "../../base/column.ts";
import type { Page } from "../../cassandra/pages.ts";
import type { Stretch } from "../../jobs/job.ts";

export interface SegmentLimits {
  readonly rows: number;
  /** Not even the page that fills a segment takes it beyond so many rows: it goes to the next one. */
  readonly mostRows?: number | undefined;
  /** Of cells, as the server sent them. */
  readonly bytes: number;
}

/** A segment whose rows are complete. */
export interface SealedSegment {
  readonly segment: number;
  /** All of them have rows. */
  readonly pages: readonly Page[];
  readonly rows: number;
  readonly bytes: number;
  /** Its rows have many kilobytes each. */
  readonly bigRows: boolean;
  readonly stretches: readonly Stretch[];
  readonly readFrom: string;
  readonly readTo: string;
}

const MAX_SEGMENT_ROWS = 500_000;
const MAX_SEGMENT_BYTES = 64e6;
const DEFAULT_MEMORY = 512e6;

/** Files of a size (bytes) are put together from segments of so much of it: whole ones keep to it by a tenth. */
const SHARE_OF_FILE = 0.1;

/**
 * How big segments may be under a memory budget (bytes), so that a whole number of full ones makes a file of
 * `rowsPerFile` or of `maxFileSize` bytes.
 */
export function segmentLimits(
  memoryBytes: number,
  {
    rowsPerFile,
    maxFileSize = Number.POSITIVE_INFINITY,
  }: { rowsPerFile?: number | undefined; maxFileSize?: number | undefined } = {},
): SegmentLimits {
  const share = Math.min(1, memoryBytes / DEFAULT_MEMORY);
  const mostRows = rowsPerFile && Math.floor(rowsPerFile / Math.ceil(rowsPerFile / MAX_SEGMENT_ROWS));
  return {
    rows: mostRows ?? MAX_SEGMENT_ROWS,
    mostRows,
    bytes: Math.floor(Math.min(MAX_SEGMENT_BYTES * share, maxFileSize * SHARE_OF_FILE)),
  };
}

/** DuckDB's share of the memory budget; the rest is for pages in flight and the process itself. */
const ENGINE_SHARE = 0.6;
/** With less DuckDB can't even sort or write rows of a few hundred bytes; what it takes of it is little. */
const LEAST_ENGINE_BYTES = 64e6;
/** What DuckDB counts for each leaf column that it writes, most of which is never touched. */
const COUNTED_BYTES_PER_LEAF = 1e6;

/**
 * The limit to give DuckDB (bytes). It counts whole blocks for every column, however few rows are in them, so that a
 * table of 1,000 columns needs a limit far above the memory it really takes (measured: 218 MB).
 */
export function engineMemory(types: readonly ColumnType[], memoryBytes: number): number {
  const leaves = types.reduce((sum, type) => sum + countLeaves(type), 0);
  return Math.floor(Math.max(LEAST_ENGINE_BYTES, memoryBytes * ENGINE_SHARE, leaves * COUNTED_BYTES_PER_LEAF));
}

/** Columns that hold values, as the type has them to any depth. */
export function countLeaves(type: ColumnType): number {
  if (type.kind === "LIST") return 1 + countLeaves(type.child);
  if (type.kind === "MAP") return 1 + countLeaves(type.key) + countLeaves(type.value);
  if (type.kind === "STRUCT") return type.fields.reduce((sum, field) => sum + countLeaves(field.type), 0);
  return 1;
}

interface OpenSegment {
  readonly pages: Page[];
  readonly stretches: Map<number, { from: string | null; to: string | null }>;
  readonly readFrom: string;
  rows: number;
  bytes: number;
}

/** DuckDB holds values of many kilobytes several times over while it writes them (measured: 64 of 1 MB take 325 MB). */
const BIG_ROW_BYTES = 16e3;
const BIG_ROWS_SHARE = 0.2;

function isFull(open: OpenSegment, limits: SegmentLimits): boolean {
  const most = hasBigRows(open) ? limits.bytes * BIG_ROWS_SHARE : limits.bytes;
  return open.rows >= limits.rows || open.bytes >= most;
}

function hasBigRows({ rows, bytes }: OpenSegment): boolean {
  return bytes > rows * BIG_ROW_BYTES;
}

export interface PipelineParts {
  readonly limits: SegmentLimits;
  /** The number of the first segment. */
  readonly first: number;
  /** Writes and records a sealed segment; its pages are no longer needed afterwards. */
  persist(sealed: SealedSegment): Promise<void>;
}

/** Takes pages from any number of fetchers. */
export class SegmentPipeline {
  readonly #parts: PipelineParts;
  #next: number;
  #open: OpenSegment | undefined;
  #writing: Promise<void> = Promise.resolve();
  /** A full segment waits for the one before it; while it does, nothing can be appended. Never rejects: see #failure. */
  #sealing: Promise<void> | undefined;
  /** The first thing that went wrong. Nothing is taken after it, since a segment would be missing. */
  #failure: { readonly error: unknown } | undefined;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    this.#next = parts.first;
  }

  /**
   * Appends a page that was read from `from` of its range, as soon as there is room; seals the segment when it is full.
   * @throws what went wrong in an earlier segment
   */
  async append(range: number, from: string | null, page: Page): Promise<void> {
    while (this.#sealing || (this.#open && this.#isTooMuch(page, this.#open))) {
      if (!this.#sealing) this.#seal();
      await this.#sealing;
    }
    if (this.#failure) throw this.#failure.error;
    // Nothing is awaited from here on: another fetcher could fill the segment in between.
    this.#open ??= { pages: [], stretches: new Map(), readFrom: new Date().toISOString(), rows: 0, bytes: 0 };
    const open = this.#open;
    if (page.rows > 0) open.pages.push(page);
    const stretch = open.stretches.get(range);
    if (stretch) stretch.to = page.next;
    else open.stretches.set(range, { from, to: page.next });
    open.rows += page.rows;
    open.bytes += page.body.length;
    if (isFull(open, this.#parts.limits)) this.#seal();
  }

  /** Seals what is open and waits until all is durable. @throws the first thing that went wrong */
  async finish(): Promise<void> {
    await this.#sealing;
    this.#seal();
    await this.settle();
    if (this.#failure) throw this.#failure.error;
  }

  /** Waits for what is being written, without sealing more; for the way out after a failure. */
  async settle(): Promise<void> {
    await this.#sealing;
    await this.#writing;
  }

  #isTooMuch(page: Page, { rows }: OpenSegment): boolean {
    return rows > 0 && rows + page.rows > (this.#parts.limits.mostRows ?? Number.POSITIVE_INFINITY);
  }

  #seal(): void {
    const open = this.#open;
    if (!open) return;
    this.#open = undefined;
    const sealed: SealedSegment = {
      segment: this.#next++,
      pages: open.pages,
      rows: open.rows,
      bytes: open.bytes,
      bigRows: hasBigRows(open),
      stretches: [...open.stretches].map(([range, { from, to }]) => ({ range, from, to })),
      readFrom: open.readFrom,
      readTo: new Date().toISOString(),
    };
    this.#sealing = this.#writing.then(() => {
      this.#sealing = undefined;
      if (this.#failure) return;
      this.#writing = this.#parts.persist(sealed).catch((error: unknown) => {
        this.#failure ??= { error };
      });
    });
  }
}
