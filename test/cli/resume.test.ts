import { describe, expect, it } from "vitest";
import { cqlduck } from "./world.ts";

describe("cqlduck resume", () => {
  it("goes on with what the export was begun with, where nothing else is said", async () => {
    const { code, resumed, stderr } = await cqlduck(["resume", "out/"], { env: { HOME: "/nonexistent/me" } });
    expect(code).toBe(0);
    expect(resumed).toMatchObject({
      job: "out/",
      types: new Map(),
      stateDirectory: "/nonexistent/me/.local/state/cqlduck/jobs",
    });
    expect(Object.values(resumed?.connection ?? {}).filter((value) => value !== undefined)).toEqual([]);
    for (const key of ["empty", "pace", "rate", "concurrency", "pageSize", "memoryBytes"] as const)
      expect(resumed?.[key]).toBeUndefined();
    expect(stderr.text).toContain("exported 200,000 rows");
  });

  it("takes another pace, and more memory", async () => {
    const words = "resume x.parquet --pace conservative --rate 5K --concurrency 1 --page-size 10 --memory 1GB".split(
      " ",
    );
    const { resumed } = await cqlduck(words);
    expect(resumed).toMatchObject({
      ...{ pace: "conservative", rate: 5000, concurrency: 1, pageSize: 10 },
      memoryBytes: 1e9,
    });
  });

  it("takes another host, types and the rule for zero-length values", async () => {
    const words = ["resume", "x.parquet", "-H", "other", "--type", "a=BLOB", "--empty", "null", "--consistency", "ONE"];
    const { resumed } = await cqlduck(words, { env: { XDG_STATE_HOME: "/state" } });
    expect(resumed).toMatchObject({
      connection: { hosts: ["other"], consistency: "ONE" },
      types: new Map([["a", "BLOB"]]),
      empty: "null",
      stateDirectory: "/state/cqlduck/jobs",
    });
  });
});

describe("cqlduck jobs", () => {
  it("says of each how to go on with it", async () => {
    const { code, stdout } = await cqlduck(["jobs"]);
    expect([code, stdout.lines]).toEqual([
      0,
      [
        "20261105T100000-abcdef  unfinished  ks.t to /data/out",
        "  begun 2026-11-05T10:00:00.000Z, 150,000 rows durable in 2 segments",
        "  go on: cqlduck resume 20261105T100000-abcdef",
      ],
    ]);
  });

  it("is one JSON object where that is asked for, and knows a single job", async () => {
    const { stdout } = await cqlduck(["jobs", "20261105T100000-abcdef", "--json"]);
    expect(JSON.parse(stdout.text).jobs).toHaveLength(1);
    const { code, stderr } = await cqlduck(["jobs", "none"]);
    expect([code, stderr.lines[0]]).toEqual([2, "error: there is no unfinished job none"]);
  });
});

describe("cqlduck export", () => {
  it("can't both go on and begin again", async () => {
    const { code, stderr } = await cqlduck(["export", "ks.t", "out", "--resume", "--restart"]);
    expect([code, stderr.lines[0]]).toEqual([2, expect.stringContaining("--resume and --restart")]);
  });
});
