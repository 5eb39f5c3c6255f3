/*
 * Writetime and TTL columns of a real node: every one as the server's own WRITETIME and TTL say it, for every kind of cell.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type ExportOptions, exportTable, InterruptedError, planExport, resumeExport } from "../../src/index.ts";
import { readFooterSummary } from "../../src/parquet/footer.ts";
import { parseCqlType } from "../../src/types/cql.ts";
import { type JudgeColumn, JudgeError, judge, judgePython } from "../readers/venv.ts";
import { isBefore, loadCql, serverVersion } from "./cql.ts";
import { ask } from "./parquet.ts";
import { testClient, testKeyspace } from "./support.ts";
import { type ServerRows, serverRows } from "./wire.ts";

let client: Client;
let keyspace: string;
let directory: string;
let files = 0;
const python = await judgePython();
/** Before 5.0 servers tell nothing of what is not frozen. */
const old = await (async () => {
  const { host, port } = inject("cassandra");
  return isBefore(await serverVersion(await testClient({ hosts: [host], port })), "5.0");
})();

/** All fixtures' cells with a TTL of a second are gone after it. */
const EXPIRY_MS = 2500;

/** Every kind of cell, each written, and written over, at its own time and with its own TTL. */
const CELLS = `
  CREATE TYPE %.place (x int, "Y" text, tags frozen<list<int>>);
  CREATE TABLE %.cells (p int, c int, s int static, sm map<text, int> static, v text, v_writetime text, "V" text, n decimal,
    l list<int>, st set<text>, m map<text, frozen<list<int>>>, u place, fl frozen<list<int>>, fm frozen<map<int, int>>,
    fu frozen<place>, t tuple<int, text>, PRIMARY KEY (p, c));
  UPDATE %.cells USING TIMESTAMP 1000 SET s = 1, sm = {'a': 1, 'b': 2}, v = 'a', v_writetime = 'mine', "V" = 'V', n = 1.50,
    l = [3, 1, 2], st = {'z', 'a'}, m = {'z': [1], 'a': []}, u = {x: 1, "Y": 'y', tags: [1]}, fl = [1, 2], fm = {1: 2},
    fu = {x: 1}, t = (1, 'x') WHERE p = 1 AND c = 1;
  UPDATE %.cells USING TIMESTAMP 2000 AND TTL 500000 SET u.x = 7, m['a'] = [3], st = st + {'m', 'a'}, l[1] = 9, "V" = 'later',
    sm['b'] = 3 WHERE p = 1 AND c = 1;
  UPDATE %.cells USING TIMESTAMP 3000 AND TTL 600000 SET m['q'] = [4], st = st + {'n'}, l = [0] + l, t = (2, 'y'),
    fu = {x: 2}, fl = [] WHERE p = 1 AND c = 1;
  UPDATE %.cells USING TIMESTAMP -5 SET u."Y" = 'only this' WHERE p = 1 AND c = 2;
  UPDATE %.cells USING TIMESTAMP 9223372036854775807 SET v = 'last' WHERE p = 1 AND c = 2;
  INSERT INTO %.cells (p, c, l) VALUES (2, 1, []) USING TIMESTAMP 7;
  UPDATE %.cells USING TIMESTAMP 1 AND TTL 700000 SET s = 5 WHERE p = 3;
  CREATE MATERIALIZED VIEW %.by_v AS SELECT v, p, c, n, m, u FROM %.cells
    WHERE v IS NOT NULL AND p IS NOT NULL AND c IS NOT NULL PRIMARY KEY (v, p, c);
  CREATE TABLE %.counts (k int PRIMARY KEY, a counter, b counter);
  UPDATE %.counts SET a = a + 1 WHERE k = 1;
`;

beforeAll(async () => {
  client = await testClient();
  keyspace = await testKeyspace(client, "writetime");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-writetime-"));
  await loadCql(client, "05_ttl.cql", { keyspace });
  for (const statement of CELLS.split(";\n").filter((text) => text.trim() !== "")) {
    await client.execute(statement.replaceAll("%", keyspace));
  }
  await setTimeout(EXPIRY_MS);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

function optionsFor(table: string, more: Partial<ExportOptions> = {}): ExportOptions {
  const { host, port } = inject("cassandra");
  return {
    connection: { hosts: [`${host}:${port}`] },
    table: { keyspace, table },
    destination: join(directory, `${files++}.parquet`),
    ...more,
  };
}

interface Expected {
  readonly columns: JudgeColumn[];
  readonly cql: string;
  /** Where the TTL columns begin. */
  readonly ttls: number;
}

/** What an export with all writetimes and TTLs has to hold, and the statement that asks the server for it. */
async function expectedOf(table: string): Promise<Expected> {
  const { names } = await askServer(`SELECT * FROM ${keyspace}.${table} LIMIT 1`);
  const { rows } = await client.execute(
    "SELECT column_name, type, kind FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?",
    [keyspace, table],
  );
  const udts = await client.execute("SELECT * FROM system_schema.types WHERE keyspace_name = ?", [keyspace]);
  const types = new Map(udts.rows.map((u) => [u["type_name"], { fields: u["field_names"], types: u["field_types"] }]));
  const column = (name: string, type: string): JudgeColumn => ({ name, type: parseCqlType(type, types) });
  const found = names.map((name) => rows.find((row) => row["column_name"] === name)!);
  const own = found.map((row) => column(row["column_name"], row["type"]));
  const several = (type: string) => /^(list|set|map)<|^place$/.test(type);
  const told = found.filter(({ kind, type }) => !/key|clustering/.test(kind) && !(old && several(type)));
  const extra = (suffix: string, type: string) =>
    told.map((row) => column(`${row["column_name"]}${suffix}`, several(row["type"]) ? `list<${type}>` : type));
  const terms = (name: string) => told.map((row) => `${name}("${row["column_name"]}")`);
  const list = [...names.map((name) => `"${name}"`), ...terms("WRITETIME"), ...terms("TTL")];
  return {
    columns: [...own, ...extra("_writetime", "bigint"), ...extra("_ttl", "int")],
    cql: `SELECT ${list.join(", ")} FROM ${keyspace}.${table}`,
    ttls: own.length + told.length,
  };
}

function askServer(cql: string): Promise<ServerRows> {
  const { host, port } = inject("cassandra");
  return serverRows(host, port, cql);
}

/** A cell of TTLs, one or a list of them, so many seconds later. */
function later(cell: Buffer | null, seconds: number): Buffer | null {
  if (cell === null) return null;
  const aged = Buffer.from(cell);
  const age = (at: number) => aged.writeInt32BE(aged.readInt32BE(at) - seconds, at);
  if (cell.length === 4) age(0);
  else {
    for (let at = 4; at < cell.length; ) {
      const length = cell.readInt32BE(at);
      if (length > 0) age(at + 4);
      at += 4 + Math.max(0, length);
    }
  }
  return aged;
}

/** Judges a file; its TTLs were all read in one second, `seconds` or fewer after the server's rows. */
async function judgeAged(
  file: string,
  { columns, ttls }: Expected,
  rows: ServerRows["rows"],
  seconds: number,
  reader: "pyarrow" | "duckdb",
): Promise<void> {
  for (let age = 0; ; age++) {
    const aged = rows.map((row) => row.map((cell, i) => (i < ttls ? cell : later(cell, age))));
    try {
      const verdict = await judge(file, columns, aged, { reader });
      expect(verdict.rows).toBe(rows.length);
      return;
    } catch (error) {
      if (!(error instanceof JudgeError) || age >= seconds) throw error;
    }
  }
}

async function check(table: string, rows: number): Promise<void> {
  const expected = await expectedOf(table);
  const from = Date.now();
  const server = await askServer(expected.cql);
  // By one statement: the server counts all TTLs of an answer from one second.
  const options = optionsFor(table, { splits: 1, writetime: "all", ttl: "all" });
  const report = await exportTable(options);
  const seconds = Math.ceil((Date.now() - from) / 1000);
  expect([report.rows, server.rows.length]).toEqual([rows, rows]);
  for (const reader of ["pyarrow", "duckdb"] as const) {
    await judgeAged(options.destination, expected, server.rows, seconds, reader);
  }
}

describe.skipIf(python === undefined)("each writetime and TTL is the one that the server tells", () => {
  it.each([
    ["cells", 4],
    ["by_v", 2],
    ["counts", 1],
    ["ttl", 7],
    ["ttl_default", 2],
    ["writetimes", 4],
  ] as const)("in the table %s", { timeout: 120_000 }, check);
});

describe("the columns", () => {
  it.skipIf(old)("have one value for each element or field of what is not frozen, in the order of these", async () => {
    const columns = ["p", "c", "l", "st", "m", "u", "fu"];
    const options = optionsFor("cells", { columns, writetime: columns.slice(2), ttl: ["m"] });
    await exportTable(options);
    const rows = await ask(`SELECT * FROM '${options.destination}' WHERE p = 1 ORDER BY c`);
    expect(rows[0]).toMatchObject({
      l: [0, 3, 9, 2],
      l_writetime: ["3000", "1000", "2000", "1000"],
      st: ["a", "m", "n", "z"],
      st_writetime: ["2000", "2000", "3000", "1000"],
      m_writetime: ["2000", "3000", "1000"],
      u_writetime: ["2000", "1000", "1000"],
      fu_writetime: "3000",
    });
    const [a, q, z] = rows[0]!["m_ttl"] as (number | null)[];
    expect([a! > 400_000 && a! <= 500_000, q! > 500_000 && q! <= 600_000, z]).toEqual([true, true, null]);
    expect(rows[1]).toMatchObject({ m: null, m_writetime: null, m_ttl: null, u_writetime: [null, "-5", null] });
  });

  it("stand behind the table's own, under names that no other has, and the metadata says what they are", async () => {
    const options = optionsFor("cells", {
      columns: ["c", "v", "v_writetime", "V", "p"],
      writetime: ["V", "v"],
      ttl: ["s"],
    });
    await exportTable(options);
    const { keyValues } = await readFooterSummary(options.destination);
    const entries = JSON.parse(keyValues.get("cqlduck.columns")!) as Record<string, string>[];
    expect(entries.slice(3)).toEqual([
      { column: "V_1", name: "V", type: "text", kind: "regular" },
      { column: "p", name: "p", type: "int", kind: "partition_key" },
      { column: "V_writetime_1", name: "V_writetime", type: "bigint", kind: "writetime", of: "V" },
      { column: "v_writetime_2", name: "v_writetime", type: "bigint", kind: "writetime", of: "v" },
      { column: "s_ttl", name: "s_ttl", type: "int", kind: "ttl", of: "s" },
    ]);
    const [row] = await ask(`SELECT * FROM '${options.destination}' WHERE p = 1 AND c = 1`);
    expect(row).toMatchObject({ v_writetime: "mine", V_writetime_1: "2000", v_writetime_2: "1000", s_ttl: null });
  });

  it("are in the plan, with the suffixes asked for", async () => {
    const more = { writetime: ["fl"], ttl: "all", writetimeSuffix: " at", ttlSuffix: "_left", columns: ["n"] } as const;
    const plan = await planExport(optionsFor("cells", more));
    expect(plan.columns.map(({ file, cql, duckdb, kind }) => [file, cql, duckdb, kind])).toEqual([
      ["n", "decimal", "VARCHAR", "regular"],
      ["fl at", "bigint", "BIGINT", "writetime"],
      ["n_left", "int", "INTEGER", "ttl"],
    ]);
    expect(plan.cql).toContain("SELECT n, WRITETIME(fl), TTL(n) FROM");
  });

  it.runIf(old)("that the server refuses are left out, with one notice", async () => {
    const several = ["l", "st", "m", "sm", "u"];
    for (const term of several.flatMap((name) => [`WRITETIME(${name})`, `TTL(${name})`])) {
      await expect(askServer(`SELECT ${term} FROM ${keyspace}.cells`)).rejects.toThrow(/Cannot use selection function/);
    }
    const { destination, notices } = await exportTable(
      optionsFor("cells", { columns: ["p"], writetime: [...several, "fl"], ttl: ["u"] }),
    );
    expect(notices).toEqual([expect.stringMatching(/^columns l, st, m, sm, u: left out of the writetimes and TTLs/)]);
    const described = await ask(`DESCRIBE SELECT * FROM '${destination}'`);
    expect(described.map((row) => row["column_name"])).toEqual(["p", "fl_writetime"]);
  });

  it("of a key, or of no column, are refused", async () => {
    await expect(exportTable(optionsFor("cells", { writetime: ["v", "c"] }))).rejects.toMatchObject({
      name: "UsageError",
      message: `c is in the primary key of ${keyspace}.cells, and keys have no writetime`,
      hint: expect.stringContaining('name others: s, sm, "V"'),
    });
    await expect(exportTable(optionsFor("cells", { ttl: ["v_writetim"] }))).rejects.toMatchObject({
      name: "UsageError",
      hint: "did you mean v_writetime?",
    });
  });
});

describe("an unfinished export", () => {
  it("goes on with the columns it was begun with, and with no others", async () => {
    const options = optionsFor("cells", {
      writetime: "all",
      ttlSuffix: "_left",
      ttl: ["v"],
      splits: 20,
      concurrency: 1,
    });
    const controller = new AbortController();
    const stopped = exportTable({
      ...options,
      signal: controller.signal,
      onEvent: (event) => {
        if (event.kind === "phase" && event.phase === "read") controller.abort(new InterruptedError("SIGINT"));
      },
    });
    await expect(stopped).rejects.toBeInstanceOf(InterruptedError);
    const others: Partial<ExportOptions>[] = [{ writetime: ["v"] }, { ttl: "all" }, { ttlSuffix: "_ttl" }];
    for (const other of others) {
      await expect(exportTable({ ...options, ...other, resume: true })).rejects.toMatchObject({
        message: expect.stringMatching(/begun with another --(writetime|ttl|ttl-suffix)$/),
      });
    }
    expect((await resumeExport({ job: options.destination })).rows).toBe(4);
    const [row] = await ask(`SELECT v_left, v_writetime_2 FROM '${options.destination}' WHERE p = 1 AND c = 2`);
    expect(row).toEqual({ v_left: null, v_writetime_2: "9223372036854775807" });
  });
});
