/*
 * Owns what Cassandra takes for one and the same in a set, or as a map's key, although the bytes differ: decimals of other
 * scales, NaNs of other bits, and what holds them. It keeps one of them and drops the others without a word.
 */
import { Buffer } from "node:buffer";
import { type CellWriter, type Encode, ValueError } from "./codec.ts";
import { readBig } from "./digits.ts";
import { VintReader } from "./vint.ts";

/** A text that is the same for values that Cassandra takes for the same. */
export type Sameness = (bytes: Uint8Array, at: number, end: number) => string;

const bytesText: Sameness = (bytes, at, end) =>
  Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString("latin1");

function int32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getInt32(at);
}

/** Without the zeros at its end. */
export const decimalSameness: Sameness = (bytes, at, end) => {
  if (end - at < 5) return "";
  let scale = int32(bytes, at);
  let unscaled = readBig(bytes, at + 4, end - at - 4);
  if (unscaled === 0n) return "0";
  for (; unscaled % 10n === 0n; unscaled /= 10n) scale--;
  return `${unscaled}E${-scale}`;
};

/** All NaNs are one; 0.0 and -0.0 are two. */
export const floatSameness: Sameness = (bytes, at, end) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, end - at);
  const value = view.byteLength === 4 ? view.getFloat32(0) : view.byteLength === 8 ? view.getFloat64(0) : 0;
  return Number.isNaN(value) ? "NaN" : bytesText(bytes, at, end);
};

type Parts = readonly (Sameness | undefined)[];

/** Of values that are the same only if their bytes are: undefined. */
function ofParts(parts: Parts, walk: (parts: readonly Sameness[]) => Sameness): Sameness | undefined {
  return parts.some(Boolean) ? walk(parts.map((part) => part ?? bytesText)) : undefined;
}

/** The texts of parts that stand behind their lengths, the kinds of parts taking turns. */
function sizedText(parts: readonly Sameness[], bytes: Uint8Array, from: number, end: number): string {
  const texts: string[] = [];
  for (let at = from; at + 4 <= end; ) {
    const size = int32(bytes, at);
    const to = Math.min(at + 4 + size, end);
    const text = size < 0 ? "-" : parts[texts.length % parts.length]!(bytes, at + 4, to);
    texts.push(`${text.length}:${text}`);
    at += 4 + Math.max(size, 0);
  }
  return texts.join("");
}

/** Of list, set and map: one kind of parts, or keys and values. */
export function elementsSameness(parts: Parts): Sameness | undefined {
  return ofParts(parts, (kinds) => (bytes, at, end) => sizedText(kinds, bytes, at + 4, end));
}

/** Of tuple and user-defined type. */
export function fieldsSameness(parts: Parts): Sameness | undefined {
  return ofParts(parts, (kinds) => (bytes, at, end) => sizedText(kinds, bytes, at, end));
}

/** @param length of each element in bytes; undefined where it stands before each */
export function vectorSameness(element: Sameness | undefined, length: number | undefined): Sameness | undefined {
  const vint = new VintReader();
  return ofParts([element], ([kind]) => (bytes, from, end) => {
    const texts: string[] = [];
    for (let at = from; at < end; ) {
      const begin = length === undefined ? vint.unsigned(bytes, at, end) : at;
      if (begin < 0) break;
      at = Math.min(begin + (length ?? vint.low), end);
      const text = kind!(bytes, begin, at);
      texts.push(`${text.length}:${text}`);
    }
    return texts.join("");
  });
}

/** Encodes as `encode` does, and refuses values of which the server would drop an element or entry that differs from the one it keeps. */
export function refusingMerged(encode: Encode, name: "set" | "map", element: Sameness | undefined): Encode {
  const isMap = name === "map";
  if (!isMap && !element) return encode;
  const keys = new Keys(isMap);
  return (column, first, count, out) => {
    const from = out.cells;
    encode(column, first, count, out);
    for (let row = 0; row < count; row++) {
      if (!keys.read(out, from + row)) continue;
      // Keys that only equal bytes make equal are compared where they are, as long as they are few.
      const problem = element || keys.count > FEW ? keys.merged(element ?? bytesText) : keys.twice();
      if (problem !== undefined) throw new ValueError(first + row, problem);
    }
  };
}

const FEW = 16;

/** Where the elements of a set, or the keys of a map, lie in its bytes. */
class Keys {
  count = 0;
  readonly #isMap: boolean;
  #bytes = new Uint8Array(0);
  #spans = new Int32Array(2 * FEW);

  constructor(isMap: boolean) {
    this.#isMap = isMap;
  }

  /** @returns false where there are no two, or the bytes are no value of the type, as may come out of BLOBs: the server refuses them */
  read({ bytes, view, index }: CellWriter, cell: number): boolean {
    const [at, size] = [index[cell * 2]!, index[cell * 2 + 1]!];
    const count = size < 4 ? 0 : view.getInt32(at);
    if (count < 2) return false;
    const end = at + size;
    this.count = 0;
    this.#bytes = bytes;
    for (let next = at + 4; this.count < count; this.count++) {
      const keyEnd = next + 4 <= end ? next + 4 + view.getInt32(next) : -1;
      if (keyEnd < next + 4 || keyEnd > end) return false;
      this.#note(next + 4, keyEnd);
      if (this.#isMap && keyEnd + 4 > end) return false;
      next = this.#isMap ? keyEnd + 4 + Math.max(view.getInt32(keyEnd), 0) : keyEnd;
    }
    return true;
  }

  #note(start: number, end: number): void {
    if (this.count * 2 === this.#spans.length) {
      const bigger = new Int32Array(this.#spans.length * 2);
      bigger.set(this.#spans);
      this.#spans = bigger;
    }
    this.#spans[this.count * 2] = start;
    this.#spans[this.count * 2 + 1] = end;
  }

  /** What is wrong where two have the same bytes. */
  twice(): string | undefined {
    for (let i = 1; i < this.count; i++) {
      for (let k = 0; k < i; k++) if (this.#equal(i, k)) return known(i);
    }
    return undefined;
  }

  #equal(a: number, b: number): boolean {
    const [bytes, spans] = [this.#bytes, this.#spans];
    const [start, other] = [spans[a * 2]!, spans[b * 2]!];
    const size = spans[a * 2 + 1]! - start;
    if (spans[b * 2 + 1]! - other !== size) return false;
    // Keys differ in their last bytes more often than in their first.
    for (let i = size - 1; i >= 0; i--) if (bytes[start + i] !== bytes[other + i]) return false;
    return true;
  }

  /** What is wrong where two are the same to Cassandra; of a set, that have other bytes too. */
  merged(sameness: Sameness): string | undefined {
    const before = new Map<string, string>();
    for (let i = 0; i < this.count; i++) {
      const [start, end] = [this.#spans[i * 2]!, this.#spans[i * 2 + 1]!];
      const [text, exact] = [sameness(this.#bytes, start, end), bytesText(this.#bytes, start, end)];
      const found = before.get(text);
      if (found === exact && this.#isMap) return known(i);
      if (found !== undefined && found !== exact) {
        const what = this.#isMap ? `entry ${i}: a key` : `element ${i}, one`;
        return `${what} that Cassandra takes for the same as one before, and would not keep`;
      }
      before.set(text, exact);
    }
    return undefined;
  }
}

function known(entry: number): string {
  return `entry ${entry}: a key that the map has already`;
}
