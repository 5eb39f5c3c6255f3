/*
 * Options of an import that do not go together, or not with the table: refused before a row is written, never left out.
 */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ImportOptions } from "../../src/index.ts";
import { Importing } from "./importing.ts";

let world: Importing;
let path: string;

beforeAll(async () => {
  world = await Importing.open(
    "importmodes",
    "CREATE TABLE $ks.t (p int, c int, n int, PRIMARY KEY (p, c))",
    "CREATE TABLE $ks.counts (p int, c int, n counter, PRIMARY KEY (p, c))",
  );
  path = await world.file("rows.csv", "p,c,n\n1,1,5\n1,2,6\n");
});

afterAll(() => world.close());

const five = { value: 5n };

it.each<[string, string, Partial<ImportOptions>, RegExp]>([
  ["a TTL of what is deleted", "t", { mode: "delete", ttl: five }, /--mode delete takes no --ttl/],
  ["an update of nothing", "t", { mode: "update", columns: ["p", "c"] }, /there is nothing to update/],
  ["a timestamp of counters", "counts", { timestamp: five }, /--timestamp: .*counts has counters/],
  ["a TTL of counters", "counts", { ttl: { column: "n" } }, /--ttl: .*counts has counters/],
  ["counters that are not there yet", "counts", { mode: "if-not-exists" }, /--mode if-not-exists: .*only added to/],
  ["counters without any", "counts", { columns: ["p", "c"] }, /there is nothing to update/],
  ["bad rows without a directory", "t", { badRows: "/nowhere/to/be/found.jsonl" }, /there is no directory \/nowhere/],
])("%s", async (_, table, more, reason) => {
  expect(await world.import(path, table, more)).toMatchObject({ code: 2, message: expect.stringMatching(reason) });
  expect(await world.keys(table)).toEqual([]);
});

it("counters are deleted by their keys", async () => {
  expect(await world.import(path, "counts")).toMatchObject({ code: 0 });
  const one = await world.file("one.csv", "p,c\n1,1\n");
  expect(await world.import(one, "counts", { mode: "delete" })).toMatchObject({ code: 0 });
  expect(await world.keys("counts")).toEqual(["1:2"]);
});

it("an import that is gone on with needs the directory of its bad rows, too", async () => {
  const bad = await world.file("bad.csv", "p,c,n\n1,1,x\n");
  const jobDirectory = world.newJob();
  expect((await world.import(bad, "t", { jobDirectory, maxErrors: 0 })).code).toBe(3);
  const more = { jobDirectory, resume: true, maxErrors: 1 };
  const nowhere = join(world.directory, "nowhere", "bad.jsonl");
  expect((await world.import(bad, "t", { ...more, badRows: nowhere })).code).toBe(2);
  // The first attempt has written it already.
  expect(await world.import(bad, "t", { ...more, badRows: `${jobDirectory}.bad` })).toMatchObject({ code: 1 });
});

it("a column of --map that no file has is refused; JSON may have it in later rows", async () => {
  const map = new Map([["nope", "n"]]);
  expect(await world.import(path, "t", { map })).toMatchObject({
    code: 2,
    message: expect.stringMatching(/--map: there is no column nope.*p, c, n/s),
  });
  const early = Array.from({ length: 3000 }, (_, c) => `{"p": 7, "c": ${c}}\n`).join("");
  const late = await world.file("late.jsonl", `${early}{"p": 7, "c": 3000, "nope": 5}\n`);
  expect(await world.import(late, "t", { map })).toMatchObject({ code: 0, report: { rows: 3001 } });
  expect((await world.keys("t", "n")).filter((n) => n !== "")).toEqual(["5"]);
});
