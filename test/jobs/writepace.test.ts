/*
 * What a pace and a rate mean to a writer.
 */
import { describe, expect, it } from "vitest";
import { writePace } from "../../src/jobs/writepace.ts";

const { signal } = new AbortController();

describe("a write's pace", () => {
  it.each([
    [{}, 16, 16, false],
    [{ pace: "conservative" }, 4, 4, true],
    [{ pace: "aggressive" }, 32, 32, false],
    [{ pace: "adaptive" }, 4, 48, true],
    [{ pace: "adaptive", concurrency: 2 }, 2, 2, true],
    [{ pace: "adaptive", concurrency: 100 }, 4, 100, true],
    [{ pace: "aggressive", concurrency: 7 }, 7, 7, false],
  ] as const)("of %j", (said, first, most, follows) => {
    const { firstConcurrency, concurrency, watch } = writePace(said, undefined, signal);
    expect([firstConcurrency, concurrency, watch !== undefined]).toEqual([first, most, follows]);
  });

  it("has no bound without a rate", () => {
    expect(writePace({}, 50, signal)).toMatchObject({ batchRows: 50, admit: undefined });
  });

  it("lets no batch have more rows than a second may", () => {
    expect(writePace({ rate: 7 }, 50, signal).batchRows).toBe(7);
    expect(writePace({ rate: 0.5 }, undefined, signal).batchRows).toBe(1);
    expect(writePace({ rate: 1000 }, 50, signal).batchRows).toBe(50);
  });

  it("admits rows in their order, and all that wait when it is aborted", async () => {
    const abort = new AbortController();
    const { admit } = writePace({ rate: 1 }, undefined, abort.signal);
    const order: string[] = [];
    const waiting = ["a", "b", "c"].map((name) => admit!(1000).then(() => order.push(name)));
    expect(order).toEqual([]);
    abort.abort(new Error("stopped"));
    await Promise.all(waiting);
    expect(order).toEqual(["a", "b", "c"]);
  });
});
