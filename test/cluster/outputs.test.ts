/*
 * What an export makes of one before it, and how it cuts its files: --overwrite and --append, whole or killed and gone
 * on with, --rows-per-file and --row-group-rows.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { describe, expect, it } from "vitest";
import { type Ended, runBinary } from "./binary.ts";
import { ask } from "./parquet.ts";
import { useWorkspace } from "./workspace.ts";

/** With so little memory a segment ends at 2 MB of cells, about 2,000 rows of 250: several parts out of few rows. */
const MEMORY = "16MB";
const COLUMNS = 250;
const OLD_ROWS = 4500;
const NEW_ROWS = 2500;
const NARROW_ROWS = 10_000;
const TIMEOUT = { timeout: 120_000 };

let client: Client;
let keyspace: string;
let directory: string;
let host: string;

useWorkspace("outputs", async (workspace) => {
  ({ client, keyspace, directory, host } = workspace);
  const columns = Array.from({ length: COLUMNS }, (_, i) => `c${i} int`).join(", ");
  await makeTable("old", columns, OLD_ROWS);
  await makeTable("new", columns, NEW_ROWS);
  await makeTable("narrow", "c0 int", NARROW_ROWS);
});

async function makeTable(name: string, columns: string, rows: number): Promise<void> {
  await client.execute(`CREATE TABLE ${keyspace}.${name} (p int, k int, v text, ${columns}, PRIMARY KEY (p, k))`);
  const query = `INSERT INTO ${keyspace}.${name} (p, k, v) VALUES (?, ?, ?)`;
  for (let p = 0; p < rows / 100; p++) {
    const queries = Array.from({ length: 100 }, (_, k) => ({ query, params: [p, k, name] }));
    await client.batch(queries, { prepare: true, logged: false });
  }
}

function cqlduck(table: string, destination: string, flags = "", fault?: string): Promise<Ended> {
  const fixed = ["-H", host, "--page-size", "50", "--memory", MEMORY, "--progress", "none"];
  const args = ["export", `${keyspace}.${table}`, destination, ...fixed, ...flags.split(" ").filter(Boolean)];
  return runBinary(directory, args, fault ? { CQLDUCK_FAULT: fault } : {});
}

async function exported(...args: Parameters<typeof cqlduck>): Promise<void> {
  const { code, err } = await cqlduck(...args);
  expect([code, err]).toEqual([0, expect.stringContaining("exported")]);
}

async function refused(says: RegExp, ...args: Parameters<typeof cqlduck>): Promise<void> {
  const { code, err } = await cqlduck(...args);
  expect([code, err]).toEqual([2, expect.stringMatching(says)]);
}

async function killed(...args: Parameters<typeof cqlduck>): Promise<void> {
  expect((await cqlduck(...args)).signal).toBe("SIGKILL");
}

/** Rows at the destination by the table they are from; a row that is there twice counts once more as `twice`. */
async function rowsAt(destination: string): Promise<Record<string, number>> {
  const path = join(directory, destination);
  const files = destination.endsWith(".parquet") ? path : `${path}/*.parquet`;
  const found = await ask(
    `SELECT v, count(*)::INT AS n, count(*)::INT - count(DISTINCT (p, k))::INT AS twice FROM '${files}' GROUP BY v`,
  );
  expect(found.every(({ twice }) => twice === 0)).toBe(true);
  return Object.fromEntries(found.map(({ v, n }) => [v, n as number]));
}

/** What a directory holds, its job directory and its manifest included. */
async function expectPublished(destination: string, parts: RegExp, count?: number): Promise<void> {
  const path = join(directory, destination);
  const names = (await readdir(path)).filter((name) => name.endsWith(".parquet"));
  if (count !== undefined) expect(names).toHaveLength(count);
  for (const name of names) expect(name).toMatch(parts);
  expect(existsSync(join(path, "_SUCCESS"))).toBe(true);
  expect(await readdir(join(path, "_cqlduck"))).toEqual(["manifest.json"]);
  const manifest = JSON.parse(await readFile(join(path, "_cqlduck/manifest.json"), "utf8"));
  expect(manifest.files.map((file: { path: string }) => file.path).sort()).toEqual(names.sort());
}

/** Before these points the old export is untouched; from them on an intent says what becomes of it. */
const READING = ["plan-written", "record-written", "intent-written"];
const PUBLISHING = ["renamed", "renames-durable", "success-written", "manifest-written"];

describe("--overwrite", () => {
  it("replaces the parts of the export before, and needs none to be there", TIMEOUT, async () => {
    await exported("old", "replaced", "--overwrite");
    await expectPublished("replaced", /^part-\d{5}\.parquet$/, 3);
    await writeFile(join(directory, "replaced/notes.txt"), "mine");
    await refused(/holds an export of 3 files[\s\S]*--overwrite[\s\S]*--append/, "new", "replaced");
    await exported("new", "replaced", "--overwrite");
    await expectPublished("replaced", /^part-\d{5}\.parquet$/, 2);
    expect(await rowsAt("replaced")).toEqual({ new: NEW_ROWS });
    expect(await readFile(join(directory, "replaced/notes.txt"), "utf8")).toBe("mine");
    await writeFile(join(directory, "replaced/other.parquet"), "theirs");
    await refused(/no export wrote there: other\.parquet/, "old", "replaced", "--overwrite");
  });

  it.each([...READING, ...PUBLISHING, "deleted"])(
    "of a directory, killed at %s, comes out whole",
    TIMEOUT,
    async (at) => {
      const destination = `over-${at}`;
      await exported("old", destination);
      await killed("new", destination, "--overwrite", at);
      if (READING.includes(at)) {
        expect(await rowsAt(destination)).toEqual({ old: OLD_ROWS });
        expect(existsSync(join(directory, destination, "_SUCCESS"))).toBe(true);
      } else {
        expect(existsSync(join(directory, destination, "_cqlduck/intent.json"))).toBe(true);
      }
      await refused(/unfinished job/, "new", destination, "--overwrite");
      if (at === "record-written") await refused(/another --overwrite/, "new", destination, "--resume");
      await exported("new", destination, "--overwrite --resume");
      await expectPublished(destination, /^part-\d{5}\.parquet$/, 2);
      expect(await rowsAt(destination)).toEqual({ new: NEW_ROWS });
    },
  );

  it.each([...READING, "renamed"])("of a file, killed at %s, comes out whole", TIMEOUT, async (at) => {
    const destination = `over-${at}.parquet`;
    await exported("old", destination);
    await killed("new", destination, "--overwrite", at);
    expect(await rowsAt(destination)).toEqual(at === "renamed" ? { new: NEW_ROWS } : { old: OLD_ROWS });
    const { code } = await runBinary(directory, ["resume", destination]);
    expect(code).toBe(0);
    expect(await rowsAt(destination)).toEqual({ new: NEW_ROWS });
    expect((await readdir(directory)).filter((name) => name.startsWith(destination))).toEqual([destination]);
  });

  it("killed half way through publishing can be dropped and begun again", TIMEOUT, async () => {
    await exported("old", "dropped");
    await killed("new", "dropped", "--overwrite", "deleted");
    await exported("new", "dropped", "--overwrite --restart");
    await expectPublished("dropped", /^part-\d{5}\.parquet$/, 2);
    expect(await rowsAt("dropped")).toEqual({ new: NEW_ROWS });
  });
});

describe("--append", () => {
  const PART = /^part-(\d{8}T\d{6}-[0-9a-f]{6}-)?\d{5}\.parquet$/;

  it("adds parts of the job's name, and wants the same columns", TIMEOUT, async () => {
    await exported("old", "added");
    const before = await readdir(join(directory, "added"));
    await exported("new", "added", "--append");
    await expectPublished("added", PART, 5);
    expect(await readdir(join(directory, "added"))).toEqual(expect.arrayContaining(before));
    expect(await rowsAt("added")).toEqual({ old: OLD_ROWS, new: NEW_ROWS });
    await refused(
      /other columns than those of .*narrow: c1 int \(regular\), where now is v text/,
      "narrow",
      "added",
      "--append",
    );
    await expectPublished("added", PART, 5);
    await exported("new", "added", "--overwrite");
    await expectPublished("added", /^part-\d{5}\.parquet$/, 2);
  });

  it("wants the same types of columns, which readers take to be the same in all parts", TIMEOUT, async () => {
    for (const format of ["parquet", "csv"]) {
      const [typed, flags] = [`typed-${format}`, `--append --format ${format}`];
      await exported("narrow", typed, `--format ${format} --type v=BLOB`);
      await refused(/holds column v with another type: BLOB, where now is that of its/, "narrow", typed, flags);
      await exported("narrow", typed, `${flags} --type v=BLOB`);
    }
  });

  it("begins where nothing is; a single file can't be added to", TIMEOUT, async () => {
    await mkdir(join(directory, "fresh"));
    await exported("new", "fresh", "--append");
    await expectPublished("fresh", /^part-\d{8}T/, 2);
    await refused(/--append needs a directory[\s\S]*hint: name a directory \(x\/\)/, "new", "x.parquet", "--append");
  });

  it.each([...READING, ...PUBLISHING])("killed at %s comes out with every row once", TIMEOUT, async (at) => {
    const destination = `add-${at}`;
    await exported("old", destination);
    await killed("new", destination, "--append", at);
    await exported("new", destination, "--append --resume");
    await expectPublished(destination, PART, 5);
    expect(await rowsAt(destination)).toEqual({ old: OLD_ROWS, new: NEW_ROWS });
  });

  it.each(["renamed", "manifest-written"])("killed at %s and dropped adds every row once", TIMEOUT, async (at) => {
    const destination = `redone-${at}`;
    await exported("old", destination);
    await killed("new", destination, "--append", at);
    await exported("new", destination, "--append --restart");
    await expectPublished(destination, PART, 5);
    expect(await rowsAt(destination)).toEqual({ old: OLD_ROWS, new: NEW_ROWS });
  });

  it("is not done once more by --resume after its end", TIMEOUT, async () => {
    await exported("old", "ended");
    await killed("new", "ended", "--append", "done-written");
    // Where the job tidied up after its end, and where it did not come to that.
    for (let i = 0; i < 2; i++) {
      await refused(/nothing in .* is unfinished[\s\S]*--append without --resume/, "new", "ended", "--append --resume");
    }
    expect(await rowsAt("ended")).toEqual({ old: OLD_ROWS, new: NEW_ROWS });
  });
});

describe("the size of", () => {
  const sizes = async (sql: string) => (await ask(sql)).map(({ n }) => n as number);
  const files = (destination: string) => `'${join(directory, destination)}/*.parquet'`;

  it("row groups is at most what is asked for, rounded up to whole vectors", TIMEOUT, async () => {
    await exported("narrow", "groups.parquet", "--row-group-rows 3000 --page-size 5000");
    const groups = await sizes(
      `SELECT max(row_group_num_rows)::INT AS n FROM parquet_metadata('${join(directory, "groups.parquet")}')
       GROUP BY row_group_id ORDER BY row_group_id`,
    );
    expect(groups).toEqual([4096, 4096, NARROW_ROWS - 8192]);
    await killed("narrow", "groups", "--row-group-rows 3000", "record-written");
    await refused(/another --row-group-rows/, "narrow", "groups", "--resume");
  });

  it("files is never more than asked for, and not much less", TIMEOUT, async () => {
    await exported("narrow", "cut", "--rows-per-file 3000");
    const rows = await sizes(
      `SELECT num_rows::INT AS n FROM parquet_file_metadata(${files("cut")}) ORDER BY file_name`,
    );
    expect(rows.reduce((sum, n) => sum + n, 0)).toBe(NARROW_ROWS);
    expect(Math.max(...rows)).toBeLessThanOrEqual(3000);
    expect(rows).toHaveLength(4);
    expect(await rowsAt("cut")).toEqual({ narrow: NARROW_ROWS });
    await refused(/--rows-per-file needs a directory/, "narrow", "cut.parquet", "--rows-per-file 3000");
  });

  it("files is kept where a page could have more rows", TIMEOUT, async () => {
    await exported("new", "tiny", "--rows-per-file 7 --limit 100");
    const rows = await sizes(`SELECT num_rows::INT AS n FROM parquet_file_metadata(${files("tiny")})`);
    expect(Math.max(...rows)).toBeLessThanOrEqual(7);
    expect(rows.reduce((sum, n) => sum + n, 0)).toBe(100);
  });

  it.each(["output-durable", "output-written:2", "intent-written"])(
    "files of several segments, killed at %s, is the same after going on",
    TIMEOUT,
    async (at) => {
      const destination = `several-${at.replace(":", "-")}`;
      // Two segments a file: one ends at 1 MB of cells, about 1,000 rows.
      const flags = "--rows-per-file 2200 --memory 8MB";
      await killed("old", destination, flags, at);
      await exported("old", destination, `${flags} --resume`);
      await expectPublished(destination, /^part-\d{5}\.parquet$/);
      const rows = await sizes(`SELECT num_rows::INT AS n FROM parquet_file_metadata(${files(destination)})`);
      expect(Math.max(...rows)).toBeLessThanOrEqual(2200);
      expect(Math.max(...rows)).toBeGreaterThan(1500);
      expect(await rowsAt(destination)).toEqual({ old: OLD_ROWS });
    },
  );
});
