import { describe, expect, it } from "vitest";
import { createStatements } from "../../src/cassandra/ddl.ts";
import { parseCreateStatements } from "../../src/cassandra/ddlparse.ts";
import type { TableColumn, TableSchema } from "../../src/cassandra/schema.ts";

const column = (
  name: string,
  type: string,
  kind: TableColumn["kind"] = "regular",
  descending = false,
): TableColumn => ({
  ...{ name, type, kind, descending },
});

const SCHEMA: TableSchema = {
  keyspace: "ks",
  table: "My Table",
  id: "",
  virtual: false,
  userTypes: new Map([
    ["Inner, (type)", { fields: ["x", 'q"'], types: ["int", "frozen<list<text>>"] }],
    ["late", { fields: ["a", "m"], types: ["int", "map<text, int>"] }],
  ]),
  columns: [
    column("a--b", "int", "partition_key"),
    column("primary", "frozen<tuple<int, text>>", "partition_key"),
    column("c", "timestamp", "clustering", true),
    column("d", "'org.apache.cassandra.db.marshal.DynamicCompositeType(a=>\"x\")'", "clustering"),
    column("static", "text", "static"),
    column("e", "empty"),
    column("u", "late"),
    column("v", "vector<float, 3>"),
    column("w", 'map<text, frozen<"Inner, (type)">>'),
  ],
};

describe("the statements of a table in an export", () => {
  it("are read as what they were written from", () => {
    const parsed = parseCreateStatements(createStatements(SCHEMA));
    expect(parsed).toEqual({ columns: SCHEMA.columns, userTypes: SCHEMA.userTypes, hasKey: true });
  });

  it("may lack the key", () => {
    const some = SCHEMA.columns.filter(({ name }) => ["c", "static", "u"].includes(name));
    const parsed = parseCreateStatements(createStatements(SCHEMA, some));
    expect(parsed.hasKey).toBe(false);
    expect(parsed.columns).toEqual([column("c", "timestamp"), column("static", "text", "static"), column("u", "late")]);
  });

  it.each([
    "",
    "CREATE TABLE t (a int)",
    "CREATE TABLE t (a int, PRIMARY KEY ((b)));",
    "DROP TABLE t;",
    "CREATE TYPE t;",
  ])("are refused where they are not ours: %j", (text) =>
    expect(() => parseCreateStatements(text)).toThrow("the statements of the table can't be read"),
  );
});
