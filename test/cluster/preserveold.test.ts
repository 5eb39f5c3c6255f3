/*
 * --preserve on every version of Cassandra: those before 5.0 tell no times of what is not frozen, which is said; all other
 * cells keep theirs.
 */
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { EXIT_DONE } from "../../src/cli/faults.ts";
import { exportTable } from "../../src/index.ts";
import { isBefore, serverVersion } from "./cql.ts";
import { Importing } from "./importing.ts";

let world: Importing;
let isOld: boolean;

beforeAll(async () => {
  world = await Importing.open(
    "preserveold",
    "CREATE TYPE $ks.place (x int, y text)",
    `CREATE TABLE $ks.t (p int, c int, s int static, v text, f frozen<list<int>>, u frozen<place>, m map<text, int>,
       st set<int>, l list<int>, n place, PRIMARY KEY (p, c))`,
  );
  isOld = isBefore(await serverVersion(world.client), "5.0");
  const where = "WHERE p = 1 AND c = 1";
  for (const statement of [
    `INSERT INTO $ks.t (p, c, s, v) VALUES (1, 1, 5, 'a') USING TIMESTAMP 1000`,
    `UPDATE $ks.t USING TIMESTAMP 2000 AND TTL 500000 SET f = [1, 2], u = {x: 1} ${where}`,
    `UPDATE $ks.t USING TIMESTAMP 3000 AND TTL 600000 SET m = {'a': 1}, st = {1}, l = [1, 1], n = {x: 2} ${where}`,
    `UPDATE $ks.t USING TIMESTAMP 4000 SET s = 7 WHERE p = 2`,
  ]) {
    await world.client.execute(statement.replaceAll("$ks", world.keyspace));
  }
});

afterAll(() => world.close());

/** Values, and the times that every server tells, the TTLs to the hundred seconds. */
async function told(): Promise<unknown[]> {
  const times = ["s", "v", "f", "u"].flatMap((name) => [`writetime(${name}) AS w${name}`, `ttl(${name}) AS t${name}`]);
  const { rows } = await world.client.execute(`SELECT ${times.join(", ")} FROM ${world.keyspace}.t`);
  const { rows: values } = await world.client.execute(`SELECT JSON * FROM ${world.keyspace}.t`);
  const kept = rows.map((row) =>
    row.keys().map((name, i) => {
      const value = row.values()[i];
      return name.startsWith("t") && value !== null ? Math.round(value / 100) : String(value);
    }),
  );
  return [kept, values.map((row) => row["[json]"])];
}

it("keeps what the server tells, and says what it doesn't", async () => {
  const before = await told();
  const { host, port } = inject("cassandra");
  const [connection, table] = [{ hosts: [`${host}:${port}`] }, { keyspace: world.keyspace, table: "t" }];
  const destination = `${world.directory}/t.parquet`;
  const exported = await exportTable({ connection, table, destination, writetime: "all", ttl: "all" });
  await world.empty();
  const { code, message, report } = await world.import(destination, "t", { preserve: true });
  expect([code, message]).toEqual([EXIT_DONE, ""]);
  expect(await told()).toEqual(before);
  const notices = report?.notices.join("\n") ?? "";
  if (isOld) {
    expect(exported.notices.join("\n")).toMatch(/l, m, n, st/);
    expect(notices).toMatch(/no writetimes in the file: l, m, n, st; they count as written when the export began/);
    expect(notices).toContain("no TTLs in the file: l, m, n, st");
  } else expect(notices).not.toMatch(/no (writetimes|TTLs) in the file/);
});
