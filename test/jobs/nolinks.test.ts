/*
 * The lock on a file system without hard links, such as FAT and some network ones: it is then created under its own name.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { acquireLock } from "../../src/jobs/lock.ts";
import { start } from "./child.ts";

const refused = vi.hoisted(() => ({ times: 0 }));

vi.mock("node:fs", async (original) => ({
  ...(await original<typeof import("node:fs")>()),
  linkSync: () => {
    refused.times++;
    throw Object.assign(new Error("EPERM: operation not permitted, link"), { code: "EPERM" });
  },
}));

let home: string;
beforeEach(async () => {
  refused.times = 0;
  home = await mkdtemp(join(tmpdir(), "cqlduck-nolinks-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

test("it keeps others out and leaves nothing", async () => {
  const lock = (await acquireLock(home))!;
  expect(refused.times).toBe(1);
  lock.assertHeld();
  expect(await readdir(home)).toEqual(["lock"]);
  await expect(acquireLock(home)).rejects.toThrow(UsageError);
  expect(await readdir(home)).toEqual(["lock"]);
  await lock.release();
  await expect(readdir(home)).rejects.toThrow("ENOENT");
});

test("of takers at the same moment one gets a dead lock", async () => {
  const { child, ended } = start("lock-process.ts", ["hold", home]);
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  child.kill("SIGKILL");
  await ended;
  const taken = await Promise.allSettled(Array.from({ length: 20 }, () => acquireLock(home)));
  const won = taken.flatMap((result) => (result.status === "fulfilled" ? [result.value!] : []));
  expect(won).toHaveLength(1);
  won[0]!.assertHeld();
  expect(refused.times).toBeGreaterThan(0);
  expect(await readdir(home)).toEqual(["lock"]);
  await won[0]!.release();
});
