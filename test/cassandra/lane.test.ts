import { describe, expect, it } from "vitest";
import type { Host } from "../../src/cassandra/cluster.ts";
import { Lane } from "../../src/cassandra/lane.ts";

interface Request {
  readonly name: string;
  readonly cost: number;
}

function lane(widest: number) {
  const sent: string[] = [];
  return { sent, lane: new Lane<Request>({} as Host, widest, ({ name }) => sent.push(name)) };
}
const request = (name: string, cost: number): Request => ({ name, cost });

describe("the requests to one node", () => {
  it("wait where the window is full, and go in their order", () => {
    const { sent, lane: to } = lane(100);
    const [a, b, c, d] = [request("a", 60), request("b", 60), request("c", 40), request("d", 1)] as const;
    for (const next of [a, b, c, d]) to.push(next);
    expect(sent).toEqual(["a"]);
    expect(to.load).toBe(1.61);
    to.done(a);
    expect(sent).toEqual(["a", "b", "c"]);
    to.done(b);
    expect(sent).toEqual(["a", "b", "c", "d"]);
  });

  it("go one by one where each is bigger than the window", () => {
    const { sent, lane: to } = lane(10);
    const a = request("a", 500);
    to.push(a);
    to.push(request("b", 500));
    expect(sent).toEqual(["a"]);
    to.done(a);
    expect(sent).toEqual(["a", "b"]);
  });

  it("are handed out again, those that wait", () => {
    const { sent, lane: to } = lane(10);
    for (const name of ["a", "b", "c"]) to.push(request(name, 10));
    expect(to.takeWaiting().map(({ name }) => name)).toEqual(["b", "c"]);
    expect([sent, to.load]).toEqual([["a"], 1]);
  });

  it("may fail at once, many in a row", () => {
    let failed = 0;
    const first = request("first", 10);
    const to: Lane<Request> = new Lane({} as Host, 10, (next) => {
      if (next === first) return;
      failed++;
      to.done(next);
    });
    to.push(first);
    for (let i = 0; i < 50_000; i++) to.push(request("x", 10));
    to.done(first);
    expect([failed, to.load]).toEqual([50_000, 0]);
  });
});

describe("the window of a node", () => {
  it("is halved once for the requests that failed together, and recovers with those that succeed", () => {
    const { lane: to } = lane(1600);
    const before = performance.now();
    to.narrow(before);
    to.narrow(before);
    expect(to.window).toBe(800);
    to.narrow(performance.now() + 1);
    expect(to.window).toBe(400);
    for (let i = 0; i < 4; i++) to.widen(request("a", 100));
    expect(to.window).toBeGreaterThan(410);
    expect(to.window).toBeLessThan(420);
    for (let i = 0; i < 2000; i++) to.widen(request("a", 100));
    expect(to.window).toBe(1600);
  });

  it("never closes", () => {
    const { lane: to } = lane(1600);
    for (let i = 0; i < 50; i++) to.narrow(Number.POSITIVE_INFINITY);
    expect(to.window).toBe(16);
  });
});
