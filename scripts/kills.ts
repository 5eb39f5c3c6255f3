/*
 * `npm run test:kills -- [--times N] [--to file|directory|partitioned|table] [--host host:port]`: kills the binary at random moments, once more while it
 * goes on, and looks at what comes out, for one file, a directory, a partitioned one, and an import. A row of the table for each.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";
import { KEYSPACE, openNode, writeBatches } from "./bench/node.ts";
import { ensureBinary } from "./build/ensure.ts";

const ROWS = 300_000;
const LAYOUTS = [
  { name: "file", destination: "out.parquet", flags: [] },
  { name: "directory", destination: "out", flags: ["--rows-per-file", "40000"] },
  { name: "partitioned", destination: "out", flags: ["--partition-by", "part", "--max-file-size", "1MB"] },
] as const;

const { values } = parseArgs({
  options: { times: { type: "string", default: "25" }, to: { type: "string" }, host: { type: "string" } },
});
const times = Number(values.times);
const binary = await ensureBinary();
const node = await openNode(values.host);
const directory = mkdtempSync(join(tmpdir(), "cqlduck-kills-"));
/** Of the binary's index of jobs; not the user's. */
const state = mkdtempSync(join(tmpdir(), "cqlduck-kills-state-"));
const table = `${KEYSPACE}.kills`;

interface Ended {
  readonly killed: boolean;
  readonly code: number | null;
  readonly ms: number;
}

/** Runs the binary, and kills it after so many milliseconds. */
function run(args: readonly string[], killAfterMs?: number): Promise<Ended> {
  const began = performance.now();
  const child = spawn(binary, args, {
    cwd: directory,
    stdio: "ignore",
    env: { ...process.env, XDG_STATE_HOME: state },
  });
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ killed: signal === "SIGKILL", code, ms: performance.now() - began });
    });
  });
}

/** What is wrong with the rows of a file, or of all files of a directory; empty where nothing is. */
async function wrongRows(destination: string): Promise<string[]> {
  const path = join(directory, destination);
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const files = destination.endsWith(".parquet") ? path : `${path}/**/*.parquet`;
  const answer = await connection.runAndReadAll(
    `SELECT count(*)::INT AS n, count(DISTINCT (p, c))::INT AS keys, sum(v)::BIGINT::VARCHAR AS sum
    FROM read_parquet('${files}', hive_partitioning = false)`,
  );
  connection.closeSync();
  const [row] = answer.getRowObjectsJson();
  const wanted = { n: ROWS, keys: ROWS, sum: String((ROWS * (ROWS - 1)) / 2) };
  return JSON.stringify(row) === JSON.stringify(wanted) ? [] : [`rows: ${JSON.stringify(row)}`];
}

/** What is wrong with what came out. */
async function problems(destination: string): Promise<string[]> {
  const found = await wrongRows(destination);
  const isFile = destination.endsWith(".parquet");
  const left = isFile
    ? readdirSync(directory).filter((name) => name !== destination)
    : readdirSync(join(directory, destination, "_cqlduck"));
  if (left.join() !== (isFile ? "" : "manifest.json")) found.push(`left behind: ${left.join(", ")}`);
  return found;
}

/** What a reader would take for a result before there is one. */
function visible(destination: string): string[] {
  const path = join(directory, destination);
  if (destination.endsWith(".parquet")) return existsSync(path) ? [destination] : [];
  if (!existsSync(path) || existsSync(join(path, "_cqlduck/intent.json"))) return [];
  return readdirSync(path).filter((name) => !name.startsWith("_"));
}

async function killOften({ name, destination, flags }: (typeof LAYOUTS)[number]): Promise<boolean> {
  const args = ["export", table, destination, "-H", `${node.host}:${node.port}`, "--page-size", "500", "-q", ...flags];
  const clear = () => {
    for (const left of readdirSync(directory)) rmSync(join(directory, left), { recursive: true, force: true });
  };
  const undisturbed = await run(args);
  if (undisturbed.code !== 0) throw new Error(`an undisturbed export to a ${name} fails`);
  let whole = undisturbed.ms;
  const counts = { killed: 0, again: 0 };
  const wrong: string[] = await problems(destination);
  for (let i = 0; i < times; i++) {
    clear();
    const first = await run(args, Math.random() * whole);
    if (first.killed) counts.killed++;
    // On a machine that is less busy by now, most would be through before.
    else whole = Math.min(whole, first.ms);
    const ended = existsSync(join(directory, destination, "_SUCCESS")) || destination.endsWith(".parquet");
    if (first.killed && !ended) wrong.push(...visible(destination).map((file) => `kill ${i}: ${file} is visible`));
    if ((await run([...args, "--resume"], Math.random() * whole)).killed) counts.again++;
    const { code } = await run([...args, "--resume"]);
    // 2: it was published before the kill.
    if (code !== 0 && code !== 2) wrong.push(`kill ${i}: going on ended with ${code}`);
    wrong.push(...(await problems(destination)).map((problem) => `kill ${i}: ${problem}`));
  }
  clear();
  tell(name, counts, wrong);
  return wrong.length === 0;
}

function tell(name: string, counts: { killed: number; again: number }, wrong: readonly string[]): void {
  console.log(
    `| ${name.padEnd(11)} | ${String(times).padStart(5)} | ${String(counts.killed).padStart(6)} | ${String(counts.again).padStart(5)} | ${String(wrong.length).padStart(5)} |`,
  );
  for (const line of wrong) console.log(`  ${line}`);
}

/** The same for imports: the emptied table must hold all rows again, and no job may be left. */
async function killImports(): Promise<boolean> {
  const host = ["-H", `${node.host}:${node.port}`, "-q"];
  const [source, check] = ["source.parquet", "check.parquet"];
  const args = ["import", source, table, ...host];
  if ((await run(["export", table, source, ...host])).code !== 0) throw new Error("the table can't be exported");
  const undisturbed = await run(args);
  if (undisturbed.code !== 0) throw new Error("an undisturbed import fails");
  let whole = undisturbed.ms;
  const counts = { killed: 0, again: 0 };
  const wrong: string[] = [];
  for (let i = 0; i < times; i++) {
    await node.client.execute(`TRUNCATE ${table}`);
    const first = await run(args, Math.random() * whole);
    if (first.killed) counts.killed++;
    else whole = Math.min(whole, first.ms);
    if ((await run([...args, "--resume"], Math.random() * whole)).killed) counts.again++;
    const { code } = await run([...args, "--resume"]);
    if (code !== 0) wrong.push(`kill ${i}: going on ended with ${code}`);
    await run(["export", table, check, "--overwrite", ...host]);
    wrong.push(...(await wrongRows(check)).map((problem) => `kill ${i}: ${problem}`));
    const left = readdirSync(join(state, "cqlduck/jobs"), { recursive: true }).filter((name) => name !== "imports");
    if (left.length > 0) wrong.push(`kill ${i}: left behind: ${left.join(", ")}`);
  }
  tell("table", counts, wrong);
  return wrong.length === 0;
}

try {
  await node.client.execute(`DROP TABLE IF EXISTS ${table}`);
  await node.client.execute(`CREATE TABLE ${table} (p int, c int, v int, part int, PRIMARY KEY (p, c))`);
  const insert = `INSERT INTO ${table} (p, c, v, part) VALUES (?, ?, ?, ?)`;
  await writeBatches(node.client, insert, ROWS, (i) => [Math.floor(i / 100), i % 100, i, i % 7]);
  console.log("| to a        | times | killed | again | wrong |\n|-------------|-------|--------|-------|-------|");
  let right = true;
  for (const layout of LAYOUTS.filter(({ name }) => name === (values.to ?? name)))
    right = (await killOften(layout)) && right;
  if (values.to === undefined || values.to === "table") right = (await killImports()) && right;
  await node.client.execute(`DROP TABLE ${table}`);
  process.exitCode = right ? 0 : 1;
} finally {
  await node.close();
  for (const path of [directory, state]) rmSync(path, { recursive: true, force: true });
}
