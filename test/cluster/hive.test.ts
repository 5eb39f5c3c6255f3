/*
 * Partitioned directories, read as such by readers that are not ours, and by what each file's own metadata says of its
 * path: every row, with the values of its partition, is the one that the server holds.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { judge, judgePython, type Reader } from "../readers/venv.ts";
import { createHive, exportHive, HIVE_NULL, PARTITIONINGS, type Partitioned, takenFor } from "./hive.ts";
import { testClient, testKeyspace } from "./support.ts";

const TIMEOUT = { timeout: 180_000 };
const python = await judgePython();

/** Types that readers guess where nobody says them. */
const GUESSED: Record<(typeof PARTITIONINGS)[number], Record<string, string[]>> = {
  t: { pyarrow: ["string"], duckdb: ["string"], polars: ["string"] },
  "n,g,d,b,u,m": {
    pyarrow: ["int32", "string", "string", "string", "string", "string"],
    duckdb: ["int64", "int64", "date32[day]", "string", "string", "string"],
    polars: ["int64", "int64", "date32[day]", "bool", "string", "double"],
  },
  "at.year,at.month,at.day,at.hour,at.date": {
    pyarrow: ["int32", "int32", "int32", "int32", "string"],
    duckdb: ["int64", "string", "string", "string", "date32[day]"],
    polars: ["int64", "int64", "int64", "int64", "date32[day]"],
  },
  "t,at.year": { pyarrow: ["string", "int32"], duckdb: ["string", "int64"], polars: ["string", "int64"] },
};

/** What readers take for something else, of the texts in paths. */
const TAKEN_FOR: Record<Reader, [string | null, string | null][]> = {
  metadata: [],
  pyarrow: [[HIVE_NULL, null]],
  polars: [[HIVE_NULL, null]],
  duckdb: [],
};

let home: string;
const exported = new Map<string, Partitioned>();

beforeAll(async () => {
  const client: Client = await testClient();
  const keyspace = await testKeyspace(client, "hive");
  home = await mkdtemp(join(tmpdir(), "cqlduck-hive-"));
  const table = { keyspace, table: "hive" };
  await createHive(client, table);
  for (const by of PARTITIONINGS) exported.set(by, await exportHive(client, table, by, home));
}, 180_000);

afterAll(() => rm(home, { recursive: true, force: true }));

describe.skipIf(python === undefined)("each row is the one that the server holds, with the values of its path", () => {
  it.each(PARTITIONINGS.flatMap((by) => Object.keys(TAKEN_FOR).map((reader) => [by, reader as Reader] as const)))(
    "by %s, for %s",
    TIMEOUT,
    async (by, reader) => {
      const partitioned = exported.get(by)!;
      const rows = takenFor(partitioned, new Map(TAKEN_FOR[reader]));
      const verdict = await judge(partitioned.directory, partitioned.columns, rows, { reader });
      expect(verdict.rows).toBe(rows.length);
      expect(verdict.files).toBeGreaterThan(1);
    },
  );
});

describe.skipIf(python === undefined)("types that nobody says", () => {
  it.each(PARTITIONINGS)("are guessed by %s", TIMEOUT, async (by) => {
    const { directory, columns } = exported.get(by)!;
    const names = columns.filter(({ path }) => path).map(({ name }) => name);
    const script = join(import.meta.dirname, "../readers/readers.py");
    const { stdout } = await promisify(execFile)(python!, ["-B", script, directory, ...names]);
    expect(JSON.parse(stdout)).toEqual(GUESSED[by]);
  });
});
