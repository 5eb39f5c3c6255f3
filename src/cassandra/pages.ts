/*
 * Owns reading pages: one statement, prepared, asked page by page with the rows left as bytes, and how many rows to ask
 * for. Does not try again: the caller knows where to go on (the paging state) and whom else to ask.
 */
import driver from "cassandra-driver";
import type { Cluster, Host } from "./cluster.ts";
import { clusterFailure } from "./failure.ts";
import { giveBackFrame } from "./framebuffers.ts";
import { RAW, type RawRows } from "./rawrows.ts";
import type { TokenRange } from "./ring.ts";

const { Long } = driver.types;

export interface Page {
  readonly body: Uint8Array;
  readonly rows: number;
  /** Where the next page begins, as hexadecimal text; null after the last one. */
  readonly next: string | null;
  /** When the server was asked for it, in milliseconds since 1970: its TTLs count from then. */
  readonly askedAt: number;
}

/** Gives the memory of a page back, for others to come: nobody may look at its body any more. */
export function releasePage({ body }: Page): void {
  giveBackFrame(body);
}

/** Bytes a page should have: enough to make a request worth its cost, little enough to hold several. */
const TARGET_PAGE_BYTES = 2 * 1024 * 1024;
/** Nothing is known of the rows' size then: they may have a megabyte each. */
const FIRST_PAGE_ROWS = 10;
const GROWTH = 4;

/**
 * How many rows to ask for: few at first, since nothing is known of their size, then at most fourfold from page to page
 * towards 2 MB, and less at once when rows turn out bigger.
 */
export class PageSizer {
  rows: number;
  #max: number;

  /**
   * @param max the most rows a page may have
   * @param first how many to begin with, where something is known of them
   */
  constructor(max: number, first = FIRST_PAGE_ROWS) {
    this.#max = max;
    this.rows = Math.min(first, max);
  }

  /**
   * After a page of `asked` rows that the server could not give in one: asks for a quarter, and never for so many again.
   * Pages that were under way together fail together, and count once.
   */
  shrink(asked: number): void {
    this.#max = Math.min(this.#max, Math.max(1, Math.floor(asked / GROWTH)));
    this.rows = Math.min(this.rows, this.#max);
  }

  /** Takes note of a page. */
  saw(rows: number, bytes: number): void {
    if (rows === 0) return;
    const wanted = Math.max(1, Math.floor(TARGET_PAGE_BYTES / (bytes / rows)));
    this.rows = Math.min(wanted, this.rows * GROWTH, this.#max);
  }
}

/** Reads the pages of one statement. */
export class PageReader {
  readonly #cluster: Cluster;
  readonly #cql: string;
  readonly #doing: string;

  /** @param doing names the work in errors, e.g. `reading ks.t` */
  constructor(cluster: Cluster, cql: string, doing: string) {
    this.#cluster = cluster;
    this.#cql = cql;
    this.#doing = doing;
  }

  /**
   * Asks one host for one page. `range` gives the statement its two tokens; undefined where it takes none.
   * @throws ClusterError, retryable or not (see isRetryable)
   */
  async fetch(range: TokenRange | undefined, from: string | null, rows: number, host: Host | undefined): Promise<Page> {
    const parameters = range ? [Long.fromString(range.start.toString()), Long.fromString(range.end.toString())] : [];
    const options = {
      prepare: true,
      isIdempotent: true,
      fetchSize: rows,
      consistency: this.#cluster.consistency.code,
      readTimeout: this.#cluster.requestTimeoutMs,
      [RAW]: true,
      ...(from === null ? {} : { pageState: from }),
      ...(host === undefined ? {} : { host }),
    };
    const askedAt = Date.now();
    try {
      const result = await this.#cluster.client.execute(this.#cql, parameters, options);
      const raw = result.rows as unknown as RawRows;
      if (!raw.rawRows) throw new Error("the driver decoded a page that was to stay bytes");
      return { body: raw.body, rows: raw.length, next: result.pageState ?? null, askedAt };
    } catch (error) {
      throw clusterFailure(error, this.#doing);
    }
  }
}

/**
 * Finds the cells of a page: two numbers a cell, its offset in the body and its length (-1: null), column by column, so
 * that cell (row, column) is at (column · rows + row) · 2 (CQL native protocol v4, section 4.2.5.2).
 * @param cells room for rows · columns · 2 numbers
 * @returns the offset behind the last row
 */
export function indexCells(page: Page, columns: number, cells: Int32Array): number {
  const { body, rows } = page;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const step = rows * 2;
  let offset = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0, at = row * 2; column < columns; column++, at += step) {
      const length = view.getInt32(offset);
      offset += 4;
      cells[at] = offset;
      cells[at + 1] = length;
      if (length > 0) offset += length;
    }
  }
  return offset;
}
