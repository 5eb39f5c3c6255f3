import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DataError, StorageError } from "../../src/base/errors.ts";
import {
  createJob,
  isJobFile,
  type Job,
  leafStates,
  newJobId,
  openJob,
  outputName,
  type SegmentRecord,
  type Stretch,
  segmentName,
} from "../../src/jobs/job.ts";
import { acquireLock, type JobLock } from "../../src/jobs/lock.ts";

const AT = "2024-05-06T07:08:09.000Z";
let home: string;
let lock: JobLock;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "cqlduck-job-"));
  await mkdir(join(home, "job"));
  lock = (await acquireLock(join(home, "job")))!;
});
afterEach(async () => {
  await lock.release();
  await rm(home, { recursive: true, force: true });
});

function recordOf(segment: number, stretches: Stretch[], bytes = 3): SegmentRecord<{ exact: boolean }> {
  return {
    segment,
    stretches,
    file: segmentName(segment),
    rows: 1,
    bytes,
    flags: { exact: true },
    readFrom: AT,
    readTo: AT,
  };
}

async function append(
  job: Job<{ job: string; ranges: string[] }, { exact: boolean }>,
  segment: number,
  stretches: Stretch[],
): Promise<void> {
  await writeFile(job.path(segmentName(segment)), "abc");
  await job.appendRecord(recordOf(segment, stretches));
}

const newJob = () =>
  createJob<{ job: string; ranges: string[] }, { exact: boolean }>(lock, { job: newJobId(), ranges: ["r0", "r1"] });

test("what was recorded is read again by the next process, and says where to go on", async () => {
  const job = await newJob();
  await append(job, 0, [
    { range: 0, from: null, to: "00ff" },
    { range: 1, from: null, to: null },
  ]);
  await append(job, 1, [
    { range: 0, from: "00ff", to: "01" },
    { range: 0, from: "01", to: "02" },
  ]);
  await writeFile(job.path(outputName(0)), "abcabc");
  await job.appendOutput([{ file: outputName(0), rows: 2, bytes: 6, flags: {} }]);

  const again = await openJob<{ job: string; ranges: string[] }, { exact: boolean }>(lock);
  expect(again?.plan).toEqual(job.plan);
  expect(again?.records).toEqual(job.records);
  expect(again?.records[1]?.flags.exact).toBe(true);
  expect(again?.arranged).toEqual(job.arranged);
  expect(again?.nextSegment).toBe(2);
  expect(again?.leaves()).toEqual([
    { range: 0, done: false, at: "02" },
    { range: 1, done: true, at: null },
  ]);
});

test("dropped from a segment on, ranges go on from where those before leave them", async () => {
  const job = await newJob();
  await append(job, 0, [{ range: 0, from: null, to: "00ff" }]);
  await append(job, 1, [
    { range: 0, from: "00ff", to: null },
    { range: 1, from: null, to: "01" },
  ]);
  await append(job, 2, [{ range: 1, from: "01", to: null }]);
  await job.dropRecords(1);
  expect(job.nextSegment).toBe(1);
  const left = [
    { range: 0, done: false, at: "00ff" },
    { range: 1, done: false, at: null },
  ];
  expect(job.leaves()).toEqual(left);
  expect((await openJob(lock))?.leaves()).toEqual(left);
  expect((await readdir(join(home, "job"))).filter((name) => name.startsWith("segment"))).toEqual([segmentName(0)]);
});

test("where there is no plan there is no job", async () => {
  expect(await openJob(lock)).toBeUndefined();
});

test("data files without a record are deleted, recorded and foreign ones stay", async () => {
  const job = await newJob();
  await append(job, 0, [{ range: 0, from: null, to: null }]);
  for (const name of [
    "segment-00001.staged",
    "tmp_segment-00002.staged",
    "output-00000.staged",
    "notes.txt",
    "segment.parquet",
  ]) {
    await writeFile(job.path(name), "x");
  }
  await job.deleteUnrecorded();
  expect((await readdir(job.directory)).sort()).toEqual([
    "lock",
    "notes.txt",
    "plan.json",
    "record-00000.json",
    "segment-00000.staged",
    "segment.parquet",
  ]);
});

test("a record whose file is missing or of another size is refused", async () => {
  const job = await newJob();
  await expect(job.appendRecord(recordOf(0, []))).rejects.toThrow(StorageError);
  await writeFile(job.path(segmentName(0)), "ab");
  await expect(job.appendRecord(recordOf(0, []))).rejects.toThrow("has 2 bytes after 3 were written to it");
  expect(await readdir(job.directory)).not.toContain("record-00000.json");
  expect(job.records).toEqual([]);
  await append(job, 0, []);
});

test("a record that breaks a range's chain, or the order, is a bug and not written", async () => {
  const job = await newJob();
  await append(job, 0, [{ range: 0, from: null, to: "aa" }]);
  await expect(append(job, 1, [{ range: 0, from: "bb", to: null }])).rejects.toThrow("assertion failed");
  await expect(append(job, 1, [{ range: 0, from: null, to: null }])).rejects.toThrow("assertion failed");
  await expect(append(job, 1, [{ range: 7, from: null, to: null }])).rejects.toThrow("assertion failed");
  await expect(append(job, 2, [])).rejects.toThrow("segment 2 recorded where 1 is next");
  await append(job, 1, [{ range: 0, from: "aa", to: null }]);
  await expect(append(job, 2, [{ range: 0, from: null, to: null }])).rejects.toThrow("assertion failed");
});

test("without the lock nothing is recorded", async () => {
  const job = await newJob();
  await writeFile(job.path(segmentName(0)), "abc");
  await rm(job.path("lock"));
  await expect(job.appendRecord(recordOf(0, []))).rejects.toThrow("was taken over");
  expect(await readdir(job.directory)).not.toContain("record-00000.json");
});

test("damage to a state file is an error that names it, whatever the damage", async () => {
  const job = await newJob();
  await append(job, 0, [{ range: 0, from: null, to: "aa" }]);
  const path = job.path("record-00000.json");
  const sound = JSON.parse(await readFile(path, "utf8"));
  const broken: unknown[] = [
    [],
    null,
    { ...sound, segment: 1 },
    { ...sound, file: "../../etc/passwd" },
    { ...sound, rows: -1 },
    { ...sound, bytes: 1.5 },
    { ...sound, stretches: [{ range: 2, from: null, to: null }] },
    { ...sound, stretches: [{ range: 0, from: "xyz", to: null }] },
    { ...sound, stretches: [{ range: 0, from: null, to: "" }] },
    { ...sound, readTo: "yesterday" },
    { ...sound, flags: undefined },
  ];
  for (const text of ["", "{", JSON.stringify(sound).slice(0, -1), ...broken.map((value) => JSON.stringify(value))]) {
    await writeFile(path, text);
    const error = await openJob(lock).catch((e: unknown) => e);
    expect([text, error instanceof DataError]).toEqual([text, true]);
    expect((error as Error).message).toContain(`${path} is damaged`);
  }
  await writeFile(path, JSON.stringify(sound));
  await writeFile(job.path("output-00000.json"), "{}");
  await expect(openJob(lock)).rejects.toThrow("output-00000.json is damaged");
  await rm(job.path("output-00000.json"));
  await writeFile(job.path("plan.json"), '{"job":"x"}');
  await expect(openJob(lock)).rejects.toThrow("plan.json is damaged");
});

test("more segments than five digits stay in order", async () => {
  const job = await newJob();
  for (const segment of [99_999, 100_000]) {
    const stretch = segment === 99_999 ? { range: 0, from: null, to: "aa" } : { range: 0, from: "aa", to: null };
    await writeFile(job.path(`record-${segment}.json`), JSON.stringify(recordOf(segment, [stretch])));
  }
  const again = await openJob(lock);
  expect(again?.records.map(({ segment }) => segment)).toEqual([99_999, 100_000]);
  expect(again?.leaves()[0]?.done).toBe(true);
});

test("the end of every chain is found, however pages are dealt to segments", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (pages, perSegment) => {
      // Each number is a page of that range; the fifth page of a range is its last.
      const count = [0, 0, 0, 0];
      const state = (n: number) => (n === 0 || n === 5 ? null : `0${n}`);
      const stretches: Stretch[] = [];
      for (const range of pages) {
        const n = count[range]!;
        if (n === 5) continue;
        stretches.push({ range, from: state(n), to: state(n + 1) });
        count[range] = n + 1;
      }
      const records: SegmentRecord[] = [];
      for (let at = 0; at < stretches.length; at += perSegment)
        records.push(recordOf(records.length, stretches.slice(at, at + perSegment)));
      expect(leafStates(4, records)).toEqual(count.map((n, range) => ({ range, done: n === 5, at: state(n) })));
    }),
  );
});

test("job names sort by time and are not taken twice", () => {
  expect(newJobId(new Date(AT))).toMatch(/^20240506T070809-[0-9a-f]{6}$/);
  expect(newJobId(new Date(AT))).not.toBe(newJobId(new Date(AT)));
});

test("only names that jobs give count as theirs", () => {
  for (const name of [
    "plan.json",
    "plan.json.tmp",
    "record-00000.json",
    "output-00012.json",
    "lock",
    "lock.ab12",
    "spill",
    "tmp_output-00000.staged",
  ]) {
    expect([name, isJobFile(name)]).toEqual([name, true]);
  }
  for (const name of [
    "notes.txt",
    "segment-1.staged",
    "segment-00000.parquet",
    "plan.json.bak",
    "locked",
    "my-plan.json",
  ]) {
    expect([name, isJobFile(name)]).toEqual([name, false]);
  }
});
