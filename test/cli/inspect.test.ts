import { describe, expect, it } from "vitest";
import type { InspectSource } from "../../src/operations/inspect.ts";
import type { SchemaSource } from "../../src/operations/schema.ts";
import { cqlduck, FILES, STATEMENTS, TABLE } from "./world.ts";

async function asked(argv: readonly string[]): Promise<InspectSource | SchemaSource | undefined> {
  let found: InspectSource | SchemaSource | undefined;
  const world = {
    loadInspect: async () => ({
      inspect: async (source: InspectSource) => {
        found = source;
        return FILES;
      },
    }),
    loadSchema: async () => ({
      schemaStatements: async (source: SchemaSource) => {
        found = source;
        return STATEMENTS;
      },
    }),
  };
  const { code, stderr } = await cqlduck(argv, { world });
  expect([code, stderr.text]).toEqual([0, ""]);
  return found;
}

describe("a name", () => {
  it("with a slash, a dot in front, or the ending of a data file is a path", async () => {
    for (const path of ["./shop", "a/b", "/x", "..", "x.parquet", "shop.orders/", "X.PARQUET", "x.csv", "x.jsonl.gz"]) {
      expect(await asked(["inspect", path])).toEqual({ path });
      expect(await asked(["schema", path])).toEqual({ path });
    }
  });

  it("of one word is a directory to inspect, and a keyspace to schema", async () => {
    expect(await asked(["inspect", "shop-2"])).toEqual({ path: "shop-2" });
    expect(await asked(["schema", "Shop"])).toMatchObject({ keyspace: "shop" });
  });

  it("is that of a table otherwise, as CQL has it", async () => {
    const source = ["shop.Orders", "-H", "n1"];
    const connection = { hosts: ["n1"] };
    expect(await asked(["inspect", ...source])).toMatchObject({
      connection,
      table: { keyspace: "shop", table: "orders" },
    });
    expect(await asked(["schema", ...source])).toMatchObject({ connection, keyspace: "shop", table: "orders" });
    expect(await asked(["schema", 'shop."parquet"'])).toMatchObject({ keyspace: "shop", table: "parquet" });
    expect((await cqlduck(["inspect", "a.b.c"])).code).toBe(2);
    expect((await cqlduck(["schema", "my-shop"])).code).toBe(2);
  });
});

describe("schema", () => {
  it("prints statements with a blank line between them", async () => {
    const { stdout } = await cqlduck(["schema", "ks"]);
    expect(stdout.text).toBe(`${STATEMENTS.join("\n\n")}\n`);
    expect(JSON.parse((await cqlduck(["schema", "ks", "--json"])).stdout.text)).toEqual({
      source: "ks",
      statements: STATEMENTS,
    });
  });
});

describe("inspect", () => {
  it("prints what files say as aligned text", async () => {
    expect((await cqlduck(["inspect", "out/"])).stdout.lines).toEqual([
      "out/: 2 Parquet files, 3,000 rows, 12.3 kB (snappy, 40.0 kB uncompressed), 3 row groups",
      "  source      ks.t, exported 2026-11-05T10:00:00.000Z by cqlduck 0.1.0",
      "  written by  DuckDB",
      "  partitions  year",
      "  metadata    note = two\\nlines",
      "  file        out/year=2023/a.parquet (2,000 rows, 8.0 kB, 2 row groups)",
      "              out/year=2024/b.parquet (1,000 rows, 4.3 kB, 1 row group)",
      "",
      "  column  CQL        kind           DuckDB     Parquet  size    unpacked  nulls  min  max",
      "  id      int        partition key  INTEGER    INT32    1.0 kB  20.0 kB   0      -5   12",
      "  l       list<int>  regular        INTEGER[]  LIST     1.0 kB  20.0 kB",
      "",
      "1 file with another schema: out/year=2024/b.parquet",
      "  no column l",
    ]);
  });

  it("prints a table's columns, options and size", async () => {
    expect((await cqlduck(["inspect", "ks.t"])).stdout.lines).toEqual([
      "table ks.t, 2 columns",
      "  key          PRIMARY KEY ((k), c)",
      "  size         about 1,280 partitions, 12.3 MB (the servers' guess of what was flushed to disk)",
      '  replication  {"class":"SimpleStrategy","replication_factor":"1"}',
      "  token ring   17 ranges, 1 node up in dc1",
      "  index        i on values(l), sai",
      "  view         v",
      '  option       comment = "it\'s"',
      '               caching = {"keys":"ALL"}',
      "",
      "  column  CQL   DuckDB   kind",
      "  k       int   INTEGER  partition key  masked",
      "  c       text  VARCHAR  clustering     descending",
    ]);
  });

  it("prints one JSON object", async () => {
    expect(JSON.parse((await cqlduck(["inspect", "out/", "--json"])).stdout.text)).toEqual(FILES);
    expect(JSON.parse((await cqlduck(["inspect", "ks.t", "--json"])).stdout.text)).toEqual(TABLE);
  });
});
