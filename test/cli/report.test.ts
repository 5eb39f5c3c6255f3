import { describe, expect, it } from "vitest";
import { cqlduck, PLAN, REPORT, Sink } from "./world.ts";

const EXPORT = ["export", "ks.t", "out/"];

describe("the report", () => {
  it("is for people on stderr", async () => {
    const { code, stdout, stderr } = await cqlduck(EXPORT);
    expect(code).toBe(0);
    expect(stdout.text).toBe("");
    expect(stderr.lines).toEqual([
      "exported 200,000 rows (12.3 MB) from ks.t to out/ in 3.2 s (62,500 rows/s), 2 files",
      "  file      out/part-00000.parquet (150,000 rows, 3.0 MB)",
      "            out/part-00001.parquet (50,000 rows, 1.0 MB)",
      "  read      2026-11-05T10:00:00.100Z to 2026-11-05T10:00:03.000Z, at LOCAL_QUORUM; not a snapshot",
      "  work      2 segments, 256 ranges, 1 retry",
      "  memory    312 MB at most",
      "  decimals  price fits DECIMAL(10,2)",
      "  note      one host didn't answer",
    ]);
  });

  it("names a few of many files, and no notice a second time", async () => {
    const files = Array.from({ length: 1200 }, (_, i) => ({ path: `out/${i}`, rows: 1, bytes: 1 }));
    const { stderr } = await cqlduck(EXPORT, {
      operations: {
        exportTable: async (options) => {
          options.onEvent?.({ kind: "notice", message: REPORT.notices[0] ?? "" });
          return { ...REPORT, files };
        },
      },
    });
    expect(stderr.text).toMatch(/1,200 files\n/);
    expect(stderr.text).toMatch(/out\/4 .*\n +and 1,195 more\n/);
    expect(stderr.text.match(/one host/g)?.length).toBe(1);
  });

  it("stands alone behind rows: no bar is drawn on the terminal that they may come to", async () => {
    const csv = ["--format", "csv"];
    for (const [argv, bars] of [
      [EXPORT, 1],
      [["export", "ks.t", "-", ...csv], 0],
      [["export", "ks.t", "-", ...csv, "--progress", "bar"], 1],
    ] as const) {
      const { stderr } = await cqlduck(argv, { stderr: new Sink({ isTTY: true, columns: 80 }) });
      expect(stderr.text.match(/\rconnecting/g)?.length ?? 0).toBe(bars);
      expect(stderr.text).toContain("exported 200,000 rows");
    }
  });

  it("is one JSON object on stdout with --json", async () => {
    const { stdout, stderr } = await cqlduck([...EXPORT, "--json", "-q"]);
    expect(stdout.lines.length).toBe(1);
    expect(JSON.parse(stdout.text)).toEqual(REPORT);
    expect(stderr.text).toBe("");
  });

  it("is the last event with --progress json", async () => {
    const { stdout, stderr } = await cqlduck([...EXPORT, "--progress", "json"]);
    expect(JSON.parse(stderr.lines.at(-1) ?? "")).toEqual({ kind: "report", ...REPORT });
    expect(stdout.text).toBe("");
  });

  it("stays away with --quiet", async () => {
    const { stdout, stderr } = await cqlduck([...EXPORT, "-q"], { stderr: new Sink({ isTTY: true, columns: 80 }) });
    expect(stdout.text + stderr.text).toBe("");
  });
});

describe("the plan of --dry-run", () => {
  const dry = [...EXPORT, "--dry-run"];
  const never = { exportTable: () => Promise.reject(new Error("nothing may be exported")) };

  it("is for people on stdout", async () => {
    const { code, stdout, stderr } = await cqlduck(dry, { operations: never });
    expect(code).toBe(0);
    expect(stderr.text).toBe("");
    expect(stdout.lines).toEqual([
      "export of ks.t to directory out/; nothing was read or written",
      "  read  256 ranges in about 1 segment, about 200,000 rows (12.3 MB)",
      "  file  out/part-{n}.parquet",
      '  CQL   SELECT id, "ID" FROM ks.t WHERE token(id) > ? AND token(id) <= ?',
      "",
      "  column  CQL                DuckDB     kind",
      "  id      uuid               VARCHAR    partition key",
      "  ID      frozen<list<int>>  INTEGER[]  regular        as ID_1",
    ]);
  });

  it("says why all is read by one statement, and what is to be known before", async () => {
    const plan = { ...PLAN, ranges: 1, whole: "it has a LIMIT", notices: ["column id: masked"] };
    const { stdout } = await cqlduck(dry, { operations: { planExport: async () => plan } });
    expect(stdout.lines.slice(1, 5)).toEqual([
      "  read  page by page with one statement: it has a LIMIT",
      "  file  out/part-{n}.parquet",
      '  CQL   SELECT id, "ID" FROM ks.t WHERE token(id) > ? AND token(id) <= ?',
      "  note  column id: masked",
    ]);
  });

  it("is one JSON object with --json", async () => {
    const { stdout } = await cqlduck([...dry, "--json"], { operations: never });
    expect(JSON.parse(stdout.text)).toEqual(PLAN);
  });
});
