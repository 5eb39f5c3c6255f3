/*
 * Exports of whole keyspaces on a real node: every table, and the statements that make it again; what happens when one
 * table fails, the process dies, or something is at the destination already.
 */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { ensureBinary } from "../../scripts/build/ensure.ts";
import { exportKeyspace, type KeyspaceOptions, planKeyspace, resumeExport, schemaStatements } from "../../src/index.ts";
import { type Ended, runBinary } from "./binary.ts";
import { ask } from "./parquet.ts";
import { testClient, testKeyspace } from "./support.ts";

const TABLES = ["Quoted", "empty", "many", "other"];
const ROWS = 300;

let client: Client;
let keyspace: string;
let directory: string;
let host: string;
let destination: string;
let made = 0;

beforeAll(async () => {
  await ensureBinary();
  client = await testClient();
  keyspace = await testKeyspace(client, "keyspace");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-keyspace-"));
  const node = inject("cassandra");
  host = `${node.host}:${node.port}`;
  for (const statement of [
    "CREATE TYPE $.pair (a int, b text)",
    'CREATE TABLE $."Quoted" ("K" int PRIMARY KEY, p frozen<pair>)',
    "CREATE TABLE $.empty (k int PRIMARY KEY)",
    "CREATE TABLE $.many (k int PRIMARY KEY, v int)",
    "CREATE TABLE $.other (k text, c int, PRIMARY KEY (k, c))",
    "CREATE MATERIALIZED VIEW $.by_c AS SELECT * FROM $.other WHERE c IS NOT NULL AND k IS NOT NULL PRIMARY KEY (c, k)",
    `INSERT INTO $."Quoted" ("K", p) VALUES (1, {a: 2, b: 'x'})`,
    "INSERT INTO $.other (k, c) VALUES ('one', 1)",
  ]) {
    await client.execute(statement.replaceAll("$", keyspace));
  }
  for (let k = 0; k < ROWS; k++) {
    await client.execute(`INSERT INTO ${keyspace}.many (k, v) VALUES (?, ?)`, [k, k], { prepare: true });
  }
}, 300_000);

afterAll(() => rm(directory, { recursive: true, force: true }));

beforeEach(() => {
  destination = join(directory, `out-${made++}`);
});

function options(more: Partial<KeyspaceOptions> = {}): KeyspaceOptions {
  return { connection: { hosts: [host] }, keyspace, destination, ...more };
}

const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> => runBinary(directory, args, env);
const cqlduck = (more: readonly string[] = [], env: NodeJS.ProcessEnv = {}) =>
  run(["export", keyspace, destination, "-H", host, "--rows-per-file", "100", ...more], env);

/** All tables with all their rows, `times` as often as there are, and the statements of the keyspace. */
async function expectWhole(times = 1): Promise<void> {
  expect((await readdir(destination)).sort()).toEqual(["_cqlduck", ...TABLES, "schema.cql"].sort());
  const count = async (table: string) => {
    expect(await readdir(join(destination, table, "_cqlduck"))).toEqual(["manifest.json"]);
    const [found] = await ask(`SELECT count(*)::INT AS n FROM '${destination}/${table}/*.parquet'`);
    return found!["n"];
  };
  expect(await Promise.all(TABLES.map(count))).toEqual([times, 0, ROWS * times, times]);
  const statements = await schemaStatements({ connection: { hosts: [host] }, keyspace });
  expect(await readFile(join(destination, "schema.cql"), "utf8")).toBe(`${statements.join("\n\n")}\n`);
}

describe("an export of a keyspace", () => {
  it("has each table below its name, and what makes them; views are not in it, which is said", async () => {
    const report = await exportKeyspace(options());
    await expectWhole();
    expect(report.tables.map((table) => [table.source, table.rows])).toEqual([
      [`${keyspace}."Quoted"`, 1],
      [`${keyspace}.empty`, 0],
      [`${keyspace}.many`, ROWS],
      [`${keyspace}.other`, 1],
    ]);
    expect(report).toMatchObject({ rows: ROWS + 2, schema: join(destination, "schema.cql") });
    expect(report.notices).toEqual(["views are not exported, only their tables: by_c"]);
    expect(await ask(`SELECT * FROM '${destination}/Quoted/*.parquet'`)).toEqual([{ K: 1, p: { a: 2, b: "x" } }]);
  });

  it("says a line for each table, or one JSON object", async () => {
    const { code, err } = await cqlduck();
    expect(code).toBe(0);
    expect(err).toContain(`exported 4 tables of ${keyspace}, 302 rows`);
    expect(err).toMatch(new RegExp(`^  ${keyspace}\\.many +300 rows +.* \\d files`, "m"));
    const json = await cqlduck(["--overwrite", "--json", "-q"]);
    expect(JSON.parse(json.out).tables.map((table: { rows: number }) => table.rows)).toEqual([1, 0, ROWS, 1]);
  });

  it("takes what is said of all tables", async () => {
    const report = await exportKeyspace(options({ limit: 10, writetime: "all" }));
    expect(report.rows).toBe(12);
    expect(await ask(`SELECT count(v_writetime)::INT AS n FROM '${destination}/many/*.parquet'`)).toEqual([{ n: 10 }]);
  });

  it("is planned table by table, and writes nothing", async () => {
    const plan = await planKeyspace(options());
    expect(plan.tables.map(({ files }) => files[0])).toEqual(
      TABLES.map((table) => join(destination, table, "part-00000.parquet")),
    );
    const { code, out } = await cqlduck(["--dry-run"]);
    expect([code, out.match(/^ {2}CQL /gm)?.length]).toEqual([0, 4]);
    expect(existsSync(destination)).toBe(false);
  });

  it("replaces the one before it, or adds to it, where that is said", async () => {
    await exportKeyspace(options());
    for (const work of [exportKeyspace, planKeyspace]) {
      await expect(work(options())).rejects.toMatchObject({ name: "UsageError", hint: /--overwrite.*--append/ });
    }
    await exportKeyspace(options({ overwrite: true }));
    await expectWhole();
    await exportKeyspace(options({ append: true }));
    await expectWhole(2);
  });
});

describe("what can't be exported is refused, and nothing is written", () => {
  it.each<[string, Partial<KeyspaceOptions>, RegExp]>([
    ["an unknown keyspace", { keyspace: "cqlduck_test_no_such" }, /no keyspace cqlduck_test_no_such/],
    ["a virtual keyspace", { keyspace: "system_views" }, /virtual/],
    ["columns", { columns: ["k"] }, /--columns goes with one table/],
    ["a condition", { where: "k = 1" }, /--where goes with one table/],
    ["types", { types: new Map([["v", "BLOB"]]) }, /--type goes with one table/],
    ["writetimes of some columns", { writetime: ["v"] }, /--writetime with names/],
  ])("%s", async (_, more, message) => {
    const refusal = { name: "UsageError", message: expect.stringMatching(message) };
    await expect(exportKeyspace(options(more))).rejects.toMatchObject(refusal);
    expect(existsSync(destination)).toBe(false);
  });

  it("a keyspace without tables, one file, and directories that hold something else", async () => {
    const none = await testKeyspace(client, "keyspace_none");
    const refused = async (more: Partial<KeyspaceOptions>, message: RegExp) =>
      expect(exportKeyspace(options(more))).rejects.toMatchObject({ name: "UsageError", message });
    await refused({ keyspace: none }, /has no tables/);
    await refused({ destination: `${destination}.parquet` }, /needs a directory/);
    await mkdir(destination);
    await writeFile(join(destination, "mine.txt"), "mine");
    await refused({ overwrite: true }, /is not empty/);
    expect(await readdir(destination)).toEqual(["mine.txt"]);
    destination = join(directory, `out-${made++}`);
    expect((await run(["export", `${keyspace}.many`, destination, "-H", host])).code).toBe(0);
    await refused({ overwrite: true }, /holds the export of one table/);
    destination = join(directory, `out-${made++}`);
    await exportKeyspace(options());
    await refused({ keyspace: "system_auth", overwrite: true }, /holds an export of keyspace cqlduck_test/);
  });
});

describe("a table that fails", () => {
  it("does not stop the others; the export goes on with it, or with it alone", async () => {
    await client.execute(`INSERT INTO ${keyspace}.many (k, v) VALUES (-1, blobAsInt(0x))`);
    try {
      const failed = await cqlduck();
      expect(failed.code).toBe(3);
      expect(failed.err).toContain(`error: 1 of 4 tables failed, the others are complete: ${keyspace}.many.`);
      expect(failed.err.trimEnd().split("\n").at(-1)).toMatch(/^cqlduck export .* --resume$/);
      expect((await readdir(destination)).sort()).toEqual(["_cqlduck", ...TABLES].sort());
      const refused = await cqlduck();
      expect([refused.code, refused.err]).toEqual([2, expect.stringMatching(/--resume.*--restart/)]);
      expect((await run(["resume", destination])).code).toBe(3);
      const alone = await run(["resume", join(destination, "many"), "--empty", "null"]);
      expect([alone.code, alone.err]).toEqual([0, expect.stringContaining("exported 301 rows")]);
    } finally {
      await client.execute(`DELETE FROM ${keyspace}.many WHERE k = -1`);
    }
    const report = await resumeExport({ job: destination });
    expect(report).toMatchObject({
      rows: ROWS + 3,
      tables: expect.arrayContaining([{}, {}, {}, {}].map(() => expect.anything())),
    });
    expect(existsSync(join(destination, "schema.cql"))).toBe(true);
  });
});

describe("an export that was killed", () => {
  it.each(["plan-written:3", "record-written:4", "done-written:2", "schema-written"])(
    "at %s goes on to its end, and reads nothing twice",
    { timeout: 120_000 },
    async (point) => {
      expect((await cqlduck([], { CQLDUCK_FAULT: point })).signal).toBe("SIGKILL");
      expect(existsSync(join(destination, "schema.cql"))).toBe(point === "schema-written");
      const resumed = await run(["resume", destination, "--json"]);
      expect(resumed.code).toBe(0);
      await expectWhole();
    },
  );

  it("while it added to another adds each table once", { timeout: 120_000 }, async () => {
    await exportKeyspace(options());
    expect((await cqlduck(["--append"], { CQLDUCK_FAULT: "plan-written:3" })).signal).toBe("SIGKILL");
    const restarted = await cqlduck(["--append", "--restart"]);
    expect([restarted.code, restarted.err]).toEqual([2, expect.stringContaining("can't take back")]);
    const other = await cqlduck(["--append", "--resume", "--compression", "zstd"]);
    expect([other.code, other.err]).toEqual([2, expect.stringContaining("--compression")]);
    expect((await cqlduck(["--append", "--resume"])).code).toBe(0);
    await expectWhole(2);
  });

  it("begins again with --restart, the tables that were complete included", { timeout: 120_000 }, async () => {
    expect((await cqlduck([], { CQLDUCK_FAULT: "record-written:4" })).signal).toBe("SIGKILL");
    const { code, err } = await cqlduck(["--restart"]);
    expect([code, err]).toEqual([0, expect.not.stringContaining("was complete")]);
    await expectWhole();
  });
});
