/*
 * Nanoseconds in Parquet files of other writers: a row comes in as it is, or not at all. Files that DuckDB would cut are
 * read as copies, which are gone afterwards.
 */
import { execFileSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { EXIT_DONE, EXIT_REJECTED } from "../../src/cli/faults.ts";
import { NANOS_OF_DAY } from "../foreign/nanosofday.ts";
import { canMount, withDisk } from "../mounts.ts";
import { pythonWith } from "../readers/venv.ts";
import { Importing } from "./importing.ts";

const FOREIGN = join(import.meta.dirname, "../foreign");
const python = await pythonWith(join(FOREIGN, "requirements.txt"));

/** Nanoseconds since 1970, and the millisecond before or at them. The last ones are nearly all that 64 bits hold. */
const VALUES: readonly (readonly [nanos: string, instant: string])[] = [
  ["1700000000123000000", "2023-11-14 22:13:20.123Z"],
  ["1700000000123000001", "2023-11-14 22:13:20.123Z"],
  ["1700000000123456000", "2023-11-14 22:13:20.123Z"],
  ["0", "1970-01-01 00:00:00.000Z"],
  ["-1", "1969-12-31 23:59:59.999Z"],
  ["-1000000", "1969-12-31 23:59:59.999Z"],
  ["-1000001", "1969-12-31 23:59:59.998Z"],
  ["9223372036854775807", "2262-04-11 23:47:16.854Z"],
  ["9223372036854000000", "2262-04-11 23:47:16.854Z"],
  ["-9223372036854000000", "1677-09-21 00:12:43.146Z"],
  ["-9223372036854775807", "1677-09-21 00:12:43.145Z"],
];
const EXACT = VALUES.flatMap(([nanos], id) => (nanos === "0" || nanos.endsWith("000000") ? [id] : []));
const INEXACT = VALUES.map((_, id) => id).filter((id) => !EXACT.includes(id));
const EPOCH = "1970-01-01 00:00:00.000Z";

const EXACTLY_READ = ["utc", "int96"];

let world: Importing;
let temporary: string;

beforeAll(async () => {
  if (python === undefined) return;
  world = await Importing.open(
    "nanos",
    "CREATE TYPE $ks.ab (a timestamp, b int)",
    `CREATE TABLE $ks.t (id int PRIMARY KEY, ts timestamp, l frozen<list<timestamp>>, m map<timestamp, timestamp>,
      st frozen<ab>, tm time)`,
    "CREATE TABLE $ks.times (tm time PRIMARY KEY)",
  );
  const values = await world.file("values.json", JSON.stringify(VALUES.map(([nanos]) => nanos)));
  execFileSync(python, ["-B", join(FOREIGN, "nanos.py"), values, world.directory]);
  temporary = join(world.directory, "temporary");
  await mkdir(temporary);
});

afterAll(() => world?.close());
afterEach(() => vi.unstubAllEnvs());

async function held(column: string, table = "t"): Promise<Map<number, unknown>> {
  const { rows } = await world.client.execute(`SELECT JSON id, ${column} FROM ${world.keyspace}.${table}`);
  const found = rows.map((row) => JSON.parse(row["[json]"] as string) as Record<string, unknown>);
  return new Map(found.sort((a, b) => Number(a.id) - Number(b.id)).map((row) => [Number(row.id), row[column]]));
}

const FORMS: Readonly<Record<string, (instant: string, id: number) => unknown>> = {
  ts: (instant) => instant,
  l: (instant) => [EPOCH, instant],
  m: (instant) => ({ [instant]: instant }),
  st: (instant, id) => ({ a: instant, b: id }),
};

describe.skipIf(python === undefined)("nanoseconds of others", () => {
  it.each(EXACTLY_READ.flatMap((file) => Object.keys(FORMS).map((column) => [file, column] as const)))(
    "in %s.parquet, column %s: a row comes in exactly or not at all",
    async (file, column) => {
      await world.empty();
      const path = join(world.directory, `${file}.parquet`);
      const { code, message, bad, report } = await world.import(path, "t", { columns: ["id", column] });
      expect([code, message]).toEqual([EXIT_REJECTED, ""]);
      expect(bad.map(({ row }) => Number(row) - 1)).toEqual(INEXACT);
      expect(report?.notices.filter((notice) => notice.startsWith("column"))).toEqual([]);
      const expected = EXACT.map((id) => [id, FORMS[column]!(VALUES[id]![1], id)] as const);
      expect(await held(column)).toEqual(new Map(expected));
    },
  );

  it.each(["utc", "int96", "pandas"])("in %s.parquet: --truncate-times goes down to the millisecond", async (file) => {
    await world.empty();
    const path = join(world.directory, `${file}.parquet`);
    const { code, message } = await world.import(path, "t", { columns: ["id", "ts"], truncateTimes: true });
    expect([code, message]).toEqual([EXIT_DONE, ""]);
    expect([...(await held("ts")).values()]).toEqual(VALUES.map(([, instant]) => instant));
  });

  it.each(EXACTLY_READ)("in %s.parquet: --create makes a timestamp of them", async (file) => {
    const table = `made_${file}`;
    const path = join(world.directory, `${file}.parquet`);
    const primaryKey = { partition: ["id"], clustering: [] };
    const { code } = await world.import(path, table, { create: true, primaryKey, columns: ["id", "ts"] });
    expect(code).toBe(EXIT_REJECTED);
    expect([...(await held("ts", table)).keys()]).toEqual(EXACT);
  });

  it("a query sees them, and what it makes of them comes in", async () => {
    await world.empty();
    const path = join(world.directory, "utc.parquet");
    const sql = "SELECT id, ts FROM rows WHERE epoch_ns(ts) % 1000 = 1";
    const { code, bad } = await world.import(path, "t", { sql });
    expect([code, bad.map(({ row }) => Number(row) - 1)]).toEqual([EXIT_REJECTED, [0]]);
    const truncated = "SELECT id, date_trunc('millisecond', ts) AS ts FROM rows WHERE id < 2";
    expect((await world.import(path, "t", { sql: truncated })).code).toBe(EXIT_DONE);
    expect([...(await held("ts")).values()]).toEqual([VALUES[0]![1], VALUES[1]![1]]);
  });

  it("a query sees no nanoseconds of INT96, and ends where there are any", async () => {
    await world.empty();
    const path = join(world.directory, "int96.parquet");
    const all = await world.import(path, "t", { sql: "SELECT id, ts FROM rows" });
    expect(all).toMatchObject({ code: 3, message: expect.stringContaining("--truncate-times") });
    const none = await world.import(path, "t", { sql: "SELECT id, ts FROM rows WHERE id = 0" });
    expect([none.code, await held("ts")]).toEqual([EXIT_DONE, new Map([[0, VALUES[0]![1]]])]);
  });

  it.each(EXACTLY_READ)(
    "in %s.parquet: rejected rows are kept with all digits, and may be truncated later",
    async (file) => {
      await world.empty();
      const path = join(world.directory, `${file}.parquet`);
      const { bad } = await world.import(path);
      expect(bad.map(({ row }) => Number(row) - 1)).toEqual(INEXACT);
      expect(JSON.stringify(bad).match(/2023-11-14 22:13:20\.123000001Z/g)).toHaveLength(5);
      // For DuckDB the ends of 64 bits are infinities, which are no instants in text.
      const told = bad.filter((row) => !JSON.stringify(row).includes("infinity"));
      const lines = told.map((row) => `${JSON.stringify(row)}\n`);
      const rows = await world.file(`bad-${file}.jsonl`, lines.join(""));
      expect((await world.import(rows)).bad.length).toBe(told.length);
      expect((await world.import(rows, "t", { truncateTimes: true })).message).toBe("");
      const ids = [...EXACT, ...told.map(({ row }) => Number(row) - 1)].sort((x, y) => x - y);
      for (const [column, form] of Object.entries(FORMS)) {
        expect(await held(column)).toEqual(new Map(ids.map((id) => [id, form(VALUES[id]![1], id)])));
      }
    },
  );

  it("the file may be one that nobody may write to, and stays as it is; its copy is gone", async () => {
    await world.empty();
    vi.stubEnv("TMPDIR", temporary);
    const path = join(world.directory, "pandas.parquet");
    await chmod(path, 0o444);
    const before = await readFile(path);
    expect((await world.import(path, "t")).code).toBe(EXIT_REJECTED);
    expect(await readFile(path)).toEqual(before);
    expect(await readdir(temporary)).toEqual([]);
  });

  it.skipIf(!canMount("no room for the copy"))("no room for the copy: the message says where it goes", async () => {
    vi.stubEnv("TMPDIR", temporary);
    await withDisk(temporary, "size=4k", async () => {
      const { code, message } = await world.import(join(world.directory, "utc.parquet"));
      expect([code, message]).toEqual([3, expect.stringMatching(/no space left.*TMPDIR/s)]);
      expect(await readdir(temporary)).toEqual([]);
    });
  });

  it("times of day in UTC come in exactly", async () => {
    const path = await world.file("day.parquet", NANOS_OF_DAY);
    expect((await world.import(path, "times")).code).toBe(EXIT_DONE);
    expect(await world.keys("times", "tm")).toEqual(["23:59:59.999999999"]);
  });
});
