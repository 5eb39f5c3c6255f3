import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { StorageError, UsageError } from "../../src/base/errors.ts";
import { claimDestination, inspectDestination } from "../../src/jobs/destination.ts";
import { createJob, type Job, segmentName } from "../../src/jobs/job.ts";
import { acquireLock } from "../../src/jobs/lock.ts";
import { carryOut, dropJob, type FileToPublish, type Layout, publish } from "../../src/jobs/publish.ts";
import { start } from "./child.ts";

vi.setConfig({ testTimeout: 120_000 });

let home: string;
beforeEach(async () => {
  // In memory where that is possible: a kill can't tell, and these tests sync thousands of times.
  home = await mkdtemp(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "cqlduck-publish-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** All files below a directory with their content; what differs from run to run (a time) is taken out. */
async function tree(directory: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const name of (await readdir(directory, { recursive: true })).sort()) {
    const path = join(directory, name);
    if (!(await stat(path)).isFile()) files[`${name}/`] = "";
    else files[name] = (await readFile(path, "utf8")).replace(/"at": ?"[^"]*"/, '"at": "…"');
  }
  return files;
}

async function runToEnd(args: string[], env: Record<string, string> = {}): Promise<boolean> {
  const { code, signal, errors } = await start("export-process.ts", args, env).ended;
  if (signal === "SIGKILL") return false;
  expect([code, errors]).toEqual([0, ""]);
  return true;
}

describe.each([
  ["directory", "out"],
  ["file", "x.parquet"],
] as const)("a %s, the process killed", (layout, name) => {
  let expected: Record<string, string>;
  beforeEach(async () => {
    const whole = join(home, "whole");
    await mkdir(whole);
    await runToEnd(["run", join(whole, name), layout]);
    expected = await tree(whole);
  });

  /** Kills the n-th passing of a point, n = 1, 2, … until the job gets through; hands each wreck to `then`. */
  async function killAtEach(point: string, then: (destination: string) => Promise<void>): Promise<number> {
    for (let n = 1; ; n++) {
      const place = join(home, `${point}-${n}`);
      await mkdir(place);
      const survived = await runToEnd(["run", join(place, name), layout], { CQLDUCK_FAULT: `${point}:${n}` });
      if (!survived) await then(join(place, name));
      expect(await tree(place)).toEqual(expected);
      if (survived) return n - 1;
    }
  }

  const points = ["intent-written", "renamed", "renames-durable", "done-written", "cleared"];
  const directoryPoints = ["success-written", "manifest-written"];
  test.each(layout === "directory" ? [...points, ...directoryPoints] : points)(
    "at %s: going on ends in the same tree",
    async (point) => {
      const kills = await killAtEach(point, async (destination) => {
        await runToEnd(["go-on", destination, layout]);
      });
      expect(kills).toBeGreaterThan(0);
    },
  );

  test.each(["renamed", "cleared"])("at %s, and again at each step of going on", async (point) => {
    const kills = await killAtEach(point, async (destination) => {
      for (const fault of ["renamed", "cleared", "renames-durable"]) {
        await runToEnd(["go-on", destination, layout], { CQLDUCK_FAULT: fault });
      }
      await runToEnd(["go-on", destination, layout]);
    });
    expect(kills).toBeGreaterThan(0);
  });

  const early = ["plan-written", "segment-durable", "record-written", "intent-written", "renamed", "renames-durable"];
  test.each(
    layout === "file"
      ? [...early, "output-durable", "output-written"]
      : [...early, "success-written", "manifest-written"],
  )("at %s: refused without --restart, and with it the same tree", async (point) => {
    await killAtEach(point, async (destination) => {
      const before = await tree(join(destination, ".."));
      await expect(claimDestination(destination, layout, { restart: false })).rejects.toThrow(
        "holds an unfinished job",
      );
      const after = await tree(join(destination, ".."));
      // A lock that its process left behind may go; nothing else may.
      expect(withoutLock(after)).toEqual(withoutLock(before));
      await runToEnd(["run", destination, layout, "--restart"]);
    });
  });

  test("at renamed, and again while --restart drops it: with --restart the same tree", {
    timeout: 60_000,
  }, async () => {
    await killAtEach("renamed", async (destination) => {
      for (const n of [1, 2]) {
        await runToEnd(["run", destination, layout, "--restart"], { CQLDUCK_FAULT: `cleared:${n}` });
      }
      await runToEnd(["run", destination, layout, "--restart"]);
    });
  });

  test.each(["done-written", "cleared"])(
    "at %s: the next job clears what is left, and finds a finished one",
    async (point) => {
      await killAtEach(point, async (destination) => {
        const refusal = layout === "file" ? "exists already" : "holds an export of 3 files";
        await expect(claimDestination(destination, layout, { restart: true })).rejects.toThrow(refusal);
      });
    },
  );
});

function withoutLock(files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).filter(([name]) => !name.endsWith("/lock")));
}

test("replacing, killed at each step and gone on with, ends in the same tree; a user's files stay", {
  timeout: 60_000,
}, async () => {
  async function prepare(destination: string): Promise<void> {
    await mkdir(join(destination, "_cqlduck"), { recursive: true });
    await writeFile(join(destination, "_SUCCESS"), "");
    for (const name of ["part-00000.parquet", "part-00001.parquet"]) await writeFile(join(destination, name), "old");
    await writeFile(join(destination, "changed-since.parquet"), "not the three bytes of before");
    await writeFile(join(destination, "notes.txt"), "mine");
    await writeFile(join(destination, "_cqlduck/notes.txt"), "mine too");
  }
  const whole = join(home, "whole");
  await prepare(whole);
  await runToEnd(["overwrite", whole, "directory"]);
  const expected = await tree(whole);
  expect(Object.keys(expected)).toEqual([
    "_SUCCESS",
    "_cqlduck/",
    "_cqlduck/manifest.json",
    "_cqlduck/notes.txt",
    "changed-since.parquet",
    "notes.txt",
    "part-00000.parquet",
  ]);
  expect(expected["part-00000.parquet"]).toBe("new rows");
  for (const point of [
    "intent-written",
    "renamed",
    "renames-durable",
    "deleted",
    "success-written",
    "manifest-written",
    "done-written",
    "cleared",
  ]) {
    const destination = join(home, point);
    await prepare(destination);
    expect(await runToEnd(["overwrite", destination, "directory"], { CQLDUCK_FAULT: point })).toBe(false);
    const begun = await tree(destination);
    // Never complete by its mark while a file of the old stands beside one of the new.
    if (["renamed", "renames-durable", "deleted"].includes(point)) expect(begun).not.toHaveProperty("_SUCCESS");
    await runToEnd(["go-on", destination, "directory"]);
    expect([point, await tree(destination)]).toEqual([point, expected]);
  }
});

async function jobWith(
  destination: string,
  layout: Layout,
  texts: readonly string[],
): Promise<{ job: Job; files: FileToPublish[] }> {
  const lock = await claimDestination(destination, layout, { restart: false });
  const job = await createJob(lock, { job: "j1", ranges: texts });
  const files: FileToPublish[] = [];
  for (const [segment, text] of texts.entries()) {
    const file = segmentName(segment);
    await writeFile(job.path(file), text);
    const bytes = Buffer.byteLength(text);
    const at = new Date().toISOString();
    await job.appendRecord({
      segment,
      stretches: [{ range: segment, from: null, to: null }],
      file,
      rows: 1,
      bytes,
      flags: {},
      readFrom: at,
      readTo: at,
    });
    files.push({ from: file, to: `part-${segment}.parquet`, rows: 1, bytes });
  }
  return { job, files };
}

test("whatever part of a publication was done, carrying it out ends in the same tree", async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ maxLength: 8 }), { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat(9)),
      fc.boolean(),
      async (texts, done, success) => {
        const destination = join(home, `p${run++}`);
        const { job, files } = await jobWith(destination, "directory", texts);
        // An intent, and then any of the renames and the mark: as a power cut may leave them, in no order.
        const intent = { job: "j1", layout: "directory", at: "2024-01-01T00:00:00Z", renames: files, replaced: [] };
        await writeFile(job.path("intent.json"), JSON.stringify(intent));
        const { rename } = await import("node:fs/promises");
        for (const i of new Set(done)) {
          const file = files[i];
          if (file !== undefined) await rename(job.path(file.from), join(destination, file.to));
        }
        if (success) await writeFile(join(destination, "_SUCCESS"), "");
        const published = await carryOut(job.lock);
        expect(published.map(({ path }) => path)).toEqual(files.map(({ to }) => join(destination, to)));
        await job.lock.release();
        const found = await tree(destination);
        for (const [i, text] of texts.entries()) expect(found[`part-${i}.parquet`]).toBe(text);
        expect(Object.keys(found)).toHaveLength(texts.length + 3); // _SUCCESS, _cqlduck/, manifest
      },
    ),
    { numRuns: 40 },
  );
});

test("a published directory has its mark and a manifest of sizes and rows", async () => {
  const destination = join(home, "deep/er/out/");
  const { job, files } = await jobWith(destination, "directory", ["aaa", "bb"]);
  const published = await publish(job, "directory", files);
  expect(published).toEqual([
    { path: join(destination, "part-0.parquet"), rows: 1, bytes: 3 },
    { path: join(destination, "part-1.parquet"), rows: 1, bytes: 2 },
  ]);
  await job.lock.release();
  expect((await readdir(destination)).sort()).toEqual(["_SUCCESS", "_cqlduck", "part-0.parquet", "part-1.parquet"]);
  expect(await readdir(join(destination, "_cqlduck"))).toEqual(["manifest.json"]);
  const manifest = JSON.parse(await readFile(join(destination, "_cqlduck/manifest.json"), "utf8"));
  expect(manifest).toMatchObject({
    job: "j1",
    files: [
      { path: "part-0.parquet", rows: 1, bytes: 3 },
      { rows: 1, bytes: 2 },
    ],
  });
  expect(await inspectDestination(destination, "directory")).toMatchObject({ state: "published", files: 2 });
});

test("a file that appeared at a target's place meanwhile is never touched", async () => {
  const destination = join(home, "out");
  const { job, files } = await jobWith(destination, "directory", ["aaa", "bb"]);
  await writeFile(join(destination, "part-1.parquet"), "yy"); // of the very size
  await expect(publish(job, "directory", files)).rejects.toThrow(
    `${join(destination, "part-1.parquet")} is in the way`,
  );
  expect((await readdir(destination)).sort()).toEqual(["_cqlduck", "part-1.parquet"]);
  // Also when it comes between the intent and the renames.
  const intent = { job: "j1", layout: "directory", at: "2024-01-01T00:00:00Z", renames: files, replaced: [] };
  await writeFile(job.path("intent.json"), JSON.stringify(intent));
  await expect(carryOut(job.lock)).rejects.toThrow("is in the way");
  expect(await readFile(join(destination, "part-1.parquet"), "utf8")).toBe("yy");
  await dropJob(job.lock);
  await job.lock.release();
  expect(await tree(destination)).toEqual({ "part-1.parquet": "yy" });
  await expect(claimDestination(destination, "directory", { restart: true })).rejects.toThrow(
    "is not empty: part-1.parquet",
  );
});

test("a source that was cut or taken away is an error, not a publication", async () => {
  const { job, files } = await jobWith(join(home, "out"), "directory", ["aaa", "bb"]);
  await writeFile(job.path(segmentName(1)), "b");
  await expect(publish(job, "directory", files)).rejects.toThrow("has 1 bytes; it was recorded with 2");
  await rm(job.path(segmentName(1)));
  await expect(publish(job, "directory", files)).rejects.toThrow(StorageError);
  expect(await readdir(join(home, "out"))).toEqual(["_cqlduck"]);
  const intent = { job: "j1", layout: "directory", at: "2024-01-01T00:00:00Z", renames: files, replaced: [] };
  await writeFile(job.path("intent.json"), JSON.stringify(intent));
  await expect(carryOut(job.lock)).rejects.toThrow("is the file that was recorded");
  expect(await readdir(join(home, "out"))).not.toContain("_SUCCESS");
  await job.lock.release();
});

describe("destinations", () => {
  const refused = (destination: string, layout: Layout) =>
    claimDestination(destination, layout, { restart: false }).catch((error: unknown) => error as UsageError);

  test("a file's parent must exist; a directory's is made", async () => {
    const error = await refused(join(home, "no/where/x.parquet"), "file");
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).message).toBe(`the directory ${join(home, "no/where")} does not exist`);
    expect(await readdir(home)).toEqual([]);
    const lock = await claimDestination(join(home, "made/for/out"), "directory", { restart: false });
    expect(await inspectDestination(join(home, "made/for/out"), "directory")).toEqual({ state: "empty" });
    await lock.release();
  });

  test("what is there already is refused by name, and untouched", async () => {
    await writeFile(join(home, "x.parquet"), "mine");
    await mkdir(join(home, "out/sub"), { recursive: true });
    await mkdir(join(home, "d.parquet"));
    const before = await tree(home);
    for (const [destination, layout, message] of [
      ["x.parquet", "file", "exists already"],
      ["x.parquet", "directory", "is a file"],
      ["d.parquet", "file", "is a directory"],
      ["out", "directory", "is not empty: sub"],
      ["x.parquet/out", "directory", "not a directory"],
      ["x.parquet/y.parquet", "file", "not a directory"],
    ] as const) {
      const error = await refused(join(home, destination), layout);
      expect([destination, error instanceof UsageError]).toEqual([destination, true]);
      expect((error as UsageError).message).toContain(message);
    }
    expect(await tree(home)).toEqual(before);
  });

  test.skipIf(process.getuid?.() === 0)("a place that can't be written to is a usage error", async () => {
    await mkdir(join(home, "closed"), { mode: 0o500 });
    expect(await refused(join(home, "closed/out"), "directory")).toBeInstanceOf(UsageError);
  });

  test("a published directory says so; one that a running job works in too", async () => {
    const destination = join(home, "out");
    const { job, files } = await jobWith(destination, "directory", ["a"]);
    for (const restart of [false, true]) {
      await expect(claimDestination(destination, "directory", { restart })).rejects.toThrow(
        `process ${process.pid} on `,
      );
    }
    await publish(job, "directory", files);
    await job.lock.release();
    for (const restart of [false, true]) {
      await expect(claimDestination(destination, "directory", { restart })).rejects.toThrow(
        "holds an export of 1 file, finished 20",
      );
    }
  });

  test("a job directory without a job is no obstacle", async () => {
    await mkdir(join(home, "x.parquet._cqlduck/spill"), { recursive: true });
    await writeFile(join(home, "x.parquet._cqlduck/spill/block"), "");
    await writeFile(join(home, "x.parquet._cqlduck/segment-00000.staged"), "half");
    const lock = await claimDestination(join(home, "x.parquet"), "file", { restart: false });
    expect(await readdir(lock.directory)).toEqual(["lock"]);
    await lock.release();
    expect(await readdir(home)).toEqual([]);
  });

  test("a damaged manifest or intent is an error that names the file", async () => {
    await mkdir(join(home, "out/_cqlduck"), { recursive: true });
    await writeFile(join(home, "out/_cqlduck/manifest.json"), '{"job":1');
    expect(((await refused(join(home, "out"), "directory")) as UsageError).message).toContain(
      "out/_cqlduck/manifest.json is damaged",
    );
    await rm(join(home, "out/_cqlduck/manifest.json"));
    await writeFile(
      join(home, "out/_cqlduck/intent.json"),
      '{"job":"j","layout":"directory","at":"","renames":[{}],"replaced":[]}',
    );
    const lock = await acquireLock(join(home, "out/_cqlduck"));
    await expect(carryOut(lock!)).rejects.toThrow("intent.json is damaged");
    await lock!.release();
  });
});
