import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createJob, newJobId } from "../../src/jobs/job.ts";
import { acquireLock } from "../../src/jobs/lock.ts";
import { listJobs, register, unregister } from "../../src/jobs/registry.ts";

let home: string;
let index: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "cqlduck-registry-"));
  index = join(home, "index");
});
afterEach(() => rm(home, { recursive: true, force: true }));

it("a job is listed from before its plan is written until it ends, and never without one that lives or a plan", async () => {
  const job = newJobId();
  const [directory, startedAt] = [home, new Date().toISOString()];
  const entry = { job, kind: "import", source: "x.csv", destination: "ks.t", directory, startedAt } as const;
  const lock = (await acquireLock(home))!;
  await register(index, entry);
  expect(await listJobs(index)).toEqual([{ ...entry, state: "running", rows: 0, segments: 0 }]);
  await createJob(lock, { job, ranges: [] });
  expect(await listJobs(index)).toMatchObject([{ job, state: "running" }]);
  await lock.release();
  expect(await listJobs(index)).toMatchObject([{ job, state: "unfinished" }]);
  await unregister(index, job);
  expect(await listJobs(index)).toEqual([]);

  await register(index, { ...entry, job: newJobId() });
  expect(await listJobs(index)).toEqual([]);
  await rm(join(home, "plan.json"));
  await register(index, entry);
  expect(await listJobs(index)).toEqual([]);
  expect(await readdir(index)).toEqual([]);
});

it("a job is listed by where it is, not by what that is called from one directory", async () => {
  const job = newJobId();
  const [directory, startedAt] = [relative(process.cwd(), home), new Date().toISOString()];
  await register(index, { job, kind: "export", source: "ks.t", destination: "/x", directory, startedAt });
  const lock = (await acquireLock(home))!;
  await createJob(lock, { job, ranges: [] });
  await lock.release();
  expect(await listJobs(index)).toMatchObject([{ job, directory: home }]);
});
