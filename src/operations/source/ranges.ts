/*
 * Owns the decision which token ranges a table is read by: those of the ring, cut so that each is worth a few seconds.
 * Pure: estimates and ring come in as values.
 */
import { MAX_TOKEN, MIN_TOKEN, splitRange, type TokenRange } from "../../cassandra/ring.ts";

/** Bytes on disk that one range should stand for. */
const BYTES_PER_RANGE = 32e6;
/** However small a table: enough ranges that every fetcher has some, and progress shows. */
const LEAST_RANGES_PER_FETCHER = 4;
/** A bound on the plan, whatever the estimates say. */
const MOST_RANGES = 20_000;

export interface Estimate extends TokenRange {
  readonly bytes: number;
}

/**
 * Token ranges that cover the ring once, in an order that goes around it, so that ranges read at the same time lie on
 * different nodes.
 */
export function planRanges(
  ring: readonly TokenRange[],
  estimates: readonly Estimate[],
  fetchers: number,
): TokenRange[] {
  const least = Math.ceil((fetchers * LEAST_RANGES_PER_FETCHER) / ring.length);
  const total = estimates.reduce((sum, estimate) => sum + estimate.bytes, 0);
  const bytesPerRange = Math.max(BYTES_PER_RANGE, total / MOST_RANGES);
  const cut = ring.map((range) => {
    const bytes = estimates.reduce((sum, estimate) => sum + estimate.bytes * overlap(estimate, range), 0);
    return splitRange(range, Math.max(least, Math.ceil(bytes / bytesPerRange)));
  });
  const longest = Math.max(...cut.map((parts) => parts.length));
  return Array.from({ length: longest }, (_, i) => cut.flatMap((parts) => parts.slice(i, i + 1))).flat();
}

/** The whole ring in `count` ranges of the same length, whoever holds them. */
export function evenRanges(count: number): TokenRange[] {
  return splitRange({ start: MIN_TOKEN, end: MAX_TOKEN }, count);
}

/** The share of `part` that lies within `range`, 0 to 1. */
function overlap(part: TokenRange, range: TokenRange): number {
  let { start, end } = part;
  if (range.start > start) start = range.start;
  if (range.end < end) end = range.end;
  if (end <= start || part.end <= part.start) return 0;
  return Number(end - start) / Number(part.end - part.start);
}
