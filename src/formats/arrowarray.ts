/*
 * Owns the arrays of a record batch of Arrow's as the buffers they are: which belong to which field, whether they are
 * compressed, and that they are as long as their rows need. Knows no value.
 */
import * as zlib from "node:zlib";
import { DataError } from "../base/errors.ts";
import type { ArrowField, ArrowType } from "./arrowschema.ts";
import type { TableReader } from "./flatbuffers.ts";
import { decompressLz4 } from "./lz4.ts";

/** One array with those that are nested in it. */
export interface ArrowArray {
  readonly length: number;
  /** A bit a value, 1 = not NULL; undefined where none is. */
  readonly valid: Uint8Array | undefined;
  /** All but the first, which has the NULLs. */
  readonly buffers: readonly DataView[];
  readonly children: readonly ArrowArray[];
  /** What its values are numbers in, one array behind the other. */
  readonly dictionary: readonly ArrowArray[] | undefined;
}

const NO_COMPRESSION = -1;
const CODEC = ["LZ4", "zstd"] as const;

/** The fields whose values dictionaries hold, by the dictionaries' numbers; without the numbers themselves. */
export function dictionaryFields(fields: readonly ArrowField[]): Map<number, ArrowField> {
  const found = new Map<number, ArrowField>();
  const walk = (field: ArrowField) => {
    if (field.dictionary) found.set(field.dictionary.id, { ...field, dictionary: undefined });
    field.children.forEach(walk);
  };
  fields.forEach(walk);
  return found;
}

/** Hands out the arrays of one batch, field by field. Damaged ones throw a RangeError. */
export class BatchArrays {
  readonly #body: Uint8Array;
  readonly #nodes: readonly number[];
  readonly #places: readonly number[];
  readonly #codec: number | undefined;
  readonly #variadic: readonly number[];
  readonly #dictionaries: ReadonlyMap<number, readonly ArrowArray[]>;
  readonly #mostBytes: number;
  #node = 0;
  #buffer = 0;
  #counts = 0;
  #bytes = 0;

  /** @param mostBytes that its buffers may come to, decompressed */
  constructor(
    batch: TableReader,
    body: Uint8Array,
    dictionaries: ReadonlyMap<number, readonly ArrowArray[]>,
    mostBytes: number,
  ) {
    this.#body = body;
    this.#nodes = batch.longs(1, 2);
    this.#places = batch.longs(2, 2);
    this.#codec = batch.table(3)?.byte(0);
    this.#variadic = batch.longs(4, 1);
    this.#dictionaries = dictionaries;
    this.#mostBytes = mostBytes;
  }

  take(field: ArrowField): ArrowArray {
    const length = this.#nodes[this.#node * 2] ?? -1;
    const nulls = this.#nodes[this.#node * 2 + 1] ?? 0;
    this.#node++;
    if (length < 0) throw new RangeError(`column ${field.name} is missing`);
    const { dictionary } = field;
    const type = dictionary ? dictionary.index : field.type;
    if (type.kind === "other") {
      for (let i = 0; i < type.buffers; i++) this.#next();
      return { length, valid: undefined, buffers: [], children: this.#children(field), dictionary: undefined };
    }
    const valid = type.kind === "null" ? undefined : this.#validity(length, nulls);
    const buffers = this.#buffersOf(type, length);
    const children = dictionary ? [] : this.#children(field);
    const values = dictionary && (this.#dictionaries.get(dictionary.id) ?? []);
    return { length, valid, buffers, children, dictionary: values };
  }

  #children({ children }: ArrowField): ArrowArray[] {
    return children.map((child) => this.take(child));
  }

  #validity(length: number, nulls: number): Uint8Array | undefined {
    const { buffer, byteOffset, byteLength } = this.#next();
    if (nulls === 0) return undefined;
    if (byteLength * 8 < length) throw new RangeError("a list of NULLs that is too short");
    return new Uint8Array(buffer, byteOffset, byteLength);
  }

  #buffersOf(type: ArrowType, length: number): DataView[] {
    const sized = (bytes: number) => {
      const view = this.#next();
      if (view.byteLength < bytes) throw new RangeError("values that are fewer than their rows");
      return view;
    };
    switch (type.kind) {
      case "utf8":
      case "binary":
        return [sized(offsetsBytes(length, type.large)), this.#next()];
      case "list":
        return [sized(offsetsBytes(length, type.large))];
      case "map":
        return [sized(offsetsBytes(length, false))];
      case "listview":
        return [sized(length * (type.large ? 8 : 4)), sized(length * (type.large ? 8 : 4))];
      case "view":
      case "binaryview": {
        const views = sized(length * 16);
        const count = this.#variadic[this.#counts++] ?? 0;
        return [views, ...Array.from({ length: count }, () => this.#next())];
      }
      default: {
        const bits = bitsOf(type);
        return bits === 0 ? [] : [sized(Math.ceil((length * bits) / 8))];
      }
    }
  }

  /** The next buffer, decompressed. */
  #next(): DataView {
    const at = this.#places[this.#buffer * 2];
    const length = this.#places[this.#buffer * 2 + 1];
    this.#buffer++;
    if (at === undefined || length === undefined) throw new RangeError("a buffer is missing");
    if (at < 0 || length < 0 || at + length > this.#body.length) throw new RangeError("a buffer lies outside of it");
    const bytes = this.#body.subarray(at, at + length);
    return viewOf(this.#codec === undefined || length === 0 ? bytes : this.#decompressed(bytes, this.#codec));
  }

  #decompressed(bytes: Uint8Array, codec: number): Uint8Array {
    const size = Number(viewOf(bytes).getBigInt64(0, true));
    const rest = bytes.subarray(8);
    if (size === NO_COMPRESSION) return rest;
    this.#bytes += size;
    if (size < 0 || this.#bytes > this.#mostBytes) {
      throw new RangeError(`its buffers say they are ${this.#bytes} bytes, and ${this.#mostBytes} may be in memory`);
    }
    if (CODEC[codec] === "LZ4") return decompressLz4(rest, size);
    if (CODEC[codec] !== "zstd") throw new RangeError(`a compression ${codec} that nobody knows`);
    return decompressZstd(rest, size);
  }
}

/** Newer than the oldest Node that runs this. */
type Zstd = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;

function decompressZstd(bytes: Uint8Array, size: number): Uint8Array {
  const decompress = (zlib as unknown as { readonly zstdDecompressSync?: Zstd }).zstdDecompressSync;
  if (!decompress) {
    throw new DataError("Arrow files compressed with zstd can't be read by this version of Node", {
      hint: "use the binary of cqlduck or Node 22.15, or write the file with lz4 or without compression",
    });
  }
  let found: Uint8Array;
  try {
    found = decompress(bytes, { maxOutputLength: Math.max(1, size) });
  } catch (error) {
    throw new RangeError("a buffer that is no zstd", { cause: error });
  }
  if (found.length !== size) throw new RangeError(`a buffer of ${found.length} bytes instead of ${size}`);
  return found;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Some writers leave the offsets of no rows out. */
function offsetsBytes(length: number, large: boolean): number {
  return length === 0 ? 0 : (length + 1) * (large ? 8 : 4);
}

function bitsOf(type: ArrowType): number {
  switch (type.kind) {
    case "boolean":
      return 1;
    case "int":
    case "float":
    case "decimal":
    case "time":
      return type.bits;
    case "fixedbinary":
      return type.width * 8;
    case "date":
      return type.unit === "day" ? 32 : 64;
    case "timestamp":
      return 64;
    default:
      return 0;
  }
}
