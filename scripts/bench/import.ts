/*
 * Owns the import benchmark: tables of several shapes, each exported once, then put into the emptied table again by
 * everyone in turn. What the server does for it is measured too, until it has come to rest.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { ensureBinary } from "../build/ensure.ts";
import { type Importer, type ImportTask, importers } from "./importers.ts";
import { cpuSecondsOf, type Measured, measure, median, pin, rest } from "./measure.ts";
import { type BenchNode, KEYSPACE, loadBig, loadWide, openNode } from "./node.ts";
import { CLIENT_CORE, NODE_CORES, Rounds, whyNotApart } from "./rounds.ts";

export interface ImportBenchOptions {
  /** Of the events table; others have a share of it. */
  readonly rows: number;
  readonly rounds: number;
  readonly only: readonly string[];
  readonly shapes: readonly string[];
  readonly host: string | undefined;
}

export interface ImportResult {
  readonly name: string;
  readonly rowsPerSecond: number;
  readonly cpuMicrosPerRow: number;
  /** Undefined where the node is not ours to look at. */
  readonly serverMicrosPerRow: number | undefined;
  readonly peakBytes: number;
}

export interface ImportSetting {
  readonly name: string;
  readonly rows: number;
  readonly results: readonly ImportResult[];
}

export interface ImportBench {
  readonly rounds: number;
  readonly settings: readonly ImportSetting[];
  /** What was not measured, and why. */
  readonly notes: readonly string[];
}

interface ImportShape {
  readonly key: string;
  readonly name: string;
  /** Rows for each row of the events table. */
  readonly share: number;
  load(client: Client, table: string, rows: number): Promise<void>;
}

const SHAPES: readonly ImportShape[] = [
  { key: "events", name: "events, 100 rows a partition", share: 1, load: (...to) => loadBig(...to) },
  { key: "singles", name: "one row a partition", share: 1, load: (...to) => loadBig(...to, 1) },
  {
    key: "wide",
    name: "1,000 columns",
    share: 0.01,
    load: (client, table, rows) => loadWide(client, `${KEYSPACE}.${table}`, rows),
  },
];

export const IMPORT_SHAPES = SHAPES.map(({ key }) => key);

interface Run extends Measured {
  readonly rows: number;
  readonly serverSeconds: number | undefined;
}

export async function benchImport(options: ImportBenchOptions): Promise<ImportBench> {
  const notes: string[] = [];
  const contestants = await importers(options.only, notes);
  const binary = await ensureBinary();
  const node = await openNode(options.host);
  const directory = mkdtempSync(join(tmpdir(), "cqlduck-bench-"));
  const settings: ImportSetting[] = [];
  try {
    const shapes = SHAPES.filter(({ key }) => options.shapes.includes(key));
    const tasks: [ImportShape, ImportTask, number][] = [];
    for (const shape of shapes) {
      const rows = Math.max(1, Math.round(options.rows * shape.share));
      tasks.push([shape, await makeSources(node, binary, shape, rows, directory), rows]);
    }
    // Whoever can't import a table at all is not asked to again.
    const unable = new Set<string>();
    const runAll = async (where: string, core?: number) => {
      for (const [shape, task, rows] of tasks) {
        console.error(`${shape.name}, ${where}`);
        const bench = new Bench(node, binary, task, rows);
        await bench.warmUp(contestants, core);
        const able = contestants.filter(({ name }) => !unable.has(`${shape.key} ${name}`));
        const failures: string[] = [];
        const rounds = new Rounds<Importer, Run>(able, options.rounds, failures);
        const runs = await rounds.run((contestant) => bench.once(contestant, core));
        for (const one of able) if (!runs.has(one)) unable.add(`${shape.key} ${one.name}`);
        settings.push({ name: `${shape.name}; ${where}`, rows, results: summarize(runs) });
        notes.push(...failures.map((failure) => `${shape.name}: ${failure}`));
      }
    };
    await runAll("cores shared with Cassandra");
    const obstacle = whyNotApart(node);
    if (obstacle) notes.push(`cores apart were not measured: ${obstacle}`);
    else {
      pin(node.pid!, NODE_CORES);
      await runAll(`Cassandra on core ${NODE_CORES}, client on core ${CLIENT_CORE}`, CLIENT_CORE);
    }
    return { rounds: options.rounds, settings, notes };
  } finally {
    await node.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Loads the table and exports it: the files that all imports begin with. */
async function makeSources(
  { client, host, port }: BenchNode,
  binary: string,
  { key, name, load }: ImportShape,
  rows: number,
  directory: string,
): Promise<ImportTask> {
  const table = `import_${key}`;
  console.error(`loading ${rows.toLocaleString("en")} rows: ${name}`);
  await client.execute(`DROP TABLE IF EXISTS ${KEYSPACE}.${table}`);
  await load(client, table, rows);
  const [parquet, csv] = [join(directory, `${key}.parquet`), join(directory, `${key}.csv`)];
  const from = [binary, "export", `${KEYSPACE}.${table}`];
  const how = ["-H", `${host}:${port}`, "--progress", "none", "--json"];
  for (const command of [
    [...from, parquet, ...how, "--compression", "zstd"],
    [...from, csv, ...how],
  ]) {
    const exported = (JSON.parse((await measure(command)).stdout) as { rows: number }).rows;
    if (exported !== rows) throw new Error(`${exported} rows were exported of ${rows}`);
  }
  return { host, port, keyspace: KEYSPACE, table, parquet, csv, directory };
}

/** One table, emptied before every import and counted after it. */
class Bench {
  readonly #node: BenchNode;
  readonly #binary: string;
  readonly #task: ImportTask;
  readonly #rows: number;

  constructor(node: BenchNode, binary: string, task: ImportTask, rows: number) {
    this.#node = node;
    this.#binary = binary;
    this.#task = task;
    this.#rows = rows;
  }

  /** The server compiles what it does often; the slow peers profit from what the fast ones have warmed up. */
  async warmUp(contestants: readonly Importer[], core: number | undefined): Promise<void> {
    const first = contestants.find(({ isPeer }) => !isPeer);
    if (first) await this.once(first, core);
  }

  /** @throws where the table has other rows afterwards than it should */
  async once(contestant: Importer, core: number | undefined): Promise<Run> {
    const { client, pid } = this.#node;
    const { keyspace, table } = this.#task;
    await client.execute(`TRUNCATE ${keyspace}.${table}`);
    if (pid !== undefined) await rest(pid);
    const before = pid === undefined ? 0 : cpuSecondsOf(pid);
    const measured = await measure(contestant.command(this.#task), core);
    // What the server has put off (garbage, flushes, compactions) is of this import too.
    if (pid !== undefined) await rest(pid);
    const serverSeconds = pid === undefined ? undefined : cpuSecondsOf(pid) - before;
    const found = await this.#count();
    if (found !== this.#rows) {
      const said = measured.stdout.trim().split("\n").slice(-3).join(" ");
      throw new Error(`the table has ${found} rows of ${this.#rows}: ${said}`);
    }
    return { ...measured, rows: found, serverSeconds };
  }

  async #count(): Promise<number> {
    const { host, port, keyspace, table } = this.#task;
    const command = [this.#binary, "count", `${keyspace}.${table}`, "-H", `${host}:${port}`];
    const { stdout } = await measure([...command, "--progress", "none", "--json"]);
    return (JSON.parse(stdout) as { rows: number }).rows;
  }
}

function summarize(runs: ReadonlyMap<Importer, readonly Run[]>): ImportResult[] {
  return [...runs].map(([{ name }, list]) => {
    const server = list.flatMap(({ serverSeconds, rows }) => (serverSeconds === undefined ? [] : serverSeconds / rows));
    return {
      name,
      rowsPerSecond: median(list.map((run) => run.rows / run.seconds)),
      cpuMicrosPerRow: median(list.map((run) => (run.cpuSeconds / run.rows) * 1e6)),
      serverMicrosPerRow: server.length > 0 ? median(server) * 1e6 : undefined,
      peakBytes: median(list.map((run) => run.peakBytes)),
    };
  });
}
