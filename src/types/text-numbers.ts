/*
 * Owns reading numbers from text: whole ones of any width, and decimal. float and double are in text-floats.ts.
 */
import type { CellWriter, ValueError } from "./codec.ts";
import { asciiText, NumberReader, writeHalves } from "./digits.ts";
import { notA, type ReadText } from "./text-reader.ts";

const ZERO = 48;
const NINE = 57;
const WORD = 0x100000000;
/** Whole numbers of up to so many digits are exact as a number of JavaScript. */
const EXACT_DIGITS = 15;
/** No number of 64 bits has more; and the powers of ten up to the difference. */
const LONG_DIGITS = 19;
const POWERS = [1, 10, 100, 1000, 10_000];
/** A number of few digits and a large exponent must not take all memory. */
const MOST_ZEROS = 1000;

/**
 * tinyint, smallint, int and bigint, of 1, 2, 4 and 8 bytes. A point and an exponent may be there where they leave it
 * a whole number: `12.0`, `1E3`.
 */
export function wholeText(name: string, width: 1 | 2 | 4 | 8): ReadText {
  const limit = 2 ** (width * 8 - 1);
  return (bytes, start, end, out) => {
    const negative = bytes[start] === 45;
    const from = negative || bytes[start] === 43 ? start + 1 : start;
    const exactEnd = Math.min(end, from + EXACT_DIGITS);
    const at = digitsEnd(bytes, from, exactEnd);
    out.reserve(8);
    if (at === end && at > from) {
      const value = digitsValue(bytes, from, at);
      if (value > limit || (value === limit && !negative)) throw beyond(name, bytes, start, end, width);
      writeNumber(out, negative ? -value : value, width);
    } else if (width === 8 && at < end && at === exactEnd && end - from <= LONG_DIGITS && isDigits(bytes, at, end)) {
      if (!writeLong(out, negative, bytes, from, at, end)) throw beyond(name, bytes, start, end, width);
    } else {
      const whole = readWhole(name, bytes, start, end);
      if (BigInt.asIntN(width * 8, whole) !== whole) throw beyond(name, bytes, start, end, width);
      if (width === 8) out.view.setBigInt64(out.length, whole);
      else writeNumber(out, Number(whole), width);
    }
    out.length += width;
  };
}

function beyond(name: string, bytes: Uint8Array, start: number, end: number, width: number): ValueError {
  return notA(name, bytes, start, end, `beyond its ${width} ${width === 1 ? "byte" : "bytes"}`);
}

/** Where the digits from `from` on end, at most at `end`. */
function digitsEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
  return at;
}

function isDigits(bytes: Uint8Array, from: number, end: number): boolean {
  return digitsEnd(bytes, from, end) === end;
}

function digitsValue(bytes: Uint8Array, from: number, end: number): number {
  let value = 0;
  for (let at = from; at < end; at++) value = value * 10 + bytes[at]! - ZERO;
  return value;
}

/** Writes a whole number, without adding its width to what is written. */
function writeNumber(out: CellWriter, value: number, width: number): void {
  const { view, length } = out;
  if (width === 4) {
    view.setInt32(length, value | 0);
  } else if (width === 8) {
    const high = Math.floor(value / WORD);
    writeHalves(view, length, high, value - high * WORD);
  } else if (width === 2) {
    view.setInt16(length, value | 0);
  } else {
    view.setInt8(length, value | 0);
  }
}

/**
 * As writeNumber, for a number of up to LONG_DIGITS digits: those before `exactEnd` are exact, and so are the two
 * halves that the others make of it. @returns false if 64 bits don't hold it
 */
function writeLong(
  out: CellWriter,
  negative: boolean,
  bytes: Uint8Array,
  from: number,
  exactEnd: number,
  end: number,
): boolean {
  const head = digitsValue(bytes, from, exactEnd);
  const power = POWERS[end - exactEnd]!;
  const upper = Math.floor(head / WORD);
  const low = (head - upper * WORD) * power + digitsValue(bytes, exactEnd, end);
  const carry = Math.floor(low / WORD);
  const high = upper * power + carry;
  const rest = low - carry * WORD;
  if (high > 0x7fffffff && !(negative && high === 0x80000000 && rest === 0)) return false;
  if (negative) writeHalves(out.view, out.length, ~high + (rest === 0 ? 1 : 0), -rest);
  else writeHalves(out.view, out.length, high, rest);
  return true;
}

const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,9}))?$/;

/** The whole number that a text says, with or without a point and an exponent. @throws ValueError if it says none */
function readWhole(name: string, bytes: Uint8Array, start: number, end: number): bigint {
  const [, sign, integer = "", fraction = "", exponent = "0"] = NUMBER.exec(asciiText(bytes, start, end)) ?? [];
  if (integer === "" && fraction === "") throw notA(name, bytes, start, end);
  const digits = integer + fraction;
  const shift = Number(exponent) - fraction.length;
  if (shift > MOST_ZEROS) throw notA(name, bytes, start, end, "its exponent is too large");
  const kept = shift < 0 ? digits.slice(0, shift) : digits.padEnd(digits.length + shift, "0");
  if (shift < 0 && /[^0]/.test(digits.slice(shift))) throw notA(name, bytes, start, end, "it has a fraction");
  const value = BigInt(kept);
  return sign === "-" ? -value : value;
}

/** varint: as other whole numbers, of any length. */
export function varintText(): ReadText {
  const reader = new NumberReader();
  return (bytes, start, end, out) => {
    if (!(reader.read(bytes, start, end) && reader.isWhole)) {
      const digits = new TextEncoder().encode(readWhole("varint", bytes, start, end).toString());
      reader.read(digits, 0, digits.length);
      out.reserve(digits.length + 1);
    } else {
      out.reserve(end - start + 1);
    }
    out.length += reader.writeMantissa(out.bytes, out.length);
  };
}

/** decimal: the digits give its scale too, as java.math.BigDecimal reads them. */
export function decimalText(): ReadText {
  const reader = new NumberReader();
  return (bytes, start, end, out) => {
    if (!reader.read(bytes, start, end)) throw notA("decimal", bytes, start, end);
    out.reserve(end - start + 5);
    out.view.setInt32(out.length, reader.scale | 0);
    out.length += 4;
    out.length += reader.writeMantissa(out.bytes, out.length);
  };
}
