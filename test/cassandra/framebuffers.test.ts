import { describe, expect, it } from "vitest";
import { giveBackFrame, lendFrame } from "../../src/cassandra/framebuffers.ts";

describe("memory for pages", () => {
  it("is lent again once it was given back, for pages of about the same size", () => {
    const first = lendFrame(1_000_000);
    const second = lendFrame(1_000_000);
    expect(second.buffer).not.toBe(first.buffer);
    giveBackFrame(first.subarray(100));
    expect(lendFrame(100).buffer).not.toBe(first.buffer);
    const third = lendFrame(900_000);
    expect([third.length, third.buffer === first.buffer]).toEqual([900_000, true]);
  });

  it("is lent to one at a time, however often it is given back", () => {
    const page = lendFrame(500_000);
    giveBackFrame(page);
    giveBackFrame(page);
    expect(lendFrame(500_000).buffer).not.toBe(lendFrame(500_000).buffer);
  });

  it("that nobody wants any more makes room for what is wanted", () => {
    for (const page of Array.from({ length: 8 }, () => lendFrame(10_000_000))) giveBackFrame(page);
    const wanted = Array.from({ length: 10 }, () => lendFrame(2_000_000));
    for (const page of wanted) giveBackFrame(page);
    const again = Array.from({ length: 10 }, () => lendFrame(2_000_000));
    expect(new Set(again.map((page) => page.buffer))).toEqual(new Set(wanted.map((page) => page.buffer)));
  });

  it("is never anybody else's", () => {
    const own = new Uint8Array(700_000);
    giveBackFrame(own);
    expect(lendFrame(700_000).buffer).not.toBe(own.buffer);
  });
});
