/*
 * --max-file-size, --sort-by and --sql on a real table, against what the server holds.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { types } from "cassandra-driver";
import { describe, expect, it } from "vitest";
import type { Ended } from "./binary.ts";
import { ask } from "./parquet.ts";
import { useWorkspace } from "./workspace.ts";

const ROWS = 20_000;
const TIMEOUT = { timeout: 120_000 };

const work = useWorkspace("arranged", async (workspace) => {
  const rows = Array.from({ length: ROWS }, (_, i) => rowOf(i));
  await workspace.table("orders", "shop int, id int, total decimal, at timestamp, note text", "(shop, id)", rows);
});

/** Totals of 0.00 to 9999.00 in no order, each tenth row without one. */
function rowOf(i: number): unknown[] {
  const total = i % 10 ? types.BigDecimal.fromString(`${(i * 7919) % 10_000}.00`) : null;
  const note = Array.from({ length: 4 }, (_, k) => ((i * 48_271 + k * 69_621) % 2_147_483_647).toString(36)).join("-");
  return [Math.floor(i / 100), i % 100, total, new Date(1_700_000_000_000 + i), note];
}

const cqlduck = (destination: string, ...flags: string[]): Promise<Ended> => work.export("orders", destination, flags);
const exported = (destination: string, ...flags: string[]) => work.exported("orders", destination, flags);

describe("--max-file-size", () => {
  it.each(["60KB", "200KB"])("%s is kept by a tenth", TIMEOUT, async (size) => {
    const limit = Number.parseInt(size, 10) * 1000;
    await exported(size, "--max-file-size", size);
    const path = work.path(size);
    const names = (await readdir(path)).filter((name) => name.endsWith(".parquet")).sort();
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(path, name))).size));
    expect(sizes.length).toBeGreaterThan(2);
    for (const bytes of sizes) expect(bytes).toBeLessThanOrEqual(limit * 1.1);
    for (const bytes of sizes.slice(0, -1)) expect(bytes).toBeGreaterThanOrEqual(limit * 0.9);
    const [all] = await ask(
      `SELECT count(*)::INT AS n, count(DISTINCT (shop, id))::INT AS keys FROM '${path}/*.parquet'`,
    );
    expect(all).toEqual({ n: ROWS, keys: ROWS });
  });

  it("needs a directory", TIMEOUT, async () => {
    const { code, err } = await cqlduck("x.parquet", "--max-file-size", "1MB");
    expect([code, err]).toEqual([2, expect.stringContaining("--max-file-size needs a directory")]);
  });
});

describe("--sort-by", () => {
  it("orders numbers as numbers, and what is missing last", TIMEOUT, async () => {
    await exported("sorted.parquet", "--sort-by", "total desc, shop, id");
    const rows = await ask(`SELECT shop, id, total FROM '${work.path("sorted.parquet")}'`);
    expect(rows).toHaveLength(ROWS);
    const rank = (row: Record<string, unknown>) => (row.total === null ? -1 : Number(row.total));
    const key = (row: Record<string, unknown>) => Number(row.shop) * 100 + Number(row.id);
    expect(rows).toEqual(rows.toSorted((a, b) => rank(b) - rank(a) || key(a) - key(b)));
  });

  it("orders within each partition, and names only columns that there are", TIMEOUT, async () => {
    const few = Array.from({ length: 60 }, (_, id) => [id, id % 2 ? "odd" : "even", (id * 7) % 10]);
    await work.table("few", "id int, kind text, n int", "(id)", few);
    await work.exported("few", "few", ["--partition-by", "kind", "--sort-by", "n desc,id"]);
    for (const kind of ["odd", "even"]) {
      const rows = await ask(`SELECT n, id FROM '${work.path("few", `kind=${kind}`)}/*.parquet'`);
      expect(rows).toHaveLength(30);
      expect(rows).toEqual(rows.toSorted((a, b) => Number(b.n) - Number(a.n) || Number(a.id) - Number(b.id)));
    }
    const unknown = await cqlduck("y.parquet", "--sort-by", "totl");
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringMatching(/no column totl[\s\S]*did you mean total/)]);
  });
});

describe("--sql", () => {
  it("sees all rows under the table's name, and its order stays", TIMEOUT, async () => {
    const sql =
      "SELECT shop, count(*) AS n, sum(total::DECIMAL(18,2)) AS sum FROM orders GROUP BY shop ORDER BY shop DESC;";
    await exported("sums.parquet", "--sql", sql);
    const rows = await ask(`FROM '${work.path("sums.parquet")}'`);
    const expected = Array.from({ length: ROWS / 100 }, (_, i) => {
      const shop = ROWS / 100 - 1 - i;
      let sum = 0;
      for (let id = 0; id < 100; id++) sum += Number(rowOf(shop * 100 + id)[2] ?? 0);
      return { shop, n: "100", sum: sum.toFixed(2) };
    });
    expect(rows).toEqual(expected);
  });

  it("may give a column of the table other values, but not such as its type has none of", TIMEOUT, async () => {
    await exported(
      "half.jsonl",
      "--sql",
      "SELECT (total::DOUBLE / 2)::VARCHAR AS total FROM orders ORDER BY shop, id LIMIT 2",
    );
    const lines = (await readFile(work.path("half.jsonl"), "utf8")).trimEnd().split("\n");
    expect(lines).toEqual(['{"total":null}', `{"total":${7919 / 2}}`]);
    const { code, err } = await cqlduck("none.jsonl", "--sql", "SELECT coalesce(total, 'n/a') AS total FROM orders");
    expect([code, err]).toEqual([
      3,
      expect.stringContaining(`column total is of type decimal, as in the table, and "n/a" is no value of it`),
    ]);
    await exported(
      "none.jsonl",
      "--restart",
      "--sql",
      "SELECT coalesce(total, 'n/a') AS sum FROM orders ORDER BY shop, id LIMIT 1",
    );
    expect(await readFile(work.path("none.jsonl"), "utf8")).toBe('{"sum":"n/a"}\n');
  });

  it("that is wrong is refused before anything is read or made", TIMEOUT, async () => {
    for (const [sql, says] of [
      ["SELECT nope FROM orders", /--sql: .*nope/],
      [`SELECT * FROM orders, read_text('/etc/hostname')`, /--sql: .*disabled by configuration/],
      ["COPY orders TO 'x.csv'", /--sql: it is no SELECT/],
    ] as const) {
      const { code, err } = await cqlduck("wrong", "--sql", sql);
      expect([code, err]).toEqual([2, expect.stringMatching(says)]);
    }
    expect((await readdir(work.directory)).filter((name) => name.startsWith("wrong"))).toEqual([]);
  });
});
