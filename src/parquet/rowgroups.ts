/*
 * Owns moving the row groups of one file to another place: every offset by one number, and the checks that what they
 * say fits the file they stand in. A footer has no checksum, so whatever can be compared is.
 */
import { CannotConcat, type Footer, MAGIC } from "./footer.ts";
import { type Plan, ThriftReader, ThriftWriter } from "./thrift.ts";

/** Row group ordinals are 16-bit and optional: past this they are left out. */
const MAX_ORDINAL = 32_767;

export interface MovedRowGroups {
  /** The row groups as the new footer is to have them. */
  readonly groups: Uint8Array;
  /** Offset indexes, which hold offsets too; they go right behind the body. */
  readonly indexes: Uint8Array;
  /** What each column chunk must have in common with its column in every other row group. */
  readonly columns: readonly Uint8Array[] | undefined;
}

/** A column chunk as far as it was read. */
interface Chunk {
  dataAt: number;
  dictionaryAt: number;
  bytes: number;
  offsetIndexAt: number;
  type: number;
  /** Names from the schema's root down, as they stand in the footer. */
  path: Uint8Array;
}

const NOTHING = new Uint8Array(0);
const none = (): Chunk => ({ dataAt: 0, dictionaryAt: 0, bytes: 0, offsetIndexAt: 0, type: -1, path: NOTHING });

export class RowGroupMover {
  readonly #path: string;
  readonly #bodyEnd: number;
  readonly #by: number;
  readonly #readIndex: (at: number, length: number) => Uint8Array;
  #ordinal: number;
  readonly #indexes = new ThriftWriter();
  #rows = 0;
  #chunk = none();
  /** The chunks of the row group at hand. */
  #chunks: Chunk[] = [];
  /** Where the chunks of all row groups stand: [from, to). */
  readonly #extents: [number, number][] = [];
  readonly #plan: Plan;

  /** `by` is how far the body moves, `ordinal` the number of the first row group at its new place. */
  constructor(
    path: string,
    bodyEnd: number,
    by: number,
    ordinal: number,
    readIndex: (at: number, length: number) => Uint8Array,
  ) {
    this.#path = path;
    this.#bodyEnd = bodyEnd;
    this.#by = by;
    this.#ordinal = ordinal;
    this.#readIndex = readIndex;
    this.#plan = this.#rowGroupPlan();
  }

  /** Moves all row groups of the footer. `columns` are those of the files before, if any had row groups. */
  move(footer: Footer, columns: readonly Uint8Array[] | undefined): MovedRowGroups {
    const groups = new ThriftWriter();
    let expected = columns;
    for (let i = 0; i < footer.groupCount; i++, this.#ordinal++) {
      groups.copyStruct(footer.groups, { fields: this.#plan });
      const found = this.#chunks.map(({ type, path }) => Buffer.concat([Uint8Array.of(type), path]));
      expected ??= found;
      this.#check(sameColumns(expected, found), `the columns of row group ${i} are not those of the first`);
      this.#chunks = [];
    }
    this.#check(footer.groups.atEnd, "its row groups end before their list");
    this.#check(this.#rows === footer.rows, `its row groups have ${this.#rows} rows, its footer says ${footer.rows}`);
    this.#checkExtents();
    return { groups: groups.bytes(), indexes: this.#indexes.bytes(), columns: expected };
  }

  #rowGroupPlan(): Plan {
    return {
      1: { fields: this.#columnPlan(), end: () => this.#endChunk() },
      3: (rows) => {
        this.#check(rows >= 0, `a row group has ${rows} rows`);
        this.#rows += rows;
        return rows;
      },
      5: (offset) => this.#shift(offset),
      7: () => (this.#ordinal <= MAX_ORDINAL ? this.#ordinal : undefined),
    };
  }

  #columnPlan(): Plan {
    return {
      1: this.#refuse("its pages are in another file"),
      2: (offset) => this.#shift(offset),
      3: { fields: this.#metaDataPlan() },
      4: (at) => {
        this.#chunk.offsetIndexAt = at;
        return this.#bodyEnd + this.#by + this.#indexes.length;
      },
      5: (length) => this.#moveOffsetIndex(length),
      6: (offset) => this.#shift(offset), // column index
      8: this.#refuse("encrypted"),
      9: this.#refuse("encrypted"),
    };
  }

  #metaDataPlan(): Plan {
    const shift = (offset: number) => this.#shift(offset);
    return {
      1: (type) => {
        this.#chunk.type = type;
        return type;
      },
      3: {
        look: (path) => {
          this.#chunk.path = path;
        },
      },
      7: (bytes) => {
        this.#chunk.bytes = bytes;
        return bytes;
      },
      9: (offset) => {
        this.#chunk.dataAt = offset;
        return this.#shift(offset);
      },
      10: shift, // index page
      11: (offset) => {
        this.#chunk.dictionaryAt = offset;
        return this.#shift(offset);
      },
      14: shift, // Bloom filter
    };
  }

  #moveOffsetIndex(length: number): number {
    const at = this.#chunk.offsetIndexAt;
    this.#check(
      length > 0 && at >= MAGIC.length && at + length <= this.#bodyEnd,
      `an offset index (${at}) is outside of its body`,
    );
    const before = this.#indexes.length;
    const locations: Plan = { 1: (offset) => this.#shift(offset) };
    this.#indexes.copyStruct(new ThriftReader(this.#readIndex(at, length)), { fields: { 1: { fields: locations } } });
    return this.#indexes.length - before;
  }

  #endChunk(): void {
    const { dataAt, dictionaryAt, bytes } = this.#chunk;
    const from = dictionaryAt > 0 ? Math.min(dictionaryAt, dataAt) : dataAt;
    this.#check(
      bytes >= 0 && from + bytes <= this.#bodyEnd,
      `a column (${from}, ${bytes} bytes) is outside of its body`,
    );
    if (bytes > 0) this.#extents.push([from, from + bytes]);
    this.#chunks.push(this.#chunk);
    this.#chunk = none();
  }

  /** No two columns share a byte: an offset that was damaged leads into another column, or out of the body. */
  #checkExtents(): void {
    this.#extents.sort(([a], [b]) => a - b);
    let end = MAGIC.length;
    for (const [from, to] of this.#extents) {
      this.#check(from >= end, `two columns share its bytes ${from} to ${end}`);
      end = to;
    }
  }

  #shift(offset: number): number {
    if (offset === 0) return 0; // some writers say "none" so
    this.#check(offset >= MAGIC.length && offset <= this.#bodyEnd, `an offset (${offset}) is outside of its body`);
    return offset + this.#by;
  }

  #refuse(reason: string): () => never {
    return () => {
      throw new CannotConcat(this.#path, reason);
    };
  }

  #check(condition: boolean, what: string): void {
    if (!condition) throw new CannotConcat(this.#path, what);
  }
}

function sameColumns(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((bytes, i) => Buffer.compare(bytes, b[i]!) === 0);
}
