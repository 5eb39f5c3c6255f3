/*
 * Owns the messages of Arrow's IPC stream (format version V5): the schema, the frame of a record batch, the end, and
 * reading a schema's key-value metadata. The field numbers are those of Message.fbs and Schema.fbs.
 */
import { open } from "node:fs/promises";
import type { ColumnType, FixedKind } from "../base/column.ts";
import { DataError } from "../base/errors.ts";
import { attempt } from "../base/filefailure.ts";
import { encodeFlatbuffer, type Node, type Scalar, TableReader } from "./flatbuffers.ts";

/** Messages and the buffers in them begin at multiples of so many bytes, as Arrow recommends. */
const ALIGNMENT = 64;
/** Before each message's metadata: this, and the metadata's size. */
const CONTINUATION = 0xffffffff;
const PREFIX = 8;

const VERSION_V5 = 4;
const HEADER = { schema: 1, recordBatch: 3 } as const;

/** What ends a stream. */
export const END_OF_STREAM = prefix(0);

/** A column as the schema names it. */
export interface ArrowColumn {
  readonly name: string;
  readonly type: ColumnType;
}

/** The message that a stream begins with. */
export function schemaMessage(
  columns: readonly ArrowColumn[],
  keyValues: Readonly<Record<string, string>>,
): Uint8Array {
  const fields = vector(columns.map(({ name, type }) => field(name, type, true)));
  return message(HEADER.schema, table(short(0), fields, pairs(keyValues)), 0);
}

/**
 * A record batch as one message.
 * @param nodes of each array in the order of the schema, parents before their children: its length and its nulls
 * @param buffers of all arrays in the same order
 * @param keyValues the message's own metadata
 * @param spare memory of a message before, which is no longer needed: used again where it is enough
 */
export function recordBatchMessage(
  rows: number,
  nodes: readonly number[],
  buffers: readonly Uint8Array[],
  keyValues: Readonly<Record<string, string>> = {},
  spare: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const places: number[] = [];
  let bodyBytes = 0;
  for (const buffer of buffers) {
    places.push(bodyBytes, buffer.length);
    bodyBytes += aligned(buffer.length);
  }
  const header = table(
    long(rows),
    { kind: "structs", width: 2, values: nodes },
    { kind: "structs", width: 2, values: places },
  );
  const head = message(HEADER.recordBatch, header, bodyBytes, keyValues);
  const bytes = head.length + bodyBytes;
  const whole = new Uint8Array(spare.buffer.byteLength >= bytes ? spare.buffer : new ArrayBuffer(bytes), 0, bytes);
  whole.set(head);
  buffers.forEach((buffer, i) => {
    const at = head.length + places[2 * i]!;
    whole.set(buffer, at);
    whole.fill(0, at + buffer.length, at + aligned(buffer.length));
  });
  return whole;
}

/**
 * The key-value metadata in the schema that a file begins with.
 * @throws StorageError; DataError for a file that is no Arrow stream
 */
export async function readSchemaKeyValues(path: string): Promise<ReadonlyMap<string, string>> {
  const file = await attempt("open", path, () => open(path, "r"));
  try {
    const read = async (at: number, length: number) => {
      const { buffer, bytesRead } = await attempt("read", path, () => {
        return file.read(new Uint8Array(length), 0, length, at);
      });
      if (bytesRead < length) throw new RangeError("the file ends in its schema");
      return buffer;
    };
    const view = new DataView((await read(0, PREFIX)).buffer);
    const { size: fileBytes } = await attempt("read", path, () => file.stat());
    const size = view.getUint32(4, true);
    if (view.getUint32(0, true) !== CONTINUATION || size > fileBytes) throw new RangeError("no message begins it");
    const root = TableReader.root(await read(PREFIX, size));
    const schema = root.byte(1) === HEADER.schema ? root.table(2) : undefined;
    if (!schema) throw new RangeError("no schema begins it");
    return new Map(schema.tables(2).map((pair) => [pair.text(0), pair.text(1)]));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new DataError(`${path} is no Arrow stream: ${cause.message}`, { cause });
  } finally {
    await file.close();
  }
}

function message(
  kind: number,
  header: Node,
  bodyBytes: number,
  keyValues: Readonly<Record<string, string>> = {},
): Uint8Array {
  const own = Object.keys(keyValues).length > 0 ? pairs(keyValues) : undefined;
  const metadata = encodeFlatbuffer(table(short(VERSION_V5), byte(kind), header, long(bodyBytes), own));
  const whole = new Uint8Array(aligned(PREFIX + metadata.length));
  whole.set(prefix(whole.length - PREFIX));
  whole.set(metadata, PREFIX);
  return whole;
}

function prefix(metadataBytes: number): Uint8Array {
  const bytes = new Uint8Array(PREFIX);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, CONTINUATION, true);
  view.setUint32(4, metadataBytes, true);
  return bytes;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function field(name: string, type: ColumnType, nullable: boolean): Node {
  const [number, content] = arrowType(type);
  const said = type.kind === "UUID" ? pairs(UUID_EXTENSION) : undefined;
  return table(text(name), byte(nullable ? 1 : 0), byte(number), content, undefined, vector(children(type)), said);
}

function children(type: ColumnType): Node[] {
  switch (type.kind) {
    case "LIST":
      return [field("item", type.child, true)];
    case "MAP": {
      const entry = [field("key", type.key, false), field("value", type.value, true)];
      const [number, content] = STRUCT;
      return [table(text("entries"), byte(0), byte(number), content, undefined, vector(entry))];
    }
    case "STRUCT":
      return type.fields.map(({ name, type: inner }) => field(name, inner, true));
    default:
      return [];
  }
}

/** A member of the union Type: its number and its table. */
type ArrowType = readonly [number: number, content: Node];

const integer = (bits: number): ArrowType => [2, table(int(bits), byte(1))];
const STRUCT: ArrowType = [13, table()];
const UUID_EXTENSION = { "ARROW:extension:name": "arrow.uuid", "ARROW:extension:metadata": "" };

const FIXED: Readonly<Record<FixedKind, ArrowType>> = {
  BOOLEAN: [6, table()],
  TINYINT: integer(8),
  SMALLINT: integer(16),
  INTEGER: integer(32),
  BIGINT: integer(64),
  FLOAT: [3, table(short(1))],
  DOUBLE: [3, table(short(2))],
  // days
  DATE: [8, table(short(0))],
  // nanoseconds
  TIME_NS: [9, table(short(3), int(64))],
  // microseconds
  TIMESTAMPTZ: [10, table(short(2), text("UTC"))],
  UUID: [15, table(int(16))],
};

function arrowType(type: ColumnType): ArrowType {
  switch (type.kind) {
    case "VARCHAR":
      return [5, table()];
    case "BLOB":
      return [4, table()];
    case "DECIMAL":
      return [7, table(int(type.width), int(type.scale), int(128))];
    case "LIST":
      return [12, table()];
    case "MAP":
      return [17, table(byte(0))];
    case "STRUCT":
      return STRUCT;
    default:
      return FIXED[type.kind];
  }
}

function pairs(keyValues: Readonly<Record<string, string>>): Node {
  return vector(Object.entries(keyValues).map(([key, value]) => table(text(key), text(value))));
}

function table(...fields: readonly (Scalar | Node | undefined)[]): Node {
  return { kind: "table", fields };
}

function vector(items: readonly Node[]): Node {
  return { kind: "vector", items };
}

function text(value: string): Node {
  return { kind: "text", text: value };
}

function byte(value: number): Scalar {
  return { bytes: 1, value };
}

function short(value: number): Scalar {
  return { bytes: 2, value };
}

function int(value: number): Scalar {
  return { bytes: 4, value };
}

function long(value: number): Scalar {
  return { bytes: 8, value };
}
