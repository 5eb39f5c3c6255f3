/*
 * Disks that fill up while an export arranges its files, or one table after the other, and processes that die at it, as
 * they do where memory runs out: nothing unfinished is to be seen at the destination, and with more room `resume` goes on.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { canMount, resizeDisk, withDisk } from "../mounts.ts";
import { ask } from "./parquet.ts";
import { useWorkspace } from "./workspace.ts";

const PARTITIONS = 60;
const ROW_BYTES = 1000;
const ROWS = PARTITIONS * 100;
const TIMEOUT = { timeout: 120_000 };

/** Rows that nothing makes smaller: the disk is as full as is meant. */
const work = useWorkspace("fulldisk", async (workspace) => {
  const rows = Array.from({ length: ROWS }, (_, i) => [
    Math.floor(i / 100),
    i % 100,
    `kind ${i % 7}`,
    randomBytes(ROW_BYTES),
  ]);
  await workspace.table("noise", "p int, k int, kind text, v blob", "(p, k)", rows);
  // Before and behind it in a keyspace.
  for (const name of ["first", "second"]) await workspace.table(name, "k int", "(k)", [[1], [2]]);
});

/** What a reader would take for a result. */
async function visible(directory: string): Promise<string[]> {
  return (await readdir(directory, { recursive: true })).filter((name) => !/(^|[/.])_cqlduck(\/|$)/.test(name));
}

/** As little as makes segments of 1 MB. */
const MEMORY = ["--memory", "8MB"];

const CASES = [
  ["--partition-by", "out", ["--partition-by", "kind"], "*/*.parquet", "9m"],
  ["--sort-by, while sorting", "out", ["--sort-by", "v"], "*.parquet", "9m"],
  ["--sort-by, while cutting", "out", ["--sort-by", "v"], "*.parquet", "15m"],
  ["--sql", "out", ["--sql", "SELECT * FROM noise ORDER BY v"], "*.parquet", "9m"],
  ["--max-file-size", "out", ["--max-file-size", "1MB"], "*.parquet", "9m"],
  ["--partition-by of CSV", "out", ["--partition-by", "kind", "--format", "csv"], "*/*.csv", "14m"],
  ["one file", "out.parquet", [], undefined, "9m"],
  ["one CSV file", "out.csv", [], undefined, "18m"],
] as const;

describe.skipIf(!canMount("disks that fill up"))("a full disk", () => {
  it.each(CASES)(
    "under %s leaves nothing to see, and `resume` goes on",
    TIMEOUT,
    async (_, name, flags, files, size) => {
      const disk = work.path("disk");
      await mkdir(disk, { recursive: true });
      await withDisk(disk, `size=${size}`, async () => {
        const args = [`disk/${name}`, [...MEMORY, ...flags]] as const;
        const { code, err } = await work.export("noise", ...args);
        expect([code, err]).toEqual([3, expect.stringMatching(/(disk is full|no space left)[\s\S]*free some space/)]);
        expect(err).toMatch(/(output|piece)-\d+\.staged/);
        expect(err.trimEnd().split("\n").at(-1)).toMatch(/^cqlduck export .* --resume$/);
        expect((await visible(disk)).filter((entry) => entry !== "out")).toEqual([]);

        resizeDisk(disk, "200m");
        const killed = await work.export("noise", args[0], [...args[1], "--resume"], "output-durable");
        expect(killed.signal).toBe("SIGKILL");
        expect((await visible(disk)).filter((entry) => entry !== "out")).toEqual([]);

        const resumed = await work.run(["resume", args[0], "--progress", "none"]);
        expect([resumed.code, resumed.err]).toEqual([0, expect.stringContaining("exported 6,000 rows")]);
        const path = work.path(args[0], ...(files === undefined ? [] : [files]));
        const [found] = await ask(
          `SELECT count(*)::INT AS n, count(DISTINCT (p, k))::INT AS keys, count(DISTINCT v)::INT AS vs FROM '${path}'`,
        );
        expect(found).toEqual({ n: ROWS, keys: ROWS, vs: ROWS });
      });
    },
  );

  it.each([
    ["its first step", "4k", []],
    ["the first table", "16k", []],
    ["the big table", "3m", ["first"]],
  ] as const)(
    "under a keyspace, at %s, shows whole tables only, and `resume` goes on",
    TIMEOUT,
    async (_, size, whole) => {
      const disk = work.path("disk");
      await mkdir(disk, { recursive: true });
      await withDisk(disk, `size=${size}`, async () => {
        const args = ["export", work.keyspace, "disk/out", "-H", work.host, "--progress", "none", ...MEMORY];
        const { code, err } = await work.run(args);
        expect([code, err]).toEqual([3, expect.stringMatching(/(disk is full|no space left)[\s\S]*free some space/)]);
        expect(err.trimEnd().split("\n").at(-1)).toMatch(/^cqlduck export .* --resume$/);
        const parts = (await visible(disk)).filter((entry) => /\.(parquet|cql)$|_SUCCESS/.test(entry));
        expect([...new Set(parts.map((part) => part.split("/")[1]))]).toEqual(whole);

        resizeDisk(disk, "200m");
        const resumed = await work.run([...args, "--resume"]);
        expect([resumed.code, resumed.err]).toEqual([0, expect.stringContaining("exported 3 tables")]);
        const count = (table: string, key: string) =>
          ask(`SELECT count(*)::INT AS n, count(DISTINCT ${key})::INT AS keys FROM '${disk}/out/${table}/*.parquet'`);
        expect(await count("noise", "(p, k)")).toEqual([{ n: ROWS, keys: ROWS }]);
        for (const table of ["first", "second"]) expect(await count(table, "k")).toEqual([{ n: 2, keys: 2 }]);
        expect((await visible(disk)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
        expect((await work.run(["jobs"])).out).toMatch(/no unfinished jobs/);
      });
    },
  );
});
