/*
 * Imports that keep writetimes and TTLs: a table is exported with all of them, emptied and imported with --preserve; then
 * the server's own WRITETIME() and TTL() must say what they said before, cell by cell.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type Client, types } from "cassandra-driver";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { type ImportOptions, type ImportReport, importTable } from "../../src/index.ts";
import { isBefore, loadCql, serverVersion } from "./cql.ts";
import { exportRefusedAsBlob } from "./judged.ts";
import { ask } from "./parquet.ts";
import { testClient, testKeyspace } from "./support.ts";
import { serverRows } from "./wire.ts";

let client: Client;
let keyspace: string;
let directory: string;
let files = 0;
/** Before 5.0 servers tell nothing of what is not frozen. */
const old = await (async () => {
  const { host, port } = inject("cassandra");
  return isBefore(await serverVersion(await testClient({ hosts: [host], port })), "5.0");
})();

/** All fixtures' cells with a TTL of a second are gone after it. */
const EXPIRY_MS = 2500;

/** The IPv4 address 1.2.3.4 in IPv6, which Java takes for the same. */
const MAPPED = "00000000000000000000ffff01020304";

/** Every kind of cell, each written, and written over, at its own time and with its own TTL. */
const CELLS = `
  CREATE TYPE %.place (x int, "Y" text, tags frozen<list<int>>, ips frozen<set<inet>>);
  CREATE TABLE %.cells (p int, c int, s int static, sm map<text, int> static, sl list<int> static, su place static,
    v text, n decimal, l list<text>, st set<text>, m map<text, frozen<list<int>>>, u place, fl frozen<list<int>>,
    fu frozen<place>, t tuple<int, text>, PRIMARY KEY (p, c));
  UPDATE %.cells USING TIMESTAMP 1000 SET s = 1, sm = {'a': 1, 'b': 2}, sl = [1, 2], v = 'a', n = 1.50,
    l = ['3', '1', '2'], st = {'z', 'a'}, m = {'z': [1], 'a': []}, u = {x: 1, "Y": 'y', tags: [1]}, fl = [1, 2],
    fu = {x: 1}, t = (1, 'x') WHERE p = 1 AND c = 1;
  UPDATE %.cells USING TIMESTAMP 2000 AND TTL 500000 SET u.x = 7, m['a'] = [3], st = st + {'m', 'a'}, l[1] = '9',
    sm['b'] = 3, su.x = 5 WHERE p = 1 AND c = 1;
  UPDATE %.cells USING TIMESTAMP 3000 AND TTL 600000 SET m['q'] = [4], st = st + {'n'}, l = ['0'] + l, t = (2, 'y'),
    fu = {x: 2}, fl = [] WHERE p = 1 AND c = 1;
  UPDATE %.cells USING TIMESTAMP -5 SET u."Y" = 'only this' WHERE p = 1 AND c = 2;
  UPDATE %.cells USING TIMESTAMP 9223372036854775807 SET v = 'last' WHERE p = 1 AND c = 2;
  INSERT INTO %.cells (p, c, v) VALUES (1, 3, 'expires') USING TIMESTAMP 7 AND TTL 400000;
  UPDATE %.cells USING TIMESTAMP 8 AND TTL 900000 SET n = 2 WHERE p = 1 AND c = 3;
  INSERT INTO %.cells (p, c) VALUES (2, 1) USING TIMESTAMP 7;
  UPDATE %.cells USING TIMESTAMP 1 AND TTL 700000 SET s = 5 WHERE p = 3;
  INSERT INTO %.cells (p, c, l) VALUES (4, 1, ['x', 'y']) USING TIMESTAMP 77 AND TTL 300000;
  CREATE TABLE %.living (k int PRIMARY KEY, a text, m map<int, int>) WITH default_time_to_live = 5000000;
  INSERT INTO %.living (k, a, m) VALUES (1, 'default', {1: 1}) USING TIMESTAMP 5;
  INSERT INTO %.living (k, a) VALUES (2, 'for ever') USING TIMESTAMP 6 AND TTL 0;
  UPDATE %.living USING TIMESTAMP 7 AND TTL 0 SET m[2] = 2 WHERE k = 1;
  CREATE TABLE %.only_keys (a int, b int, PRIMARY KEY (a, b));
  INSERT INTO %.only_keys (a, b) VALUES (1, 2) USING TIMESTAMP 3;
`;

/** Tables with values of fewer fields than their type has now: they come back with the missing ones as null. */
const EVOLVED = ["udt_evo", "all_types"];
const FIXTURES = ["01_all_types", "05_ttl", "07_udt_evolution", "09_quoted_names", "11_wide_1000_cols"].map(
  (name) => `${name}.cql`,
);

beforeAll(async () => {
  client = await testClient();
  keyspace = await testKeyspace(client, "preserve");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-preserve-"));
  await run(CELLS);
  const place = { x: 1, Y: null, tags: null, ips: [new types.InetAddress(Buffer.from(MAPPED, "hex"))] };
  await client.execute(`INSERT INTO ${keyspace}.cells (p, c, u) VALUES (5, 1, ?) USING TIMESTAMP 9`, [place], {
    prepare: true,
  });
}, 120_000);

afterAll(() => rm(directory, { recursive: true, force: true }));

async function run(statements: string): Promise<void> {
  for (const statement of statements.split(";\n").filter((text) => text.trim() !== "")) {
    await client.execute(statement.replaceAll("%", keyspace));
  }
}

interface Told {
  /** In hex, by the row's key. */
  readonly values: ReadonlyMap<string, string>;
  /** What each cell was written at; of a list the latest. */
  readonly writetimes: ReadonlyMap<string, string>;
  /** The second that each cell expires in; of a list the last one. */
  readonly expiries: ReadonlyMap<string, readonly (number | null)[]>;
}

/** The numbers of a cell that holds one, or a list of them. */
function numbersOf(cell: Buffer | null, width: 4 | 8): (bigint | null)[] {
  const read = (at: number) => (width === 8 ? cell!.readBigInt64BE(at) : BigInt(cell!.readInt32BE(at)));
  if (cell === null) return [null];
  if (cell.length === width) return [read(0)];
  const numbers: (bigint | null)[] = [];
  for (let at = 4; at < cell.length; ) {
    const length = cell.readInt32BE(at);
    numbers.push(length < 0 ? null : read(at + 4));
    at += 4 + Math.max(0, length);
  }
  return numbers;
}

/** All that the server tells of a table's cells. */
async function tell(ks: string, table: string): Promise<Told> {
  const { host, port } = inject("cassandra");
  const found = await client.execute(
    "SELECT column_name, type, kind, position FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?",
    [ks, table],
  );
  const columns = found.rows.map((row) => ({ name: row["column_name"], type: row["type"], kind: row["kind"] }));
  const keys = columns.filter(({ kind }) => /key|clustering/.test(kind));
  const others = columns.filter((column) => !keys.includes(column));
  const quote = ({ name }: { name: string }) => `"${name.replaceAll('"', '""')}"`;
  const terms = [...keys, ...others].map(quote);
  const told = others.flatMap((column) => [`WRITETIME(${quote(column)})`, `TTL(${quote(column)})`]);
  const { rows } = await serverRows(host, port, `SELECT ${[...terms, ...told].join(", ")} FROM "${ks}"."${table}"`);
  const now = Math.floor(Date.now() / 1000);
  const values = new Map<string, string>();
  const writetimes = new Map<string, string>();
  const expiries = new Map<string, (number | null)[]>();
  for (const row of rows) {
    const hex = (cell: Buffer | null) => cell?.toString("hex") ?? "null";
    const key = row.slice(0, keys.length).map(hex).join(" ");
    values.set(
      key,
      row
        .slice(keys.length, keys.length + others.length)
        .map(hex)
        .join(" "),
    );
    for (const [i, { name, type }] of others.entries()) {
      const at = keys.length + others.length + i * 2;
      const written = numbersOf(row[at]!, 8);
      const ttls = numbersOf(row[at + 1]!, 4).map((ttl) => (ttl === null ? null : now + Number(ttl)));
      const isList = type.startsWith("list<") && row[at] !== null;
      const latest = [...written].sort((a, b) => ((a ?? 0n) < (b ?? 0n) ? -1 : 1)).at(-1)!;
      const longest = ttls.includes(null) ? null : Math.max(...(ttls as number[]));
      writetimes.set(`${key} ${name}`, (isList ? written.map(() => latest) : written).join());
      expiries.set(`${key} ${name}`, isList ? ttls.map(() => longest) : ttls);
    }
  }
  return { values, writetimes, expiries };
}

/** Each TTL was told, and is told, in whole seconds of two clocks' readings. */
const SECONDS_OFF = 2;

function expectSame(after: Told, before: Told): void {
  expect(after.values).toEqual(before.values);
  expect(after.writetimes).toEqual(before.writetimes);
  expect([...after.expiries.keys()].sort()).toEqual([...before.expiries.keys()].sort());
  for (const [cell, expected] of before.expiries) {
    const found = after.expiries.get(cell)!;
    expect([cell, found.map((second) => second === null)]).toEqual([cell, expected.map((second) => second === null)]);
    for (const [i, second] of expected.entries()) {
      if (second !== null) expect(Math.abs(found[i]! - second), cell).toBeLessThanOrEqual(SECONDS_OFF);
    }
  }
}

function connection() {
  const { host, port } = inject("cassandra");
  return { hosts: [`${host}:${port}`] };
}

/** Exports with all writetimes and TTLs. @returns the file */
async function exported(ks: string, table: string, ending: string): Promise<string> {
  const destination = join(directory, `${files++}${ending}`);
  const target = { keyspace: ks, table };
  const options = { connection: connection(), table: target, destination, writetime: "all", ttl: "all" } as const;
  await exportRefusedAsBlob(options, new Map());
  return destination;
}

function imported(ks: string, table: string, source: string, more: Partial<ImportOptions> = {}): Promise<ImportReport> {
  return importTable({
    connection: connection(),
    table: { keyspace: ks, table },
    sources: [source],
    jobDirectory: join(directory, `${files++}.job`),
    maxErrors: 0,
    preserve: true,
    ...more,
  });
}

describe.skipIf(old)("writetimes and TTLs come back", () => {
  it.each([".parquet", ".jsonl", ".csv"])("of every kind of cell, by way of *%s", async (ending) => {
    for (const table of ["cells", "living", "only_keys"]) {
      const before = await tell(keyspace, table);
      const file = await exported(keyspace, table, ending);
      await client.execute(`TRUNCATE ${keyspace}.${table}`);
      const { rows, rejected, expired } = await imported(keyspace, table, file);
      expect([rows, rejected, expired]).toEqual([before.values.size, 0, 0]);
      expectSame(await tell(keyspace, table), before);
    }
  });

  it("in the tables of the fixtures", { timeout: 300_000 }, async () => {
    for (const file of FIXTURES) await loadCql(client, file, { keyspace });
    await setTimeout(EXPIRY_MS);
    const failures: string[] = [];
    let tables = 0;
    const found = await client.execute("SELECT keyspace_name, table_name FROM system_schema.tables");
    const counters = await client.execute("SELECT keyspace_name, table_name, type FROM system_schema.columns");
    for (const row of found.rows) {
      const [ks, table]: [string, string] = [row["keyspace_name"], row["table_name"]];
      const isCounter = counters.rows.some(
        (column) => column["keyspace_name"] === ks && column["table_name"] === table && column["type"] === "counter",
      );
      if (!ks.startsWith(keyspace) || isCounter) continue;
      try {
        const before = await tell(ks, table);
        const file = await exported(ks, table, ".parquet");
        await client.execute(`TRUNCATE "${ks}"."${table}"`);
        await imported(ks, table, file);
        const after = await tell(ks, table);
        expectSame(EVOLVED.includes(table) ? { ...after, values: before.values } : after, before);
        tables++;
      } catch (error) {
        failures.push(`${ks}.${table}: ${String(error).slice(0, 600)}`);
      }
    }
    expect(failures).toEqual([]);
    expect(tables).toBeGreaterThan(8);
  });
});

/** A file as an export made it at a time of our choosing; `columns` are those of `cqlduck.columns`. */
async function fileOf(select: string, exportedAt: Date, columns: readonly object[]): Promise<string> {
  const path = join(directory, `${files++}.parquet`);
  const metadata = { "cqlduck.columns": JSON.stringify(columns), "cqlduck.exported_at": exportedAt.toISOString() };
  const pairs = Object.entries(metadata).map(([key, value]) => `'${key}': '${value.replaceAll("'", "''")}'`);
  await ask(`COPY (${select}) TO '${path}' (FORMAT parquet, KV_METADATA {${pairs.join(", ")}})`);
  return path;
}

const COLUMNS = [
  { column: "k", name: "k", type: "int", kind: "partition_key" },
  { column: "a", name: "a", type: "text", kind: "regular" },
  { column: "b", name: "b", type: "text", kind: "regular" },
  { column: "l", name: "l", type: "list<int>", kind: "regular" },
  { column: "m", name: "m", type: "map<int, int>", kind: "regular" },
  ...["a", "b"].map((of) => ({ column: `${of}w`, name: `${of}w`, type: "bigint", kind: "writetime", of })),
  ...["l", "m"].map((of) => ({ column: `${of}w`, name: `${of}w`, type: "list<bigint>", kind: "writetime", of })),
  ...["a", "b"].map((of) => ({ column: `${of}t`, name: `${of}t`, type: "int", kind: "ttl", of })),
  ...["l", "m"].map((of) => ({ column: `${of}t`, name: `${of}t`, type: "list<int>", kind: "ttl", of })),
];

/** Rows of such a file, as SQL: what is not said is NULL. */
function rowsOf(...rows: Record<string, string>[]): string {
  const types = { INTEGER: ["k", "at", "bt"], VARCHAR: ["a", "b"], BIGINT: ["aw", "bw"] };
  const lists = { "INTEGER[]": ["l", "lt", "mt"], "BIGINT[]": ["lw", "mw"], "MAP(INTEGER, INTEGER)": ["m"] };
  const typeOf = (name: string) => Object.entries({ ...types, ...lists }).find(([, names]) => names.includes(name))![0];
  return rows
    .map((row) => COLUMNS.map(({ column }) => `(${row[column] ?? "NULL"})::${typeOf(column)} AS ${column}`).join(", "))
    .map((columns) => `SELECT ${columns}`)
    .join(" UNION ALL ");
}

describe.skipIf(old)("of rows that an export read a minute ago", () => {
  const MINUTE = 60;
  const exportedAt = new Date(Date.now() - MINUTE * 1000);

  beforeEach(() =>
    run(`DROP TABLE IF EXISTS %.t;
      CREATE TABLE %.t (k int PRIMARY KEY, a text, b text, l list<int>, m map<int, int>) WITH default_time_to_live = 777;
    `),
  );

  async function load(more: Partial<ImportOptions>, ...rows: Record<string, string>[]): Promise<ImportReport> {
    return imported(keyspace, "t", await fileOf(rowsOf(...rows), exportedAt, COLUMNS), more);
  }

  async function rowsThere(): Promise<unknown[]> {
    const { rows } = await client.execute(`SELECT JSON k, a, b, l, m FROM ${keyspace}.t`);
    const found = rows.map((row) => JSON.parse(row["[json]"]) as { k: number });
    return found.sort((x, y) => x.k - y.k).map((row) => Object.fromEntries(Object.entries(row).filter(([, v]) => v)));
  }

  it("what has expired since is left out, and counted", async () => {
    const report = await load(
      {},
      { k: "1", a: "'a'", aw: "1", at: "30", b: "'b'", bw: "2" },
      { k: "2", a: "'a'", aw: "1", at: "30", b: "'b'", bw: "2", bt: "50" },
      { k: "3", m: "MAP {1: 1, 2: 2}", mw: "[5, 6]", mt: "[30, 5000]" },
      { k: "4", l: "[1, 2, 3]", lw: "[9, 5, 7]", lt: "[30, 500, 1000]" },
      { k: "5", l: "[1]", lw: "[9]", lt: "[1]", a: "'a'", aw: "3", at: "900" },
    );
    expect(report).toMatchObject({ rows: 4, rejected: 0, expired: 6 });
    expect(await rowsThere()).toEqual([
      { k: 1, b: "b" },
      { k: 3, m: { 2: 2 } },
      { k: 4, l: [2, 3] },
      { k: 5, a: "a" },
    ]);
    const { writetimes, expiries } = await tell(keyspace, "t");
    expect([writetimes.get("00000003 m"), writetimes.get("00000004 l")]).toEqual(["6", "7,7"]);
    const from = Math.floor(exportedAt.getTime() / 1000);
    const left = (cell: string) => expiries.get(cell)!.map((second) => second && second - from);
    expect(left("00000001 b")).toEqual([null]);
    for (const [cell, ttl] of [
      ["00000003 m", 5000],
      ["00000004 l", 1000],
      ["00000005 a", 900],
    ] as const) {
      for (const found of left(cell)) expect(Math.abs(found! - ttl), cell).toBeLessThanOrEqual(SECONDS_OFF);
    }
  });

  it("rows are there by themselves, with their earliest value that stays; updates make none", async () => {
    const rows = [
      { k: "1", a: "'a'", aw: "10", b: "'b'", bw: "20", bt: "500" },
      { k: "2", m: "MAP {1: 1}", mw: "[30]", mt: "[NULL]", b: "'b'", bw: "20" },
      { k: "3" },
    ];
    const without = async (timestamp: number | bigint) => {
      for (const k of [1, 2, 3]) {
        await client.execute(`DELETE FROM ${keyspace}.t USING TIMESTAMP ${timestamp} WHERE k = ${k}`);
      }
      return rowsThere();
    };
    await load({}, ...rows);
    await client.execute(`DELETE a, b, m FROM ${keyspace}.t USING TIMESTAMP 40 WHERE k IN (1, 2)`);
    expect(await without(9)).toEqual([{ k: 1 }, { k: 2 }, { k: 3 }]);
    expect(await without(10)).toEqual([{ k: 2 }, { k: 3 }]);
    expect(await without(20)).toEqual([{ k: 3 }]);
    const read = BigInt(exportedAt.getTime()) * 1000n;
    expect(await without(read - 1n)).toEqual([{ k: 3 }]);
    expect(await without(read)).toEqual([]);
    await run("TRUNCATE %.t;\n");
    await load({ mode: "update" }, ...rows);
    expect(await rowsThere()).toHaveLength(2);
    await client.execute(`DELETE a, b, m FROM ${keyspace}.t USING TIMESTAMP 40 WHERE k IN (1, 2)`);
    expect(await rowsThere()).toEqual([]);
  });

  it("repeating changes nothing but that lists count as a little later", async () => {
    const row = { k: "1", a: "'a'", aw: "10", at: "5000", l: "[1, 2]", lw: "[20, 30]", m: "MAP {1: 1}", mw: "[30]" };
    await load({}, row);
    const before = await tell(keyspace, "t");
    await load({}, row);
    const after = await tell(keyspace, "t");
    expect(after.values).toEqual(before.values);
    expect([before.writetimes.get("00000001 l"), after.writetimes.get("00000001 a")]).toEqual(["30,30", "10"]);
    const [later] = after.writetimes.get("00000001 l")!.split(",").map(Number);
    const seconds = Math.ceil((Date.now() - exportedAt.getTime()) / 1000);
    expect(later! > 30 + MINUTE && later! <= 31 + seconds).toBe(true);
  });

  it("NULLs leave what is there, or delete it with --nulls write", async () => {
    await run(`INSERT INTO %.t (k, a, b, l, m) VALUES (1, 'x', 'x', [7], {7: 7}) USING TIMESTAMP 5;\n`);
    await load({}, { k: "1", a: "'a'", aw: "10" });
    expect(await rowsThere()).toEqual([{ k: 1, a: "a", b: "x", l: [7], m: { 7: 7 } }]);
    await load({ nulls: "write" }, { k: "1", a: "'a'", aw: "10" });
    expect(await rowsThere()).toEqual([{ k: 1, a: "a" }]);
  });

  it("a row with another number of times than elements is rejected", async () => {
    const report = await load(
      { maxErrors: 5 },
      { k: "1", m: "MAP {1: 1}", mw: "[1, 2]" },
      { k: "2", a: "'a'", aw: "5" },
    );
    expect(report).toMatchObject({ rows: 1, rejected: 1 });
    expect(report.notices.join()).toContain("column mw: 2 writetimes for 1 elements");
  });

  it("times come from columns and numbers that are said, for files of other origin too", async () => {
    const path = join(directory, `${files++}.parquet`);
    await ask(`COPY (SELECT i AS k, 'a' AS a, 'b' AS b, 100 + i AS at, 600 * i AS lives FROM range(-1, 2) r(i))
      TO '${path}' (FORMAT parquet)`);
    const report = await imported(keyspace, "t", path, {
      preserve: false,
      maxErrors: 1,
      writetimeMap: new Map([
        ["a", { column: "at" }],
        ["b", { value: -7n }],
      ]),
      ttlMap: new Map([["b", { column: "lives" }]]),
    });
    expect(report).toMatchObject({ rows: 2, rejected: 1 });
    expect(report.notices.join()).toContain("column lives: a TTL of -600 seconds");
    const { writetimes, expiries } = await tell(keyspace, "t");
    expect([...writetimes].filter(([cell]) => / [ab]$/.test(cell)).sort()).toEqual([
      ["00000000 a", "100"],
      ["00000000 b", "-7"],
      ["00000001 a", "101"],
      ["00000001 b", "-7"],
    ]);
    const left = (cell: string) =>
      expiries.get(cell)!.map((second) => second && second - Math.floor(Date.now() / 1000));
    expect(left("00000000 b")).toEqual([null]);
    expect(left("00000001 b")[0]! > 590 && left("00000001 b")[0]! <= 600).toBe(true);
    // Nothing is said of the TTL: it is the table's.
    expect(left("00000001 a")[0]! > 767 && left("00000001 a")[0]! <= 777).toBe(true);
  });

  it("what can't carry times is refused before anything is written", async () => {
    const path = join(directory, `${files++}.parquet`);
    await ask(`COPY (SELECT 1 AS k, 'a' AS a) TO '${path}' (FORMAT parquet)`);
    const refused = (more: Partial<ImportOptions>) => expect(imported(keyspace, "t", path, more)).rejects;
    await refused({}).toThrow(/--preserve: .* has no writetimes and no TTLs/);
    await refused({ mode: "delete" }).toThrow("--mode delete takes no --preserve");
    const map = (column: string) => ({ preserve: false, writetimeMap: new Map([[column, { value: 1n }]]) });
    await refused(map("k")).toThrow("--writetime-map: k is in the primary key");
    await refused(map("b")).toThrow("--writetime-map: no column of");
    await refused(map("z")).toThrow("has no column z");
    await refused({ preserve: false, ttlMap: new Map([["a", { column: "gone" }]]) }).toThrow("has no column gone");
    await run("CREATE TABLE %.counts (k int PRIMARY KEY, a counter);\n");
    await expect(imported(keyspace, "counts", path)).rejects.toThrow("has counters, and these take neither");
  });
});
