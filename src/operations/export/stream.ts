/*
 * Owns an export to stdout: segments are written to the stream one by one as they are sealed, through a temporary
 * directory that holds one at a time. Nothing of it lasts, so nothing can be gone on with.
 */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { UsageError } from "../../base/errors.ts";
import { attempt, errorCode, storageError } from "../../base/filefailure.ts";
import type { Frame } from "../../formats/format.ts";
import { readFile } from "../../formats/framed.ts";
import { leafStates } from "../../jobs/job.ts";
import { removeFile, removeTree } from "../../storage/local.ts";
import type { ExportOptions } from "../options.ts";
import type { SegmentRecordOf, SegmentStore } from "./job.ts";

const COPY_BYTES = 1 << 20;

/** The reader of the stream went away (`| head`): nothing more has to be written, and nothing went wrong. */
export class ReaderGone extends Error {
  override name = "ReaderGone";
}

/** @throws UsageError for an option that only makes sense where something stays */
export function checkStreamable(options: ExportOptions): void {
  const flags = {
    resume: "--resume",
    restart: "--restart",
    overwrite: "--overwrite",
    append: "--append",
    rowsPerFile: "--rows-per-file",
    maxFileSize: "--max-file-size",
    partitionBy: "--partition-by",
    sortBy: "--sort-by",
    sql: "--sql",
  } as const;
  for (const [key, flag] of Object.entries(flags) as [keyof typeof flags, string][]) {
    if (!options[key]) continue;
    throw new UsageError(`${flag} can't be had on stdout`, { hint: "leave it out, or name a file or a directory" });
  }
}

/** Takes segments as a job does, and passes their bytes on. */
export class StreamedSegments implements SegmentStore {
  readonly records: SegmentRecordOf[] = [];
  /** Of all that was written. */
  bytes = 0;
  readonly #directory: string;
  readonly #ranges: number;
  readonly #frame: Frame;
  readonly #output: Writable;
  readonly #signal: AbortSignal;
  readonly #buffer = new Uint8Array(COPY_BYTES);
  #isFirst = true;

  private constructor(directory: string, ranges: number, frame: Frame, output: Writable, signal: AbortSignal) {
    this.#directory = directory;
    this.#ranges = ranges;
    this.#frame = frame;
    this.#output = output;
    this.#signal = signal;
  }

  static async create(ranges: number, frame: Frame, output: Writable, signal: AbortSignal): Promise<StreamedSegments> {
    const place = join(tmpdir(), "cqlduck-");
    const directory = await attempt("make a directory for", place, () => mkdtemp(place));
    return new StreamedSegments(directory, ranges, frame, output, signal);
  }

  get nextSegment(): number {
    return this.records.length;
  }

  path(name: string): string {
    return join(this.#directory, name);
  }

  leaves(): ReturnType<SegmentStore["leaves"]> {
    return leafStates(this.#ranges, this.records);
  }

  /** Writes the segment's rows, and forgets them. @throws ReaderGone; StorageError */
  async appendRecord(record: SegmentRecordOf): Promise<void> {
    const path = this.path(record.file);
    if (record.rows > 0) {
      await this.#write(this.#isFirst ? this.#frame.head : this.#frame.between);
      this.#isFirst = false;
      await readFile(path, this.#buffer, (bytes) => this.#write(bytes), this.#signal);
    }
    await removeFile(path);
    this.records.push(record);
  }

  /** Writes what stands behind the last segment. @throws as appendRecord */
  async finish(): Promise<void> {
    if (this.#isFirst) await this.#write(this.#frame.head);
    await this.#write(this.#frame.tail);
  }

  /** What is written can't be taken back: the error that follows has to be enough. */
  async dropRecords(): Promise<void> {}

  close(): Promise<void> {
    return removeTree(this.#directory);
  }

  /** Fulfilled when the stream has passed the bytes on, so that no more than these wait for a slow reader. */
  #write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return Promise.resolve();
    this.bytes += bytes.length;
    return new Promise((resolve, reject) => {
      this.#output.write(bytes, (error) => {
        if (!error) resolve();
        else if (errorCode(error) === "EPIPE") reject(new ReaderGone());
        else reject(storageError("write to", "stdout", error));
      });
    });
  }
}
