/*
 * Static values of an import: every row of a partition brings them, and none is lost because they are written once.
 */
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { Importing } from "./importing.ts";

let world: Importing;

beforeAll(async () => {
  world = await Importing.open(
    "importstatics",
    "CREATE TABLE $ks.t (p int, c text, s int static, l list<int> static, v text, PRIMARY KEY (p, c))",
  );
});

beforeEach(() => world.empty());

afterAll(() => world.close());

/** What a statement gives, each row a text. */
async function ask(select: string): Promise<string[]> {
  const { rows } = await world.client.execute(select.replace("$t", `${world.keyspace}.t`));
  return rows.map((row) => row.values().join(" "));
}

it("they have the timestamp of the latest row", async () => {
  await world.client.execute(`INSERT INTO ${world.keyspace}.t (p, s) VALUES (1, 99) USING TIMESTAMP 1500`);
  const path = await world.file("times.csv", 'p,c,s,l,at\n1,a,7,"[1, 2]",1000\n1,b,7,"[1, 2]",2000\n');
  const { code } = await world.import(path, "t", { timestamp: { column: "at" } });
  expect(code).toBe(0);
  expect(await ask("SELECT c, s, l, writetime(s) FROM $t")).toEqual(["a 7 1,2 2000", "b 7 1,2 2000"]);
});

it("they live as long as the last row says", async () => {
  const path = await world.file("lives.csv", "p,c,s,life\n1,a,7,1\n1,b,7,\n");
  const { code } = await world.import(path, "t", { ttl: { column: "life" } });
  expect(code).toBe(0);
  expect(await ask("SELECT c, s, ttl(s) FROM $t")).toContain("b 7 ");
});

const tooLong = "x".repeat(70_000);

it.each(["insert", "update"] as const)("the server's refusal of a row does not take them along: %s", async (mode) => {
  const path = await world.file("refused.csv", `p,c,s,v\n1,${tooLong},7,a\n1,b,7,b\n1,c,7,c\n2,d,,d\n2,e,,e\n`);
  const { code, report } = await world.import(path, "t", { mode });
  expect([code, report?.rows, report?.rejected]).toEqual([1, 4, 1]);
  expect(await ask("SELECT p, c, s, v FROM $t")).toEqual(["1 b 7 b", "1 c 7 c", "2 d  d", "2 e  e"]);
});

it("those of a row that is there already come with the next that is not", async () => {
  await world.client.execute(`INSERT INTO ${world.keyspace}.t (p, c, v) VALUES (1, 'a', 'old')`);
  const path = await world.file("there.csv", "p,c,s,v\n1,a,7,new\n1,b,7,new\n1,c,7,new\n");
  const { report } = await world.import(path, "t", { mode: "if-not-exists" });
  expect([report?.rows, report?.existing]).toEqual([2, 1]);
  expect(await ask("SELECT c, s, v FROM $t")).toEqual(["a 7 old", "b 7 new", "c 7 new"]);
});
