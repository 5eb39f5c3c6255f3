import { describe, expect, it } from "vitest";
import { quoteIdentifier } from "../../src/base/names.ts";
import { createStatements } from "../../src/cassandra/ddl.ts";
import { compareNames, type TableSchema } from "../../src/cassandra/schema.ts";
import { rangeStatement, tableSelect, wholeStatement } from "../../src/cassandra/statements.ts";

const schema: TableSchema = {
  keyspace: "Ks",
  table: "t",
  id: "",
  virtual: false,
  columns: [
    { name: "a", type: "int", kind: "partition_key", descending: false },
    { name: "B c", type: "frozen<outer>", kind: "partition_key", descending: false },
    { name: "order", type: "timeuuid", kind: "clustering", descending: true },
    { name: "x", type: "int", kind: "clustering", descending: false },
    { name: "s", type: "text", kind: "static", descending: false },
  ],
  userTypes: new Map([
    ["unused", { fields: ["a"], types: ["int"] }],
    ["inner", { fields: ["Field"], types: ["text"] }],
    ["outer", { fields: ["i"], types: ["frozen<list<frozen<inner>>>"] }],
  ]),
};

describe("CQL text", () => {
  it("quotes what can't stand unquoted", () => {
    expect(["a_1", "Abc", "select", '"', "1st", ""].map(quoteIdentifier)).toEqual([
      "a_1",
      '"Abc"',
      '"select"',
      '""""',
      '"1st"',
      '""',
    ]);
  });

  it("reads a token range by all columns of the partition key", () => {
    expect(rangeStatement(schema, tableSelect(schema, ["a", "order"]))).toBe(
      'SELECT a, "order" FROM "Ks".t WHERE token(a, "B c") > ? AND token(a, "B c") <= ?',
    );
  });

  it("puts a condition behind the token range, and ALLOW FILTERING at the end", () => {
    const select = tableSelect(schema, ["a"], { where: "x > 1", tail: "ALLOW FILTERING" }, 5);
    expect(wholeStatement(select)).toBe('SELECT a FROM "Ks".t WHERE x > 1 LIMIT 5 ALLOW FILTERING');
    expect(rangeStatement(schema, select)).toBe(
      'SELECT a FROM "Ks".t WHERE token(a, "B c") > ? AND token(a, "B c") <= ? AND x > 1 LIMIT 5 ALLOW FILTERING',
    );
  });

  it("asks for writetimes and TTLs behind the columns", () => {
    const selected = ["a", { kind: "writetime", of: "order" }, { kind: "ttl", of: "s" }] as const;
    expect(wholeStatement(tableSelect(schema, selected, undefined, 5))).toBe(
      'SELECT a, WRITETIME("order"), TTL(s) FROM "Ks".t LIMIT 5',
    );
  });

  it("creates types before those that use them, and only those that are used", () => {
    expect(createStatements(schema)).toBe(
      [
        'CREATE TYPE inner ("Field" text);',
        "CREATE TYPE outer (i frozen<list<frozen<inner>>>);",
        "CREATE TABLE t (",
        "  a int,",
        '  "B c" frozen<outer>,',
        '  "order" timeuuid,',
        "  x int,",
        "  s text static,",
        '  PRIMARY KEY ((a, "B c"), "order", x)',
        ') WITH CLUSTERING ORDER BY ("order" DESC, x ASC);',
      ].join("\n"),
    );
  });
});

describe("the order of column names", () => {
  it("is that of their bytes as Java compares them", () => {
    expect(["b", "a", "é", "aa", "Z"].sort(compareNames)).toEqual(["é", "Z", "a", "aa", "b"]);
  });
});
