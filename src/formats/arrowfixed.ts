/*
 * Owns how single values of a fixed width in Arrow's arrays become those of DuckDB's columns. A value that can't be kept
 * exactly throws a RangeError.
 */
import type { TimeUnit } from "./arrowschema.ts";

/** Writes one value, the `row`th of `source`, at `to`. */
export type Store = (source: DataView, row: number, out: DataView, to: number) => void;
/** Or all of them at once: their width. */
export interface Same {
  readonly width: number;
}

export function same(width: number): Same {
  return { width };
}

export function zeroExtended(width: number): Store {
  return (source, row, out, to) => {
    for (let i = 0; i < width; i++) {
      out.setUint8(to + i, source.getUint8(row * width + i));
      out.setUint8(to + width + i, 0);
    }
  };
}

export function halfFloat(source: DataView, row: number, out: DataView, to: number): void {
  const bits = source.getUint16(row * 2, true);
  const [sign, exponent, fraction] = [bits >> 15, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) {
    out.setUint32(to, ((sign << 31) | 0x7f80_0000 | (fraction << 13)) >>> 0, true);
    return;
  }
  const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
  out.setFloat32(to, sign ? -size : size, true);
}

/** Two's complement of `from` bytes as one of the width that so many digits have in DuckDB. */
export function digits(from: number, precision: number): Store {
  const width = widthOfDecimal(precision);
  return (source, row, out, to) => {
    const at = row * from;
    const sign = source.getInt8(at + Math.min(from, width) - 1) < 0 ? 0xff : 0;
    for (let i = 0; i < width; i++) out.setUint8(to + i, i < from ? source.getUint8(at + i) : sign);
    for (let i = width; i < from; i++) {
      if (source.getUint8(at + i) !== sign) throw new RangeError(`a decimal of more than its ${precision} digits`);
    }
  };
}

function widthOfDecimal(digits: number): number {
  return digits <= 4 ? 2 : digits <= 9 ? 4 : digits <= 18 ? 8 : 16;
}

/** DuckDB's UUID is a little-endian integer with its first bit turned. */
export function uuid(source: DataView, row: number, out: DataView, to: number): void {
  for (let i = 0; i < 16; i++) out.setUint8(to + 15 - i, source.getUint8(row * 16 + i) ^ (i === 0 ? 0x80 : 0));
}

const DAY_MS = 86_400_000n;

export function dateOfMillis(source: DataView, row: number, out: DataView, to: number): void {
  const millis = source.getBigInt64(row * 8, true);
  const days = millis / DAY_MS;
  if (days * DAY_MS !== millis) throw new RangeError(`a date of ${millis} ms, which is not a whole day`);
  if (BigInt.asIntN(32, days) !== days) throw new RangeError(`a date of ${days} days, which is out of range`);
  out.setInt32(to, Number(days), true);
}

export const MICROS = 1_000_000n;
export const NANOS = 1_000_000_000n;
export const PER_SECOND: Readonly<Record<TimeUnit, bigint>> = { s: 1n, ms: 1000n, us: MICROS, ns: NANOS };

/** Counts of one unit as counts of another. */
export function scaled(width: number, from: bigint, to: bigint): Store | Same {
  if (from === to && width === 8) return same(width);
  return (source, row, out, at) => {
    const value = width === 4 ? BigInt(source.getInt32(row * 4, true)) : source.getBigInt64(row * 8, true);
    const result = (value * to) / from;
    if ((result * from) / to !== value || BigInt.asIntN(64, result) !== result) {
      throw new RangeError(
        `a time of ${value} that can't be told in ${to === MICROS ? "microseconds" : "nanoseconds"}`,
      );
    }
    out.setBigInt64(at, result, true);
  };
}
