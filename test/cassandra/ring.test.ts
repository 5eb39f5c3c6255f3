import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_TOKEN, MIN_TOKEN, ringRanges, splitRange, type TokenRange } from "../../src/cassandra/ring.ts";

const token = fc.bigInt({ min: MIN_TOKEN, max: MAX_TOKEN });

/** Ranges that hold every token from `start` to `end` once: each begins where another ends. */
function expectCover(ranges: readonly TokenRange[], start: bigint, end: bigint): void {
  const sorted = [...ranges].sort((a, b) => (a.start < b.start ? -1 : 1));
  const joined = sorted.every((range, i) => range.start === (sorted[i - 1]?.end ?? start) && range.end > range.start);
  expect([joined, sorted.at(-1)?.end]).toEqual([true, end]);
}

describe("the ranges of a ring", () => {
  it("cover every token once, whatever the tokens", () => {
    fc.assert(
      fc.property(fc.array(token, { maxLength: 60 }), (tokens) => {
        expectCover(ringRanges(tokens), MIN_TOKEN, MAX_TOKEN);
      }),
    );
  });

  it("of one token are cut where the ring closes", () => {
    expect(ringRanges([5n])).toEqual([
      { start: MIN_TOKEN, end: 5n },
      { start: 5n, end: MAX_TOKEN },
    ]);
  });

  it("of the least and the greatest token are one", () => {
    expect(ringRanges([MIN_TOKEN])).toEqual([{ start: MIN_TOKEN, end: MAX_TOKEN }]);
    expect(ringRanges([MAX_TOKEN, MIN_TOKEN])).toEqual([{ start: MIN_TOKEN, end: MAX_TOKEN }]);
  });
});

describe("a range that is split", () => {
  it("is covered by its parts", () => {
    fc.assert(
      fc.property(token, token, fc.integer({ min: 1, max: 200 }), (a, b, count) => {
        fc.pre(a !== b);
        const [start, end] = a < b ? [a, b] : [b, a];
        const parts = splitRange({ start, end }, count);
        expect(parts.length).toBe(BigInt(count) < end - start ? count : Number(end - start));
        expectCover(parts, start, end);
      }),
    );
  });
});
