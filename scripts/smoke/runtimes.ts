/*
 * The three ways to run the program (its own binary, Deno, Node), and whether they do the same: each exports the same
 * table, and the rows in the files are compared.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";
import type { Client } from "cassandra-driver";
import { ensureBinary, ensureLibrary } from "../build/ensure.ts";

export interface Smoke {
  readonly runtime: string;
  readonly rows: number;
  /** Rows that this runtime's file and the first one's don't share. */
  readonly different: number;
}

const root = join(import.meta.dirname, "../..");
const ROWS = 1000;

/** Builds what has to be built. */
async function commands(): Promise<readonly (readonly [string, ...string[]])[]> {
  return [
    [await ensureBinary()],
    [join(root, "node_modules/.bin/deno"), "run", "-A", join(root, "src/main.ts")],
    ["node", await ensureLibrary()],
  ];
}

/** Makes a small table of many types in the keyspace; returns its name. */
export async function makeTable(client: Client, keyspace: string): Promise<string> {
  const table = `${keyspace}.smoke`;
  await client.execute(
    `CREATE TABLE ${table} (id int PRIMARY KEY, name text, price decimal, at timestamp, tags list<text>, owner uuid)`,
  );
  for (let id = 0; id < ROWS; id++) {
    await client.execute(
      `INSERT INTO ${table} (id, name, price, at, tags, owner) VALUES (${id}, 'né ${id}', ${id}.50, ${id * 1e9}, ['a', '${id}'], uuid())`,
    );
  }
  return table;
}

/** Exports the table with every runtime to a file of its own in `directory`. */
export async function smoke(host: string, table: string, directory: string): Promise<Smoke[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const duckdb = await instance.connect();
  const count = async (sql: string) => {
    const answer = await duckdb.runAndReadAll(`SELECT count(*)::INTEGER FROM (${sql})`);
    return Number(answer.getRows()[0]![0]);
  };
  const results: Smoke[] = [];
  for (const [program, ...args] of await commands()) {
    const runtime = results.length === 0 ? "binary" : program.split("/").at(-1)!;
    const from = (name: string) => `FROM '${join(directory, `${name}.parquet`)}'`;
    await promisify(execFile)(program, [
      ...args,
      "export",
      "--host",
      host,
      table,
      join(directory, `${runtime}.parquet`),
    ]);
    const [a, b] = [from("binary"), from(runtime)];
    results.push({
      runtime,
      rows: await count(b),
      different: await count(`(${a} EXCEPT ALL ${b}) UNION ALL (${b} EXCEPT ALL ${a})`),
    });
  }
  return results;
}

/** What went wrong, undefined where nothing did. */
export function verdict(results: readonly Smoke[]): string | undefined {
  const wrong = results.filter(({ rows, different }) => rows !== ROWS || different !== 0);
  return wrong.length === 0 ? undefined : wrong.map(({ runtime }) => `${runtime} exported other rows`).join("; ");
}
