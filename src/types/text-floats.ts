/*
 * Owns reading float and double from text: the nearest value to the digits, ties to even, as IEEE 754 has it.
 */
import { Buffer } from "node:buffer";
import type { CellWriter } from "./codec.ts";
import { notA, type ReadText } from "./text-reader.ts";

const ZERO = 48;
/** A mantissa of so many digits, and a power of ten up to that one, are exact: so their product is rounded once. */
const EXACT_DIGITS = 15;
const EXACT_POWER = 22;

/** The least float that has all digits, and the power of 1/2 that is half of the least float of all. */
const LEAST_NORMAL = 2 ** -126;
const LEAST_BETWEEN = 150n;

const WORDS: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
};

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
      const word = WORDS[new TextDecoder().decode(bytes.subarray(from, end)).toLowerCase()];
      if (word === undefined || (Number.isNaN(word) && negative)) throw notA(name, bytes, start, end);
      writeFloat(out, negative ? -word : word, width);
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
  if (Number.isNaN(value)) {
    // The NaN that everyone writes; which one a number of JavaScript is, is not said.
    view.setInt32(length, width === 4 ? 0x7fc00000 : 0x7ff80000);
    if (width === 8) view.setInt32(length + 4, 0);
  } else if (width === 4) {
    view.setFloat32(length, value);
  } else {
    view.setFloat64(length, value);
  }
  out.length += width;
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
  /** The bytes as Node's Buffer, which is the fast way to a string; kept, since most values are in one array. */
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
    if (significant > EXACT_DIGITS || power > EXACT_POWER || power < -EXACT_POWER) this.double = Number(this.text());
    else this.double = power < 0 ? mantissa / 10 ** -power : mantissa * 10 ** power;
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
    if (this.buffer.buffer !== this.bytes.buffer) this.buffer = Buffer.from(this.bytes.buffer);
    const { byteOffset } = this.bytes;
    return this.buffer.toString("latin1", byteOffset + this.start, byteOffset + this.end);
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
