/*
 * Imports that keep writetimes and TTLs: a table is exported with all of them, emptied and imported with --preserve; then
 * the server's own WRITETIME() and TTL() must say what they said before, cell by cell.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type Client, types } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type ImportOptions, type ImportReport, importTable } from "../../src/index.ts";
import { isBefore, loadCql, serverVersion } from "./cql.ts";
import { exportRefusedAsBlob } from "./judged.ts";
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
      const latest = written.reduce((most, one) => (one! > most! ? one : most));
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
