import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type FrameLimits, planFrames } from "../../src/cassandra/grouping.ts";

const LIMITS: FrameLimits = { rows: 100, bytes: 64 * 1024, mixed: false };

interface Row {
  /** 0 stands for a key that the server will refuse. */
  readonly partition: number;
  readonly size?: number;
}

/** The partitions and rows of each frame, and its set; a partition's set is its number modulo `sets`. */
function plan(rows: readonly Row[], limits: Partial<FrameLimits> = {}, sets = 1, byPartition = true) {
  const sizes = Int32Array.from(rows, (row) => row.size ?? 100);
  const facts = {
    rows: rows.length,
    tokens: Int32Array.from(rows.flatMap(({ partition }) => [-partition, partition])),
    routable: Uint8Array.from(rows, ({ partition }) => (partition && byPartition ? 1 : 0)),
    sizes,
    weights: sizes,
    setOf: (_: number, low: number) => low % sets,
  };
  const { order, ends, sets: numbers } = planFrames(facts, byPartition, { ...LIMITS, ...limits });
  return ends.map((end, i) => ({ rows: [...order.subarray(ends[i - 1] ?? 0, end)], set: numbers[i]! }));
}

const rowsOf = (...partitions: number[]): Row[] => partitions.map((partition) => ({ partition }));

describe("rows of one partition", () => {
  it("go together, near or far from each other, in their order", () => {
    expect(plan(rowsOf(1, 1, 2, 1, 3, 2))).toEqual([
      { rows: [0, 1, 3], set: 0 },
      { rows: [2, 5], set: 0 },
      { rows: [4], set: 0 },
    ]);
  });

  it("fill frames up to the limit of rows", () => {
    const frames = plan(rowsOf(...Array(250).fill(1)));
    expect(frames.map(({ rows }) => rows.length)).toEqual([100, 100, 50]);
  });

  it("fill frames up to the limit of bytes; a bigger row goes alone", () => {
    const sizes = [400, 500, 200, 5000, 1];
    const frames = plan(
      sizes.map((size) => ({ partition: 1, size })),
      { bytes: 1000 },
    );
    expect(frames.map(({ rows }) => rows)).toEqual([[0, 1], [2], [3], [4]]);
  });
});

describe("small partitions", () => {
  it("go together with others of the same replicas, ten at the most", () => {
    const frames = plan(rowsOf(...Array.from({ length: 30 }, (_, i) => i + 1)), { mixed: true }, 2);
    expect(frames.map(({ rows, set }) => [rows.length, set])).toEqual([
      [10, 1],
      [10, 0],
      [5, 1],
      [5, 0],
    ]);
    for (const { rows, set } of frames) expect(new Set(rows.map((row) => (row + 1) % 2))).toEqual(new Set([set]));
  });

  it("go together up to what servers warn of", () => {
    const rows = Array.from({ length: 6 }, (_, i) => ({ partition: i + 1, size: 2000 }));
    expect(plan(rows, { mixed: true }).map((frame) => frame.rows)).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(
      plan(
        [
          { partition: 1, size: 9000 },
          { partition: 2, size: 9000 },
        ],
        { mixed: true },
      ),
    ).toHaveLength(2);
  });

  it("do not go with others where that is not wanted, nor with a partition of many rows", () => {
    expect(plan(rowsOf(1, 2, 3))).toHaveLength(3);
    expect(plan(rowsOf(1, 1, 1, 1, 1, 1, 2, 3), { mixed: true }).map(({ rows }) => rows)).toEqual([
      [0, 1, 2, 3, 4, 5],
      [6, 7],
    ]);
  });
});

describe("rows without a known partition", () => {
  it("go alone, to any node, where their key is at fault", () => {
    expect(plan(rowsOf(1, 0, 0, 1), { mixed: true })).toEqual([
      { rows: [1], set: -1 },
      { rows: [2], set: -1 },
      { rows: [0, 3], set: 0 },
    ]);
  });

  it("go together in their order, where none is known", () => {
    const frames = plan(rowsOf(...Array(25).fill(1)), { mixed: true }, 1, false);
    expect(frames.map(({ rows, set }) => [rows.length, set])).toEqual([
      [10, -1],
      [10, -1],
      [5, -1],
    ]);
  });
});

it("every row is in one frame, once, whatever the partitions and limits", () => {
  const rows = fc.array(fc.record({ partition: fc.nat({ max: 6 }), size: fc.nat({ max: 3000 }) }), { maxLength: 120 });
  fc.assert(
    fc.property(
      rows,
      fc.integer({ min: 1, max: 20 }),
      fc.boolean(),
      fc.boolean(),
      (given, most, mixed, byPartition) => {
        const frames = plan(given, { rows: most, mixed, bytes: 4000 }, 3, byPartition);
        expect(frames.flatMap((frame) => frame.rows).sort((a, b) => a - b)).toEqual(given.map((_, i) => i));
        for (const { rows: together } of frames) {
          expect(together.length).toBeGreaterThan(0);
          expect(together.length).toBeLessThanOrEqual(most);
          if (!mixed) expect(new Set(together.map((row) => given[row]!.partition)).size).toBe(1);
        }
      },
    ),
  );
});
