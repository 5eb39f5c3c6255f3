/*
 * A process that runs a small job from claim to publication, for publish.test.ts:
 *   run <destination> <file|directory>      three segments, published; with --restart as a last word in place of a job there
 *   overwrite <destination> directory       one segment, published over what is there
 *   go-on <destination> <file|directory>    what a resume does: go on with a publication that was begun
 */
import { readdir, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { claimDestination, jobDirectoryOf } from "../../src/jobs/destination.ts";
import { createJob, outputName, segmentName } from "../../src/jobs/job.ts";
import { acquireLock } from "../../src/jobs/lock.ts";
import { carryOut, type FileToPublish, type FileToReplace, type Layout, publish } from "../../src/jobs/publish.ts";

const [command, destination = "", layoutText, restart] = process.argv.slice(2);
const layout: Layout = layoutText === "file" ? "file" : "directory";

async function run(): Promise<void> {
  const lock = await claimDestination(destination, layout, { restart: restart === "--restart" });
  const job = await createJob(lock, { job: "j1", ranges: [1, 2, 3] });
  const files: FileToPublish[] = [];
  for (const segment of [0, 1, 2]) {
    const file = segmentName(segment);
    const text = `rows of segment ${segment}`.repeat(segment + 1);
    await writeFile(job.path(file), text);
    const stretches = [{ range: segment, from: null, to: null }];
    const now = new Date().toISOString();
    await job.appendRecord({
      segment,
      stretches,
      file,
      rows: segment,
      bytes: text.length,
      flags: {},
      readFrom: now,
      readTo: now,
    });
    files.push({ from: file, to: `year=${segment}/part-00000.parquet`, rows: segment, bytes: text.length });
  }
  if (layout === "directory") {
    await publish(job, layout, files);
  } else {
    const file = outputName(0);
    await writeFile(job.path(file), "all rows");
    await job.appendOutput([{ file, rows: 3, bytes: 8, flags: {} }]);
    await publish(job, layout, [{ from: file, to: basename(destination), rows: 3, bytes: 8 }]);
  }
  await lock.release();
}

/** As --overwrite: two parts are there, one of them replaced by name, and a file of the user's. */
async function overwrite(): Promise<void> {
  const lock = await acquireLock(jobDirectoryOf(destination, layout));
  if (lock === undefined) throw new Error("no job directory");
  const job = await createJob(lock, { job: "j2", ranges: [1] });
  const file = segmentName(0);
  await writeFile(job.path(file), "new rows");
  const now = new Date().toISOString();
  const stretches = [{ range: 0, from: null, to: null }];
  await job.appendRecord({ segment: 0, stretches, file, rows: 1, bytes: 8, flags: {}, readFrom: now, readTo: now });
  const replaced: FileToReplace[] = [
    { path: "part-00000.parquet", bytes: 3 },
    { path: "part-00001.parquet", bytes: 3 },
    { path: "changed-since.parquet", bytes: 3 },
  ];
  await publish(job, layout, [{ from: file, to: "part-00000.parquet", rows: 1, bytes: 8 }], replaced);
  await lock.release();
}

async function goOn(): Promise<void> {
  const directory = jobDirectoryOf(destination, layout);
  const lock = await acquireLock(directory);
  if (lock === undefined) return; // nothing was left to do
  const names = await readdir(directory);
  if (names.includes("intent.json") || names.includes("done.json")) await carryOut(lock);
  await lock.release();
}

if (command === "run") await run();
else if (command === "overwrite") await overwrite();
else if (command === "go-on") await goOn();
else throw new Error(`unknown command ${command}`);
