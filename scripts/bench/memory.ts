/*
 * Owns the memory benchmark: how much an export with default settings has resident at its peak, for tables of shapes
 * that strain it, each to a directory, to one file, by partition, and in the other formats.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { ensureBinary } from "../build/ensure.ts";
import { sizeBelow } from "./contestants.ts";
import { measure } from "./measure.ts";
import { inParallel, KEYSPACE, loadWide, openNode, writeBatches } from "./node.ts";

export interface MemoryBenchOptions {
  /** Multiplies the rows of every shape. */
  readonly scale: number;
  readonly only: readonly string[];
  readonly host: string | undefined;
}

export interface MemoryResult {
  readonly shape: string;
  readonly layout: Layout;
  readonly rows: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  readonly outputBytes: number;
}

/** An export that did not come to its end: as much a finding as a figure. */
export interface MemoryFailure {
  readonly shape: string;
  readonly layout: Layout;
  readonly failure: string;
}

const LAYOUTS = ["directory", "file", "partitions", "csv", "jsonl", "arrow"] as const;
export type Layout = (typeof LAYOUTS)[number];

interface Shape {
  readonly name: string;
  readonly rows: number;
  /** What an export by partition goes by. */
  readonly partitionBy: string;
  describe(rows: number): string;
  /** Makes and fills `table`. */
  load(client: Client, table: string, rows: number): Promise<void>;
}

export const LAYOUT_NAMES: Readonly<Record<Layout, string>> = {
  directory: "a directory",
  file: "one file",
  partitions: "partitions",
  csv: "one CSV file",
  jsonl: "one JSONL file",
  arrow: "one Arrow stream",
};
/** How the destination ends, which says the format. */
const ENDINGS: Readonly<Record<Layout, string>> = {
  directory: "",
  file: ".parquet",
  partitions: "",
  csv: ".csv",
  jsonl: ".jsonl",
  arrow: ".arrow",
};
const MEGABYTE = 1_000_000;
const ELEMENTS = 70_000;

const SHAPES: readonly Shape[] = [
  {
    name: "narrow",
    rows: 10_000_000,
    partitionBy: "c",
    describe: (rows) => `${rows.toLocaleString("en")} rows of two keys and an int`,
    load: async (client, table, rows) => {
      await client.execute(`CREATE TABLE ${table} (p int, c int, v int, PRIMARY KEY (p, c))`);
      const insert = `INSERT INTO ${table} (p, c, v) VALUES (?, ?, ?)`;
      await writeBatches(client, insert, rows, (i) => [Math.floor(i / 100), i % 100, (i * 7) % 100_003]);
    },
  },
  {
    name: "blobs",
    rows: 2000,
    partitionBy: "k",
    describe: (rows) => `${rows.toLocaleString("en")} blobs of 1 MB`,
    load: async (client, table, rows) => {
      await client.execute(`CREATE TABLE ${table} (k int PRIMARY KEY, b blob)`);
      const insert = `INSERT INTO ${table} (k, b) VALUES (?, ?)`;
      await inParallel(rows, 4, (k) => client.execute(insert, [k, randomBytes(MEGABYTE)], { prepare: true }));
    },
  },
  {
    name: "wide",
    rows: 5000,
    partitionBy: "c0000",
    describe: (rows) => `${rows.toLocaleString("en")} rows of 1,000 columns`,
    load: loadWide,
  },
  {
    name: "collections",
    rows: 20,
    partitionBy: "k",
    describe: (rows) => `${rows.toLocaleString("en")} rows with a map, a set and a list of 70,000 elements`,
    load: async (client, table, rows) => {
      await client.execute(`CREATE TABLE ${table} (k int PRIMARY KEY, m map<int, text>, s set<text>, l list<int>)`);
      const insert = `INSERT INTO ${table} (k, m, s, l) VALUES (?, ?, ?, ?)`;
      const numbers = Array.from({ length: ELEMENTS }, (_, i) => i);
      const map = Object.fromEntries(numbers.map((i) => [i, `value ${i}`]));
      const set = numbers.map((i) => `element ${i}`);
      await inParallel(rows, 1, (k) => client.execute(insert, [k, map, set, numbers], { prepare: true }));
    },
  },
  {
    name: "giant",
    rows: 2_000_000,
    partitionBy: "g",
    describe: (rows) => `one partition of ${rows.toLocaleString("en")} rows`,
    load: async (client, table, rows) => {
      await client.execute(`CREATE TABLE ${table} (p int, c int, g int, v text, PRIMARY KEY (p, c))`);
      const insert = `INSERT INTO ${table} (p, c, g, v) VALUES (1, ?, ?, ?)`;
      await writeBatches(client, insert, rows, (c) => [c, c % 48, `the text of row ${c}, of some length`]);
    },
  },
];

export const SHAPE_NAMES = SHAPES.map((shape) => shape.name);

export async function benchMemory(options: MemoryBenchOptions): Promise<(MemoryResult | MemoryFailure)[]> {
  const binary = await ensureBinary();
  const node = await openNode(options.host);
  const directory = mkdtempSync(join(tmpdir(), "cqlduck-bench-"));
  const results: (MemoryResult | MemoryFailure)[] = [];
  try {
    for (const { name, rows: full, partitionBy, describe, load } of SHAPES.filter((shape) =>
      options.only.includes(shape.name),
    )) {
      const table = `${KEYSPACE}.memory_${name}`;
      const rows = Math.max(1, Math.round(full * options.scale));
      const shape = describe(rows);
      await node.client.execute(`DROP TABLE IF EXISTS ${table}`);
      console.error(`loading ${shape}`);
      await load(node.client, table, rows);
      for (const layout of LAYOUTS) {
        const out = join(directory, `out${ENDINGS[layout]}`);
        const by = layout === "partitions" ? ["--partition-by", partitionBy] : [];
        const command = [binary, "export", table, out, "-H", `${node.host}:${node.port}`, ...by];
        try {
          results.push({ shape, layout, rows, ...(await exportOnce(command, out, rows)) });
        } catch (error) {
          results.push({ shape, layout, failure: error instanceof Error ? error.message : String(error) });
        }
        console.error(`  to ${LAYOUT_NAMES[layout]}: done`);
      }
      await node.client.execute(`DROP TABLE ${table}`);
    }
    return results;
  } finally {
    await node.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function exportOnce(command: readonly string[], out: string, rows: number) {
  try {
    const { stdout, seconds, cpuSeconds, peakBytes } = await measure([...command, "--progress", "none", "--json"]);
    const read = (JSON.parse(stdout) as { rows: number }).rows;
    if (read !== rows) throw new Error(`${read} rows were exported of ${rows}`);
    return { seconds, cpuSeconds, peakBytes, outputBytes: sizeBelow(out) };
  } finally {
    // What a failed export leaves for its resumption goes too.
    for (const path of [out, `${out}._cqlduck`, `${out}.cqlduck`]) rmSync(path, { recursive: true, force: true });
  }
}
