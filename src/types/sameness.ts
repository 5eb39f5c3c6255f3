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
  return (column, first, count, out) => {
    const from = out.cells;
    encode(column, first, count, out);
    for (let row = 0; row < count; row++) {
      const problem = mergedIn(out, from + row, isMap, element);
      if (problem !== undefined) throw new ValueError(first + row, problem);
    }
  };
}

function mergedIn(out: CellWriter, cell: number, isMap: boolean, element: Sameness | undefined): string | undefined {
  const { bytes, view, index } = out;
  const [at, size] = [index[cell * 2]!, index[cell * 2 + 1]!];
  const count = size < 4 ? 0 : view.getInt32(at);
  if (count < 2) return undefined;
  const stop = at + size;
  const known = new Map<string, string>();
  // Bytes that are no value of the type may come out of BLOBs: the server refuses them.
  for (let i = 0, next = at + 4; i < count && next + 4 <= stop; i++) {
    const end = next + 4 + view.getInt32(next);
    if (end > stop || end < next + 4) return undefined;
    const exact = bytesText(bytes, next + 4, end);
    const text = element ? element(bytes, next + 4, end) : exact;
    const before = known.get(text);
    if (before !== undefined && (isMap || before !== exact)) {
      if (before === exact) return `entry ${i}: a key that the map has already`;
      const what = isMap ? `entry ${i}: a key` : `element ${i}, one`;
      return `${what} that Cassandra takes for the same as one before, and would not keep`;
    }
    known.set(text, exact);
    if (isMap && end + 4 > stop) return undefined;
    next = isMap ? end + 4 + Math.max(view.getInt32(end), 0) : end;
  }
  return undefined;
}
