/*
 * Owns the codec of inet. A 4-byte address and the same address mapped into 16 bytes are two values with two texts.
 */
import { type ColumnBuffer, isNull, reserveRows } from "../base/column.ts";
import { type CellRule, oddCell } from "./cells.ts";
import { type CellWriter, type Codec, ValueError } from "./codec.ts";
import { writeDigits } from "./digits.ts";
import { entryText, storeMade, storeNull } from "./strings.ts";

const LONGEST = 39;
const COLON = 58;
const POINT = 46;
const HEX = new TextEncoder().encode("0123456789abcdef");

/** inet: CQL native protocol v4, section 6.10, 4 or 16 bytes. */
export function inetCodec(rule: CellRule): Codec {
  return {
    column: { kind: "VARCHAR" },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      out.arena.reserve(count * LONGEST);
      const { body, index } = cells;
      const { bytes } = out.arena;
      let at = out.arena.length;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        const size = index[i * 2 + 1]!;
        if (size !== 4 && size !== 16) {
          oddCell(cells, i, out, row, rule);
          storeNull(out, row);
          continue;
        }
        at = storeMade(out, row, at, writeInet(body, index[i * 2]!, size, bytes, at));
      }
      out.arena.length = at;
      out.rows += count;
    },
    encode: encodeInet,
  };
}

/** Writes the text of an address of 4 or 16 bytes; returns where it ends. */
export function writeInet(body: Uint8Array, from: number, size: number, bytes: Uint8Array, at: number): number {
  if (size === 4) return writeV4(body, from, bytes, at);
  const isMapped = zeroGroups(body, from, 0) === 5 && body[from + 10] === 0xff && body[from + 11] === 0xff;
  if (!isMapped) return writeV6(body, from, bytes, at);
  bytes.set([COLON, COLON, 102, 102, 102, 102, COLON], at);
  return writeV4(body, from + 12, bytes, at + 7);
}

function writeV4(body: Uint8Array, from: number, bytes: Uint8Array, start: number): number {
  let at = start;
  for (let i = 0; i < 4; i++) {
    if (i > 0) bytes[at++] = POINT;
    at = writeDigits(bytes, at, body[from + i]!);
  }
  return at;
}

/** How many of the eight groups from `group` on are zero, one after the other. */
function zeroGroups(body: Uint8Array, from: number, group: number): number {
  let next = group;
  while (next < 8 && body[from + next * 2] === 0 && body[from + next * 2 + 1] === 0) next++;
  return next - group;
}

/** RFC 5952, section 4: the longest run of two and more zero groups, the first of equals, becomes "::". */
function writeV6(body: Uint8Array, from: number, bytes: Uint8Array, start: number): number {
  let run = 8;
  let runLength = 1;
  for (let group = 0; group < 8; group++) {
    const zeros = zeroGroups(body, from, group);
    if (zeros > runLength) {
      run = group;
      runLength = zeros;
    }
  }
  let at = start;
  for (let group = 0; group < 8; group++) {
    if (group === run) {
      bytes[at++] = COLON;
      group += runLength - 1;
      if (group === 7) bytes[at++] = COLON;
      continue;
    }
    if (group > 0) bytes[at++] = COLON;
    const value = (body[from + group * 2]! << 8) | body[from + group * 2 + 1]!;
    if (value > 0xfff) bytes[at++] = HEX[value >> 12]!;
    if (value > 0xff) bytes[at++] = HEX[(value >> 8) & 15]!;
    if (value > 0xf) bytes[at++] = HEX[(value >> 4) & 15]!;
    bytes[at++] = HEX[value & 15]!;
  }
  return at;
}

function encodeInet(column: ColumnBuffer, first: number, count: number, out: CellWriter): void {
  out.reserve(count * 16);
  for (let row = first; row < first + count; row++) {
    if (isNull(column, row)) {
      out.cell(0, -1);
      continue;
    }
    const address = parseInet(entryText(column, row));
    if (address === undefined) throw new ValueError(row, `'${entryText(column, row)}' is not an IP address`);
    out.bytes.set(address, out.length);
    out.cell(out.length, address.length);
    out.length += address.length;
  }
}

/** The bytes of an address in any of the forms of RFC 4291, section 2.2; undefined if the text is none. */
export function parseInet(text: string): number[] | undefined {
  if (!text.includes(":")) return parseV4(text);
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = parseGroups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** The groups between colons; the last of all may be an IPv4 address. */
function parseGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [i, group] of groups.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
      continue;
    }
    const v4 = isLast && i === groups.length - 1 ? parseV4(group) : undefined;
    if (v4 === undefined) return undefined;
    bytes.push(...v4);
  }
  return bytes;
}

function parseV4(text: string): number[] | undefined {
  const parts = text.split(".");
  const isV4 = parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return isV4 ? parts.map(Number) : undefined;
}
