/*
 * The main job on a real Cassandra: starts one (or uses CQLDUCK_TEST_HOST), makes tables of realistic rows, exports
 * them with the commands a user would type, asks DuckDB about the files, and imports them into new tables.
 *
 *   bun scripts/demo.ts [--binary]      --binary: with the compiled binary, which is built where it is missing
 */
import { spawn } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import driver, { type Client } from "cassandra-driver";
import kleur from "kleur";
import { ensureBinary } from "./build/ensure.ts";
import { startCluster } from "./cassandra/cluster.ts";
import { createTables, EMBEDDINGS, EVENTS, writeEmbeddings, writeEvents } from "./demo/data.ts";

const KEYSPACE = "cqlduck_demo";

async function main(): Promise<void> {
  const cluster = await chooseCluster();
  try {
    const client = new driver.Client({
      contactPoints: [cluster.host],
      policies: { loadBalancing: new driver.policies.loadBalancing.RoundRobinPolicy() },
      socketOptions: { readTimeout: 30_000 },
    });
    await client.connect();
    await fill(client);
    await client.shutdown();
    const directory = await mkdtemp(join(tmpdir(), "cqlduck-demo-"));
    const run = await programIn(directory, cluster.host);
    await run("export", `${KEYSPACE}.events`, "events.parquet");
    await run("export", `${KEYSPACE}.embeddings`, "embeddings/", "--compression", "zstd", "--uuid", "native");
    await ask(directory);
    await run("import", "events.parquet", `${KEYSPACE}.events_copy`, "--create");
    await run("import", "embeddings/", `${KEYSPACE}.embeddings_copy`, "--create");
    for (const table of ["events", "embeddings"]) await compare(run, table);
    say(`The files stay in ${directory}`);
  } finally {
    await cluster.stop();
  }
}

/** A node of its own, or the one that CQLDUCK_TEST_HOST names. */
async function chooseCluster(): Promise<{ host: string; stop(): Promise<void> }> {
  const given = process.env.CQLDUCK_TEST_HOST;
  if (given) return { host: given.includes(":") ? given : `${given}:9042`, stop: async () => undefined };
  say("Starting Cassandra 5.0");
  const cluster = await timed("ready", () => startCluster({ onProgress: (line) => console.log(`  ${line}`) }));
  return { host: `${cluster.hosts[0]}:${cluster.port}`, stop: () => cluster.stop() };
}

async function fill(client: Client): Promise<void> {
  say(`Writing ${EVENTS.toLocaleString("en")} events and ${EMBEDDINGS.toLocaleString("en")} embeddings to ${KEYSPACE}`);
  await createTables(client, KEYSPACE);
  await timed("events written", () => writeEvents(client, KEYSPACE));
  await timed("embeddings written", () => writeEmbeddings(client, KEYSPACE));
}

/** Runs cqlduck as a user would, its output and progress shown as they come. Gives what it printed to stdout. */
type Run = (...args: readonly string[]) => Promise<string>;

async function programIn(directory: string, host: string): Promise<Run> {
  const binary = process.argv.includes("--binary");
  const command = binary ? [await ensureBinary()] : [process.execPath, join(import.meta.dirname, "../src/main.ts")];
  return (...args) => cqlduck(command, [...args, "-H", host], directory);
}

function cqlduck(command: readonly string[], args: readonly string[], directory: string): Promise<string> {
  console.log(`\n${kleur.bold(`$ cqlduck ${args.join(" ")}`)}`);
  const [program = "", ...rest] = command;
  const child = spawn(program, [...rest, ...args], { cwd: directory, stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.on("data", (text: Buffer) => {
    out += text;
    process.stdout.write(text);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve(out);
      else reject(new Error(`cqlduck ended with ${code ?? signal}`));
    });
  });
}

/** Counts a table and its copy. */
async function compare(run: Run, table: string): Promise<void> {
  const count = async (name: string) => Number(await run("count", `${KEYSPACE}.${name}`, "-q"));
  const [rows, copied] = [await count(table), await count(`${table}_copy`)];
  if (rows !== copied) throw new Error(`${table} has ${rows} rows, and its copy ${copied}`);
  console.log(kleur.green(`  ${rows.toLocaleString("en")} rows in both`));
}

const QUERIES = [
  `SELECT kind, count(*) AS events, round(avg(value::DECIMAL(9,3)), 2) AS mean, max(received)::VARCHAR AS last
   FROM 'events.parquet' GROUP BY kind ORDER BY events DESC`,
  `SELECT place.site AS site, count(DISTINCT device_id) AS devices, count(tags) AS tagged
   FROM 'events.parquet' GROUP BY ALL ORDER BY site`,
  `SELECT b.title, round(list_cosine_similarity(a.embedding, b.embedding)::DOUBLE, 3) AS similarity
   FROM 'embeddings/*.parquet' a, 'embeddings/*.parquet' b
   WHERE a.title = 'Document 7' AND b.title <> a.title ORDER BY similarity DESC LIMIT 3`,
];

/** Asks DuckDB, started in the directory, and prints tables. */
async function ask(directory: string): Promise<void> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  for (const query of QUERIES) {
    const text = query.replace(/\n\s+/g, "\n  ");
    console.log(`\n${kleur.bold(`D ${text};`)}`);
    const placed = query.replaceAll(/'([a-z/*]+\.parquet)'/g, (_, file: string) => `'${join(directory, file)}'`);
    const reader = await connection.runAndReadAll(placed);
    printTable(reader.columnNames(), reader.getRows());
  }
  connection.closeSync();
}

function printTable(names: readonly string[], rows: readonly (readonly unknown[])[]): void {
  const lines = [names, ...rows].map((row) => row.map(String));
  const widths = names.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  for (const line of lines)
    console.log(
      `  ${line
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd()}`,
    );
}

function say(text: string): void {
  console.log(`\n${kleur.cyan(text)}`);
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  console.log(`  ${what} after ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return result;
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? `${error.message}\n${(error as { hint?: string }).hint ?? ""}` : error);
    process.exit(1);
  },
);
