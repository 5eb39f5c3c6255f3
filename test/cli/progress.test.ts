import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { frame, plainLine } from "../../src/cli/frame.ts";
import { type ProgressForm, showProgress } from "../../src/cli/progress.ts";
import { Terminal } from "../../src/cli/terminal.ts";
import type { Progress } from "../../src/jobs/events.ts";
import { PROGRESS, Sink } from "./world.ts";

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
    expect(bars.map((bar) => bar?.[2])).toEqual(["0", "0", "50", "99", "100"]);
    expect(bars.map((bar) => bar?.[1]?.trim().length)).toEqual([0, 0, 19, 37, 38]);
    expect(new Set(bars.map((bar) => bar?.[1]?.length))).toEqual(new Set([38]));
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
    onEvent({ kind: "planned", ranges: 256, estimatedRows: 200_000, estimatedBytes: 12_345_678 });
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

  it.each([
    ["none", false],
    ["auto", true],
    ["bar", true],
  ] as const)("shows nothing with --progress %s and quiet %s", (form, quiet) => {
    const sink = new Sink({ isTTY: true, columns: 80 });
    const { onEvent, stop } = display(form, sink, quiet);
    onEvent({ kind: "planned", ranges: 1, estimatedRows: 1, estimatedBytes: 1 });
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
