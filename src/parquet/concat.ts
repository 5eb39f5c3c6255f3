/*
 * Owns putting Parquet files of one schema together without decoding a page: each source's body (all between its magic
 * and its footer: pages, Bloom filters, page indexes) is copied as one block, so all its offsets move by one number.
 * When to do that, and what becomes of the sources, is the caller's business.
 */

import { type FileHandle, open } from "node:fs/promises";
import { assert } from "../base/errors.ts";
import { attempt } from "../base/filefailure.ts";
import {
  CannotConcat,
  encodeFooter,
  Field,
  type Footer,
  MAGIC,
  type Part,
  readFooter,
  readNow,
  understanding,
  withFile,
} from "./footer.ts";
import { RowGroupMover } from "./rowgroups.ts";
import { ThriftWriter, Type } from "./thrift.ts";

const COPY_BYTES = 1 << 20;
const FIELD_NAMES: Readonly<Record<number, string>> = {
  1: "format version",
  2: "schema",
  6: "writer",
  7: "column orders",
};

/** What is known of all sources since the first. */
interface Common extends Pick<Footer, "keyValues" | "rest"> {
  /** Path and type of each column, as the first row group has them; undefined while there was none. */
  columns: readonly Uint8Array[] | undefined;
}

/** A file in the making. */
export class ParquetConcat {
  readonly path: string;
  rows = 0;
  rowGroups = 0;
  readonly #out: FileHandle;
  #open = true;
  #end = MAGIC.length;
  readonly #groups = new ThriftWriter();
  /** One for all sources: one each is garbage faster than it is collected. */
  readonly #buffer = Buffer.allocUnsafe(COPY_BYTES);
  #common: Common | undefined;
  #keyValuesDiffer = false;

  private constructor(path: string, out: FileHandle) {
    this.path = path;
    this.#out = out;
  }

  /** Creates the file, which must not exist. It is a Parquet file only after finish(). */
  static async create(path: string): Promise<ParquetConcat> {
    const out = await attempt("make", path, () => open(path, "wx"));
    const concat = new ParquetConcat(path, out);
    try {
      await concat.#write(MAGIC, 0);
      return concat;
    } catch (error) {
      await concat.close();
      throw error;
    }
  }

  /** Appends all rows of a file. CannotConcat if that can't be done as it is: the caller can go on without it. */
  async append(path: string): Promise<void> {
    await withFile(path, (source) =>
      understanding(path, async () => {
        const footer = await readFooter(source, path);
        this.#compareWithCommon(footer, path);
        const by = this.#end - MAGIC.length;
        const readIndex = (at: number, length: number) => readNow(source, path, at, length);
        const mover = new RowGroupMover(path, footer.bodyEnd, by, this.rowGroups, readIndex);
        const moved = mover.move(footer, this.#common?.columns);
        if (footer.groupCount > 0) {
          // Nothing is counted before all is written: what a failure leaves is overwritten or cut off.
          await this.#copyBody(source, path, footer.bodyEnd);
          await this.#write(moved.indexes, footer.bodyEnd + by);
          this.#end = footer.bodyEnd + by + moved.indexes.length;
          this.#groups.append(moved.groups);
        }
        this.#common ??= { keyValues: copied(footer.keyValues), rest: copiedAll(footer.rest), columns: undefined };
        this.#common.columns ??= moved.columns;
        this.#keyValuesDiffer ||= !same(this.#common.keyValues, footer.keyValues);
        this.rows += footer.rows;
        this.rowGroups += footer.groupCount;
      }),
    );
  }

  /**
   * Writes the footer, makes the file durable (its name is the caller's) and closes it. Without keyValues the sources'
   * are kept, which must then be the same in all.
   */
  async finish(keyValues?: ReadonlyMap<string, string>): Promise<void> {
    assert(this.#common !== undefined, `files were appended to ${this.path}`);
    assert(
      keyValues !== undefined || !this.#keyValuesDiffer,
      `the sources of ${this.path} have the same key-value metadata`,
    );
    const parts = new Map(this.#common.rest);
    const pairs =
      keyValues === undefined ? this.#common.keyValues : { type: Type.LIST, raw: encodeKeyValues(keyValues) };
    if (pairs !== undefined) parts.set(Field.KEY_VALUES, pairs);
    parts.set(Field.NUM_ROWS, { type: Type.I64, raw: new ThriftWriter().int(this.rows).bytes() });
    const groups = new ThriftWriter().list(Type.STRUCT, this.rowGroups).append(this.#groups.bytes());
    parts.set(Field.ROW_GROUPS, { type: Type.LIST, raw: groups.bytes() });
    const footer = encodeFooter(parts, this.path);
    await this.#write(footer, this.#end);
    await attempt("write", this.path, async () => {
      await this.#out.truncate(this.#end + footer.length);
      await this.#out.sync();
    });
    await this.close();
  }

  /** Lets go of the file, finished or not: a handle left to the garbage collector ends the process under Bun. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await attempt("close", this.path, () => this.#out.close());
  }

  /** All that a footer says of its file as a whole must be the same, byte for byte; only key-value metadata may differ. */
  #compareWithCommon({ rest }: Footer, path: string): void {
    if (this.#common === undefined) return;
    for (const id of new Set([...this.#common.rest.keys(), ...rest.keys()])) {
      if (same(this.#common.rest.get(id), rest.get(id))) continue;
      throw new CannotConcat(path, `its ${FIELD_NAMES[id] ?? `footer field ${id}`} is not that of the first file`);
    }
  }

  async #copyBody(source: FileHandle, path: string, bodyEnd: number): Promise<void> {
    const buffer = this.#buffer;
    for (let at = MAGIC.length; at < bodyEnd; ) {
      const length = Math.min(COPY_BYTES, bodyEnd - at);
      const { bytesRead } = await attempt("read", path, () => source.read(buffer, 0, length, at));
      if (bytesRead === 0) throw new CannotConcat(path, "it became shorter while it was copied");
      await this.#write(buffer.subarray(0, bytesRead), this.#end + at - MAGIC.length);
      at += bytesRead;
    }
  }

  async #write(bytes: Uint8Array, at: number): Promise<void> {
    await attempt("write", this.path, async () => {
      for (let done = 0; done < bytes.length; ) {
        done += (await this.#out.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
      }
    });
  }
}

function encodeKeyValues(pairs: ReadonlyMap<string, string>): Uint8Array {
  const list = new ThriftWriter().list(Type.STRUCT, pairs.size);
  for (const [key, value] of pairs) {
    list.field(1, 0, Type.BINARY).binary(Buffer.from(key)).field(2, 1, Type.BINARY).binary(Buffer.from(value)).stop();
  }
  return list.bytes();
}

function same(a: Part | undefined, b: Part | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.type === b.type && Buffer.compare(a.raw, b.raw) === 0);
}

/** A part of its own: a view would keep the whole footer it is from. */
function copied(part: Part): Part;
function copied(part: Part | undefined): Part | undefined;
function copied(part: Part | undefined): Part | undefined {
  return part && { type: part.type, raw: part.raw.slice() };
}

function copiedAll(parts: ReadonlyMap<number, Part>): Map<number, Part> {
  return new Map([...parts].map(([id, part]) => [id, copied(part)]));
}
