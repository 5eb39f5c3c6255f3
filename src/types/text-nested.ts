/*
 * Owns reading from JSON the types that hold others: list, set, map, tuple, user-defined types, vector. Values are
 * written where they belong as they are met; only the fields of a user-defined type, which come in any order, wait.
 */
import { Buffer } from "node:buffer";
import { copyBytes } from "./cells.ts";
import { CellWriter, ValueError } from "./codec.ts";
import { asciiText } from "./digits.ts";
import { CLOSE_ARRAY, CLOSE_OBJECT, type JsonReader, NULL, OPEN_ARRAY, OPEN_OBJECT, STRING } from "./json.ts";
import { type ReadJson, type ReadWhole, type TextReader, wholeReader } from "./text-reader.ts";
import { writeUnsigned } from "./vint.ts";

/** Writes one value behind its length, as [bytes] of the protocol. @returns false if it is null */
function writeSized(read: ReadJson, from: JsonReader, out: CellWriter): boolean {
  const at = out.length;
  out.reserve(4);
  out.length = at + 4;
  const isThere = read(from, out);
  out.view.setInt32(at, isThere ? out.length - at - 4 : -1);
  return isThere;
}

function noNull(where: string): ValueError {
  return new ValueError(0, `a null inside a ${where}, which CQL doesn't have`);
}

/** The error as it is thrown by what holds the value. */
function placed(error: unknown, where: string): unknown {
  return error instanceof ValueError ? new ValueError(error.row, `${where}: ${error.message}`, error.hint) : error;
}

/** list and set: an array. `nulls` says that elements may be null. */
export function listReader(name: string, element: TextReader, nulls = false): TextReader {
  return {
    json(from, out) {
      if (from.token === NULL) return false;
      if (from.token !== OPEN_ARRAY) throw from.wrong(`the '[' of a ${name}`);
      const at = out.length;
      out.reserve(4);
      out.length = at + 4;
      let count = 0;
      try {
        for (let more = from.enter(CLOSE_ARRAY); more; more = from.goOn(CLOSE_ARRAY)) {
          if (!writeSized(element.json, from, out) && !nulls) throw noNull(name);
          count++;
        }
      } catch (error) {
        throw placed(error, `element ${count}`);
      }
      out.view.setInt32(at, count);
      return true;
    },
  };
}

/** map: an object, whose keys are the texts of the keys, or an array of [key, value]. */
export function mapReader(key: TextReader, value: TextReader): TextReader {
  const keyText = wholeReader(key, "csv");
  const keys = new MapKeys();
  return {
    json(from, out) {
      if (from.token === NULL) return false;
      const isObject = from.token === OPEN_OBJECT;
      if (!isObject && from.token !== OPEN_ARRAY) throw from.wrong("the '{' or '[' of a map");
      const close = isObject ? CLOSE_OBJECT : CLOSE_ARRAY;
      const at = out.length;
      out.reserve(4);
      out.length = at + 4;
      keys.clear();
      try {
        for (let more = from.enter(close); more; more = from.goOn(close)) {
          const keyAt = out.length + 4;
          if (isObject) writeKey(from, keyText, out);
          else writePairKey(from, key, out);
          const keyEnd = out.length;
          if (!writeSized(value.json, from, out)) throw noNull("map");
          keys.add(keyAt, keyEnd);
          if (!isObject && from.goOn(CLOSE_ARRAY)) throw from.wrong("the ']' of a key and its value");
        }
      } catch (error) {
        throw placed(error, `entry ${keys.count}`);
      }
      keys.check(out.bytes);
      out.view.setInt32(at, keys.count);
      return true;
    },
  };
}

/** Writes the key of an object, and goes on to its value. */
function writeKey(from: JsonReader, keyText: ReadWhole, out: CellWriter): void {
  if (from.token !== STRING) throw from.wrong("a key in quotes");
  const at = out.length;
  out.reserve(4);
  out.length = at + 4;
  if (!keyText(from.text, from.start, from.stop, out)) throw noNull("map's key");
  out.view.setInt32(at, out.length - at - 4);
  from.colon();
}

/** Writes the key of a [key, value], and goes on to its value. */
function writePairKey(from: JsonReader, key: TextReader, out: CellWriter): void {
  if (from.token !== OPEN_ARRAY || !from.enter(CLOSE_ARRAY)) throw from.wrong("the '[' of a key and its value");
  if (!writeSized(key.json, from, out)) throw noNull("map's key");
  if (!from.goOn(CLOSE_ARRAY)) throw from.wrong("a value");
}

/** Where the keys of one map lie, to find those that are there twice: only one of their values would be kept. */
class MapKeys {
  count = 0;
  private spans: number[] = [];

  clear(): void {
    this.count = 0;
  }

  add(start: number, end: number): void {
    this.spans[this.count * 2] = start;
    this.spans[this.count * 2 + 1] = end;
    this.count++;
  }

  check(bytes: Uint8Array): void {
    if (this.count < 2) return;
    const known = new Set<string>();
    for (let i = 0; i < this.count; i++) {
      known.add(asciiText(bytes, this.spans[i * 2]!, this.spans[i * 2 + 1]!));
      if (known.size === i) throw new ValueError(0, `entry ${i}: a key that the map has already`);
    }
  }
}

/** tuple: an array of as many values, any of them null. */
export function tupleReader(parts: readonly TextReader[]): TextReader {
  return {
    json(from, out) {
      if (from.token === NULL) return false;
      if (from.token !== OPEN_ARRAY) throw from.wrong("the '[' of a tuple");
      let count = 0;
      try {
        for (let more = from.enter(CLOSE_ARRAY); more; more = from.goOn(CLOSE_ARRAY)) {
          const part = parts[count];
          if (!part) break;
          writeSized(part.json, from, out);
          count++;
        }
      } catch (error) {
        throw placed(error, `field ${count + 1}`);
      }
      if (count !== parts.length || from.token !== CLOSE_ARRAY) throw otherLength(count, parts.length, "tuple", from);
      return true;
    },
  };
}

function otherLength(count: number, wanted: number, name: string, from: JsonReader): ValueError {
  const found = from.token === CLOSE_ARRAY ? `${count}` : `more than ${count}`;
  return new ValueError(0, `${found} values for a ${name} of ${wanted}`);
}

/** vector: an array of as many values. Those of a fixed length stand side by side, others behind a vint of their length. */
export function vectorReader(element: TextReader, dimension: number, elementLength: number | undefined): TextReader {
  const write = elementLength === undefined ? writeVariable : fixedWriter(elementLength);
  return {
    json(from, out) {
      if (from.token === NULL) return false;
      if (from.token !== OPEN_ARRAY) throw from.wrong("the '[' of a vector");
      let count = 0;
      try {
        for (let more = from.enter(CLOSE_ARRAY); more; more = from.goOn(CLOSE_ARRAY)) {
          if (count === dimension) break;
          if (!write(element.json, from, out)) throw noNull("vector");
          count++;
        }
      } catch (error) {
        throw placed(error, `element ${count}`);
      }
      if (count !== dimension || from.token !== CLOSE_ARRAY) throw otherLength(count, dimension, "vector", from);
      return true;
    },
  };
}

/** Writes one value, all of which have so many bytes. */
function fixedWriter(length: number) {
  return (read: ReadJson, from: JsonReader, out: CellWriter): boolean => {
    const at = out.length;
    if (!read(from, out)) return false;
    const size = out.length - at;
    if (size !== length) throw new ValueError(0, `${size} bytes where all have ${length}`);
    return true;
  };
}

/** Writes one value behind the vint of its length, which is known only afterwards: one byte for most. */
function writeVariable(read: ReadJson, from: JsonReader, out: CellWriter): boolean {
  const at = out.length;
  out.reserve(5);
  out.length = at + 1;
  if (!read(from, out)) return false;
  const size = out.length - at - 1;
  if (size > 127) {
    out.reserve(4);
    const more = writeUnsigned(new Uint8Array(5), 0, 0, size) - 1;
    out.bytes.copyWithin(at + 1 + more, at + 1, out.length);
    out.length += more;
  }
  writeUnsigned(out.bytes, at, 0, size);
  return true;
}

/** A user-defined type: an object of its fields, in any order; one that is not there is null. `slots`: each by its names. */
export function structReader(
  type: string,
  slots: ReadonlyMap<string, number>,
  parts: readonly TextReader[],
): TextReader {
  const fields = new StructFields(parts.length);
  return {
    json(from, out) {
      if (from.token === NULL) return false;
      if (from.token !== OPEN_OBJECT) throw from.wrong(`the '{' of a ${type}`);
      fields.clear();
      for (let more = from.enter(CLOSE_OBJECT); more; more = from.goOn(CLOSE_OBJECT)) {
        if (from.token !== STRING) throw from.wrong("a field's name in quotes");
        const name = Buffer.from(
          from.text.buffer,
          from.text.byteOffset + from.start,
          from.stop - from.start,
        ).toString();
        const slot = slots.get(name);
        if (slot === undefined) throw new ValueError(0, `a field '${name}', which ${type} doesn't have`);
        if (fields.has(slot)) throw new ValueError(0, `the field '${name}' twice`);
        from.colon();
        try {
          fields.write(slot, parts[slot]!.json, from);
        } catch (error) {
          throw placed(error, `field ${name}`);
        }
      }
      fields.moveTo(out);
      return true;
    },
  };
}

const ABSENT = -2;

/** The fields of one value, in the order they came, until they go out in the type's. */
class StructFields {
  private readonly written = new CellWriter();
  private readonly spans: Int32Array;

  constructor(count: number) {
    this.spans = new Int32Array(count * 2);
  }

  clear(): void {
    this.written.clear();
    this.spans.fill(ABSENT);
  }

  has(slot: number): boolean {
    return this.spans[slot * 2 + 1] !== ABSENT;
  }

  write(slot: number, read: ReadJson, from: JsonReader): void {
    const at = this.written.length;
    const isThere = read(from, this.written);
    this.spans[slot * 2] = at;
    this.spans[slot * 2 + 1] = isThere ? this.written.length - at : -1;
  }

  moveTo(out: CellWriter): void {
    const { written, spans } = this;
    out.reserve(written.length + spans.length * 2);
    for (let i = 0; i < spans.length; i += 2) {
      const size = Math.max(spans[i + 1]!, -1);
      out.view.setInt32(out.length, size);
      out.length += 4;
      if (size < 1) continue;
      copyBytes(written.bytes, spans[i]!, size, out.bytes, out.length);
      out.length += size;
    }
  }
}
