import { expect, test } from "vitest";
import type { Progress } from "../../src/jobs/events.ts";
import { ProgressMeter } from "../../src/jobs/progress.ts";

function meterWithClock(ranges: number, estimatedRows: number) {
  const events: Progress[] = [];
  const clock = { ms: 1_000 };
  const meter = new ProgressMeter({
    unit: "range",
    ranges,
    estimatedRows,
    emit: (event) => events.push(event),
    now: () => clock.ms,
  });
  return { events, clock, meter };
}

test("at most ten events a second, and the last one on demand", () => {
  const { events, clock, meter } = meterWithClock(4, 0);
  for (let i = 0; i < 1_000; i++, clock.ms++) meter.addRows(1, 10);
  expect(events).toHaveLength(10);
  meter.rangeDone();
  meter.segmentDone();
  meter.flush();
  expect(events.at(-1)).toMatchObject({
    rows: 1_000,
    bytes: 10_000,
    rangesDone: 1,
    ranges: 4,
    segments: 1,
    elapsedMs: 1_000,
  });
});

test("the rate is that of the last five seconds", () => {
  const { clock, meter } = meterWithClock(4, 0);
  for (let second = 0; second < 20; second++) {
    for (let tenth = 0; tenth < 10; tenth++) {
      clock.ms += 100;
      meter.addRows(second < 10 ? 100 : 10, 1);
    }
  }
  expect(meter.current().rowsPerSecond).toBeCloseTo(100, 5);
});

test("time left: from the estimate of rows first, from the ranges as soon as they tell more", () => {
  const { clock, meter } = meterWithClock(100, 10_000);
  expect(meter.current().etaMs).toBeUndefined();
  clock.ms += 1_000;
  meter.addRows(1_000, 1);
  expect(meter.current().etaMs).toBeCloseTo(9_000, 5);
  // 10 ranges of 100 have 1,000 rows: 9,000 are left, although the estimate is a hundred times that
  for (let i = 0; i < 10; i++) meter.rangeDone();
  expect(meter.current().etaMs).toBeCloseTo(9_000, 5);
});

test("nothing is said where there is nothing to tell it from", () => {
  const { clock, meter } = meterWithClock(100, 0);
  clock.ms += 1_000;
  meter.addRows(500, 1);
  expect(meter.current().etaMs).toBeUndefined();
  const past = meterWithClock(100, 400);
  past.clock.ms += 1_000;
  past.meter.addRows(500, 1); // more than the estimate
  expect(past.meter.current().etaMs).toBeUndefined();
});

test("all ranges done means no time left, also without a row", () => {
  const { meter } = meterWithClock(1, 0);
  meter.rangeDone();
  expect(meter.current()).toMatchObject({ etaMs: 0, rowsPerSecond: 0 });
  expect(meterWithClock(0, 0).meter.current().etaMs).toBe(0);
});
