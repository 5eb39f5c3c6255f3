/*
 * Owns whole numbers of any length between their three shapes: two's complement bytes, decimal digits, and numbers
 * (BigInt only where a number is too small). Knows neither columns nor cells.
 */

import { Buffer } from "node:buffer";

/** Two's complement of up to so many bytes is read as a number. */
export const SMALL_BYTES = 6;
/** Numbers of up to so many digits are exact. */
const SMALL_DIGITS = 15;
const ZERO = 48;
/** The value of a hexadecimal digit, by character; -1 for all else. */
export const HEX_VALUE = new Int8Array(256).fill(-1);
for (const [value, digit] of [..."0123456789abcdef"].entries()) {
  HEX_VALUE[digit.charCodeAt(0)] = HEX_VALUE[digit.toUpperCase().charCodeAt(0)] = value;
}

/** Whether the bytes are the shortest two's complement of their number (as java.math.BigInteger.toByteArray is). */
export function isMinimal(body: Uint8Array, at: number, size: number): boolean {
  if (size < 2) return size === 1;
  const first = body[at]!;
  const second = body[at + 1]!;
  return !((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
}

/** The number that up to SMALL_BYTES bytes of big-endian two's complement say. */
export function readSmall(body: Uint8Array, at: number, size: number): number {
  let value = (body[at]! << 24) >> 24;
  for (let i = at + 1; i < at + size; i++) value = value * 256 + body[i]!;
  return value;
}

/** The number that any bytes of big-endian two's complement say. */
export function readBig(body: Uint8Array, at: number, size: number): bigint {
  const hex = Buffer.from(body.buffer, body.byteOffset + at, size).toString("hex");
  return BigInt.asIntN(size * 8, BigInt(`0x${hex}`));
}

/** Writes a number of up to 2^53 as the shortest two's complement; returns how many bytes that took. */
function writeSmall(bytes: Uint8Array, at: number, value: number): number {
  let size = 1;
  for (let limit = 128; value >= limit || value < -limit; limit *= 256) size++;
  let rest = value;
  for (let i = at + size - 1; i >= at; i--) {
    bytes[i] = rest;
    rest = Math.floor(rest / 256);
  }
  return size;
}

/** Writes any number as the shortest two's complement; returns how many bytes that took. */
function writeBig(bytes: Uint8Array, at: number, value: bigint): number {
  const flip = value < 0n ? 0xff : 0;
  let hex = (value < 0n ? ~value : value).toString(16);
  if (hex.length % 2 === 1) hex = `0${hex}`;
  else if (hex.charCodeAt(0) > ZERO + 7) hex = `00${hex}`;
  const magnitude = Buffer.from(hex, "hex");
  for (let i = 0; i < magnitude.length; i++) bytes[at + i] = magnitude[i]! ^ flip;
  return magnitude.length;
}

/** Turns little-endian two's complement into the shortest big-endian one; returns how many bytes that took. */
export function writeReversed(from: Uint8Array, at: number, width: number, bytes: Uint8Array, toAt: number): number {
  const sign = from[at + width - 1]! > 127 ? 0xff : 0;
  let size = width;
  while (size > 1 && from[at + size - 1] === sign && (from[at + size - 2]! ^ sign) < 0x80) size--;
  for (let i = 0; i < size; i++) bytes[toAt + i] = from[at + size - 1 - i]!;
  return size;
}

/**
 * Writes a 64-bit integer of its two halves, `low` taken modulo 2^32. Without the zeros, of which a number has none to
 * tell that it is an integer, Bun's DataView takes fifteen times as long.
 */
export function writeHalves(view: DataView, at: number, high: number, low: number): void {
  view.setInt32(at, high | 0);
  view.setInt32(at + 4, low | 0);
}

/** Writes the digits of a whole number from 0 to 2^53; returns where they end. */
export function writeDigits(bytes: Uint8Array, at: number, value: number): number {
  if (value < 1e9) {
    let end = at + 1;
    for (let power = 10; value >= power; power *= 10) end++;
    fillDigits(bytes, at, end, value);
    return end;
  }
  const high = Math.floor(value / 1e9);
  const middle = writeDigits(bytes, at, high);
  fillDigits(bytes, middle, middle + 9, value - high * 1e9);
  return middle + 9;
}

function fillDigits(bytes: Uint8Array, at: number, end: number, value: number): void {
  let rest = value;
  for (let i = end - 1; i >= at; i--) {
    const tenth = (rest / 10) | 0;
    bytes[i] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
}

/** Writes the characters of an ASCII text; returns where they end. */
export function writeAscii(bytes: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  return at + text.length;
}

/**
 * Reads the text of a number as java.math.BigDecimal writes and reads it: its value is mantissa · 10^-scale.
 * One reader serves a whole column; what it read last is in its fields.
 */
export class NumberReader {
  /** Only as exact as a number is: `mantissa()` is exact. */
  private value = 0;
  private digits = 0;
  private negative = false;
  private text = "";
  scale = 0;
  /** No point and no exponent. */
  isWhole = false;

  /** @returns false if it is no such text, or its scale is no 32-bit integer */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start;
    this.negative = bytes[at] === 45;
    if (this.negative || bytes[at] === 43) at++;
    const first = at;
    let value = 0;
    let digits = 0;
    let point = -1;
    for (; at < end; at++) {
      const digit = bytes[at]! - ZERO;
      if (digit >= 0 && digit <= 9) {
        value = value * 10 + digit;
        digits++;
      } else if (bytes[at] === 46 && point < 0) {
        point = at;
      } else {
        break;
      }
    }
    const mantissaEnd = at;
    this.scale = point < 0 ? 0 : mantissaEnd - point - 1;
    this.isWhole = point < 0 && mantissaEnd === end;
    if (digits === 0 || (at < end && !this.readExponent(bytes, at, end))) return false;
    this.value = value;
    this.digits = digits;
    if (digits > SMALL_DIGITS) this.text = asciiText(bytes, first, mantissaEnd).replace(".", "");
    return this.scale >= -0x80000000 && this.scale <= 0x7fffffff;
  }

  private readExponent(bytes: Uint8Array, start: number, end: number): boolean {
    if ((bytes[start]! | 32) !== 101) return false;
    let at = start + 1;
    const negative = bytes[at] === 45;
    if (negative || bytes[at] === 43) at++;
    if (at === end || end - at > 11) return false;
    let exponent = 0;
    for (; at < end; at++) {
      const digit = bytes[at]! - ZERO;
      if (!(digit >= 0 && digit <= 9)) return false;
      exponent = exponent * 10 + digit;
    }
    this.scale += negative ? exponent : -exponent;
    return true;
  }

  /** Writes the mantissa as the shortest two's complement; returns how many bytes that took. */
  writeMantissa(bytes: Uint8Array, at: number): number {
    if (this.digits <= SMALL_DIGITS) return writeSmall(bytes, at, this.negative ? -this.value : this.value);
    const mantissa = BigInt(this.text);
    return writeBig(bytes, at, this.negative ? -mantissa : mantissa);
  }
}

/** The characters of bytes, one each. */
export function asciiText(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}
