import { expect, it } from "vitest";
import { DataError } from "../../../src/base/errors.ts";
import type { ParameterCells } from "../../../src/cassandra/rowblock.ts";
import { CounterStatics, mostPartitions, StaticLists } from "../../../src/operations/import/statics.ts";

/** A column of cells of a byte each; undefined for NULL. */
function column(...values: (number | undefined)[]): ParameterCells {
  const index = new Int32Array(values.flatMap((value, i) => [i, value === undefined ? -1 : 1]));
  return { bytes: Uint8Array.from(values, (value) => value ?? 0), index };
}

it("static counters are added once a partition, as far as memory reaches", () => {
  const statics = new CounterStatics(2);
  const key = column(1, 1, 1, 2, 2, 3, 3);
  const counts = column(7, 7, 8, undefined, 5, undefined, 5);
  const decisions = Array.from({ length: 6 }, (_, row) => statics.decide([key], [counts], row));
  expect(decisions).toEqual(["add", "added", "differ", "added", "add", "added"]);
  expect(() => statics.decide([key], [counts], 6)).toThrow(DataError);
  expect(() => statics.decide([key], [counts], 6)).toThrow(/more than 2 partitions/);
  expect(statics.decide([key], [counts], 1)).toBe("added");
});

it("static lists are new once, as far as memory reaches, which is said with what to do", () => {
  const lists = new StaticLists(2);
  const cells = [column(1, 1, 1, 2, 1), column(7, 7, 8, 7, undefined)];
  expect(Array.from({ length: 3 }, (_, row) => lists.isNew(cells, row))).toEqual([true, false, true]);
  let thrown: unknown;
  try {
    lists.isNew(cells, 3);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({
    name: "DataError",
    message: expect.stringContaining("more than 2 partitions"),
    hint: "go on with more memory: --memory 1GB or more",
  });
});

it("a million partitions fit at the default, and more in more memory", () => {
  expect(mostPartitions({})).toBe(1_000_000);
  expect(mostPartitions({ memoryBytes: 2048e6 })).toBe(4_000_000);
});
