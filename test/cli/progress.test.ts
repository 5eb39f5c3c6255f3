import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { arrangingFrame, arrangingLine, estimate, frame, plainLine, share } from "../../src/cli/frame.ts";
import { showProgress } from "../../src/cli/progress.ts";
import { Terminal } from "../../src/cli/terminal.ts";
import type { ProgressForm } from "../../src/cli/values.ts";
import type { Arranging, Progress } from "../../src/jobs/events.ts";
import { PROGRESS, Sink } from "./world.ts";

const ARRANGING: Arranging = { kind: "arranging", step: "files", rows: 1_234_567, totalRows: 2_000_000, files: 12 };

describe("a frame of arranging", () => {
  it.each([
    [90, "files", "arranging files  [=====>    ]  61%  1,234,567 of 2,000,000 rows  12 files"],
    [70, "files", "arranging files  61%  1,234,567 of 2,000,000 rows  12 files"],
    [55, "files", "arranging files  61%  1,234,567 of 2,000,000 rows"],
    [40, "files", "61%  1,234,567 of 2,000,000 rows"],
    [10, "files", "61%"],
    [40, "sort", "sorting  2,000,000 rows"],
    [20, "sql", "running --sql"],
  ] as const)("has in %i columns what fits of %s", (width, step, text) => {
    expect(arrangingFrame({ ...ARRANGING, step }, width)).toBe(text);
    for (let narrow = 1; narrow < width; narrow++) {
      expect(arrangingFrame({ ...ARRANGING, step }, narrow).length).toBeLessThan(narrow);
    }
  });

  it("says the same in a log", () => {
    expect(arrangingLine(ARRANGING, 65_000)).toBe(
      "1m 05s: arranging files, 1,234,567 of 2,000,000 rows (61%), 12 files",
    );
    const sql: Arranging = { ...ARRANGING, step: "sql", rows: 0, files: 0 };
    expect(arrangingLine(sql, 2000)).toBe("2.0 s: running --sql, 2,000,000 rows");
  });
});

it("a size is said as far as it is known", () => {
  expect(estimate({ estimatedRows: 0, estimatedBytes: 0 })).toBe("size not known yet");
  expect(estimate({ estimatedRows: 0, estimatedBytes: 3100 })).toBe("about 3.1 kB");
  expect(estimate({ estimatedRows: 1200, estimatedBytes: 3100 })).toBe("about 1,200 rows (3.1 kB)");
});

describe("a frame", () => {
  it.each([
    [
      120,
      "reading  [===============>                      ]  42%  1,234,567 rows  62,500/s  123 MB  12 segments  ETA 1m 05s",
    ],
    [90, "reading  [====>         ]  42%  1,234,567 rows  62,500/s  123 MB  12 segments  ETA 1m 05s"],
    [60, "[====>         ]  42%  1,234,567 rows  62,500/s  ETA 1m 05s"],
    [40, "42%  1,234,567 rows  ETA 1m 05s"],
    [20, "42%  1,234,567 rows"],
  ])("has in %i columns what fits", (width, text) => {
    expect(frame(PROGRESS, width)).toBe(text);
  });

  it("never reaches the last column", () => {
    const states: Progress[] = [
      PROGRESS,
      { ...PROGRESS, rows: 0, bytes: 0, rangesDone: 0, ranges: 0, segments: 0, rowsPerSecond: 0, etaMs: undefined },
      {
        ...PROGRESS,
        rows: 9e15,
        bytes: 9e17,
        rangesDone: 256,
        segments: 99_999,
        rowsPerSecond: 99_999_999,
        etaMs: 9e11,
      },
    ];
    for (const state of states) {
      for (let width = 1; width <= 300; width++) {
        for (const phase of ["read", "arrange", "publish"] as const) {
          const text = frame(state, width, phase);
          expect(text.length).toBeLessThan(width);
          expect(text).not.toContain("\n");
        }
        if (width >= 20) expect(frame(state, width)).toMatch(/%/);
      }
    }
  });

  it("fills its bar as ranges end", () => {
    const bars = [0, 1, 128, 255, 256].map((rangesDone) =>
      frame({ ...PROGRESS, rangesDone }, 300).match(/\[(.*)\] +(\d+)%/),
    );
    expect(bars.map((bar) => bar?.[2])).toEqual(["0", "0", "50", "99", "99"]);
    expect(bars.map((bar) => bar?.[1]?.trim().length)).toEqual([0, 0, 19, 37, 37]);
    expect(new Set(bars.map((bar) => bar?.[1]?.length))).toEqual(new Set([38]));
  });

  it("moves on as long as rows come, even where one partition holds up its range", () => {
    const shares = (states: Partial<Progress>[]) =>
      states.map((state) => Math.floor(share({ ...PROGRESS, estimatedRows: 1000, ...state }) * 100));
    const growing = [0, 250, 500, 750, 1000, 1500].map((rows) => ({ rows }));
    // One range alone, and one that is left of many.
    expect(shares(growing.map((state) => ({ ...state, ranges: 1, rangesDone: 0 })))).toEqual([0, 25, 50, 75, 99, 99]);
    expect(shares(growing.map((state) => ({ ...state, ranges: 256, rangesDone: 255 })))).toEqual([
      49, 62, 74, 87, 99, 99,
    ]);
    // An estimate that is far too small, and one that is far too large.
    expect(shares([{ rows: 1e6, ranges: 1000, rangesDone: 100 }])).toEqual([13]);
    expect(shares([{ rows: 100, ranges: 1000, rangesDone: 900 }])).toEqual([50]);
    expect(shares([{ rows: 1e6, estimatedRows: 0, ranges: 0, rangesDone: 0 }])).toEqual([0]);
  });

  it("never goes back, and never says that all is done", () => {
    const steps = fc.array(fc.record({ rows: fc.nat(1000), ranges: fc.nat(3) }), { maxLength: 100 });
    fc.assert(
      fc.property(steps, fc.nat(20_000), fc.integer({ min: 1, max: 300 }), (steps, estimatedRows, ranges) => {
        let state: Progress = { ...PROGRESS, rows: 0, rangesDone: 0, ranges, estimatedRows };
        for (const step of steps) {
          const before = share(state);
          state = {
            ...state,
            rows: state.rows + step.rows,
            rangesDone: Math.min(ranges, state.rangesDone + step.ranges),
          };
          expect(share(state)).toBeGreaterThanOrEqual(before);
          expect(share(state)).toBeLessThan(1);
        }
      }),
    );
  });

  it("says what follows the reading, without a share of it", () => {
    expect(frame(PROGRESS, 80, "arrange")).toBe("arranging files  1,234,567 rows  123 MB  12 segments");
    expect(frame(PROGRESS, 80, "publish")).toMatch(/^publishing/);
  });

  it("has a form for logs", () => {
    expect(plainLine(PROGRESS)).toBe(
      "20.0 s: reading, 1,234,567 rows, 62,500 rows/s, 123 MB, 12 segments, 108 of 256 ranges, ETA 1m 05s",
    );
    expect(plainLine({ ...PROGRESS, etaMs: undefined, segments: 1 })).toMatch(/1 segment, .*ETA --$/);
  });
});

describe("drawing", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function display(form: ProgressForm, sink: Sink, quiet = false) {
    const terminal = new Terminal(sink, {});
    return { terminal, ...showProgress(terminal, form, quiet) };
  }

  it("redraws in place, at most ten times a second, one write each, and only what changed", () => {
    const sink = new Sink({ isTTY: true, columns: 60 });
    const { onEvent, stop } = display("auto", sink);
    for (let i = 1; i <= 1000; i++) {
      onEvent({ ...PROGRESS, rows: i });
      vi.advanceTimersByTime(1);
    }
    vi.advanceTimersByTime(5000);
    expect(sink.writes[0]).toBe("\x1b[?25l\rconnecting\x1b[K");
    expect(sink.writes.length).toBeLessThanOrEqual(11);
    for (const write of sink.writes.slice(1)) expect(write.replace(/[\w ,/%>=[\]]+ETA.*s/, "…")).toBe("\r…\x1b[K");
    expect(sink.writes.at(-1)).toContain("1,000 rows");
    stop();
    expect(sink.writes.at(-1)).toBe("\r\x1b[2K\x1b[?25h");
    const count = sink.writes.length;
    stop();
    vi.advanceTimersByTime(5000);
    expect(sink.writes.length).toBe(count);
  });

  it("puts notices above the bar in one write, each once", () => {
    const sink = new Sink({ isTTY: true, columns: 60 });
    const { onEvent, noticed, stop } = display("auto", sink);
    onEvent({ kind: "notice", message: "n2 is down" });
    onEvent({ kind: "notice", message: "n2 is down" });
    expect(sink.writes.slice(1)).toEqual(["\r\x1b[2Knote: n2 is down\nconnecting"]);
    expect([...noticed]).toEqual(["n2 is down"]);
    stop();
  });

  it("follows the phases", () => {
    const sink = new Sink({ isTTY: true, columns: 60 });
    const { onEvent, stop } = display("bar", sink);
    onEvent(PROGRESS);
    onEvent({ kind: "phase", phase: "publish" });
    vi.advanceTimersByTime(100);
    expect(sink.writes.at(-1)).toContain("publishing");
    stop();
  });

  it("writes a line every 5 seconds, and every 10 after a minute, where nothing can be redrawn", () => {
    const sink = new Sink();
    const { onEvent, stop } = display("auto", sink);
    onEvent({
      kind: "planned",
      source: "ks.t",
      unit: "range",
      ranges: 256,
      estimatedRows: 200_000,
      estimatedBytes: 12_345_678,
    });
    expect(sink.text).toBe("reading 256 ranges, about 200,000 rows (12.3 MB)\n");
    vi.advanceTimersByTime(5000);
    expect(sink.lines.length).toBe(1);
    onEvent(PROGRESS);
    vi.advanceTimersByTime(55_000);
    expect(sink.lines.length).toBe(1 + 11);
    expect(sink.lines.at(-1)).toBe(plainLine(PROGRESS));
    vi.advanceTimersByTime(60_000);
    expect(sink.lines.length).toBe(1 + 11 + 6);
    onEvent({ kind: "phase", phase: "arrange" });
    expect(sink.lines.at(-1)).toBe("arranging files");
    expect(sink.text).not.toContain("\x1b");
    stop();
    vi.advanceTimersByTime(60_000);
    expect(sink.lines.length).toBe(1 + 11 + 6 + 1);
  });

  it("speaks of files where these are read", () => {
    const sink = new Sink({ isTTY: false });
    const { onEvent, stop } = display("plain", sink);
    onEvent({ kind: "planned", source: "a.csv", unit: "file", ranges: 3, estimatedRows: 10, estimatedBytes: 100 });
    expect(sink.text).toBe("reading 3 files, about 10 rows (100 bytes)\n");
    onEvent({ ...PROGRESS, unit: "file", rangesDone: 2, ranges: 3 });
    vi.advanceTimersByTime(10_000);
    expect(sink.text).toContain("2 of 3 files");
    stop();
  });

  it("is a line of JSON an event for programs, of progress at most two a second", () => {
    const sink = new Sink({ isTTY: true, columns: 20 });
    const { onEvent, noticed, stop } = display("json", sink);
    onEvent({ kind: "planned", source: "ks.t", unit: "range", ranges: 256, estimatedRows: 0, estimatedBytes: 0 });
    for (let ms = 0; ms < 3000; ms += 10) {
      onEvent({ ...PROGRESS, rows: ms, etaMs: undefined });
      vi.advanceTimersByTime(10);
    }
    onEvent({ kind: "notice", message: "n2 is down" });
    onEvent({ kind: "notice", message: "n2 is down" });
    onEvent({ kind: "phase", phase: "publish" });
    vi.advanceTimersByTime(10_000);
    const events = sink.lines.map((line) => JSON.parse(line));
    expect(events[0]).toEqual({
      kind: "planned",
      source: "ks.t",
      unit: "range",
      ranges: 256,
      estimatedRows: 0,
      estimatedBytes: 0,
    });
    const told = events.filter(({ kind }) => kind === "progress");
    expect(told.map(({ rows }) => rows)).toEqual([0, 490, 990, 1490, 1990, 2490, 2990]);
    expect(told[0]).toEqual({ ...PROGRESS, rows: 0, phase: "read", share: 0.421, etaMs: null });
    expect(events.filter(({ kind }) => kind === "notice")).toEqual([{ kind: "notice", message: "n2 is down" }]);
    expect([...noticed]).toEqual(["n2 is down"]);
    expect(events.find(({ kind }) => kind === "phase")).toEqual({ kind: "phase", phase: "publish" });
    onEvent(PROGRESS);
    stop();
    const count = sink.lines.length;
    vi.advanceTimersByTime(10_000);
    expect(sink.lines.length).toBe(count);
  });

  it.each(["bar", "plain", "json"] as const)("goes on while files are arranged (%s)", (form) => {
    const sink = new Sink({ isTTY: form === "bar", columns: 90 });
    const { onEvent, stop } = display(form, sink);
    onEvent(PROGRESS);
    onEvent({ kind: "phase", phase: "arrange" });
    const shown: string[] = [];
    for (let files = 0; files < 40; files++) {
      onEvent({ ...ARRANGING, rows: files * 50_000, files });
      vi.advanceTimersByTime(500);
      shown.push(sink.writes.at(-1) ?? "");
    }
    onEvent({ kind: "phase", phase: "publish" });
    expect(shown.at(-1)).toContain(form === "json" ? '"rows":1950000' : "1,950,000 of 2,000,000");
    if (form === "json") {
      expect(JSON.parse(shown[20]!)).toMatchObject({ kind: "arranging", phase: "arrange", step: "files", share: 0.5 });
    }
    vi.advanceTimersByTime(10_000);
    expect(sink.text.split(form === "json" ? '"publish"' : "publishing")[1]).not.toContain("arranging");
    stop();
  });

  it("follows a terminal that grows and shrinks, and never lets a line wrap", () => {
    const sink = new Sink({ isTTY: true, columns: 120 });
    const { terminal, onEvent, stop } = display("bar", sink);
    const shown = () =>
      (
        sink.writes
          .at(-1)
          ?.split(/[\r\n]/)
          .at(-1) ?? ""
      ).replace("\x1b[K", "");
    onEvent(PROGRESS);
    vi.advanceTimersByTime(100);
    expect(shown().length).toBeGreaterThan(100);
    for (const columns of [20, 200, 1, 40]) {
      Object.assign(sink, { columns });
      terminal.line("note: in between");
      expect(shown().length).toBeLessThan(Math.max(2, columns));
      vi.advanceTimersByTime(100);
      expect(shown()).toBe(frame(PROGRESS, columns) || shown());
    }
    stop();
  });

  it.each([
    ["none", false],
    ["auto", true],
    ["json", true],
    ["bar", true],
  ] as const)("shows nothing with --progress %s and quiet %s", (form, quiet) => {
    const sink = new Sink({ isTTY: true, columns: 80 });
    const { onEvent, stop } = display(form, sink, quiet);
    onEvent({ kind: "planned", source: "ks.t", unit: "range", ranges: 1, estimatedRows: 1, estimatedBytes: 1 });
    onEvent(PROGRESS);
    vi.advanceTimersByTime(60_000);
    stop();
    expect(sink.text).toBe("");
  });

  it("goes without a bar on a dumb terminal, and takes 80 columns where none are known", () => {
    expect(new Terminal(new Sink({ isTTY: true }), { TERM: "dumb" }).interactive).toBe(false);
    expect(new Terminal(new Sink({ isTTY: true, columns: 0 }), {}).width).toBe(80);
  });
});
