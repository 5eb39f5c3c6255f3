/*
 * Owns cutting rows into files: how many rows a file gets so that it keeps to its limits, which takes writing pieces and
 * looking at how big they became. Which rows these are, and what is recorded of the files, is the caller's.
 */
import { assert } from "../../base/errors.ts";
import type { Connection } from "../../duckdb/engine.ts";
import type { Trimmer } from "../../duckdb/trim.ts";
import type { FileFormat, Piece } from "../../formats/format.ts";
import { faultPoint } from "../../jobs/faults.ts";
import { type ArrangedFile, outputName, pieceName } from "../../jobs/job.ts";
import type { ArrangingMeter } from "../../jobs/progress.ts";
import { removeFile, rename, statusOf } from "../../storage/local.ts";
import type { ArrangedFlags, ExportJob } from "./job.ts";

/** Rows one after the other that make files of their own: those of a partition, or all. */
export interface RowRun {
  readonly rows: number;
  /** What stands behind FROM for so many rows from a place on. Always the same rows for the same numbers. */
  from(at: number, count: number): string;
  readonly partition: string | undefined;
  readonly keyValues: Readonly<Record<string, string>> | undefined;
}

export interface CutLimits {
  /** The most rows of a file. */
  readonly rows: number;
  /** What a file should have of bytes. */
  readonly bytes: number;
  /** The most rows that may be written at once. */
  readonly pieceRows: number;
  /** What a row is thought to take before any was written. */
  readonly rowBytes: number;
}

export interface CutterParts {
  readonly job: ExportJob;
  readonly format: FileFormat;
  readonly connection: Connection;
  readonly trimmer: Trimmer;
  readonly signal: AbortSignal;
  readonly meter: ArrangingMeter;
  readonly limits: CutLimits;
  readonly expressions: readonly string[];
  readonly exactFloats: boolean;
}

/** A piece that was written, with its size. */
interface SizedPiece extends Piece {
  readonly bytes: number;
}

/** A file may have so much more than its limit, and is full when it lacks no more than `FULL`. */
export const TOLERANCE = 1.1;
const FULL = 0.93;
/** Of the room in a new file the first piece is to take so much; the rest is cut by what its rows took. */
const FIRST_SHARE = 0.7;
/** A piece that became too big is written again with somewhat fewer rows than would fit. */
const AGAIN_SHARE = 0.95;

export class Cutter {
  readonly #parts: CutterParts;
  #rowBytes: number;
  #pieces = 0;
  /** What a piece takes besides its rows, which its file has only once; undefined while nobody asked. */
  #overhead: number | undefined;

  constructor(parts: CutterParts) {
    this.#parts = parts;
    this.#rowBytes = parts.limits.rowBytes;
  }

  /**
   * Makes one file of the rows from a place on, as many as its limits allow.
   * @param number of the file, among all that were arranged
   */
  async file(run: RowRun, at: number, number: number): Promise<ArrangedFile<ArrangedFlags>> {
    const { limits } = this.#parts;
    const pieces: SizedPiece[] = [];
    let rows = 0;
    let bytes = 0;
    do {
      const most = Math.min(run.rows - at - rows, limits.rows - rows, limits.pieceRows);
      const piece = await this.#fitting(run, at + rows, most, bytes);
      if (!piece) break;
      pieces.push(piece);
      rows += piece.rows;
      bytes += piece.bytes - (pieces.length > 1 ? (this.#overhead ?? 0) : 0);
    } while (at + rows < run.rows && rows < limits.rows && bytes < limits.bytes * FULL);
    const file = await this.#together(pieces, rows, run.partition, outputName(number));
    this.#parts.meter.add(rows, 1);
    await this.#parts.trimmer.trim();
    return file;
  }

  /** A piece that the file has room for behind `bytes`; undefined where not even one row fits. A new file takes any row. */
  async #fitting(run: RowRun, at: number, most: number, bytes: number): Promise<SizedPiece | undefined> {
    const { limits } = this.#parts;
    const isNew = bytes === 0;
    let count = most;
    if (limits.bytes < Number.POSITIVE_INFINITY && most > 0) {
      this.#overhead ??= await this.#measureOverhead(run);
      const fitting = Math.floor((limits.bytes - bytes) / this.#rowBytes);
      if (fitting < most) count = Math.max(1, Math.floor(fitting * (isNew ? FIRST_SHARE : 1)));
    }
    for (;;) {
      const piece = await this.#write(run, at, count);
      const added = piece.bytes - (isNew ? 0 : (this.#overhead ?? 0));
      if (bytes + added <= limits.bytes * TOLERANCE || (isNew && count <= 1)) return piece;
      await removeFile(piece.path);
      if (count === 1) return undefined;
      const share = Math.max(0, (limits.bytes - bytes) / added) * AGAIN_SHARE;
      count = Math.max(1, Math.min(count - 1, Math.floor(count * share)));
    }
  }

  async #write(run: RowRun, at: number, count: number): Promise<SizedPiece> {
    const { job, format, connection, signal, expressions, exactFloats } = this.#parts;
    signal.throwIfAborted();
    const path = job.path(pieceName(this.#pieces++));
    const { keyValues } = run;
    const rows = { from: run.from(at, count), expressions, exactFloats, keyValues };
    const written = await format.writePiece(connection, rows, path);
    assert(written === count, `${path} has ${written} rows of ${count}`);
    faultPoint("piece-written");
    const bytes = (await statusOf(path))?.bytes ?? 0;
    if (count > 0) this.#rowBytes = Math.max(0.001, (bytes - (this.#overhead ?? 0)) / count);
    return { path, rows: count, bytes };
  }

  async #measureOverhead(run: RowRun): Promise<number> {
    const { path, bytes } = await this.#write(run, 0, 0);
    await removeFile(path);
    return bytes;
  }

  async #together(
    pieces: readonly SizedPiece[],
    rows: number,
    partition: string | undefined,
    file: string,
  ): Promise<ArrangedFile<ArrangedFlags>> {
    const { job, format, signal } = this.#parts;
    const path = job.path(file);
    const [only] = pieces;
    if (only && pieces.length === 1 && format.piecesAreFiles) {
      await rename(only.path, path);
    } else {
      await format.join(pieces, path, signal);
      for (const piece of pieces) await removeFile(piece.path);
    }
    const bytes = (await statusOf(path))?.bytes ?? 0;
    return { file, rows, bytes, flags: { partition } };
  }
}
