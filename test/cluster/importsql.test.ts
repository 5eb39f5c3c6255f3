/*
 * Imports of JSON through a query: DuckDB's reader finds types by itself, and no text may become another one by that.
 */
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { Importing } from "./importing.ts";

let world: Importing;

beforeAll(async () => {
  world = await Importing.open(
    "importsql",
    "CREATE TYPE $ks.u (day text, n int)",
    "CREATE TABLE $ks.t (k int PRIMARY KEY, v text, at timestamp, l list<text>, m map<text, text>, u u, n int)",
  );
});

beforeEach(() => world.empty());

afterAll(() => world.close());

const sql = "SELECT * FROM rows";

async function rows(): Promise<string[]> {
  const { rows } = await world.client.execute(`SELECT JSON k, v, l, m, u FROM ${world.keyspace}.t`);
  return rows.map((row) => JSON.stringify(JSON.parse(String(row["[json]"])))).sort();
}

it.each([
  ["UUIDs", "AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE"],
  ["dates", "2024-1-5"],
  ["times", "10:00"],
  ["timestamps", "2024-01-05 10:00:00"],
])("texts that look like %s are what they are", async (_, text) => {
  const row = { k: 1, v: text, l: [text], m: { a: text }, u: { day: text, n: 1 } };
  const path = await world.file("texts.jsonl", `${JSON.stringify({ ...row, m: undefined })}\n`);
  expect(await world.import(path, "t", { sql })).toMatchObject({ code: 0 });
  expect(await rows()).toEqual([JSON.stringify({ ...row, m: null })]);
});

it("a text among numbers has no quotes, and a number is no text", async () => {
  const path = await world.file(
    "mixed.json",
    '[{"k": 1, "v": "x"}, {"k": 2, "v": 7}, {"k": "3", "v": null}, {"k": 4}]',
  );
  const { code, bad } = await world.import(path, "t", { sql });
  expect([code, bad.map(({ column, row }) => [column, row])]).toEqual([1, [["v", 2]]]);
  const others = (k: number, v: string | null) => JSON.stringify({ k, v, l: null, m: null, u: null });
  expect(await rows()).toEqual([others(1, "x"), others(3, null), others(4, null)]);
});

it("texts among numbers inside of other values are refused, where no query casts them", async () => {
  const path = await world.file("inside.jsonl", '{"k": 1, "l": ["a", 1]}\n');
  expect(await world.import(path, "t", { sql })).toMatchObject({
    code: 2,
    message: expect.stringContaining("l: it holds values of JSON of several kinds"),
  });
  const cast = "SELECT k, [x->>'$' FOR x IN l] AS l FROM rows";
  expect(await world.import(path, "t", { sql: cast })).toMatchObject({ code: 0 });
});

it("a time without zone is refused as it is without a query", async () => {
  const path = await world.file("zone.jsonl", '{"k": 1, "at": "2024-01-05 10:00:00"}\n');
  for (const more of [{}, { sql }]) expect((await world.import(path, "t", more)).bad).toHaveLength(1);
});

it.each([
  ["nothing", ""],
  ["an empty array", "[]"],
])("%s has no rows", async (_, content) => {
  const path = await world.file("empty.json", content);
  expect(await world.import(path)).toMatchObject({ code: 0, report: { rows: 0 } });
  expect(await world.import(path, "t", { sql: "SELECT 1 AS k FROM rows" })).toMatchObject({
    code: 0,
    report: { rows: 0 },
  });
});
