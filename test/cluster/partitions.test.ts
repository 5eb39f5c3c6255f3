/*
 * Partitioned exports of a real table: every row below the directory of its values and nowhere else, read back by
 * readers we did not write, replaced, added to, and refused where a value can name no directory.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Client, types } from "cassandra-driver";
import { describe, expect, it } from "vitest";
import { judgePython } from "../readers/venv.ts";
import { type Ended, runBinary } from "./binary.ts";
import { ask } from "./parquet.ts";
import { useWorkspace } from "./workspace.ts";

const python = await judgePython();
const CITIES = [null, "", "__HIVE_DEFAULT_PARTITION__", "NULL", "/", "=", "%", ":", "\\", "a", "A", "Zürich", "日本"];
const ROWS = CITIES.length * 12;
const TIMEOUT = { timeout: 120_000 };

let client: Client;
let keyspace: string;
let directory: string;
let host: string;

useWorkspace("partitions", async (workspace) => {
  ({ client, keyspace, directory, host } = workspace);
  await client.execute(
    `CREATE TABLE ${keyspace}.t (id int PRIMARY KEY, city text, event timeuuid, at timestamp, day date, "My Col" boolean, v double)`,
  );
  const insert = `INSERT INTO ${keyspace}.t (id, city, event, at, day, "My Col", v) VALUES (?, ?, ?, ?, ?, ?, ?)`;
  for (let id = 0; id < ROWS; id++) {
    const time = timeOf(id);
    const day = types.LocalDate.fromDate(time);
    const values = [id, cityOf(id), types.TimeUuid.fromDate(time, id), time, day, id % 2 === 0, id % 5 ? id : -0];
    await client.execute(insert, values, { prepare: true });
  }
});

const cityOf = (id: number) => CITIES[id % CITIES.length]!;
const timeOf = (id: number) => new Date(Date.UTC(2022 + (id % 3), id % 12, 1 + (id % 28), id % 24, 59, 59, 999));

function cqlduck(destination: string, ...flags: string[]): Promise<Ended> {
  return runBinary(directory, ["export", `${keyspace}.t`, destination, "-H", host, "--progress", "none", ...flags]);
}

async function exported(...args: Parameters<typeof cqlduck>): Promise<void> {
  const { code, err } = await cqlduck(...args);
  expect([code, err]).toEqual([0, expect.stringContaining("exported")]);
}

/** Id and file of each row, and what its file says of its directory. */
async function rowsAt(destination: string) {
  const files = `${join(directory, destination)}/**/*.parquet`;
  const said = await ask(
    `SELECT file_name AS f, decode(value) AS v FROM parquet_kv_metadata('${files}') WHERE decode(key) = 'cqlduck.partition'`,
  );
  const values = new Map(said.map(({ f, v }) => [f, JSON.parse(v as string) as Record<string, string | null>]));
  const rows = await ask(
    `SELECT id, filename AS f FROM read_parquet('${files}', filename = true, hive_partitioning = false) ORDER BY id`,
  );
  return rows.map(({ id, f }) => {
    const path = (f as string).slice(join(directory, destination).length + 1);
    return { id: id as number, path, said: values.get(f)! };
  });
}

describe("--partition-by", () => {
  it("a column keeps each value apart, whatever it is made of", TIMEOUT, async () => {
    await exported("cities", "--partition-by", "city");
    const rows = await rowsAt("cities");
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: ROWS }, (_, id) => id));
    for (const { id, said } of rows) expect(said).toEqual({ city: cityOf(id) });
    expect((await readdir(join(directory, "cities"))).sort()).toEqual(
      [
        ...["_SUCCESS", "_cqlduck", "city=", "city=%25", "city=%2F", "city=%3A", "city=%3D", "city=%5C"],
        ...["city=%5F_HIVE_DEFAULT_PARTITION__", "city=%E6%97%A5%E6%9C%AC", "city=A", "city=NULL", "city=Z%C3%BCrich"],
        ...["city=__HIVE_DEFAULT_PARTITION__", "city=a"],
      ].sort(),
    );
  });

  it("parts of times are those of the calendar in UTC", TIMEOUT, async () => {
    await exported("times", "--partition-by", 'event.year,event.month,at.day,at.hour,day.date,"My Col"');
    for (const { id, path, said } of await rowsAt("times")) {
      const [date, time] = timeOf(id).toISOString().split("T") as [string, string];
      const [year, month, day] = date.split("-") as [string, string, string];
      const hour = time.slice(0, 2);
      const column = String(id % 2 === 0);
      expect(said).toEqual({
        "event.year": year,
        "event.month": month,
        "at.day": day,
        "at.hour": hour,
        "day.date": date,
        "My Col": column,
      });
      expect(path).toMatch(
        `event.year=${year}/event.month=${month}/at.day=${day}/at.hour=${hour}/day.date=${date}/My Col=${column}/part-00000.parquet`,
      );
    }
  });

  it("refuses a value that is too long by its key, and publishes nothing", TIMEOUT, async () => {
    await client.execute(`CREATE TABLE ${keyspace}.long (id int PRIMARY KEY, city text)`);
    await client.execute(`INSERT INTO ${keyspace}.long (id, city) VALUES (42, '${"ü".repeat(100)}')`);
    const args = ["export", `${keyspace}.long`, "long", "-H", host, "--partition-by", "city"];
    const { code, err } = await runBinary(directory, args);
    expect([code, err]).toEqual([3, expect.stringMatching(/column city, the row with id = 42: .* 605 bytes.*255/)]);
    expect(await readdir(join(directory, "long"))).toEqual(["_cqlduck"]);
  });

  it("is refused for what is no column, has no such part, or can name no directory", TIMEOUT, async () => {
    for (const [by, says] of [
      ["cty", /no column cty[\s\S]*did you mean city/],
      ["id.year", /id \(int\) has no year/],
      ["day.hour", /day \(date\) has no hour/],
      ["event.week", /no such part[\s\S]*\.month/],
      ["v", /v \(double\) can't be/],
    ] as const) {
      const { code, err } = await cqlduck("refused", "--partition-by", by);
      expect([code, err]).toEqual([2, expect.stringMatching(says)]);
    }
    const file = await cqlduck("x.parquet", "--partition-by", "city");
    expect([file.code, file.err]).toEqual([2, expect.stringContaining("needs a directory")]);
    expect(existsSync(join(directory, "refused"))).toBe(false);
  });

  it("is replaced with its directories, and added to", TIMEOUT, async () => {
    await exported("again", "--partition-by", "city");
    await exported("again", "--partition-by", "at.year", "--overwrite");
    const names = (await readdir(join(directory, "again"))).filter((name) => !name.startsWith("_"));
    expect(names).toEqual(["at.year=2022", "at.year=2023", "at.year=2024"]);
    await exported("again", "--partition-by", "at.year", "--append");
    const rows = await rowsAt("again");
    expect(rows).toHaveLength(ROWS * 2);
    expect(rows.filter(({ path }) => /part-\d{8}T\d{6}-[0-9a-f]{6}-00000/.test(path))).toHaveLength(ROWS);
    const other = await cqlduck("again", "--partition-by", "city", "--append");
    expect([other.code, other.err]).toEqual([2, expect.stringContaining("other columns")]);
  });
});

const SCRIPT = `
import json, sys
import pyarrow.dataset, polars, duckdb
path = sys.argv[1]
def rows(table):
    return sorted([r["id"], r["city"], str(r["at.year"]), r["My Col"] in (True, "true")] for r in table.to_pylist())
files = [f for f in pyarrow.dataset.dataset(path, partitioning="hive").files]
arrow = pyarrow.dataset.dataset(path, format="parquet", partitioning=pyarrow.dataset.partitioning(
    flavor="hive", schema=pyarrow.schema([("city", "string"), ("at.year", "int32"), ("My Col", "string")])))
frame = polars.scan_parquet(path + "/**/*.parquet", hive_partitioning=True, try_parse_hive_dates=False)
db = duckdb.sql(f"SELECT id, city, \\"at.year\\", \\"My Col\\" FROM read_parquet('{path}/**/*.parquet', hive_partitioning=true)")
print(json.dumps({
    "pyarrow": rows(arrow.to_table(columns=["id", "city", "at.year", "My Col"])),
    "polars": rows(frame.select("id", "city", "at.year", "My Col").collect().to_arrow()),
    "duckdb": rows(db.to_arrow_table()),
}))
`;

describe.skipIf(python === undefined)("readers of hive directories", () => {
  it("find each row with its values", TIMEOUT, async () => {
    await exported("hive", "--partition-by", 'city,at.year,"My Col"');
    const run = promisify(execFile);
    const { stdout } = await run(python!, ["-B", "-c", SCRIPT, join(directory, "hive")], { maxBuffer: 1 << 24 });
    const found = JSON.parse(stdout) as Record<string, [number, string | null, string, boolean][]>;
    for (const [reader, rows] of Object.entries(found)) {
      expect([reader, rows.map(([id]) => id)]).toEqual([reader, Array.from({ length: ROWS }, (_, id) => id)]);
      for (const [id, city, year, column] of rows) {
        expect([year, column]).toEqual([String(timeOf(id).getUTCFullYear()), id % 2 === 0]);
        // What hive has no way to tell: NULL and the word for it, and for DuckDB the text NULL.
        const vague = [null, "", "__HIVE_DEFAULT_PARTITION__", "NULL"].includes(cityOf(id));
        if (!vague) expect([reader, city]).toEqual([reader, cityOf(id)]);
      }
    }
  });
});
