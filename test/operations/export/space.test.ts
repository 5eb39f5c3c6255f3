import { expect, it } from "vitest";
import { sureBytes } from "../../../src/cassandra/estimates.ts";
import { UsageError } from "../../../src/index.ts";
import { judgeSpace } from "../../../src/operations/export/space.ts";

const table = { name: "ks.t", estimatedBytes: 1e9, sureBytes: 1e9, twice: false };

it("refuses only what can't fit even if it shrinks to a twentieth", () => {
  expect(() => judgeSpace(49e6, "out", table)).toThrow(UsageError);
  expect(() => judgeSpace(49e6, "out", table)).toThrow(/49\.0 MB free, and needs 50\.0 MB .*1\.0 GB uncompressed/);
  expect(() => judgeSpace(51e6, "out", table)).not.toThrow();
});

it("counts twice what is there twice", () => {
  expect(() => judgeSpace(99e6, "x.parquet", { ...table, twice: true })).toThrow(/100 MB/);
  expect(() => judgeSpace(99e6, "out", table)).not.toThrow();
});

it("tells where it may become tight, and nothing where there is room", () => {
  expect(judgeSpace(400e6, "out", table)).toMatch(/400 MB free, which may be too little for ks\.t \(about 1\.0 GB/);
  expect(judgeSpace(501e6, "out", table)).toBeUndefined();
});

it("refuses nothing for a guess: one giant partition looks like many", () => {
  const estimate = { start: 0n, end: 1n, partitions: 128, bytes: 128e9 };
  expect(sureBytes([estimate])).toBe(0);
  expect(sureBytes([estimate, { ...estimate, partitions: 2048, bytes: 5 }])).toBe(5);
  expect(judgeSpace(5e9, "out", { ...table, estimatedBytes: 128e9, sureBytes: 0 })).toContain("may be too little");
});
