/*
 * What a job may do with an export that stands at its destination: which states let it begin, and what publishing and
 * dropping leave of the old files and of those of other origin.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { type ClaimOptions, claimDestination, standingAt } from "../../src/jobs/destination.ts";
import { createJob, type Job, segmentName } from "../../src/jobs/job.ts";
import { dropJob, type FileToPublish, type Layout, type Manifest, publish } from "../../src/jobs/publish.ts";

let home: string;
let out: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "cqlduck-onto-"));
  out = join(home, "out");
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** A claimed job with a segment for each text, to be published as these names. */
async function jobOf(
  texts: Readonly<Record<string, string>>,
  claim: Partial<ClaimOptions> = {},
  job = "j1",
): Promise<{ job: Job; files: FileToPublish[] }> {
  const lock = await claimDestination(out, "directory", { restart: false, ...claim });
  const begun = await createJob(lock, { job, ranges: Object.keys(texts) });
  const files: FileToPublish[] = [];
  const [readFrom, readTo] = Array(2).fill(new Date().toISOString());
  for (const [segment, [to, text]] of Object.entries(texts).entries()) {
    const file = { file: segmentName(segment), rows: 1, bytes: text.length };
    await writeFile(begun.path(file.file), text);
    const stretches = [{ range: segment, from: null, to: null }];
    await begun.appendRecord({ segment, stretches, ...file, flags: {}, readFrom, readTo });
    files.push({ from: file.file, to, rows: 1, bytes: text.length });
  }
  return { job: begun, files };
}

async function published(texts: Readonly<Record<string, string>>): Promise<void> {
  const { job, files } = await jobOf(texts);
  await publish(job, "directory", files);
  await job.lock.release();
}

/** The files below the destination with what they hold; of the manifest what it lists. */
async function found(): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const name of (await readdir(out, { recursive: true })).sort()) {
    if (!(await stat(join(out, name))).isFile()) continue;
    const text = await readFile(join(out, name), "utf8");
    files[name] = name.endsWith("manifest.json") ? listed(JSON.parse(text)) : text;
  }
  return files;
}

const listed = ({ files }: Manifest) => files.map((file) => file.path).join();

async function refusal(layout: Layout, claim: Partial<ClaimOptions>, destination = out): Promise<string> {
  const error = await claimDestination(destination, layout, { restart: false, ...claim }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(UsageError);
  return (error as UsageError).message;
}

test("overwriting replaces what the manifest lists and leaves all else", async () => {
  await published({ "part-0.parquet": "a", "part-1.parquet": "b" });
  await writeFile(join(out, "notes.txt"), "mine");
  const { job, files } = await jobOf({ "part-0.parquet": "new" }, { onto: "overwrite" }, "j2");
  const before = await standingAt(out, "directory");
  expect(before).toMatchObject({ missing: [], foreign: [] });
  expect(await found()).toMatchObject({ "part-0.parquet": "a", "part-1.parquet": "b", _SUCCESS: "" });
  await publish(job, "directory", files, before.ours);
  await job.lock.release();
  expect(await found()).toEqual({
    "notes.txt": "mine",
    "part-0.parquet": "new",
    _SUCCESS: "",
    "_cqlduck/manifest.json": "part-0.parquet",
  });
});

test("appending adds to the manifest and touches nothing that is there", async () => {
  await published({ "part-0.parquet": "a" });
  const { job, files } = await jobOf({ "part-j2-0.parquet": "new" }, { onto: "append" }, "j2");
  const { manifest } = await standingAt(out, "directory");
  const returned = await publish(job, "directory", files, [], manifest);
  await job.lock.release();
  expect(returned.map((file) => file.path)).toEqual([join(out, "part-j2-0.parquet")]);
  expect(await found()).toEqual({
    "part-0.parquet": "a",
    "part-j2-0.parquet": "new",
    _SUCCESS: "",
    "_cqlduck/manifest.json": "part-0.parquet,part-j2-0.parquet",
  });
});

test("a publication that adds, dropped after any of its steps, leaves what it was to be added to, complete", async () => {
  await published({ "part-0.parquet": "a" });
  const whole = await found();
  for (const moved of [false, true]) {
    const { job, files } = await jobOf({ "part-j2-0.parquet": "new" }, { onto: "append" }, "j2");
    const { manifest: kept } = await standingAt(out, "directory");
    const intent = { job: "j2", layout: "directory", at: "2024-01-01T00:00:00Z", renames: files, replaced: [], kept };
    await writeFile(job.path("intent.json"), JSON.stringify(intent));
    if (moved) {
      await rm(join(out, "_SUCCESS"));
      await rm(job.path(files[0]!.from));
      await writeFile(join(out, "part-j2-0.parquet"), "new");
      await writeFile(job.path("manifest.json"), JSON.stringify({ ...kept, job: "j2", files: [] }));
    }
    await dropJob(job.lock);
    await job.lock.release();
    expect(await found()).toEqual(whole);
  }
});

test("a publication that replaces, dropped before its first rename, leaves the old one complete", async () => {
  await published({ "part-0.parquet": "a" });
  const whole = await found();
  const { job, files } = await jobOf({ "part-0.parquet": "new" }, { onto: "overwrite" }, "j2");
  const { ours: replaced } = await standingAt(out, "directory");
  const intent = { job: "j2", layout: "directory", at: "2024-01-01T00:00:00Z", renames: files, replaced };
  await writeFile(job.path("intent.json"), JSON.stringify(intent));
  await dropJob(job.lock);
  await job.lock.release();
  expect(await found()).toEqual(whole);
});

test.each(["overwrite", "append"] as const)("foreign Parquet files refuse --%s, wherever they are", async (onto) => {
  await published({ "part-0.parquet": "a" });
  const whole = await found();
  for (const name of ["other.parquet", "year=1/x.PARQUET", "sub/_cqlduck/y.parquet"]) {
    await mkdir(join(out, name, ".."), { recursive: true });
    await writeFile(join(out, name), "theirs");
    expect(await refusal("directory", { onto })).toMatch(`no export wrote there: ${name}`);
    await rm(join(out, name));
  }
  expect(await found()).toEqual(whole);
  await writeFile(join(out, "part-0.parquet"), "changed since");
  expect(await refusal("directory", { onto })).toMatch("no export wrote there: part-0.parquet");
});

test("what is published lets a job begin only as it was asked to", async () => {
  await published({ "part-0.parquet": "a", "part-1.parquet": "b" });
  expect(await refusal("directory", {})).toMatch("holds an export of 2 files");
  await rm(join(out, "part-1.parquet"));
  expect(await refusal("directory", { onto: "append" })).toMatch(
    "lacks files of the export that it holds: part-1.parquet",
  );
  await (await claimDestination(out, "directory", { restart: false, onto: "overwrite" })).release();
  expect(Object.keys(await found())).toEqual(["_SUCCESS", "_cqlduck/manifest.json", "part-0.parquet"]);
});

test("a directory with files of other kinds can be overwritten, which is none of them, and not appended to", async () => {
  await mkdir(out);
  await writeFile(join(out, "notes.txt"), "mine");
  expect(await refusal("directory", { onto: "append" })).toMatch("is not empty: notes.txt");
  await (await claimDestination(out, "directory", { restart: false, onto: "overwrite" })).release();
  expect(await found()).toEqual({ "notes.txt": "mine" });
});

test("one file is replaced where that was asked for; a directory of its name never", async () => {
  const file = join(home, "x.parquet");
  await writeFile(file, "old");
  expect(await refusal("file", {}, file)).toMatch("exists already");
  await (await claimDestination(file, "file", { restart: false, onto: "overwrite" })).release();
  expect(await readFile(file, "utf8")).toBe("old");
  expect((await standingAt(file, "file")).ours).toEqual([{ path: "x.parquet", bytes: 3 }]);
  await mkdir(join(home, "d.parquet"));
  expect(await refusal("file", { onto: "overwrite" }, join(home, "d.parquet"))).toMatch("is a directory");
});

test.each(["overwrite", "append"] as const)(
  "a job that just ended is not done once more by --resume --%s",
  async (onto) => {
    await published({ "part-0.parquet": "a" });
    const done = { job: "j1", at: "2024-01-01T00:00:00Z", files: [] };
    await writeFile(join(out, "_cqlduck/done.json"), JSON.stringify(done));
    expect(await refusal("directory", { onto, resume: true })).toMatch(
      onto === "append" ? "nothing in " : "holds an export of 1 file,",
    );
    expect(await readdir(join(out, "_cqlduck"))).toEqual(["manifest.json"]);
  },
);
