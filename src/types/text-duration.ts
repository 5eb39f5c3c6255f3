/*
 * Owns reading durations from text, in the forms that CQL has for them.
 */
import { notA, type ReadText } from "./text-reader.ts";
import { writeSigned } from "./vint.ts";

/** Two vints of 32 bits and one of 64. */
const MOST_BYTES = 5 + 5 + 9;
const SECOND = 1_000_000_000n;

type Part = "months" | "days" | "nanos";

/** The units, in the order that they may come in, with what one of them is. */
const UNITS: readonly (readonly [name: string, part: Part, size: bigint])[] = [
  ["y", "months", 12n],
  ["mo", "months", 1n],
  ["w", "days", 7n],
  ["d", "days", 1n],
  ["h", "nanos", 3600n * SECOND],
  ["m", "nanos", 60n * SECOND],
  ["s", "nanos", SECOND],
  ["ms", "nanos", 1_000_000n],
  ["us", "nanos", 1000n],
  ["ns", "nanos", 1n],
];
/** µ is written with either of two characters. */
const UNIT = /(\d+)(mo|ms|us|µs|μs|ns|[ywdhms])/iy;
/** ISO 8601, whose M is months before the T and minutes after it; its seconds may have a fraction. */
const ISO = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,9}))?S)?)?$/i;
const ISO_LONG = /^P(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)$/i;

type Parts = Record<Part, bigint>;

/**
 * duration: `1y2mo3w4d5h6m7s8ms9us10ns`, ISO 8601 `P1Y2M3DT4H5M6S` or `P0001-02-03T04:05:06`, each with a minus before
 * it. Nothing at all is none, as Cassandra writes it.
 */
export function durationText(): ReadText {
  return (bytes, start, end, out) => {
    const whole = new TextDecoder().decode(bytes.subarray(start, end));
    const negative = whole.startsWith("-");
    const parts = readParts(negative ? whole.slice(1) : whole);
    if (!parts || whole === "-") throw notA("duration", bytes, start, end);
    const sign = negative ? -1n : 1n;
    const months = sign * parts.months;
    const days = sign * parts.days;
    const nanos = sign * parts.nanos;
    if (
      BigInt.asIntN(32, months) !== months ||
      BigInt.asIntN(32, days) !== days ||
      BigInt.asIntN(64, nanos) !== nanos
    ) {
      throw notA("duration", bytes, start, end, "beyond 32 bits of months, 32 of days, or 64 of nanoseconds");
    }
    out.reserve(MOST_BYTES);
    let at = writeSigned(out.bytes, out.length, Number(months >> 32n), Number(months));
    at = writeSigned(out.bytes, at, Number(days >> 32n), Number(days));
    out.length = writeSigned(out.bytes, at, Number(nanos >> 32n), Number(BigInt.asIntN(32, nanos)));
  };
}

function readParts(text: string): Parts | undefined {
  if (!/^P/i.test(text)) return readUnits(text);
  const iso = ISO.exec(text);
  if (iso && /[YMWDHS]$/i.test(text)) {
    const [, years, months, weeks, days, hours, minutes, seconds, fraction = ""] = iso;
    const parts = sum([years, months, weeks, days, hours, minutes, seconds]);
    parts.nanos += BigInt(fraction.padEnd(9, "0"));
    return parts;
  }
  const long = ISO_LONG.exec(text);
  if (!long) return undefined;
  const [, years, months, days, hours, minutes, seconds] = long;
  return sum([years, months, "0", days, hours, minutes, seconds]);
}

/** Adds up so many of each unit, from years on. */
function sum(counts: readonly (string | undefined)[]): Parts {
  const parts: Parts = { months: 0n, days: 0n, nanos: 0n };
  for (const [i, count] of counts.entries()) parts[UNITS[i]![1]] += BigInt(count ?? 0) * UNITS[i]![2];
  return parts;
}

function readUnits(text: string): Parts | undefined {
  const counts: string[] = [];
  UNIT.lastIndex = 0;
  let at = 0;
  for (let match = UNIT.exec(text); match; match = UNIT.exec(text)) {
    const name = match[2]!.toLowerCase().replace(/[µμ]/, "u");
    const unit = UNITS.findIndex(([other]) => other === name);
    if (unit < counts.length) return undefined;
    counts[unit] = match[1]!;
    at = UNIT.lastIndex;
  }
  return at === text.length ? sum(counts) : undefined;
}
