import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StorageError, UsageError } from "../../src/base/errors.ts";
import { acquireLock, type JobLock } from "../../src/jobs/lock.ts";
import { sleep } from "../../src/jobs/retry.ts";
import { start } from "./child.ts";

const FAST = { beatMs: 20, timeoutMs: 1_000 };

vi.setConfig({ testTimeout: 120_000 });

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "cqlduck-lock-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function acquired(directory: string): Promise<JobLock> {
  const lock = await acquireLock(directory, FAST);
  if (lock === undefined) throw new Error(`${directory} is not there`);
  return lock;
}

/** A lock file whose process has ended: that of a child that was killed. */
async function deadLock(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  const { child, ended } = start("lock-process.ts", ["hold", directory]);
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  child.kill("SIGKILL");
  await ended;
  return readFileSync(join(directory, "lock"), "utf8");
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // it is released just now
  }
}

function ofAnotherHost(text: string): string {
  return `${JSON.stringify({ ...JSON.parse(text), host: "elsewhere", pid: 1 })}\n`;
}

test("a lock keeps others out, names its holder, and goes with its directory", async () => {
  const directory = join(home, "job");
  await mkdir(directory);
  const lock = await acquired(directory);
  lock.assertHeld();
  const refused = await acquireLock(directory).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(UsageError);
  expect((refused as UsageError).message).toContain(`process ${process.pid} on `);
  expect((refused as UsageError).hint).toContain(join(directory, "lock"));
  await lock.release();
  await lock.release();
  expect(existsSync(directory)).toBe(false);
  expect(await acquireLock(directory)).toBeUndefined();
});

test("a directory that holds something stays when the lock is released", async () => {
  writeFileSync(join(home, "manifest.json"), "{}");
  const lock = await acquired(home);
  await lock.release();
  expect(readdirSync(home)).toEqual(["manifest.json"]);
});

test("a live process of another program run is found alive, a killed one is taken over", async () => {
  const { child, ended } = start("lock-process.ts", ["hold", home]);
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  await expect(acquireLock(home)).rejects.toThrow(`process ${child.pid} on `);
  child.kill("SIGKILL");
  await ended;
  const lock = await acquired(home);
  expect(readdirSync(home)).toEqual(["lock"]);
  expect(JSON.parse(readFileSync(join(home, "lock"), "utf8")).pid).toBe(process.pid);
  await lock.release();
});

test("a process number that was given again is not the old process", async () => {
  const dead = JSON.parse(await deadLock(home));
  writeFileSync(join(home, "lock"), `${JSON.stringify({ ...dead, pid: process.pid })}\n`);
  if (dead.processStart === null) return; // no /proc here
  const lock = await acquired(home);
  await lock.release();
});

test("another host's lock: alive while its heartbeat is young", async () => {
  writeFileSync(join(home, "lock"), ofAnotherHost(await deadLock(home)));
  await expect(acquireLock(home, FAST)).rejects.toThrow("process 1 on elsewhere");
});

test.each([
  ["is old", 0],
  ["is of the future, since a clock was set back,", Date.now() + 1e9],
])("another host's lock: dead when its beat %s and no other comes", async (_, beat) => {
  writeFileSync(join(home, "lock"), ofAnotherHost(await deadLock(home)));
  utimesSync(join(home, "lock"), new Date(beat), new Date(beat));
  const lock = await acquired(home);
  lock.assertHeld();
  await lock.release();
});

test("another host's lock: alive when it beats, however wrong its clock is", async () => {
  const path = join(home, "lock");
  writeFileSync(path, ofAnotherHost(await deadLock(home)));
  let second = 0;
  const beating = setInterval(() => utimesSync(path, second, ++second), 5);
  try {
    await sleep(20);
    await expect(acquireLock(home, FAST)).rejects.toThrow("elsewhere");
  } finally {
    clearInterval(beating);
  }
});

test("a lock file that was not written to its end counts by its age", async () => {
  writeFileSync(join(home, "lock"), '{"token":"abc');
  await expect(acquireLock(home, FAST)).rejects.toThrow("about to work");
  utimesSync(join(home, "lock"), new Date(0), new Date(0));
  const lock = await acquired(home);
  expect(readdirSync(home)).toEqual(["lock"]);
  await lock.release();
});

test("a lock file is never seen without its holder, so a kill leaves none", async () => {
  writeFileSync(join(home, "kept"), "");
  const { child, ended } = start("lock-process.ts", ["storm", home, "1000", "0"]);
  let running = true;
  child.on("exit", () => {
    running = false;
  });
  let seen = 0;
  const unfinished: string[] = [];
  while (running) {
    for (let i = 0; i < 1_000; i++) {
      const text = textOf(join(home, "lock"));
      if (text !== undefined) seen++;
      if (text !== undefined && !text.endsWith("}\n")) unfinished.push(text);
    }
    await sleep(0);
  }
  await ended;
  expect(seen).toBeGreaterThan(100);
  expect(unfinished).toEqual([]);
});

test("what a killed taker had not linked yet goes with the next lock", async () => {
  writeFileSync(join(home, "lock.new.abc"), "{}\n");
  const lock = await acquired(home);
  expect(readdirSync(home)).toEqual(["lock"]);
  await lock.release();
  expect(existsSync(home)).toBe(false);
});

test("the heartbeat is seen in the file", async () => {
  const lock = await acquired(home);
  const path = join(home, "lock");
  utimesSync(path, new Date(0), new Date(0));
  await sleep(FAST.beatMs * 5);
  const { statSync } = await import("node:fs");
  expect(Date.now() - statSync(path).mtimeMs).toBeLessThan(2_000);
  await lock.release();
});

test("a takeover that died half-way is itself taken over", async () => {
  const first = await deadLock(home);
  const second = await deadLock(join(home, "b"));
  writeFileSync(join(home, `lock.${JSON.parse(first).token}`), second);
  await rm(join(home, "b"), { recursive: true });
  const lock = await acquired(home);
  expect(readdirSync(home)).toEqual(["lock"]);
  lock.assertHeld();
  await lock.release();
});

test("who has lost the lock finds out, and leaves the other's alone", async () => {
  const lock = await acquired(home);
  const path = join(home, "lock");
  const other = `${JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), token: "other", pid: 4711 })}\n`;
  await rm(path);
  writeFileSync(path, other);
  expect(() => lock.assertHeld()).toThrow(StorageError);
  expect(() => lock.assertHeld()).toThrow("by process 4711");
  await lock.release();
  expect(readFileSync(path, "utf8")).toBe(other);
});

test("of takers at the same moment exactly one gets a free or a dead lock", async () => {
  const rounds = 60;
  const dead = await deadLock(join(home, "dead"));
  for (let round = 0; round < rounds; round++) {
    await mkdir(join(home, String(round)));
    if (round % 3 > 0) writeFileSync(join(home, String(round), "lock"), dead);
  }
  const takers = [0, 1, 2].map((id) => start("lock-process.ts", ["race", home, String(rounds), "3", String(id)]));
  const results = await Promise.all(takers.map((taker) => taker.ended));
  for (const { code, errors } of results) expect([code, errors]).toEqual([0, ""]);
  const taken = results.flatMap(({ output }) => JSON.parse(output) as number[]).sort((a, b) => a - b);
  expect(taken).toEqual(Array.from({ length: rounds }, (_, round) => round));
});

test("processes that die while they hold the lock never let two in", async () => {
  writeFileSync(join(home, "kept"), "");
  const until = Date.now() + 3_000;
  let turns = 0;
  let deaths = 0;
  async function worker(): Promise<void> {
    while (Date.now() < until) {
      const { ended } = start("lock-process.ts", ["storm", home, String(until - Date.now()), "0.1"]);
      const { output, errors, code, signal } = await ended;
      expect([output.includes("violation"), errors]).toEqual([false, ""]);
      if (signal === "SIGKILL") deaths++;
      else expect(code).toBe(0);
      turns += Number(output.trim() || 0);
    }
  }
  await Promise.all([worker(), worker(), worker()]);
  expect(turns + deaths).toBeGreaterThan(5);
  const lock = await acquired(home);
  expect(readdirSync(home).filter((name) => name.startsWith("lock"))).toEqual(["lock"]);
  await lock.release();
});
