import { expect, test } from "vitest";
import { retrying, sleep } from "../../src/jobs/retry.ts";

const options = { attempts: 4, baseMs: 4, maxMs: 10, isRetryable: () => true };

test("a task is tried again until it succeeds, and each time is told", async () => {
  const told: [number, number][] = [];
  const onRetry = (_: unknown, attempt: number, waitMs: number) => void told.push([attempt, waitMs]);
  const result = await retrying(
    async (attempt) => {
      if (attempt < 4) throw new Error(`failure ${attempt}`);
      return `attempt ${attempt}`;
    },
    { ...options, onRetry },
  );
  expect(result).toBe("attempt 4");
  expect(told.map(([attempt]) => attempt)).toEqual([1, 2, 3]);
  for (const [i, longest] of [4, 8, 10].entries()) {
    expect(told[i]![1]).toBeGreaterThanOrEqual(longest / 2);
    expect(told[i]![1]).toBeLessThanOrEqual(longest);
  }
});

test("the last failure is thrown as it is when the attempts are used up", async () => {
  let calls = 0;
  const failure = new Error("always");
  await expect(
    retrying(async () => {
      calls++;
      throw failure;
    }, options),
  ).rejects.toBe(failure);
  expect(calls).toBe(4);
});

test("what is not retryable is thrown at once", async () => {
  let calls = 0;
  await expect(
    retrying(
      async () => {
        calls++;
        throw new TypeError("bug");
      },
      { ...options, isRetryable: (error) => !(error instanceof TypeError) },
    ),
  ).rejects.toThrow("bug");
  expect(calls).toBe(1);
});

test("an abort ends a wait at once, with the signal's reason", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const startedAt = performance.now();
  const running = retrying(() => Promise.reject(new Error("down")), {
    ...options,
    baseMs: 60_000,
    maxMs: 60_000,
    signal: controller.signal,
  });
  setTimeout(() => controller.abort(reason), 10);
  await expect(running).rejects.toBe(reason);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});

test("a failure that the abort caused is the abort", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const task = () => {
    controller.abort(reason);
    return Promise.reject(new Error("connection closed"));
  };
  await expect(retrying(task, { ...options, isRetryable: () => false, signal: controller.signal })).rejects.toBe(
    reason,
  );
});

test("nothing begins after an abort", async () => {
  const reason = new Error("before");
  const signal = AbortSignal.abort(reason);
  await expect(retrying(() => Promise.reject(new Error("ran")), { ...options, signal })).rejects.toBe(reason);
  await expect(sleep(60_000, signal)).rejects.toBe(reason);
});
