/*
 * Owns how sizes, counts and durations are written by people: `512MB`, `50K`, `1m30s` in, `12.3 MB`, `62,500`,
 * `1m 05s` out. Decimal and binary units are kept apart, as DuckDB does: 1 MB is 10^6 bytes, 1 MiB is 2^20.
 */
import { UsageError } from "./errors.ts";

const BYTE_UNITS: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["B", 1],
  ["K", 1e3],
  ["KB", 1e3],
  ["M", 1e6],
  ["MB", 1e6],
  ["G", 1e9],
  ["GB", 1e9],
  ["T", 1e12],
  ["TB", 1e12],
  ["KIB", 2 ** 10],
  ["MIB", 2 ** 20],
  ["GIB", 2 ** 30],
  ["TIB", 2 ** 40],
]);

const COUNT_UNITS: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["K", 1e3],
  ["M", 1e6],
  ["G", 1e9],
]);

const DURATION_UNITS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1e3],
  ["m", 60e3],
  ["h", 3600e3],
  ["d", 86_400e3],
]);

/** Bytes of a size such as `512MB`, `1GB` or `500MiB`; at least 1. */
export function parseSize(text: string): number {
  const bytes = Math.round(scaled(text, BYTE_UNITS));
  if (Number.isSafeInteger(bytes) && bytes >= 1) return bytes;
  throw new UsageError(`"${text}" isn't a size`, { hint: "write it as 512MB, 1GB or 500MiB" });
}

/** A count such as `50000`, `50K` or `1M`; at least 1. */
export function parseCount(text: string): number {
  const value = scaled(text, COUNT_UNITS);
  const count = Math.round(value);
  // 4.1K is 4099.999… in binary and meant as 4100; 1.2345K is no whole number in any arithmetic.
  if (Number.isSafeInteger(count) && count >= 1 && Math.abs(value - count) <= count * 1e-9) return count;
  throw new UsageError(`"${text}" isn't a count`, { hint: "write a whole number above 0: 50000, 50K or 1M" });
}

/** Milliseconds of a duration such as `500ms`, `30s`, `5m` or `1m30s`; more than 0. */
export function parseDuration(text: string): number {
  const refuse = () => new UsageError(`"${text}" isn't a duration`, { hint: "write it with its unit: 500ms, 30s, 5m" });
  const parts = text.trim().toLowerCase();
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(parts)) throw refuse();
  let total = 0;
  for (const [, amount, unit] of parts.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * (DURATION_UNITS.get(unit ?? "") ?? Number.NaN);
  }
  const rounded = Math.round(total);
  if (!Number.isSafeInteger(rounded) || rounded < 1) throw refuse();
  return rounded;
}

/** The number with its unit multiplied out; NaN for anything else. */
function scaled(text: string, units: ReadonlyMap<string, number>): number {
  const match = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text.trim());
  if (!match) return Number.NaN;
  return Number(match[1]) * (units.get((match[2] ?? "").toUpperCase()) ?? Number.NaN);
}

/** `62,500`, the same in every locale. */
export function formatCount(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `812 bytes`, `12.3 MB`: three digits or so, decimal units. */
export function formatSize(bytes: number): string {
  if (bytes < 999.5) return bytes === 1 ? "1 byte" : `${Math.round(bytes)} bytes`;
  let value = bytes;
  let unit = "";
  for (unit of ["kB", "MB", "GB", "TB", "PB"]) {
    value /= 1e3;
    // 999,960 bytes would print as 1000.0 kB.
    if (value < 999.95) break;
  }
  return `${value < 99.95 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
}

/** `850 ms`, `3.2 s`, `1m 05s`, `2h 07m`, `3d 04h`. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1e3).toFixed(1)} s`;
  const seconds = Math.round(ms / 1e3);
  const two = (n: number) => String(n).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)}d ${two(hours % 24)}h`;
}
