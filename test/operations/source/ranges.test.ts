import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_TOKEN, MIN_TOKEN, ringRanges } from "../../../src/cassandra/ring.ts";
import { evenRanges, planRanges } from "../../../src/operations/source/ranges.ts";

const token = fc.bigInt({ min: MIN_TOKEN, max: MAX_TOKEN });

describe("planned ranges", () => {
  it("cover the ring once, whatever ring and estimates", () => {
    fc.assert(
      fc.property(
        fc.array(token, { maxLength: 20 }),
        fc.array(fc.record({ start: token, end: token, bytes: fc.nat(1e10) }), { maxLength: 10 }),
        (tokens, estimates) => {
          const planned = planRanges(ringRanges(tokens), estimates, 8);
          const sorted = [...planned].sort((a, b) => (a.start < b.start ? -1 : 1));
          const joined = sorted.every((range, i) => range.start === (sorted[i - 1]?.end ?? MIN_TOKEN));
          expect([joined, sorted.at(-1)?.end]).toEqual([true, MAX_TOKEN]);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("give every fetcher some, even where nothing is known of the table", () => {
    expect(planRanges(ringRanges([0n]), [], 8)).toHaveLength(32);
  });

  it("are finer where the estimates see more bytes", () => {
    const planned = planRanges(ringRanges([0n]), [{ start: MIN_TOKEN, end: 0n, bytes: 32e6 * 100 }], 1);
    expect(planned.filter((range) => range.end <= 0n)).toHaveLength(100);
    expect(planned.filter((range) => range.start >= 0n)).toHaveLength(2);
  });

  it("go around the ring, so that neighbours in the list are of different nodes", () => {
    const planned = planRanges(ringRanges([-100n, 100n]), [], 8);
    expect(planned.slice(0, 3).map((range) => range.start)).toEqual([MIN_TOKEN, -100n, 100n]);
  });
});

it("splits the whole ring evenly", () => {
  for (const count of [1, 8, 1024]) {
    const ranges = evenRanges(count);
    expect(ranges).toHaveLength(count);
    expect(ranges[0]?.start).toBe(MIN_TOKEN);
    expect(ranges.at(-1)?.end).toBe(MAX_TOKEN);
  }
});
