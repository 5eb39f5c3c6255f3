import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { formatCount, formatDuration, formatSize, parseCount, parseDuration, parseSize } from "../../src/base/units.ts";

describe("sizes", () => {
  it.each([
    ["512MB", 512_000_000],
    ["1GB", 1_000_000_000],
    ["500MiB", 500 * 2 ** 20],
    ["1gib", 2 ** 30],
    ["1.5 GB", 1_500_000_000],
    ["64k", 64_000],
    ["100", 100],
    ["100b", 100],
  ])("reads %s", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(["", "MB", "-1MB", "0", "0.1B", "1XB", "1e3", "1,5GB", "99999999TB", "1 M B"])("refuses %j", (text) => {
    expect(() => parseSize(text)).toThrow(UsageError);
  });

  it("prints a few digits in decimal units", () => {
    expect([0, 1, 999, 1000, 12_345_678, 99_960_000, 999_960, 3e15].map(formatSize)).toEqual([
      "0 bytes",
      "1 byte",
      "999 bytes",
      "1.0 kB",
      "12.3 MB",
      "100 MB",
      "1.0 MB",
      "3.0 PB",
    ]);
  });

  it("prints no size wider than nine characters", () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 9e17 }), (bytes) => formatSize(bytes).length <= 9));
  });
});

describe("counts", () => {
  it.each([
    ["50000", 50_000],
    ["50K", 50_000],
    ["1m", 1_000_000],
    ["4.1K", 4100],
    ["2G", 2_000_000_000],
  ])("reads %s", (text, count) => {
    expect(parseCount(text)).toBe(count);
  });

  it.each(["", "0", "-5", "1.5", "1.2345K", "50,000", "1MB", "many"])("refuses %j", (text) => {
    expect(() => parseCount(text)).toThrow(UsageError);
  });

  it("groups by three", () => {
    expect([0, 999, 1000, 62_500, 1_234_567].map(formatCount)).toEqual(["0", "999", "1,000", "62,500", "1,234,567"]);
  });

  it("reads back what it prints without the commas", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (count) => {
        expect(parseCount(formatCount(count).replaceAll(",", ""))).toBe(count);
      }),
    );
  });
});

describe("durations", () => {
  it.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["5m", 300_000],
    ["1.5s", 1500],
    ["1m30s", 90_000],
    ["2H", 7_200_000],
    ["1d", 86_400_000],
  ])("reads %s", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(["", "30", "s", "-1s", "0s", "1w", "1 minute", "5m 3"])("refuses %j", (text) => {
    expect(() => parseDuration(text)).toThrow(UsageError);
  });

  it("prints two units at most", () => {
    expect([0, 850, 3200, 59_949, 59_960, 65_000, 3_599_600, 7_620_000, 273_600_000].map(formatDuration)).toEqual([
      "0 ms",
      "850 ms",
      "3.2 s",
      "59.9 s",
      "1m 00s",
      "1m 05s",
      "1h 00m",
      "2h 07m",
      "3d 04h",
    ]);
  });
});
