/*
 * Owns reading float and double from text: the nearest value to the digits, ties to even, as IEEE 754 has it.
 */
import { Buffer } from "node:buffer";
import type { CellWriter } from "./codec.ts";
import { notA, type ReadText } from "./text-reader.ts";

const ZERO = 48;
/** A mantissa of so many digits, and these powers of ten, are exact: so their product is rounded once. */
const EXACT_DIGITS = 15;
const POWERS = Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));

/** The least float that has all digits, and the power of 1/2 that is half of the least float of all. */
const LEAST_NORMAL = 2 ** -126;
const LEAST_BETWEEN = 150n;

/** An infinity; or a NaN, with its bits where it isn't the one that everyone writes. */
const WORD = /^(?:(nan)(?:\(0x([0-9a-f]+)\))?|([+-]?)inf(?:inity)?)$/;
const NAN_BITS = { 4: "7fc00000", 8: "7ff8000000000000" };
const INFINITY_BITS = { 4: 0x7f800000n, 8: 0x7ff0000000000000n };

/**
 * float and double, of 4 and 8 bytes. Digits beyond what the type holds round; what would become infinite, or zero
 * without being it, is no value of the type.
 */
export function floatText(name: string, width: 4 | 8): ReadText {
  const digits = new FloatDigits();
  return (bytes, start, end, out) => {
    const negative = bytes[start] === 45;
    const from = negative || bytes[start] === 43 ? start + 1 : start;
    out.reserve(8);
    if (!digits.read(bytes, from, end)) {
      const word = new TextDecoder().decode(bytes.subarray(start, end)).toLowerCase();
      if (!writeWord(out, word, width)) throw notA(name, bytes, start, end);
      return;
    }
    const value = width === 8 ? digits.double : digits.float();
    if (value === Number.POSITIVE_INFINITY) throw notA(name, bytes, start, end, "too large");
    if (value === 0 && !digits.isZero) throw notA(name, bytes, start, end, "too close to zero");
    writeFloat(out, negative ? -value : value, width);
  };
}

function writeFloat(out: CellWriter, value: number, width: 4 | 8): void {
  const { view, length } = out;
  if (width === 4) view.setFloat32(length, value);
  else view.setFloat64(length, value);
  out.length += width;
}

/** As writeFloat, for what is no number. Which NaN one of JavaScript's is, is not said: so by its bits. */
function writeWord(out: CellWriter, word: string, width: 4 | 8): boolean {
  const [match, nan, digits = NAN_BITS[width], sign] = WORD.exec(word) ?? [];
  if (match === undefined) return false;
  if (nan === undefined) {
    writeFloat(out, sign === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY, width);
    return true;
  }
  const bits = BigInt(`0x${digits}`);
  const magnitude = BigInt.asUintN(width * 8 - 1, bits);
  if (digits.length !== width * 2 || magnitude <= INFINITY_BITS[width]) return false;
  if (width === 4) out.view.setInt32(out.length, Number(BigInt.asIntN(32, bits)));
  else out.view.setBigInt64(out.length, bits);
  out.length += width;
  return true;
}

/** Reads the digits of a number without a sign. What it read last is in its fields. */
class FloatDigits {
  /** The double nearest to it. */
  double = 0;
  /** All digits are zeros. */
  isZero = false;
  private bytes: Uint8Array = new Uint8Array(0);
  private start = 0;
  private end = 0;
  /** The bytes as Node's Buffer, which is the fast way to a string; kept, since most values are in one array, `viewed`. */
  private viewed = this.bytes;
  private buffer: Buffer = Buffer.alloc(0);

  /** @returns false if it is no such text */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    let mantissa = 0;
    let significant = 0;
    let point = -1;
    let at = start;
    for (; at < end; at++) {
      const digit = bytes[at]! - ZERO;
      if (digit >= 0 && digit <= 9) {
        mantissa = mantissa * 10 + digit;
        if (mantissa > 0) significant++;
      } else if (bytes[at] === 46 && point < 0) {
        point = at;
      } else {
        break;
      }
    }
    if (at - start - (point < 0 ? 0 : 1) < 1) return false;
    const exponent = at === end ? 0 : readExponent(bytes, at, end);
    if (Number.isNaN(exponent)) return false;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.isZero = significant === 0;
    const power = exponent - (point < 0 ? 0 : at - point - 1);
    const tens = significant > EXACT_DIGITS ? undefined : POWERS[Math.abs(power)];
    if (tens === undefined) this.double = Number(this.text());
    else this.double = power < 0 ? mantissa / tens : mantissa * tens;
    return true;
  }

  /**
   * The float nearest to it. The float nearest to the nearest double is another one only where that double lies just
   * between two floats and the digits do not: then they say which.
   */
  float(): number {
    const { double } = this;
    if (!isBetweenFloats(double)) return Math.fround(double);
    const side = this.compareTo(double);
    return Math.fround(double * (1 + side * 2 ** -50));
  }

  /** The sign of the number less a double that lies between two floats: a whole multiple of the least of those, then. */
  private compareTo(between: number): number {
    const [mantissa = "", exponent = "0"] = this.text().toLowerCase().split("e");
    const [integer = "", fraction = ""] = mantissa.split(".");
    const power = Number(exponent) - fraction.length;
    const scale = 10n ** BigInt(Math.abs(power));
    const number = (BigInt(integer + fraction) << LEAST_BETWEEN) * (power > 0 ? scale : 1n);
    const other = BigInt(between * 2 ** Number(LEAST_BETWEEN)) * (power > 0 ? 1n : scale);
    return number > other ? 1 : number < other ? -1 : 0;
  }

  private text(): string {
    const { bytes } = this;
    if (this.viewed !== bytes) {
      this.viewed = bytes;
      this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    return this.buffer.toString("latin1", this.start, this.end);
  }
}

/** The exponent whose E is at `start`; NaN if it is none. */
function readExponent(bytes: Uint8Array, start: number, end: number): number {
  if ((bytes[start]! | 32) !== 101) return Number.NaN;
  const negative = bytes[start + 1] === 45;
  let at = negative || bytes[start + 1] === 43 ? start + 2 : start + 1;
  if (at >= end) return Number.NaN;
  let exponent = 0;
  for (; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    exponent = exponent * 10 + digit;
  }
  return negative ? -exponent : exponent;
}

const bits = new DataView(new ArrayBuffer(8));

/** Whether a double that isn't negative lies in the middle between two floats that are neighbours. */
function isBetweenFloats(double: number): boolean {
  if (double < LEAST_NORMAL) return (double * 2 ** Number(LEAST_BETWEEN)) % 2 === 1;
  bits.setFloat64(0, double);
  return (bits.getInt32(4) & 0x1fffffff) === 0x10000000;
}
