/*
 * `cqlduck import` as far as the command line goes: what is asked of the operation, and how its answer reads.
 */
import { describe, expect, it } from "vitest";
import { cqlduck, IMPORT, IMPORT_PLAN } from "./world.ts";

describe("import", () => {
  it("takes sources, and the table last", async () => {
    const { imported, code } = await cqlduck(["import", "a.parquet", "b/", 'ks."T"', "-q"]);
    expect(imported).toMatchObject({
      sources: ["a.parquet", "b/"],
      table: { keyspace: "ks", table: "T" },
      mode: "insert",
    });
    expect(code).toBe(1);
  });

  it("ends with 0 where no row was rejected", async () => {
    const importTable = async () => ({ ...IMPORT, rejected: 0 });
    const loadImport = async () => ({ importTable, planImport: async () => IMPORT_PLAN });
    expect((await cqlduck(["import", "a.parquet", "ks.t"], { world: { loadImport } })).code).toBe(0);
  });

  it("says what it did", async () => {
    const { stderr, stdout } = await cqlduck(["import", "x.parquet", "ks.t", "--json"]);
    expect(stderr.text).toContain("imported 198,000 rows from 1 file into ks.t in 3.2 s (61,875 rows/s)");
    expect(stderr.text).toContain("rejected  2,000 rows; --bad-rows <file> keeps them");
    expect(JSON.parse(stdout.text)).toEqual(IMPORT);
  });

  it("says what it would do", async () => {
    const { stdout, code } = await cqlduck(["import", "x.parquet", "ks.t", "--dry-run"]);
    expect(code).toBe(0);
    expect(stdout.text).toContain("import of 200,000 rows into ks.t; nothing was written");
    expect(stdout.text).toContain(
      "the first 2,048 rows of the file: 2,046 rows of 21 partitions in 21 requests, about 2,000 ",
    );
    expect(stdout.text).toMatch(
      /rejected +2 rows of the sample\n +x\.parquet, row 7, ID: NULL in the primary key\n +and 1 more/,
    );
    expect(stdout.text).toMatch(/ID +INTEGER +-> +id +int +partition key/);
  });

  it("shows the statements that would make the table, as they are", async () => {
    const create = ["CREATE TYPE ks.u (a int);", "CREATE TABLE ks.t (\n  k int\n);"];
    const loadImport = async () => ({
      importTable: async () => IMPORT,
      planImport: async () => ({ ...IMPORT_PLAN, create }),
    });
    const args = ["import", "x.parquet", "ks.t", "--create", "--primary-key", "(a,B),c", "--dry-run"];
    expect((await cqlduck(args, { world: { loadImport } })).stdout.text).toContain(`\n\n${create.join("\n")}\n`);
    const { imported } = await cqlduck(args.slice(0, -1));
    expect(imported).toMatchObject({ create: true, primaryKey: { partition: ["a", "b"], clustering: ["c"] } });
  });

  it("reads its options", async () => {
    const { imported } = await cqlduck([
      ...[
        "import",
        "x.csv",
        "ks.t",
        "--map",
        "userId=user_id",
        "--map",
        'a=b="C d"',
        "--ttl",
        "@lives",
        "--timestamp",
        "17",
      ],
      ...["--delimiter", "\\t", "--no-header", "--columns", "a,b", "--partition-filter", "year=2024,month=01"],
      ...[
        "--max-errors",
        "-1",
        "--nulls",
        "write",
        "--mode",
        "update",
        "--null",
        "",
        "--skip-rows",
        "5",
        "--max-rows",
        "1K",
      ],
    ]);
    expect(imported).toMatchObject({
      csv: { delimiter: "\t", header: false, nullText: "" },
      columns: ["a", "b"],
      map: new Map([
        ["userId", "user_id"],
        ["a=b", "C d"],
      ]),
      ttl: { column: "lives" },
      timestamp: { value: 17n },
      partitionFilter: new Map([
        ["year", "2024"],
        ["month", "01"],
      ]),
      maxErrors: -1,
      nulls: "write",
      mode: "update",
      skipRows: 5,
      maxRows: 1000,
    });
  });

  it("reads where the times of values come from", async () => {
    const times = [
      "--writetime-map",
      "v=written at",
      "--writetime-map",
      '"A=b"=-17',
      "--ttl-map",
      "v=600",
      "--preserve",
    ];
    const { imported } = await cqlduck(["import", "x.parquet", "ks.t", ...times]);
    expect(imported).toMatchObject({
      preserve: true,
      writetimeMap: new Map<string, unknown>([
        ["v", { column: "written at" }],
        ["A=b", { value: -17n }],
      ]),
      ttlMap: new Map([["v", { value: 600n }]]),
    });
  });

  it.each([
    [["x.parquet", "ks.t", "--writetime-map", "v"], "isn't of the form column=number"],
    [["x.parquet", "ks.t", "--writetime-map", "a,b=1"], "isn't of the form column=number"],
    [["x.parquet", "ks.t", "--ttl-map", "v=-1"], "--ttl-map: a TTL is a number of seconds from 0"],
    [["x.parquet", "ks.t", "--ttl-map", "v=1", "--ttl-map", "v=t"], "--ttl-map: v twice"],
    [["x.parquet"], 'there is only "x.parquet"'],
    [["x.parquet", "t"], '"t" doesn\'t say its keyspace'],
    [["x.parquet", "ks.t", "--mode", "upsert"], '"upsert" is none of insert, update'],
    [["x.parquet", "ks.t", "--ttl", "-1"], "a TTL is a number of seconds from 0"],
    [["x.parquet", "ks.t", "--timestamp", "now"], "neither a whole number nor @column"],
    [["x.parquet", "ks.t", "--timestamp", "99999999999999999999"], "neither a whole number nor @column"],
    [["x.parquet", "ks.t", "--mode", "if-not-exists", "--timestamp", "1"], "takes no --timestamp"],
    [["x.parquet", "ks.t", "--map", "a"], "isn't of the form file=column"],
    [["x.parquet", "ks.t", "--map", "a=b", "--map", "a=c"], "a goes into two columns"],
    [["x.parquet", "ks.t", "--partition-filter", "2024"], "isn't of the form name=value"],
    [["x.parquet", "ks.t", "--delimiter", ";;"], "isn't one character"],
    [["x.parquet", "ks.t", "--resume", "--restart"], "two ways"],
    [["x.parquet", "ks.t", "--primary-key", "a"], "none is"],
    [["x.parquet", "ks.t", "--create", "--primary-key", "(a"], "isn't a list of columns"],
    [["x.parquet", "ks.t", "--create", "--mode", "delete"], "nothing to delete"],
  ])("refuses %j", async (args, message) => {
    const { code, stderr, imported } = await cqlduck(["import", ...args]);
    expect(stderr.text).toContain(message);
    expect([code, imported]).toEqual([2, undefined]);
  });

  it("tells how to go on after a failure", async () => {
    const importTable = async () => {
      throw new (await import("../../src/base/errors.ts")).ClusterError("no node is up");
    };
    const loadImport = async () => ({ importTable, planImport: async () => IMPORT_PLAN });
    const { code, stderr } = await cqlduck(["import", "x.parquet", "ks.t", "--restart"], { world: { loadImport } });
    expect(code).toBe(3);
    expect(stderr.text.trimEnd().split("\n").at(-1)).toBe("cqlduck import x.parquet ks.t --resume");
  });
});
