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

  it("is never anybody else's", () => {
    const own = new Uint8Array(700_000);
    giveBackFrame(own);
    expect(lendFrame(700_000).buffer).not.toBe(own.buffer);
  });
});
