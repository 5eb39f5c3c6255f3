/*
 * Imports that die: killed by SIGKILL at each step of a segment and at random moments, gone on with, once more killed;
 * the table is in the end what an undisturbed import makes of it.
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { describe, expect, it } from "vitest";
import { canMount, withDisk } from "../mounts.ts";
import { type Ended, runBinary } from "./binary.ts";
import { ask } from "./parquet.ts";
import { useWorkspace } from "./workspace.ts";

/** Some segments of 200,000 rows. */
const ROWS = 450_000;

let client: Client;
let keyspace: string;
let directory: string;
let host: string;

useWorkspace("importresume", async (workspace) => {
  ({ client, keyspace, directory, host } = workspace);
  await client.execute(`CREATE TABLE ${keyspace}.t (p int, k int, v int, PRIMARY KEY (p, k))`);
  await client.execute(`CREATE TABLE ${keyspace}.l (p int, k int, l list<int>, PRIMARY KEY (p, k))`);
  await client.execute(`CREATE TABLE ${keyspace}.n (p int, k int, n counter, PRIMARY KEY (p, k))`);
  const rows = `FROM range(${ROWS}) r(i)`;
  // Each key twice: the later row must win, whatever happens in between.
  await ask(
    `COPY (SELECT (i // 1000 % 225)::INT AS p, (i % 1000)::INT AS k, i::INT AS v ${rows}) TO '${join(directory, "t.parquet")}'`,
  );
  await ask(
    `COPY (SELECT 1 AS p, i::INT AS k, [1, 2] AS l FROM range(3000) r(i)) TO '${join(directory, "l.csv")}' (HEADER)`,
  );
  await ask(
    `COPY (SELECT 1 AS p, i::INT AS k, 1::BIGINT AS n FROM range(50_000) r(i)) TO '${join(directory, "n.parquet")}'`,
  );
});

function cqlduck(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return runBinary(directory, [...args, "-H", host, "--progress", "none"], env);
}

async function expectWhole(): Promise<void> {
  let [count, sum] = [0, 0];
  const found = await client.execute(`SELECT v FROM ${keyspace}.t`, [], { fetchSize: 5000 });
  for await (const row of found) {
    count++;
    sum += row["v"];
  }
  expect([count, sum]).toEqual([ROWS / 2, ((ROWS / 2 + ROWS - 1) * (ROWS / 2)) / 2]);
}

describe.skipIf(!canMount("imports whose disk is full"))("an import whose disk is full", () => {
  it.each([
    ["its job", ["--job-dir", "disk/job", "--bad-rows", "bad1.jsonl"], "bad1.jsonl"],
    ["its bad rows", ["--job-dir", "job2", "--bad-rows", "disk/bad2.jsonl"], "disk/bad2.jsonl"],
  ])("for %s is gone on with when there is room again", { timeout: 60_000 }, async (_, flags, bad) => {
    await client.execute(`TRUNCATE ${keyspace}.t`);
    const rows = Array.from({ length: 6000 }, (_, i) => `1,${i},${i % 2 ? i : "none"}\n`);
    await writeFile(join(directory, "half.csv"), `p,k,v\n${rows.join("")}`);
    const disk = join(directory, "disk");
    await mkdir(disk, { recursive: true });
    await withDisk(disk, "size=2m", async () => {
      const filler = join(disk, "filler");
      await writeFile(filler, Buffer.alloc(1_900_000));
      const command = ["import", "half.csv", `${keyspace}.t`, "--max-errors", "-1", ...flags];
      const failed = await cqlduck(command);
      expect([failed.code, failed.err]).toEqual([3, expect.stringMatching(/no space left/)]);
      await rm(filler);
      expect((await cqlduck([...command, "--resume"])).code).toBe(1);
      expect((await readFile(join(directory, bad), "utf8")).trimEnd().split("\n")).toHaveLength(3000);
      const { rows } = await client.execute(`SELECT count(*) FROM ${keyspace}.t`);
      expect(String(rows[0]!["count"])).toBe("3000");
    });
  });
});

describe("an import that is killed", () => {
  it.each(["plan-written", "segment-durable:2", "record-written:1", "record-written:2"])(
    "at %s is gone on with",
    { timeout: 180_000 },
    async (fault) => {
      await client.execute(`TRUNCATE ${keyspace}.t`);
      const command = ["import", "t.parquet", `${keyspace}.t`];
      expect((await cqlduck(command, { CQLDUCK_FAULT: fault })).signal).toBe("SIGKILL");
      const { out } = await runBinary(directory, ["jobs", "--json"]);
      expect(JSON.parse(out)).toMatchObject({ jobs: [{ kind: "import", state: "unfinished" }] });
      const refused = await cqlduck(command);
      expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("--resume goes on with it")]);
      expect(await cqlduck([...command, "--resume"])).toMatchObject({ code: 0 });
      await expectWhole();
      expect(await readdir(join(directory, "state/cqlduck/jobs/imports"))).toEqual([]);
    },
  );

  it("again and again is gone on with by its job", { timeout: 180_000 }, async () => {
    await client.execute(`TRUNCATE ${keyspace}.t`);
    // A moment by the clock could come before the job is known.
    await cqlduck(["import", "t.parquet", `${keyspace}.t`], { CQLDUCK_FAULT: "record-written:1" });
    for (let kills = 0; ; kills++) {
      const listed = await runBinary(directory, ["jobs", "--json"]);
      const [job] = (JSON.parse(listed.out) as { jobs: { job: string }[] }).jobs;
      if (!job) break;
      const ended = await runBinary(directory, ["resume", job.job, "-q"], {}, (child) => {
        if (kills < 3) setTimeout(() => child.kill("SIGKILL"), 1500);
      });
      if (kills >= 3) expect(ended).toMatchObject({ code: 0 });
    }
    await expectWhole();
  });

  it.each([{ times: [] }, { times: ["--timestamp", "5"] }, { times: ["--timestamp", "@k"] }])(
    "doubles no element of a list $times",
    async ({ times }) => {
      await client.execute(`TRUNCATE ${keyspace}.l`);
      const command = ["import", "l.csv", `${keyspace}.l`, ...times];
      expect((await cqlduck(command, { CQLDUCK_FAULT: "segment-durable" })).signal).toBe("SIGKILL");
      expect(await cqlduck([...command, "--resume"])).toMatchObject({ code: 0 });
      const { rows } = await client.execute(`SELECT l FROM ${keyspace}.l`, [], { fetchSize: 5000 });
      expect([...new Set(rows.map((row) => row["l"].join()))]).toEqual(["1,2"]);
      expect(rows).toHaveLength(3000);
    },
  );

  it("and had made its table is gone on with, by the same command", async () => {
    const command = ["import", "l.csv", `${keyspace}.made`, "--create", "--primary-key", "p,k"];
    expect((await cqlduck(command, { CQLDUCK_FAULT: "plan-written" })).signal).toBe("SIGKILL");
    expect(await cqlduck(command)).toMatchObject({ code: 2, err: expect.stringContaining("--resume goes on with it") });
    expect(await cqlduck([...command, "--resume"])).toMatchObject({ code: 0 });
    const { rows } = await client.execute(`SELECT p FROM ${keyspace}.made`, [], { fetchSize: 5000 });
    expect(rows).toHaveLength(3000);
  });

  it("keeps the times of values", async () => {
    await client.execute(
      `CREATE TABLE ${keyspace}.w (p int, k int, v int, l list<int>, m map<int, int>, PRIMARY KEY (p, k))`,
    );
    const columns = "1 AS p, i::INT AS k, i::INT AS v, [1, 2] AS l, MAP {1: 1, 2: 2} AS m";
    await ask(`COPY (SELECT ${columns} FROM range(3000) r(i)) TO '${join(directory, "w.parquet")}'`);
    expect((await cqlduck(["import", "w.parquet", `${keyspace}.w`, "--ttl", "100000"])).code).toBe(0);
    const told = "k, v, l, m, writetime(v) AS vw, writetime(l) AS lw, writetime(m) AS mw, ttl(v) AS vt";
    const look = async () => {
      const { rows } = await client.execute(`SELECT ${told} FROM ${keyspace}.w`, [], { fetchSize: 5000 });
      return rows.map((row): Record<string, unknown> & { lw: number } => ({
        ...row,
        lw: Number(row["lw"][0]),
        vw: `${row["vw"]}`,
        mw: `${row["mw"]}`,
      }));
    };
    const before = await look();
    const times = ["--writetime", "all", "--ttl", "all"];
    expect((await cqlduck(["export", `${keyspace}.w`, "times.parquet", ...times])).code).toBe(0);
    await client.execute(`TRUNCATE ${keyspace}.w`);
    const command = ["import", "times.parquet", `${keyspace}.w`, "--preserve"];
    expect((await cqlduck(command, { CQLDUCK_FAULT: "segment-durable" })).signal).toBe("SIGKILL");
    expect(await cqlduck([...command, "--resume"])).toMatchObject({ code: 0 });
    const after = await look();
    expect(after).toHaveLength(3000);
    for (const [i, { lw, ["vt"]: left, ...row }] of after.entries()) {
      const { lw: lwBefore, ["vt"]: leftBefore, ...rowBefore } = before[i]!;
      expect(row).toEqual(rowBefore);
      // Lists count as written later by the attempts, and the seconds since the export.
      expect(lw - lwBefore > 0 && lw - lwBefore < 600, `${lw - lwBefore}`).toBe(true);
      expect(Number(left) > 0 && Number(left) <= Number(leftBefore)).toBe(true);
    }
  });

  it("is refused where it counts, and says what is in doubt", { timeout: 60_000 }, async () => {
    const command = ["import", "n.parquet", `${keyspace}.n`];
    expect((await cqlduck(command, { CQLDUCK_FAULT: "record-written:1" })).signal).toBe("SIGKILL");
    const refused = await cqlduck([...command, "--resume"]);
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(/rows 20481 to 43007 of .*n\.parquet were added already/);
  });
});
