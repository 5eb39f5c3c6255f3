/*
 * Owns reading the rows of a part in their order, and what is told where that fails: a Parquet file that is damaged gives
 * all rows before its damaged row group, which is named.
 */
import { assert, CqlduckError, DataError, messageOf } from "../../base/errors.ts";
import type { Connection } from "../../duckdb/engine.ts";
import { Scan, type ScanChunk } from "../../duckdb/scan.ts";
import { readRowGroups } from "../../parquet/footer.ts";
import { withNeededMemory } from "./memory.ts";
import { type ImportPart, partQuery } from "./parts.ts";
import { isUnreadable } from "./source.ts";

/** A row group by its number, from 1, with its rows. */
interface RowGroup {
  readonly number: number;
  readonly first: number;
  readonly end: number;
}

export class PartScan {
  readonly #connection: Connection;
  readonly #part: ImportPart;
  /** The next row. */
  #row: number;
  #scan: Scan | undefined;
  /** Those still to be read one by one, once reading them together has failed; the first of them is being read. */
  #groups: RowGroup[] | undefined;

  private constructor(connection: Connection, part: ImportPart, from: number) {
    this.#connection = connection;
    this.#part = part;
    this.#row = from;
  }

  /** @throws as next() */
  static async open(connection: Connection, part: ImportPart, from: number): Promise<PartScan> {
    const opened = new PartScan(connection, part, from);
    try {
      opened.#scan = await openScan(connection, part, from);
    } catch (error) {
      await opened.#recover(error);
    }
    return opened;
  }

  /** The running scan, whose columns the chunks are in. */
  get scan(): Scan {
    assert(this.#scan, "a part that is open has a scan");
    return this.#scan;
  }

  /** The next rows; undefined behind the last. @throws DataError naming the file, and its row group */
  async next(): Promise<ScanChunk | undefined> {
    for (;;) {
      try {
        const chunk = await this.scan.next();
        this.#row += chunk?.rows ?? 0;
        if (chunk || !this.#groups) return chunk;
        this.#groups.shift();
        if (this.#groups.length === 0) return undefined;
        await this.#openGroup();
      } catch (error) {
        await this.#recover(error);
      }
    }
  }

  settle(): Promise<void> {
    return this.scan.settle();
  }

  /** DuckDB reads ahead: what fails may lie behind rows that are good. They are read row group by row group. */
  async #recover(error: unknown): Promise<void> {
    const { source } = this.#part;
    if (!isDamage(error)) throw await withNeededMemory(source, error);
    if (this.#groups) throw damagedGroup(source.path, this.#groups[0]!, error);
    if (source.file?.format !== "parquet" || source.rowNumber === undefined) throw damagedFile(source.path, error);
    const all = await numberedGroups(source.file.content);
    this.#groups = all.filter(({ end }) => end > this.#row);
    if (this.#groups.length === 0) throw damagedFile(source.path, error);
    await this.#openGroup().catch((again: unknown) => {
      throw isDamage(again) ? damagedGroup(source.path, this.#groups![0]!, again) : again;
    });
  }

  async #openGroup(): Promise<void> {
    this.#scan = await openScan(this.#connection, this.#part, this.#row, this.#groups![0]!.end);
  }
}

function openScan(connection: Connection, part: ImportPart, from: number, end?: number): Promise<Scan> {
  return Scan.open(connection, partQuery(part, from, end), `reading ${part.source.path}`);
}

/** Whether what DuckDB says may be the file's fault. */
function isDamage(error: unknown): boolean {
  return error instanceof DataError || isUnreadable(error);
}

function damagedGroup(path: string, { number, first, end }: RowGroup, cause: unknown): DataError {
  const rows = `rows ${first + 1} to ${end}`;
  return new DataError(`row group ${number} of ${path} (${rows}) can't be read: ${messageOf(cause)}`, {
    cause,
    hint: HINT,
  });
}

function damagedFile(path: string, cause: unknown): unknown {
  if (cause instanceof CqlduckError) return cause;
  return new DataError(`${path} can't be read: ${messageOf(cause)}`, { cause, hint: HINT });
}

const HINT = "what stands before it was written; replace the file by a whole one, and say --restart";

async function numberedGroups(path: string): Promise<RowGroup[]> {
  let end = 0;
  return (await readRowGroups(path)).map(({ rows }, i) => {
    const first = end;
    end += rows;
    return { number: i + 1, first, end };
  });
}
