import { describe, expect, it } from "vitest";
import type { Page } from "../../../src/cassandra/pages.ts";
import { type SealedSegment, SegmentPipeline, segmentLimits } from "../../../src/operations/export/segments.ts";

const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

/** A pipeline of segments of three rows, or never more than `mostRows`. */
function pipeline(persist: (sealed: SealedSegment) => Promise<void>, mostRows?: number): SegmentPipeline {
  const limits = { rows: mostRows ?? 3, mostRows, bytes: 1e6 };
  return new SegmentPipeline({ limits, first: 0, persist });
}

function page(rows: number, next: string | null): Page {
  return { body: new Uint8Array(rows), rows, next, askedAt: 0 };
}

/** Appends the pages of one range, one row each, as a fetcher does. */
async function fetcher(into: SegmentPipeline, range: number, pages: number): Promise<void> {
  for (let i = 0; i < pages; i++) {
    await into.append(range, i === 0 ? null : `0${i}`, page(1, i === pages - 1 ? null : `0${i + 1}`));
  }
}

describe("a pipeline of segments", () => {
  it("holds every page once, whichever of many fetchers is next when a segment is full", async () => {
    const sealed: SealedSegment[] = [];
    const into = pipeline(async (segment) => {
      await tick();
      sealed.push(segment);
    });
    await Promise.all(Array.from({ length: 8 }, (_, range) => fetcher(into, range, 5)));
    await into.finish();
    expect(sealed.map((segment) => segment.segment)).toEqual(sealed.map((_, i) => i));
    expect(sealed.reduce((sum, segment) => sum + segment.rows, 0)).toBe(40);
    expect(sealed.slice(0, -1).every((segment) => segment.rows === 3)).toBe(true);
    for (let range = 0; range < 8; range++) {
      const chain = sealed.flatMap((segment) => segment.stretches.filter((stretch) => stretch.range === range));
      expect(chain.map((stretch) => stretch.from)).toEqual([null, ...chain.slice(0, -1).map((stretch) => stretch.to)]);
      expect(chain.at(-1)?.to).toBe(null);
    }
  });

  it("never take a page that is too much for them, whichever of many fetchers brings it", async () => {
    const sealed: SealedSegment[] = [];
    const into = pipeline(async (segment) => {
      await tick();
      sealed.push(segment);
    }, 10);
    const append = async (range: number) => {
      for (let i = 0; i < 5; i++)
        await into.append(range, i === 0 ? null : `0${i}`, page(4, i === 4 ? null : `0${i + 1}`));
    };
    await Promise.all(Array.from({ length: 6 }, (_, range) => append(range)));
    await into.finish();
    expect(sealed.map((segment) => segment.rows)).toEqual(Array(15).fill(8));
    for (let range = 0; range < 6; range++) {
      const chain = sealed.flatMap((segment) => segment.stretches.filter((stretch) => stretch.range === range));
      expect(chain.map((stretch) => stretch.from)).toEqual([null, ...chain.slice(0, -1).map((stretch) => stretch.to)]);
    }
  });

  it("takes nothing after a segment could not be written, and says why", async () => {
    let written = 0;
    const into = pipeline(async () => {
      await tick();
      written++;
      throw new Error("disk full");
    });
    await expect(Promise.all([fetcher(into, 0, 50), fetcher(into, 1, 50)])).rejects.toThrow("disk full");
    await expect(into.append(2, null, page(1, null))).rejects.toThrow("disk full");
    await expect(into.finish()).rejects.toThrow("disk full");
    expect(written).toBe(1);
  });
});

describe("the limits of segments", () => {
  it.each([
    [undefined, 500_000, undefined],
    [1, 1, 1],
    [3000, 3000, 3000],
    [500_000, 500_000, 500_000],
    [500_001, 250_000, 250_000],
    [1_200_000, 400_000, 400_000],
  ])("for files of %s rows are such that a whole number of segments fills one", (rowsPerFile, rows, mostRows) => {
    expect(segmentLimits(512e6, { rowsPerFile })).toMatchObject({ rows, mostRows });
  });
});
