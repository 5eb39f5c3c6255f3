/*
 * Partitioned directories as Spark reads them: with the types of partition columns said, every row is the one that the
 * server holds; without, the types are those that Spark guesses.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TableName } from "../../src/operations/options.ts";
import { createHive, exportHive, PARTITIONINGS, TEXTS, takenFor } from "../cluster/hive.ts";
import { testClient, testKeyspace } from "../cluster/support.ts";
import { judge, judgePython } from "../readers/venv.ts";
import { type Spark, sparkPython, startSpark } from "./spark.ts";

const MINUTES = 60_000;
/** Spark's types of partition columns, where others than text are wanted. */
const SPARK_TYPES: Record<string, string> = { int: "int", bigint: "bigint", date: "date", boolean: "boolean" };
/** Spark takes each encoded byte for a character: of the texts in paths, what is not ASCII is another text to it. */
const TAKEN_FOR = new Map<string | null, string | null>(
  TEXTS.flatMap((text) => (text === undefined ? [] : [[text, Buffer.from(text).toString("latin1")]])),
);
const GUESSED: Record<(typeof PARTITIONINGS)[number], Record<string, string>> = {
  t: { t: "string" },
  "n,g,d,b,u,m": { n: "int", g: "bigint", d: "date", b: "string", u: "string", m: "double" },
  "at.year,at.month,at.day,at.hour,at.date": {
    "at.year": "int",
    "at.month": "int",
    "at.day": "int",
    "at.hour": "int",
    "at.date": "date",
  },
  "t,at.year": { t: "string", "at.year": "int" },
};

let client: Client;
let table: TableName;
let home: string;
let spark: Spark;
const python = (await judgePython()) && (await sparkPython());

beforeAll(async () => {
  if (python === undefined) return;
  client = await testClient();
  table = { keyspace: await testKeyspace(client, "sparkhive"), table: "hive" };
  home = await mkdtemp(join(tmpdir(), "cqlduck-hive-"));
  await createHive(
    client,
    table,
    TEXTS.filter((text) => text !== ""),
  );
  spark = await startSpark(python);
});

afterAll(async () => {
  await spark?.close();
  if (home) await rm(home, { recursive: true, force: true });
});

describe.skipIf(python === undefined)("each row is the one that the server holds, with the values of its path", () => {
  it.each(PARTITIONINGS)("by %s", { timeout: 5 * MINUTES }, async (by) => {
    const partitioned = await exportHive(client, table, by, home);
    const paths = partitioned.columns.filter(({ path }) => path);
    const said = Object.fromEntries(paths.map(({ name, type }) => [name, SPARK_TYPES[type.name] ?? "string"]));
    const { stream, types } = await spark.read(partitioned.directory, said);
    const rows = takenFor(partitioned, TAKEN_FOR);
    expect((await judge(partitioned.directory, partitioned.columns, rows, { stream })).rows).toBe(rows.length);
    expect(Object.fromEntries(paths.map(({ name }) => [name, types[name]]))).toEqual(GUESSED[by]);
  });
});

describe.skipIf(python === undefined)("what Spark can't read", () => {
  it("is a directory with a text of no characters in a path", { timeout: 5 * MINUTES }, async () => {
    const empty = { ...table, table: "empty" };
    await createHive(client, empty, ["", "a"]);
    const { directory } = await exportHive(client, empty, "t", home);
    await expect(spark.read(directory)).rejects.toThrow(/Empty partition column value in 't='/);
  });
});
