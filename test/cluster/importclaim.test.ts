/*
 * Job directories that an import is told to use and that hold the job of another: it is refused before anything is made
 * or dropped.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EXIT_DONE, EXIT_USAGE } from "../../src/cli/faults.ts";
import { Importing } from "./importing.ts";

let world: Importing;
let source: string;
/** Holds an import of `source` into `t` that was not finished. */
let taken: string;

beforeAll(async () => {
  world = await Importing.open("importclaim", "CREATE TABLE $ks.t (k int PRIMARY KEY, v text)");
  source = await world.file("t.csv", "k,v\n1,a\n2\n");
  taken = world.newJob();
  expect(await world.import(source, "t", { jobDirectory: taken, maxErrors: 0 })).toMatchObject({ code: 3 });
});

afterAll(() => world.close());

async function tables(): Promise<unknown[]> {
  const query = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
  const { rows } = await world.client.execute(query, [world.keyspace]);
  return rows.map((row) => row["table_name"]);
}

it("another import's keeps out one that would make a table, which is not made", async () => {
  const other = await world.file("other.csv", "k,v\n3,c\n");
  const create = { jobDirectory: taken, create: true, primaryKey: { partition: ["k"], clustering: [] } };
  const before = await readFile(join(taken, "plan.json"), "utf8");
  for (const more of [{}, { resume: true }]) {
    expect(await world.import(other, "made", { ...create, ...more })).toMatchObject({
      code: EXIT_USAGE,
      message: expect.stringMatching(/another import that is not finished: .*t\.csv into .*\.t\n.*--job-dir/),
    });
  }
  // The table is gone that the unfinished one was begun with.
  await world.client.execute(`DROP TABLE ${world.keyspace}.t`);
  expect(await world.import(source, "t", { ...create, resume: true, maxErrors: 0 })).toMatchObject({
    code: EXIT_USAGE,
    message: expect.stringContaining("another table than the one the import was begun with"),
  });
  expect(await tables()).toEqual([]);
  expect(await readFile(join(taken, "plan.json"), "utf8")).toBe(before);
  await world.client.execute(`CREATE TABLE ${world.keyspace}.t (k int PRIMARY KEY, v text)`);
});

it("another import's is not dropped by one of stdin, but by --restart", async () => {
  const input = () => Readable.from(["k,v\n3,c\n"]);
  const more = { jobDirectory: taken, format: "csv" as const };
  const refused = await world.import("-", "t", { ...more, input: input() });
  expect(refused).toMatchObject({ code: EXIT_USAGE, message: expect.stringContaining("another import") });
  expect(await world.import("-", "t", { ...more, restart: true, input: input() })).toMatchObject({
    code: EXIT_DONE,
  });
  expect(await world.keys("t", "k")).toEqual(["3"]);
});

it("that of an export is never dropped", async () => {
  const whole = await world.file("whole.csv", "k,v\n1,a\n");
  const directory = world.newJob();
  await mkdir(directory);
  await writeFile(join(directory, "plan.json"), '{"job":"x","ranges":[]}');
  const refused = await world.import(whole, "t", { jobDirectory: directory, restart: true });
  expect(refused).toMatchObject({ code: EXIT_USAGE, message: expect.stringContaining("no import") });
  expect(await readdir(directory)).toEqual(["plan.json"]);
});
