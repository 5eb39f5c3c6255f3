/*
 * Exports that die: killed by SIGKILL at random moments and at every step of a job's life, gone on with, once more
 * killed while going on; what comes out is what an undisturbed export gives.
 */
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "cassandra-driver";
import { describe, expect, it } from "vitest";
import { FAULT_POINTS } from "../../src/jobs/faults.ts";
import { type Ended, runBinary } from "./binary.ts";
import { ask } from "./parquet.ts";
import { useWorkspace } from "./workspace.ts";

/** More rows than four segments of a wide table hold. */
const ROWS = 9000;
/** With so little memory a segment ends at 2 MB of cells, about 2,000 rows of 250: many segments out of few rows. */
const MEMORY = "16MB";
const COLUMNS = 250;
/** Random moments for each layout; more of them say more, and take longer. */
const KILLS = Number(process.env.CQLDUCK_TEST_KILLS ?? 3);

let client: Client;
let keyspace: string;
let directory: string;
let host: string;

useWorkspace("resume", async (workspace) => {
  ({ client, keyspace, directory, host } = workspace);
  const columns = Array.from({ length: COLUMNS }, (_, i) => `c${i} int`).join(", ");
  await client.execute(`CREATE TABLE ${keyspace}.t (p int, k int, v text, ${columns}, PRIMARY KEY (p, k))`);
  const insert = `INSERT INTO ${keyspace}.t (p, k, v, c7, c8) VALUES (?, ?, ?, ?, ?)`;
  for (let p = 0; p < ROWS / 100; p++) {
    const queries = Array.from({ length: 100 }, (_, k) => ({
      query: insert,
      params: [p, k, `v${p}-${k}`, p * 100 + k, k % 3],
    }));
    await client.batch(queries, { prepare: true, logged: false });
  }
});

function cqlduck(args: readonly string[], env: NodeJS.ProcessEnv = {}, killAfterMs?: number): Promise<Ended> {
  return runBinary(directory, args, env, (child) => {
    if (killAfterMs !== undefined) setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  });
}

/** By a column of three values where the destination's name says so. */
function exportTo(destination: string): string[] {
  const partitioned = destination.endsWith("partitioned") ? ["--partition-by", "c8", "--rows-per-file", "2000"] : [];
  const fixed = ["-H", host, "--page-size", "50", "--memory", MEMORY, "--progress", "none"];
  return ["export", `${keyspace}.t`, destination, ...fixed, ...partitioned];
}

/** What must be at the destination in the end, and nothing else. */
async function expectWhole(destination: string): Promise<void> {
  const path = join(directory, destination);
  const file = destination.endsWith(".parquet");
  const [found] = await ask(
    `SELECT count(*)::INT AS n, count(DISTINCT (p, k))::INT AS keys, count(v)::INT AS vs, sum(c7)::BIGINT::VARCHAR AS sum
     FROM read_parquet('${file ? path : `${path}/**/*.parquet`}', hive_partitioning = false)`,
  );
  expect(found).toEqual({ n: ROWS, keys: ROWS, vs: ROWS, sum: String((ROWS * (ROWS - 1)) / 2) });
  if (file) expect((await readdir(directory)).filter((name) => name.startsWith(destination))).toEqual([destination]);
  else {
    const parts = (await readdir(path)).filter((name) => !/^(part-\d{5}\.parquet|c8=[012])$/.test(name)).sort();
    expect(parts).toEqual(["_SUCCESS", "_cqlduck"]);
    expect(await readdir(join(path, "_cqlduck"))).toEqual(["manifest.json"]);
  }
}

/** Nothing that a reader would take for a result. */
async function expectNothingVisible(destination: string): Promise<void> {
  const path = join(directory, destination);
  if (!existsSync(path)) return;
  expect((await readdir(path)).filter((name) => !name.startsWith("_"))).toEqual([]);
}

describe.each(["killed.parquet", "killed", "killed-partitioned"])("%s", (name) => {
  it("killed at any moment, and again while going on, comes out whole", { timeout: 600_000 }, async () => {
    const started = performance.now();
    const clean = `clean-${name}`;
    expect((await cqlduck(exportTo(clean))).code).toBe(0);
    await expectWhole(clean);
    const whole = performance.now() - started;
    for (let i = 0; i < KILLS; i++) {
      const destination = `${i}-${name}`;
      await cqlduck(exportTo(destination), {}, Math.random() * whole);
      if (!existsSync(join(directory, destination, "_SUCCESS")) && !name.endsWith(".parquet")) {
        await expectNothingVisible(destination);
      }
      await cqlduck([...exportTo(destination), "--resume"], {}, Math.random() * whole);
      const last = await cqlduck([...exportTo(destination), "--resume"]);
      // The kill may have come after the end.
      if (last.code !== 0)
        expect([last.code, last.err]).toEqual([2, expect.stringMatching(/exists already|holds an export/)]);
      await expectWhole(destination);
    }
  });

  it.each(FAULT_POINTS.filter((point) => point !== "deleted" && point !== "schema-written"))(
    "killed at %s comes out whole",
    { timeout: 120_000 },
    async (point) => {
      const destination = `${point}-${name}`;
      const killed = await cqlduck(exportTo(destination), { CQLDUCK_FAULT: point });
      if (killed.code === 0) return; // a step that this layout doesn't have
      expect(killed.signal).toBe("SIGKILL");
      const resumed = await cqlduck([...exportTo(destination), "--resume"]);
      if (resumed.code !== 0)
        expect([resumed.code, resumed.err]).toEqual([2, expect.stringMatching(/exists already|holds an export/)]);
      await expectWhole(destination);
    },
  );
});

describe("an unfinished export", () => {
  it("is in the way until one says how to go on, is listed, and goes on by its job's name", async () => {
    const killed = await cqlduck(exportTo("listed"), { CQLDUCK_FAULT: "record-written:2" });
    expect(killed.signal).toBe("SIGKILL");
    const refused = await cqlduck(exportTo("listed"));
    expect([refused.code, refused.err]).toEqual([
      2,
      expect.stringMatching(/unfinished[\s\S]*--resume[\s\S]*--restart/),
    ]);
    const elsewhere = (args: string[]) => runBinary("/", args, { XDG_STATE_HOME: join(directory, "state") });
    const listed = async (): Promise<{ job: string; destination: string; state: string; segments: number }[]> =>
      JSON.parse((await elsewhere(["jobs", "--json"])).out).jobs;
    const [job] = await listed();
    expect(job).toMatchObject({ destination: join(directory, "listed"), state: "unfinished", segments: 2 });
    const before = (await readdir(join(directory, "listed", "_cqlduck"))).filter((file) => file.startsWith("record-"));
    expect(before).toHaveLength(2);
    const resumed = await elsewhere(["resume", job!.job]);
    expect([resumed.code, resumed.err]).toEqual([0, expect.stringContaining("exported 9,000 rows")]);
    await expectWhole("listed");
    expect(await listed()).toEqual([]);
  });

  it("reads again what the server no longer goes on from", async () => {
    await cqlduck(exportTo("refused"), { CQLDUCK_FAULT: "record-written:2" });
    const path = join(directory, "refused", "_cqlduck", "record-00001.json");
    const record = JSON.parse(await readFile(path, "utf8")) as { stretches: { range: number; to: string | null }[] };
    const left = record.stretches.find(({ to }) => to !== null)!;
    // A state that another version of the server would have given.
    left.to = "deadbeef";
    await writeFile(path, JSON.stringify(record));
    const resumed = await cqlduck(["resume", "refused"]);
    expect([resumed.code, resumed.err]).toEqual([
      0,
      expect.stringMatching(/no longer takes where token range \d+ was left: [\d,]+ rows are read again/),
    ]);
    await expectWhole("refused");
  });

  it("is refused by another version, other options or another table of the same name", async () => {
    await cqlduck(exportTo("changed"), { CQLDUCK_FAULT: "record-written" });
    const other = await cqlduck([...exportTo("changed"), "--resume", "--compression", "zstd"]);
    expect([other.code, other.err]).toEqual([2, expect.stringContaining("--compression")]);
    await client.execute(`ALTER TABLE ${keyspace}.t ADD added int`);
    const altered = await cqlduck(["resume", "changed"]);
    expect([altered.code, altered.err]).toEqual([2, expect.stringMatching(/columns .* have changed[\s\S]*--restart/)]);
    await client.execute(`ALTER TABLE ${keyspace}.t DROP added`);
    expect((await cqlduck(["resume", "changed"])).code).toBe(0);
    await expectWhole("changed");
  });

  it("that a value ended goes on with another type for it, or without it", async () => {
    await client.execute(`CREATE TABLE ${keyspace}.odd (k int PRIMARY KEY, v int)`);
    for (let k = 0; k < 500; k++)
      await client.execute(`INSERT INTO ${keyspace}.odd (k, v) VALUES (?, ?)`, [k, k], { prepare: true });
    await client.execute(`INSERT INTO ${keyspace}.odd (k, v) VALUES (500, blobAsInt(0x))`);
    const failed = await cqlduck(["export", `${keyspace}.odd`, "odd.parquet", "-H", host]);
    expect([failed.code, failed.err]).toEqual([3, expect.stringContaining("k = 500")]);
    expect((await cqlduck(["resume", "odd.parquet", "--empty", "null"])).code).toBe(0);
    expect(await ask(`SELECT count(*)::INT AS n, count(v)::INT AS v FROM '${join(directory, "odd.parquet")}'`)).toEqual(
      [{ n: 501, v: 500 }],
    );
    await cqlduck(["export", `${keyspace}.odd`, "odd", "-H", host]);
    expect((await cqlduck(["resume", "odd", "--type", "v=BLOB"])).code).toBe(0);
    expect(
      await ask(
        `SELECT count(*)::INT AS n, count(v)::INT AS v, typeof(any_value(v)) AS t FROM '${join(directory, "odd")}/*.parquet'`,
      ),
    ).toEqual([{ n: 501, v: 501, t: "BLOB" }]);
  });

  it("has one process at a time", async () => {
    const first = cqlduck(exportTo("shared"));
    while (!existsSync(join(directory, "shared", "_cqlduck", "plan.json"))) await sleep(5);
    const second = await cqlduck([...exportTo("shared"), "--resume"]);
    expect([second.code, second.err]).toEqual([2, expect.stringMatching(/process \d+/)]);
    expect((await first).code).toBe(0);
    await expectWhole("shared");
  });
});
