/*
 * Owns reading Arrow's IPC files, as streams or with a footer: their messages one after the other, and the arrays of each
 * record batch as the buffers they are. No value is looked at; what they mean is arrowcolumns.ts's.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { DataError, messageOf } from "../base/errors.ts";
import { storageError } from "../base/filefailure.ts";
import type { ArrowArray } from "./arrowarray.ts";
import { BatchArrays, dictionaryFields } from "./arrowarray.ts";
import { type ArrowField, type ArrowSchema, readSchema } from "./arrowschema.ts";
import { TableReader } from "./flatbuffers.ts";

const CONTINUATION = 0xffffffff;
const PREFIX = 8;
const SCHEMA = 1;
const DICTIONARY = 2;
const BATCH = 3;
/** What a file with a footer begins and ends with. */
const MAGIC = "ARROW1";
const TAIL = 4 + MAGIC.length;
const BLOCK_BYTES = 24;

/** The rows of a record batch, an array for each field of the schema. */
export interface ArrowBatch {
  readonly rows: number;
  readonly arrays: readonly ArrowArray[];
}

interface Message {
  readonly kind: number;
  readonly header: TableReader;
  readonly bodyAt: number;
  readonly bodyBytes: number;
}

/** Where a message stands in a file with a footer. */
type Place = number;

export class ArrowReader {
  readonly path: string;
  readonly schema: ArrowSchema;
  readonly #fd: number;
  readonly #size: number;
  readonly #mostBytes: number;
  /** Of the record batches, in a file with a footer; a stream is read from message to message. */
  readonly #places: readonly Place[] | undefined;
  readonly #fields: ReadonlyMap<number, ArrowField>;
  readonly #dictionaries = new Map<number, ArrowArray[]>();
  readonly #first: number;
  #at = 0;
  #batches = 0;
  #ended: "mark" | "file" | undefined;

  /**
   * @param file where its bytes are
   * @param path as errors name it
   * @param mostBytes that a record batch may take in memory
   * @throws StorageError; DataError for a file that is no Arrow file
   */
  static open(file: string, path: string, mostBytes: number): ArrowReader {
    let fd: number;
    try {
      fd = openSync(file, "r");
    } catch (error) {
      throw storageError("open", path, error);
    }
    try {
      return new ArrowReader(path, fd, mostBytes);
    } catch (error) {
      closeSync(fd);
      if (error instanceof RangeError)
        throw new DataError(`${path} is no Arrow file: ${error.message}`, { cause: error });
      throw error;
    }
  }

  private constructor(path: string, fd: number, mostBytes: number) {
    this.path = path;
    this.#fd = fd;
    this.#mostBytes = mostBytes;
    this.#size = fstatSync(fd).size;
    const hasFooter = this.#size >= MAGIC.length && this.#read(0, MAGIC.length).toString("latin1") === MAGIC;
    if (hasFooter) {
      const footer = this.#footer();
      this.schema = readSchema(present(footer.table(1), "schema"));
      this.#places = places(footer, 3);
      this.#fields = dictionaryFields(this.schema.fields);
      this.#first = 0;
      for (const place of places(footer, 2)) this.#readDictionary(this.#message(place));
    } else {
      const message = this.#message(0);
      if (message?.kind !== SCHEMA) throw new RangeError("no schema begins it");
      this.schema = readSchema(message.header);
      this.#fields = dictionaryFields(this.schema.fields);
      this.#first = this.#at;
    }
  }

  /** Whether the rows ended without the mark that most writers set there, so that some may be missing. */
  get isOpenEnded(): boolean {
    return this.#ended === "file";
  }

  /** Back to the first record batch. */
  rewind(): void {
    this.#batches = 0;
    this.#at = this.#first;
    this.#ended = undefined;
    if (!this.#places) this.#dictionaries.clear();
  }

  /** The next record batch; undefined behind the last. @throws DataError naming the batch that is damaged */
  next(): ArrowBatch | undefined {
    try {
      const batch = this.#places ? this.#placed(this.#places) : this.#streamed();
      if (batch) this.#batches++;
      return batch;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new DataError(`record batch ${this.#batches + 1} of ${this.path} can't be read: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #placed(all: readonly Place[]): ArrowBatch | undefined {
    const place = all[this.#batches];
    return place === undefined ? undefined : this.#readBatch(present(this.#message(place), "message"));
  }

  #streamed(): ArrowBatch | undefined {
    for (;;) {
      if (this.#ended) return undefined;
      const message = this.#at === this.#size ? undefined : this.#message(this.#at);
      if (!message) {
        this.#ended = this.#at === this.#size ? "file" : "mark";
        if (this.#ended === "mark" && this.#at + PREFIX < this.#size)
          throw new RangeError("more bytes stand behind the end of the stream");
      } else if (message.kind === BATCH) return this.#readBatch(message);
      else if (message.kind === DICTIONARY) this.#readDictionary(message);
      else throw new RangeError(`a message of kind ${message.kind} stands in its place`);
    }
  }

  /** The message at a place; undefined for the mark of the end. What stands behind it is next. */
  #message(at: number): Message | undefined {
    const prefix = this.#read(at, PREFIX);
    if (prefix.readUInt32LE(0) !== CONTINUATION) throw new RangeError("no message begins where one should");
    const size = prefix.readUInt32LE(4);
    if (size === 0) return undefined;
    const root = TableReader.root(this.#read(at + PREFIX, size));
    const bodyAt = at + PREFIX + size;
    const bodyBytes = root.long(3);
    if (bodyBytes < 0 || bodyAt + bodyBytes > this.#size) throw new RangeError("the file ends inside of it");
    this.#at = bodyAt + bodyBytes;
    return { kind: root.byte(1), header: present(root.table(2), "header"), bodyAt, bodyBytes };
  }

  #readBatch({ header, ...body }: Message): ArrowBatch {
    return { rows: header.long(0), arrays: this.#arrays(header, body, this.schema.fields) };
  }

  #readDictionary(message: Message | undefined): void {
    const { header, ...body } = present(message, "dictionary");
    const id = header.long(0);
    const field = this.#fields.get(id);
    if (!field) throw new RangeError(`a dictionary ${id} that no column has`);
    const values = this.#arrays(present(header.table(1), "dictionary"), body, [field]);
    const isMore = header.byte(2) !== 0;
    this.#dictionaries.set(id, [...(isMore ? (this.#dictionaries.get(id) ?? []) : []), ...values]);
  }

  #arrays(
    batch: TableReader,
    { bodyAt, bodyBytes }: Pick<Message, "bodyAt" | "bodyBytes">,
    fields: readonly ArrowField[],
  ): ArrowArray[] {
    if (bodyBytes > this.#mostBytes) {
      throw new DataError(
        `${this.path}: a record batch of ${bodyBytes} bytes, and ${this.#mostBytes} may be in memory`,
        {
          hint: "write the file in smaller record batches",
        },
      );
    }
    const arrays = new BatchArrays(batch, this.#read(bodyAt, bodyBytes), this.#dictionaries, this.#mostBytes);
    const rows = batch.long(0);
    return fields.map((field) => {
      const array = arrays.take(field);
      if (array.length !== rows)
        throw new RangeError(`column ${field.name} has ${array.length} rows instead of ${rows}`);
      return array;
    });
  }

  #footer(): TableReader {
    if (this.#size < TAIL + PREFIX) throw new RangeError("the file is too short for its footer");
    const tail = this.#read(this.#size - TAIL, TAIL);
    if (tail.toString("latin1", 4) !== MAGIC) throw new RangeError("its footer is missing: the file is not whole");
    const bytes = tail.readInt32LE(0);
    const at = this.#size - TAIL - bytes;
    if (bytes <= 0 || at < PREFIX) throw new RangeError("its footer is damaged");
    return TableReader.root(this.#read(at, bytes));
  }

  #read(at: number, length: number): Buffer {
    if (at < 0 || length < 0 || at + length > this.#size) throw new RangeError("the file ends inside of it");
    const bytes = Buffer.from(new ArrayBuffer(length));
    for (let done = 0; done < length; ) {
      let read: number;
      try {
        read = readSync(this.#fd, bytes, done, length - done, at + done);
      } catch (error) {
        throw storageError("read", this.path, error);
      }
      if (read === 0) throw new RangeError("it became shorter while it was read");
      done += read;
    }
    return bytes;
  }
}

function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new RangeError(`its ${what} is missing`);
  return value;
}

/** Where the blocks that a footer lists begin. */
function places(footer: TableReader, field: number): Place[] {
  return footer.structs(field, BLOCK_BYTES).map((view) => Number(view.getBigInt64(0, true)));
}
