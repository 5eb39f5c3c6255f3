/*
 * Owns reading from text the types that are neither numbers nor times nor nested: text, ascii, blob, boolean, uuid, inet.
 */
import { copyBytes } from "./cells.ts";
import { type CellWriter, ValueError } from "./codec.ts";
import { asciiText, HEX_VALUE } from "./digits.ts";
import { parseInet } from "./inet.ts";
import { NULL, STRING } from "./json.ts";
import { asciiEnd, isText } from "./text.ts";
import { notA, type ReadText, type TextReader } from "./text-reader.ts";
import { readUuid } from "./uuid.ts";

const ZERO = 48;
const NINE = 57;
const POINT = 46;

/** text and ascii: the bytes as they are. In JSON a string only, so that no number loses its digits' meaning. */
export function stringReader(name: string): TextReader {
  const isAscii = name === "ascii";
  const text: ReadText = (bytes, start, end, out) => {
    const size = end - start;
    const at = out.length;
    out.reserve(size);
    copyBytes(bytes, start, size, out.bytes, at);
    if (!isText(out.bytes, out.view, at, size)) throw new ValueError(0, "bytes that are not UTF-8");
    if (isAscii && asciiEnd(out.view, at, at + size) < at + size) throw notA(name, bytes, start, end);
    out.length += size;
  };
  const json: TextReader["json"] = (from, out) => {
    if (from.token === NULL) return false;
    if (from.token !== STRING) throw from.wrong("a string in quotes");
    text(from.text, from.start, from.stop, out);
    return true;
  };
  return { text, json };
}

/** blob, and all types that have no text of their own: 0x and two hexadecimal digits a byte. */
export const blobText: ReadText = (bytes, start, end, out) => {
  const size = (end - start - 2) / 2;
  const isMarked = bytes[start] === 48 && (bytes[start + 1]! | 32) === 120;
  if (!(isMarked && size >= 0 && Number.isInteger(size))) {
    throw notA("blob", bytes, start, end, "0x and pairs of hexadecimal digits are one");
  }
  out.reserve(size);
  for (let i = 0; i < size; i++) {
    const at = start + 2 + i * 2;
    const byte = (HEX_VALUE[bytes[at]!]! << 4) | HEX_VALUE[bytes[at + 1]!]!;
    if (byte < 0) throw notA("blob", bytes, start, end, "not all are hexadecimal digits");
    out.bytes[out.length + i] = byte;
  }
  out.length += size;
};

/** boolean: true and false in any case, 1 and 0. */
export const booleanText: ReadText = (bytes, start, end, out) => {
  let value = -1;
  if (end - start === 1) value = bytes[start] === 49 ? 1 : bytes[start] === 48 ? 0 : -1;
  else if (end - start === 4 && isWord(bytes, start, "true")) value = 1;
  else if (end - start === 5 && isWord(bytes, start, "false")) value = 0;
  if (value < 0) throw notA("boolean", bytes, start, end);
  out.reserve(1);
  out.bytes[out.length++] = value;
};

/** Whether the letters are those of a word in lower case, in any case. */
function isWord(bytes: Uint8Array, start: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) if ((bytes[start + i]! | 32) !== word.charCodeAt(i)) return false;
  return true;
}

/** uuid and timeuuid: 36 characters, in either case. A timeuuid is one of version 1, as the server demands. */
export function uuidText(name: string): ReadText {
  const isTimed = name === "timeuuid";
  return (bytes, start, end, out) => {
    out.reserve(16);
    if (!readUuid(bytes, start, end, out.bytes, out.length)) throw notA(name, bytes, start, end);
    if (isTimed && out.bytes[out.length + 6]! >> 4 !== 1) throw notA(name, bytes, start, end, "not of version 1");
    out.length += 16;
  };
}

/** inet: an IPv4 or IPv6 address; a mapped one keeps its 16 bytes. */
export const inetText: ReadText = (bytes, start, end, out) => {
  if (readV4(bytes, start, end, out)) return;
  const address = parseInet(asciiText(bytes, start, end));
  if (address === undefined) throw notA("inet", bytes, start, end);
  out.reserve(address.length);
  out.bytes.set(address, out.length);
  out.length += address.length;
};

/** Appends the four bytes of an IPv4 address. @returns false, and appends nothing, if it is none */
function readV4(bytes: Uint8Array, start: number, end: number, out: CellWriter): boolean {
  out.reserve(4);
  let at = start;
  for (let i = 0; i < 4; i++) {
    if (i > 0 && bytes[at++] !== POINT) return false;
    const from = at;
    let value = 0;
    while (at < end && bytes[at]! >= ZERO && bytes[at]! <= NINE) value = value * 10 + bytes[at++]! - ZERO;
    // A leading zero would be octal to some.
    if (at === from || value > 255 || (at - from > 1 && bytes[from] === ZERO)) return false;
    out.bytes[out.length + i] = value;
  }
  if (at !== end) return false;
  out.length += 4;
  return true;
}
