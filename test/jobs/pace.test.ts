import { setMaxListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { lanesOf, type PaceOptions, Pacer } from "../../src/jobs/pace.ts";
import { sleep } from "../../src/jobs/retry.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const BYTES_A_ROW = 100;

/** A server on the made-up clock: how long a request takes follows from how many it has at the same time. */
interface Server {
  latencyMs: (running: number) => number;
  refuses: boolean;
}

/** All streams of a pacer at work until the end of the test. */
function work(options: PaceOptions, server: Server, rows = 1000, came = rows) {
  const pacer = new Pacer(options);
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const seen = { rows: 0, running: 0, most: 0, requests: 0 };
  const lane = async () => {
    const stream = pacer.enter();
    for (;;) {
      const turn = await stream.turn(Math.min(rows, pacer.pageRows), controller.signal);
      seen.requests++;
      seen.most = Math.max(seen.most, ++seen.running);
      await sleep(server.latencyMs(seen.running), controller.signal);
      seen.running--;
      if (server.refuses) {
        turn.failed(true);
        continue;
      }
      const answer = Math.min(turn.rows, came);
      seen.rows += answer;
      turn.answered(answer, answer * BYTES_A_ROW);
    }
  };
  const done = Promise.all(Array.from({ length: pacer.lanes }, lane)).catch((error: unknown) => error);
  return { pacer, seen, controller, done };
}

const calm = (latencyMs = 100): Server => ({ latencyMs: () => latencyMs, refuses: false });

describe("how many streams run", () => {
  it.each([
    ["conservative", 2],
    ["balanced", 8],
    ["aggressive", 24],
  ] as const)("%s has %i, and an explicit number wins", async (pace, streams) => {
    const { seen } = work({ pace }, calm());
    const said = work({ pace, concurrency: 5 }, calm());
    await vi.advanceTimersByTimeAsync(1000);
    expect([seen.most, said.seen.most]).toEqual([streams, 5]);
    expect(lanesOf({ pace })).toBe(streams);
  });

  it("gives the place of a stream that ends to the next one", async () => {
    const pacer = new Pacer({ pace: "adaptive" });
    const { signal } = new AbortController();
    const streams = Array.from({ length: 5 }, () => pacer.enter());
    const ready: number[] = [];
    streams.forEach((stream, i) => void stream.ready(signal).then(() => ready.push(i)));
    await vi.advanceTimersByTimeAsync(0);
    expect(ready).toEqual([0, 1]);
    streams[0]?.leave();
    await vi.advanceTimersByTimeAsync(0);
    expect(ready).toEqual([0, 1, 2]);
  });
});

describe("adaptive", () => {
  it("begins with few streams and adds some while they bring more", async () => {
    const { pacer, seen } = work({ pace: "adaptive" }, calm());
    expect(pacer.allowed).toBe(2);
    await vi.advanceTimersByTimeAsync(15_000);
    expect([pacer.allowed, seen.most]).toEqual([24, 24]);
  });

  // In step: all answers of a round come at the same moment.
  it.each([300, 1500])("does so however long an answer takes: %i ms", async (ms) => {
    const { pacer } = work({ pace: "adaptive" }, calm(ms));
    await vi.advanceTimersByTimeAsync(5000 + 20 * ms);
    expect(pacer.allowed).toBe(24);
  });

  it("takes --concurrency as the most there may be", async () => {
    const { pacer, seen } = work({ pace: "adaptive", concurrency: 6 }, calm());
    await vi.advanceTimersByTimeAsync(10_000);
    expect([pacer.allowed, seen.most]).toEqual([6, 6]);
  });

  it("stays low where the server does four requests at a time, whatever it is asked", async () => {
    const { pacer } = work(
      { pace: "adaptive" },
      { latencyMs: (running) => 100 * Math.max(1, running / 4), refuses: false },
    );
    await vi.advanceTimersByTimeAsync(30_000);
    expect(pacer.allowed).toBeGreaterThanOrEqual(3);
    expect(pacer.allowed).toBeLessThanOrEqual(10);
  });

  it("halves once for a burst of refusals, and grows again after them", async () => {
    const server = calm();
    const { pacer } = work({ pace: "adaptive", concurrency: 12 }, server);
    await vi.advanceTimersByTimeAsync(10_000);
    server.refuses = true;
    await vi.advanceTimersByTimeAsync(100);
    server.refuses = false;
    expect(pacer.allowed).toBe(6);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(pacer.allowed).toBe(12);
  });

  it.each([
    [12, 300],
    [24, 400],
  ])("halves %i streams when answers take more than twice as long, after one round of them", async (streams, ms) => {
    const server = calm();
    const { pacer } = work({ pace: "adaptive", concurrency: streams }, server);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(pacer.allowed).toBe(streams);
    server.latencyMs = () => ms;
    // What was sent before, and the window that is open then, end first.
    await vi.advanceTimersByTimeAsync(100 + 250 + ms);
    expect(pacer.allowed).toBe(streams / 2);
  });
});

describe("conservative", () => {
  it("pauses when answers take more than twice as long, and goes on", async () => {
    const server = calm();
    const { seen } = work({ pace: "conservative" }, server);
    await vi.advanceTimersByTimeAsync(10_000);
    const before = seen.requests;
    await vi.advanceTimersByTimeAsync(10_000);
    const inCalm = seen.requests - before;
    server.latencyMs = () => 300;
    await vi.advanceTimersByTimeAsync(10_000);
    const strained = seen.requests - before - inCalm;
    // Three times slower would be a third of the requests; the pauses make it far fewer.
    expect(strained).toBeLessThan(inCalm / 6);
    expect(strained).toBeGreaterThan(0);
  });

  it("does not take the time of bigger pages for strain", async () => {
    const stream = new Pacer({ pace: "conservative" }).enter();
    const { signal } = new AbortController();
    let done = 0;
    const requests = async (count: number, bytes: number, ms: number) => {
      for (let i = 0; i < count; i++) {
        const turn = await stream.turn(1, signal);
        await sleep(ms);
        turn.answered(1, bytes);
        done++;
      }
    };
    void requests(200, 1000, 2).then(() => requests(40, 2_000_000, 40));
    await vi.advanceTimersByTimeAsync(200 * 2 + 40 * 40);
    expect(done).toBe(240);
  });
});

describe("rate", () => {
  it.each([1, 100, 5000])("%i rows a second are never exceeded by more than a second's worth", async (rate) => {
    const { seen } = work({ rate }, calm(5), 20_000);
    for (let second = 1; second <= 20; second++) {
      await vi.advanceTimersByTimeAsync(1000);
      expect(seen.rows).toBeLessThanOrEqual(rate * (second + 1));
    }
    expect(seen.rows).toBeGreaterThanOrEqual(rate * 18);
  });

  it("asks for a page of a second's worth at the most, all streams together", () => {
    expect(new Pacer({ rate: 800 }).pageRows).toBe(100);
    expect(new Pacer({ rate: 1 }).pageRows).toBe(1);
    expect(new Pacer({ rate: 1e9 }).pageRows).toBe(20_000);
    expect(new Pacer({ rate: 1e9, pageSize: 50 }).pageRows).toBe(50);
  });

  it("does not count rows that were asked for and did not come", async () => {
    const { seen } = work({ rate: 8000, concurrency: 4 }, calm(20), 2000, 20);
    await vi.advanceTimersByTimeAsync(20_000);
    // 4 streams of 20 rows every 20 ms are 4,000 rows a second: less than the rate.
    expect(seen.rows).toBeGreaterThan(0.95 * 4000 * 20);
  });

  it("ends at once when it is aborted", async () => {
    const { seen, controller, done } = work({ rate: 1 }, calm());
    await vi.advanceTimersByTimeAsync(3000);
    const before = seen.requests;
    controller.abort(new Error("stop"));
    await vi.advanceTimersByTimeAsync(0);
    expect(await done).toMatchObject({ message: "stop" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen.requests).toBe(before);
    expect(vi.getTimerCount()).toBe(0);
  });
});
