/*
 * Owns the segments of an import: stretches of source rows that end when every row of them was acknowledged or rejected,
 * and are recorded one after the other. The next one is already on its way meanwhile.
 */
import { DataError } from "../../base/errors.ts";
import type { RowRejection } from "../../cassandra/dispatch.ts";
import { type Stretch, segmentName } from "../../jobs/job.ts";
import { writeDurably } from "../../storage/local.ts";
import { type ImportJob, placeText } from "./job.ts";

/** A row of the source that was not written. */
export interface RejectedRow {
  /** The number of the part. */
  readonly part: number;
  /** From 0, in the part. */
  readonly row: number;
  /** In the file; undefined where no column by itself is at fault. */
  readonly column: string | undefined;
  readonly reason: string;
  /** In the place of a row. */
  readonly malformed?: MalformedLine;
}

/** A line of a text file that is no row. */
export interface MalformedLine {
  /** From 1, in the file. */
  readonly line: number;
  readonly text: string | null;
  readonly reason: string;
}

/** Rows of a part that the writer has been given, or that are not wanted. */
export interface Advance {
  readonly part: number;
  /** Where the part was left before. */
  readonly from: number;
  /** The first row that is still to come. */
  readonly end: number;
  /** The part has no more rows, or none that is wanted. */
  readonly isLast: boolean;
  /** How many of the rows were handed over. */
  readonly rows: number;
  /** Of their cells. */
  readonly bytes: number;
}

interface Segment {
  readonly stretches: Stretch[];
  /** Of each stretch. */
  readonly ends: number[];
  readonly pending: Promise<void>[];
  readonly rejected: RejectedRow[];
  /** Part, and row or line, of these. */
  readonly known: Set<string>;
  existing: number;
  /** Values that had expired, and rows that had no others. */
  expired: number;
  gone: number;
  blank: number;
  rows: number;
  bytes: number;
  readonly from: Date;
}

export interface SegmentOptions {
  readonly job: ImportJob;
  /** A segment ends at so many rows, or bytes of cells. */
  readonly rows: number;
  readonly bytes: number;
  /** Nothing of the next segment is sent before the one before is recorded. */
  readonly alone: boolean;
  /** More rejected rows end the import; -1: no limit. */
  readonly maxErrors: number;
  /** The lines that the file of bad rows gets. */
  describe(rows: readonly RejectedRow[]): Promise<string>;
  onRecord(): void;
  onReject(row: RejectedRow): void;
}

/** Takes what became of rows. */
export type RowFates = Pick<ImportSegments, "sent" | "reject" | "blank" | "expired">;

export class ImportSegments {
  readonly #options: SegmentOptions;
  #open = begin();
  #number: number;
  #recording: Promise<void> = Promise.resolve();
  #rejected: number;

  constructor(options: SegmentOptions) {
    this.#options = options;
    this.#number = options.job.nextSegment;
    this.#rejected = options.job.records.reduce((sum, record) => sum + record.flags.rejected, 0);
  }

  /** Rows rejected so far, also by the processes before. */
  get rejected(): number {
    return this.#rejected;
  }

  /** Whether so many rows more may be rejected. */
  allows(more: number): boolean {
    const { maxErrors } = this.#options;
    return maxErrors < 0 || this.#rejected + more <= maxErrors;
  }

  reject(row: RejectedRow): void {
    this.#reject(this.#open, row);
  }

  /** A place of the source that holds no row, as an empty line. */
  blank(): void {
    this.#open.blank++;
  }

  /** Values were left out since they have expired; `rows` had no others. */
  expired(values: number, rows: number): void {
    this.#open.expired += values;
    this.#open.gone += rows;
  }

  /** Rows that the writer has; `rowOf` gives the place in the part of a row of the block. */
  sent(result: Promise<RowRejection[]>, part: number, rowOf: (row: number) => number): void {
    const segment = this.#open;
    const done = result.then((rejections) => {
      for (const { row, kind, reason } of rejections) {
        if (kind === "not applied") segment.existing++;
        else this.#reject(segment, { part, row: rowOf(row), column: undefined, reason: reasonOf(kind, reason) });
      }
    });
    // Told when the segment ends.
    done.catch(() => undefined);
    segment.pending.push(done);
  }

  /**
   * More rows of a part have been handed over.
   * @throws DataError when more rows were rejected than may be; what ended the writing
   */
  async advance({ part, from, end, isLast, rows, bytes }: Advance): Promise<void> {
    const { stretches, ends } = this.#open;
    const last = stretches.at(-1);
    const to = isLast ? null : placeText(end);
    if (last?.range === part) {
      stretches[stretches.length - 1] = { ...last, to };
      ends[stretches.length - 1] = end;
    } else {
      stretches.push({ range: part, from: from === 0 ? null : placeText(from), to });
      ends.push(end);
    }
    this.#open.rows += rows;
    this.#open.bytes += bytes;
    this.#checkErrors();
    if (this.#open.rows >= this.#options.rows || this.#open.bytes >= this.#options.bytes) await this.seal();
  }

  /** Ends the open segment; it is recorded when its last row was answered. Waits for the segment before. */
  async seal(): Promise<void> {
    if (this.#open.stretches.length === 0) return;
    const segment = this.#open;
    this.#open = begin();
    await this.#recording;
    this.#recording = this.#record(segment);
    this.#recording.catch(() => undefined);
    if (this.#options.alone) await this.#recording;
  }

  /** Records all that was handed over. */
  async finish(): Promise<void> {
    await this.seal();
    await this.#recording;
    this.#checkErrors();
  }

  #checkErrors(): void {
    const { maxErrors } = this.#options;
    if (this.allows(0)) return;
    throw new DataError(`${this.#rejected} rows were rejected, and --max-errors allows ${maxErrors}`, {
      hint: "look at the reasons, then go on with a higher --max-errors, or -1 for no limit",
    });
  }

  #reject(segment: Segment, row: RejectedRow): void {
    // A row may be refused in several writes. Lines that are malformed stand at no row.
    const known = row.malformed ? `${row.part} line ${row.malformed.line}` : `${row.part} ${row.row}`;
    if (segment.known.has(known)) return;
    segment.known.add(known);
    this.#rejected++;
    segment.rejected.push(row);
    this.#options.onReject(row);
  }

  async #record(segment: Segment): Promise<void> {
    await Promise.all(segment.pending);
    const { job, describe, onRecord } = this.#options;
    const { stretches, ends, rejected, existing, expired, blank, gone, rows, from } = segment;
    rejected.sort((a, b) => a.part - b.part || a.row - b.row);
    const number = this.#number++;
    const file = segmentName(number);
    const text = rejected.length ? await describe(rejected) : "";
    await writeDurably(job.path(file), text);
    await job.appendRecord({
      segment: number,
      stretches,
      file,
      rows: rows - blank - gone - rejected.length - existing,
      bytes: Buffer.byteLength(text),
      flags: { ends, rejected: rejected.length, existing, expired },
      readFrom: from.toISOString(),
      readTo: new Date().toISOString(),
    });
    onRecord();
  }
}

function begin(): Segment {
  return {
    stretches: [],
    ends: [],
    pending: [],
    rejected: [],
    known: new Set(),
    existing: 0,
    expired: 0,
    gone: 0,
    blank: 0,
    rows: 0,
    bytes: 0,
    from: new Date(),
  };
}

function reasonOf(kind: RowRejection["kind"], reason: string): string {
  return kind === "in doubt" ? `nobody knows whether it was written: ${reason}` : reason;
}
