/*
 * Text files whose lines end in ways that a reader could take for others: values keep the line ends that stand in them,
 * and each line of JSON may have its own.
 */
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { EXIT_DONE } from "../../src/cli/faults.ts";
import { exportTable } from "../../src/index.ts";
import { Importing } from "./importing.ts";

let world: Importing;

beforeAll(async () => {
  world = await Importing.open("importlines", "CREATE TABLE $ks.t (p int, c int, v text, PRIMARY KEY (p, c))");
});

afterAll(() => world.close());

async function held(): Promise<unknown[]> {
  const { rows } = await world.client.execute(`SELECT p, c, v FROM ${world.keyspace}.t`);
  return rows.map((row) => row.values()).sort((a, b) => a[1] - b[1]);
}

it.each(["csv", "csv.gz", "csv.zst", "jsonl.zst"])("texts with line ends come back from .%s", async (extension) => {
  const { keyspace, client, directory } = world;
  const texts = ["\r\n", "a\r\nb", "\n", "\r", "a\rb", "", "\n\r\n"];
  await world.empty();
  for (const [c, v] of texts.entries()) {
    await client.execute(`INSERT INTO ${keyspace}.t (p, c, v) VALUES (1, ?, ?)`, [c, v], { prepare: true });
  }
  const before = await held();
  const { host, port } = inject("cassandra");
  const destination = `${directory}/ends.${extension}`;
  await exportTable({ connection: { hosts: [`${host}:${port}`] }, table: { keyspace, table: "t" }, destination });
  await world.empty();
  expect(await world.import(destination)).toMatchObject({ code: EXIT_DONE, message: "", bad: [] });
  expect(await held()).toEqual(before);
});

it("lines of JSON end as they like", async () => {
  await world.empty();
  const lines = ["\n", "\r\n", "\n\n", "\r\n\r\n", "\n", ""].map((end, c) => `{"p":1,"c":${c},"v":"\\r\\n"}${end}`);
  const { code, report } = await world.import(await world.file("mixed.jsonl", lines.join("")));
  expect([code, report?.rows, report?.rejected]).toEqual([EXIT_DONE, lines.length, 0]);
  expect(await held()).toEqual(lines.map((_, c) => [1, c, "\r\n"]));
});
