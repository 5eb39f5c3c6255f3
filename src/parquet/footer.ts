/*
 * Owns reading the footer of a Parquet file as its parts, each as the bytes it stands in. Decodes only what putting
 * files together needs: row and row group counts, key-value metadata. Pages are not its business.
 */
import { readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { DataError } from "../base/errors.ts";
import { attempt } from "../base/filefailure.ts";
import { ThriftError, ThriftReader, ThriftWriter, Type } from "./thrift.ts";

export const MAGIC = Buffer.from("PAR1");
/** Ids of the footer's fields. */
export const Field = {
  SCHEMA: 2,
  NUM_ROWS: 3,
  ROW_GROUPS: 4,
  KEY_VALUES: 5,
  ENCRYPTION: 8,
  FOOTER_SIGNING_KEY: 9,
} as const;
/** Ids of a row group's fields. */
const GroupField = { BYTES: 2, ROWS: 3 } as const;
/** The footer's length is an unsigned 32-bit number, but Java and C++ readers hold it in a signed one. */
const MAX_FOOTER = 2 ** 31 - 1;
/** Footer length and magic. */
const TAIL_BYTES = 8;

/** The file can't be appended as it is: re-encode it (COPY … FROM read_parquet) or leave it as a file of its own. */
export class CannotConcat extends DataError {
  override name = "CannotConcat";

  constructor(path: string, reason: string, cause?: unknown) {
    super(`${path}: ${reason}`, { cause });
  }
}

/** A field of the footer: its Thrift type and its bytes. */
export interface Part {
  readonly type: number;
  readonly raw: Uint8Array;
}

export interface Footer {
  /** Where the body (all behind the magic: pages, indexes, Bloom filters) ends and the footer begins. */
  readonly bodyEnd: number;
  readonly rows: number;
  readonly groupCount: number;
  /** Stands at the first of the row groups. */
  readonly groups: ThriftReader;
  readonly keyValues: Part | undefined;
  /** All other fields, by id. */
  readonly rest: ReadonlyMap<number, Part>;
}

export interface FooterSummary {
  readonly rows: number;
  readonly rowGroups: number;
  readonly keyValues: ReadonlyMap<string, string>;
}

/** What a Parquet file says of itself as a whole. CannotConcat if it is none, or is damaged. */
export async function readFooterSummary(path: string): Promise<FooterSummary> {
  return withFile(path, (file) =>
    understanding(path, async () => {
      const { rows, groupCount, keyValues } = await readFooter(file, path);
      return { rows, rowGroups: groupCount, keyValues: decodeKeyValues(keyValues) };
    }),
  );
}

/** A row group as far as sizes go. */
export interface RowGroupSize {
  readonly rows: number;
  /** What its values take before compression. */
  readonly uncompressedBytes: number;
}

/**
 * The row groups of a Parquet file in their order. DuckDB's parquet_metadata() would say it too, but fails on statistics of
 * times that it can't write.
 */
export async function readRowGroups(path: string): Promise<RowGroupSize[]> {
  return withFile(path, (file) =>
    understanding(path, async () => {
      const { groups, groupCount } = await readFooter(file, path);
      return Array.from({ length: groupCount }, () => {
        const sizes = new Map<number, number>();
        for (const { id, type } of groups.fields()) {
          if (type === Type.I64) sizes.set(id, groups.int());
          else groups.raw(type);
        }
        return { rows: sizes.get(GroupField.ROWS) ?? 0, uncompressedBytes: sizes.get(GroupField.BYTES) ?? 0 };
      });
    }),
  );
}

/** A footer as it stands at the end of a file: its fields, their length, and the magic. */
export function encodeFooter(parts: ReadonlyMap<number, Part>, path: string): Uint8Array {
  const footer = new ThriftWriter();
  let last = 0;
  for (const [id, { type, raw }] of [...parts].sort(([a], [b]) => a - b)) {
    footer.field(id, last, type).append(raw);
    last = id;
  }
  const { length } = footer.stop();
  if (length > MAX_FOOTER) throw new CannotConcat(path, `a footer of ${length} bytes is more than readers take`);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(length);
  return footer.append(size).append(MAGIC).bytes();
}

/** Opens a file for reading while `use` runs. */
export async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await attempt("open", path, () => open(path, "r"));
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** Runs `read`; what is wrong with the footer's encoding is a CannotConcat. */
export async function understanding<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ThriftError) throw new CannotConcat(path, `its footer is damaged: ${error.message}`, error);
    throw error;
  }
}

export async function readFooter(file: FileHandle, path: string): Promise<Footer> {
  const { size } = await attempt("read", path, () => file.stat());
  if (size < MAGIC.length + TAIL_BYTES) throw new CannotConcat(path, "too short for a Parquet file");
  const tail = readNow(file, path, size - TAIL_BYTES, TAIL_BYTES);
  if (tail.toString("latin1", 4) === "PARE") throw new CannotConcat(path, "encrypted");
  const bodyEnd = size - TAIL_BYTES - tail.readUInt32LE(0);
  if (
    !tail.subarray(4).equals(MAGIC) ||
    bodyEnd < MAGIC.length ||
    !readNow(file, path, 0, MAGIC.length).equals(MAGIC)
  ) {
    throw new CannotConcat(path, "not a whole Parquet file");
  }
  return parseFooter(readNow(file, path, bodyEnd, size - TAIL_BYTES - bodyEnd), bodyEnd, path);
}

function parseFooter(bytes: Uint8Array, bodyEnd: number, path: string): Footer {
  const reader = new ThriftReader(bytes);
  const parts = new Map<number, Part>();
  for (const { id, type } of reader.fields()) {
    if (id === Field.ENCRYPTION || id === Field.FOOTER_SIGNING_KEY) throw new CannotConcat(path, "encrypted");
    if (parts.has(id)) throw new ThriftError(`field ${id} stands there twice`);
    parts.set(id, { type, raw: reader.raw(type) });
  }
  if (!reader.atEnd) throw new ThriftError("it ends before its length");
  const numRows = take(parts, Field.NUM_ROWS, Type.I64);
  const groups = new ThriftReader(take(parts, Field.ROW_GROUPS, Type.LIST).raw);
  const { type, size } = groups.list();
  if (size > 0 && type !== Type.STRUCT) throw new ThriftError("its row groups are no structs");
  if (!parts.has(Field.SCHEMA)) throw new ThriftError("it has no schema");
  const keyValues = parts.get(Field.KEY_VALUES);
  parts.delete(Field.KEY_VALUES);
  const rows = new ThriftReader(numRows.raw).int();
  if (rows < 0) throw new ThriftError(`it has ${rows} rows`);
  return { bodyEnd, rows, groupCount: size, groups, keyValues, rest: parts };
}

function take(parts: Map<number, Part>, id: number, type: number): Part {
  const part = parts.get(id);
  if (part === undefined || part.type !== type) throw new ThriftError(`field ${id} is missing`);
  parts.delete(id);
  return part;
}

function decodeKeyValues(part: Part | undefined): Map<string, string> {
  const pairs = new Map<string, string>();
  if (part === undefined) return pairs;
  if (part.type !== Type.LIST) throw new ThriftError("its key-value metadata are no list");
  const reader = new ThriftReader(part.raw);
  const { type, size } = reader.list();
  if (size > 0 && type !== Type.STRUCT) throw new ThriftError("its key-value metadata are no structs");
  for (let i = 0; i < size; i++) {
    let key: string | undefined;
    let value = "";
    for (const field of reader.fields()) {
      if (field.type !== Type.BINARY || field.id > 2) reader.raw(field.type);
      else if (field.id === 1) key = text(reader.binary());
      else value = text(reader.binary());
    }
    if (key === undefined) throw new ThriftError("a key of its key-value metadata is missing");
    pairs.set(key, value);
  }
  return pairs;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
}

/** Footers and indexes are read in one go: small, and needed in the middle of synchronous work. */
export function readNow(file: FileHandle, path: string, at: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const read = readSync(file.fd, bytes, done, length - done, at + done);
    if (read === 0) throw new CannotConcat(path, "it became shorter while it was read");
    done += read;
  }
  return bytes;
}
