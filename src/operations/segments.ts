/*
 * Owns the cutting of a stream of pages into segments: one is filled while the one before is written. Knows which
 * stretch of which token range each segment holds; how a sealed one is made durable is the caller's.
 */
import type { ColumnNotes, ColumnType } from "../base/column.ts";
import type { Page } from "../cassandra/pages.ts";
import type { SegmentTable } from "../duckdb/segment.ts";
import type { Stretch } from "../jobs/job.ts";
import type { RowBatch } from "./columns.ts";

export interface SegmentLimits {
  readonly rows: number;
  /** Not even the page that fills a segment takes it beyond so many rows: it goes to the next one. */
  readonly mostRows?: number | undefined;
  /** Of cells, as the server sent them. */
  readonly bytes: number;
  /** A sealed segment is written before the next is begun: for tables of so many columns that two are too much. */
  readonly oneAtATime: boolean;
}

/** A segment whose rows are complete. */
export interface SealedSegment {
  readonly segment: number;
  readonly table: SegmentTable;
  readonly rows: number;
  readonly bytes: number;
  readonly stretches: readonly Stretch[];
  readonly notes: Readonly<Record<string, ColumnNotes>>;
  readonly readFrom: string;
  readonly readTo: string;
}

/** What DuckDB's in-memory table costs for each leaf column once it has more than one chunk (measured, see design.md). */
const TABLE_BYTES_PER_LEAF = 0.28e6;
const MAX_SEGMENT_ROWS = 500_000;
const MAX_SEGMENT_BYTES = 64e6;
const DEFAULT_MEMORY = 512e6;

/** Files of a size (bytes) are put together from segments of so much of it: whole ones keep to it by a tenth. */
const SHARE_OF_FILE = 0.1;

/**
 * How big segments may be under a memory budget (bytes) for columns of these types, so that a whole number of full ones
 * makes a file of `rowsPerFile` or of `maxFileSize` bytes.
 */
export function segmentLimits(
  types: readonly ColumnType[],
  memoryBytes: number,
  {
    rowsPerFile,
    maxFileSize = Number.POSITIVE_INFINITY,
  }: { rowsPerFile?: number | undefined; maxFileSize?: number | undefined } = {},
): SegmentLimits {
  const leaves = types.reduce((sum, type) => sum + countLeaves(type), 0);
  const share = Math.min(1, memoryBytes / DEFAULT_MEMORY);
  const tooWide = leaves * TABLE_BYTES_PER_LEAF * 2 > memoryBytes / 4;
  const rows = tooWide ? 2048 : MAX_SEGMENT_ROWS;
  const mostRows = rowsPerFile && Math.floor(rowsPerFile / Math.ceil(rowsPerFile / rows));
  return {
    rows: mostRows ?? rows,
    mostRows,
    bytes: Math.floor(Math.min(MAX_SEGMENT_BYTES * share, maxFileSize * SHARE_OF_FILE)),
    oneAtATime: tooWide,
  };
}

/** DuckDB's share of the memory budget; the rest is for pages in flight and the process itself. */
const ENGINE_SHARE = 0.6;
/** What DuckDB counts for each leaf column of a table and of its writing, most of which is never touched. */
const COUNTED_BYTES_PER_LEAF = 1e6;

/**
 * The limit to give DuckDB (bytes). It counts whole blocks for every column, however few rows are in them, so that a
 * table of 1,000 columns needs a limit far above the memory it really takes (measured: 218 MB).
 */
export function engineMemory(types: readonly ColumnType[], memoryBytes: number): number {
  const leaves = types.reduce((sum, type) => sum + countLeaves(type), 0);
  return Math.floor(Math.max(memoryBytes * ENGINE_SHARE, leaves * COUNTED_BYTES_PER_LEAF));
}

function countLeaves(type: ColumnType): number {
  if (type.kind === "LIST") return 1 + countLeaves(type.child);
  if (type.kind === "MAP") return 1 + countLeaves(type.key) + countLeaves(type.value);
  if (type.kind === "STRUCT") return type.fields.reduce((sum, field) => sum + countLeaves(field.type), 0);
  return 1;
}

interface OpenSegment {
  readonly table: SegmentTable;
  readonly stretches: Map<number, { from: string | null; to: string | null }>;
  readonly readFrom: string;
  rows: number;
  bytes: number;
}

/** DuckDB holds values of many kilobytes several times over while it writes them (measured: 64 of 1 MB take 325 MB). */
const BIG_ROW_BYTES = 16e3;
const BIG_ROWS_SHARE = 0.2;

function isFull({ rows, bytes }: OpenSegment, limits: SegmentLimits): boolean {
  const most = bytes > rows * BIG_ROW_BYTES ? limits.bytes * BIG_ROWS_SHARE : limits.bytes;
  return rows >= limits.rows || bytes >= most;
}

export interface PipelineParts {
  readonly batch: RowBatch;
  readonly limits: SegmentLimits;
  /** The number of the first segment. */
  readonly first: number;
  /** Makes the empty table of a segment. */
  createTable(segment: number): Promise<SegmentTable>;
  /** Writes and records a sealed segment; its table is no longer needed afterwards. */
  persist(sealed: SealedSegment): Promise<void>;
}

/** Takes pages from any number of fetchers. */
export class SegmentPipeline {
  readonly #parts: PipelineParts;
  #next: number;
  #open: OpenSegment | undefined;
  #writing: Promise<void> = Promise.resolve();
  /** A change of segments under way; while it is, nothing can be appended. Never rejects: see #failure. */
  #changing: Promise<void> | undefined;
  /** The first thing that went wrong. Nothing is taken after it, since a segment would be missing. */
  #failure: { readonly error: unknown } | undefined;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    this.#next = parts.first;
  }

  /**
   * Appends a page that was read from `from` of its range, as soon as there is room; seals the segment when it is full.
   * @throws what went wrong here or in an earlier segment
   */
  async append(range: number, from: string | null, page: Page): Promise<void> {
    while (!this.#open || this.#isTooMuch(page, this.#open)) {
      if (this.#failure) throw this.#failure.error;
      const full = this.#open;
      await (full ? this.#change(() => this.#seal(full)) : (this.#changing ?? this.#change(() => this.#begin())));
    }
    // Nothing is awaited from here on: another fetcher could fill the segment in between.
    const open = this.#open;
    this.#parts.batch.append(page, open.table);
    const stretch = open.stretches.get(range);
    if (stretch) stretch.to = page.next;
    else open.stretches.set(range, { from, to: page.next });
    open.rows += page.rows;
    open.bytes += page.body.length;
    if (isFull(open, this.#parts.limits)) void this.#change(() => this.#seal(open));
  }

  /** Seals what is open and waits until all is durable. @throws the first thing that went wrong */
  async finish(): Promise<void> {
    while (this.#changing) await this.#changing;
    const open = this.#open;
    if (open && !this.#failure) await this.#change(() => this.#seal(open));
    await this.#writing;
    if (this.#failure) throw this.#failure.error;
  }

  /** Waits for what is being written, without sealing more; for the way out after a failure. */
  async settle(): Promise<void> {
    await this.#changing;
    await this.#writing;
  }

  #isTooMuch(page: Page, { rows }: OpenSegment): boolean {
    return rows > 0 && rows + page.rows > (this.#parts.limits.mostRows ?? Number.POSITIVE_INFINITY);
  }

  #change(work: () => Promise<void>): Promise<void> {
    const change = work().catch((error: unknown) => this.#fail(error));
    this.#changing = change.finally(() => {
      this.#changing = undefined;
    });
    return this.#changing;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#open = undefined;
  }

  async #begin(): Promise<void> {
    if (this.#parts.limits.oneAtATime) await this.#writing;
    const table = await this.#parts.createTable(this.#next);
    this.#open = { table, stretches: new Map(), readFrom: new Date().toISOString(), rows: 0, bytes: 0 };
  }

  async #seal(open: OpenSegment): Promise<void> {
    this.#open = undefined;
    this.#parts.batch.flush(open.table);
    open.table.seal();
    const sealed: SealedSegment = {
      segment: this.#next++,
      table: open.table,
      rows: open.rows,
      bytes: open.bytes,
      stretches: [...open.stretches].map(([range, { from, to }]) => ({ range, from, to })),
      notes: this.#parts.batch.takeNotes(),
      readFrom: open.readFrom,
      readTo: new Date().toISOString(),
    };
    await this.#writing;
    if (this.#failure) return;
    this.#writing = this.#parts.persist(sealed).catch((error: unknown) => this.#fail(error));
  }
}
