/*
 * Owns the export benchmark: the table, the rounds, and their medians. First with all cores shared, then with Cassandra
 * and the client on a core each.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster } from "../../src/cassandra/cluster.ts";
import { readTable } from "../../src/cassandra/schema.ts";
import { tableSelect } from "../../src/cassandra/statements.ts";
import { lanesOf } from "../../src/jobs/pace.ts";
import { openScan } from "../../src/operations/source/scan.ts";
import { type Contestant, prepare, sizeBelow, type Target } from "./contestants.ts";
import type { DrainPlan } from "./drain.ts";
import { type Measured, measure, median, pin } from "./measure.ts";
import { type BenchNode, KEYSPACE, loadBig, openNode } from "./node.ts";
import { CLIENT_CORE, NODE_CORES, Rounds, whyNotApart } from "./rounds.ts";

export interface ExportBenchOptions {
  readonly rows: number;
  readonly rounds: number;
  readonly only: readonly string[];
  readonly host: string | undefined;
}

export interface Result {
  readonly name: string;
  readonly rowsPerSecond: number;
  readonly cpuMicrosPerRow: number;
  /** Of this row to the drain's of the same run; undefined where that was left out. */
  readonly cpuRatio: number | undefined;
  readonly timeRatio: number | undefined;
  readonly peakBytes: number;
  readonly outputBytes: number;
}

export interface Setting {
  readonly name: string;
  readonly results: readonly Result[];
}

export interface ExportBench {
  readonly rows: number;
  readonly rounds: number;
  readonly settings: readonly Setting[];
  /** What was not measured, and why. */
  readonly notes: readonly string[];
}

const DEFAULT_ROWS = 2_000_000;
const LANES = lanesOf({});

export async function benchExport(options: ExportBenchOptions): Promise<ExportBench> {
  const { contestants, notes } = await prepare(options.only);
  const node = await openNode(options.host);
  const directory = mkdtempSync(join(tmpdir(), "cqlduck-bench-"));
  const kept = [...notes];
  const runner = new Rounds<Contestant, Run>(contestants, options.rounds, kept);
  try {
    const { rows } = options;
    const table = rows === DEFAULT_ROWS ? "events" : `events_${rows}`;
    const { host, port } = node;
    const target = { host, port, keyspace: KEYSPACE, table, plan: join(directory, "plan.json"), directory };
    await fill(node, target, rows);
    await warmUp(contestants, target);
    const run = async (core?: number) =>
      summarize(await runner.run((contestant) => complete(contestant, target, rows, core)));
    const settings = [{ name: "cores shared with Cassandra", results: await run() }];
    const obstacle = whyNotApart(node);
    if (obstacle) kept.push(`cores apart were not measured: ${obstacle}`);
    else {
      pin(node.pid!, NODE_CORES);
      await warmUp(contestants, target, CLIENT_CORE);
      settings.push({
        name: `Cassandra on core 0, client on core ${CLIENT_CORE}`,
        results: await run(CLIENT_CORE),
      });
    }
    return { rows, rounds: options.rounds, settings, notes: kept };
  } finally {
    await node.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Place extends Target {
  /** Where the files go. */
  readonly directory: string;
}

/** Sees to it that the table has its rows and that the plan of the drain is written. */
async function fill(node: BenchNode, place: Place, rows: number): Promise<void> {
  const { table } = place;
  const found = await node.client.execute(
    "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?",
    [KEYSPACE, table],
  );
  if (found.rowLength > 0) {
    await writePlan(place);
    if ((await count(place)) === rows) return;
  }
  console.error(`loading ${rows.toLocaleString("en")} rows into ${KEYSPACE}.${table}`);
  await loadBig(node.client, table, rows);
  await writePlan(place);
  const got = await count(place);
  if (got !== rows) throw new Error(`${KEYSPACE}.${table} has ${got} rows, not ${rows}: drop it, and run this again`);
}

/** Writes the ranges and the statement that cqlduck reads the table with, for the others to read the same. */
async function writePlan({ host, port, keyspace, table, plan }: Target): Promise<void> {
  const cluster = await Cluster.connect({ hosts: [`${host}:${port}`] });
  try {
    const schema = await readTable(cluster, keyspace, table);
    const columns = schema.columns.map((column) => column.name);
    const scan = await openScan(cluster, schema, { select: tableSelect(schema, columns), fetchers: LANES });
    const ranges = scan.ranges.map((range) => [String(range!.start), String(range!.end)] as const);
    const planned: DrainPlan = { host, port, cql: scan.cql, ranges, sockets: LANES };
    writeFileSync(plan, JSON.stringify(planned));
  } finally {
    await cluster.close();
  }
}

async function count({ plan }: Target): Promise<number> {
  const { stdout } = await measure([process.execPath, join(import.meta.dirname, "../bench.ts"), "drain", plan]);
  return (JSON.parse(stdout) as { rows: number }).rows;
}

/** The server compiles what it does often; the slow peers profit from what the fast ones have warmed up. */
async function warmUp(contestants: readonly Contestant[], place: Place, core?: number): Promise<void> {
  console.error("warming up");
  for (const contestant of contestants.filter(({ key }) => key === "a" || key === "b")) {
    await once(contestant, place, core);
  }
}

interface Run extends Measured {
  readonly rows: number;
  readonly outputBytes: number;
}

/** @throws where it did not read all rows */
async function complete(contestant: Contestant, place: Place, rows: number, core?: number): Promise<Run> {
  const run = await once(contestant, place, core);
  if (run.rows !== rows) throw new Error(`it read ${run.rows} rows of ${rows}`);
  return run;
}

async function once(contestant: Contestant, place: Place, core: number | undefined): Promise<Run> {
  const directory = join(place.directory, "out");
  mkdirSync(directory);
  try {
    const out = join(directory, "big");
    const measured = await measure(contestant.command(place, out), core);
    const rows = contestant.rows(measured.stdout, out);
    return { ...measured, rows, outputBytes: sizeBelow(out) || sizeBelow(`${out}.parquet`) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function summarize(runs: ReadonlyMap<Contestant, readonly Run[]>): Result[] {
  const medians = [...runs].map(([{ key, name }, list]) => ({
    key,
    name,
    rowsPerSecond: median(list.map((run) => run.rows / run.seconds)),
    cpuMicrosPerRow: median(list.map((run) => (run.cpuSeconds / run.rows) * 1e6)),
    peakBytes: median(list.map((run) => run.peakBytes)),
    outputBytes: median(list.map((run) => run.outputBytes)),
  }));
  const floor = medians.find(({ key }) => key === "a");
  return medians.map(({ key: _, ...result }) => ({
    ...result,
    cpuRatio: floor && result.cpuMicrosPerRow / floor.cpuMicrosPerRow,
    timeRatio: floor && floor.rowsPerSecond / result.rowsPerSecond,
  }));
}
