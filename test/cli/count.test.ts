import { describe, expect, it } from "vitest";
import { frame, plainLine } from "../../src/cli/frame.ts";
import { COUNT, cqlduck, PROGRESS } from "./world.ts";

describe("cqlduck count", () => {
  it("prints the number alone on stdout, its digits plain", async () => {
    const { code, stdout } = await cqlduck(["count", "ks.t"]);
    expect([code, stdout.text]).toEqual([0, "1234567\n"]);
  });

  it("prints its report as JSON, and nothing else where it is to be quiet", async () => {
    const { stdout, stderr } = await cqlduck(["count", "ks.t", "--json", "-q"]);
    expect([JSON.parse(stdout.text), stderr.text]).toEqual([COUNT, ""]);
  });

  it("draws its progress without segments, which a count doesn't have", () => {
    const progress = { ...PROGRESS, segments: 0 };
    expect([frame(progress, 120), plainLine(progress)].join()).not.toContain("segment");
  });

  it.each([
    [["count"], /missing required argument/],
    [["count", "t"], /doesn't say its keyspace/],
    [["count", "ks.t", "--page-size", "0"], /--page-size/],
    [["count", "ks.t", "--columns", "a"], /unknown option/],
  ])("refuses %j", async (argv, message) => {
    const { code, stdout, stderr } = await cqlduck(argv);
    expect([code, stdout.text]).toEqual([2, ""]);
    expect(stderr.text).toMatch(message);
  });
});
