import { describe, expect, it } from "vitest";
import {
  createStatements,
  type KeyspaceDefinition,
  keyspaceStatements,
  type TableDefinition,
  tableStatements,
} from "../../src/cassandra/ddl.ts";
import type { TableColumn } from "../../src/cassandra/schema.ts";

const column = (name: string, type: string, kind: TableColumn["kind"] = "regular"): TableColumn => ({
  name,
  type,
  kind,
  descending: false,
});
const key = column("k", "int", "partition_key");

const table = (more: Partial<TableDefinition>): TableDefinition => ({
  name: "t",
  columns: [key],
  masks: new Map(),
  compact: false,
  options: new Map(),
  indexes: [],
  triggers: [],
  ...more,
});

const keyspace = (more: Partial<KeyspaceDefinition>): KeyspaceDefinition => ({
  name: "Ks",
  options: new Map([["replication", { class: "SimpleStrategy" }]]),
  types: new Map(),
  functions: [],
  aggregates: [],
  tables: [],
  views: [],
  ...more,
});

const made = (definition: TableDefinition) => tableStatements(keyspace({}), definition);

describe("the statements of a table", () => {
  it("write every kind of option as CQL does", () => {
    const options = new Map(
      Object.entries({
        cdc: false,
        comment: "it's\n",
        compaction: { class: "C", enabled: "false" },
        extensions: { e: Buffer.from("ab01", "hex") },
        gc_grace_seconds: 5,
      }),
    );
    expect(made(table({ options }))).toEqual([
      `CREATE TABLE "Ks".t (
  k int,
  PRIMARY KEY ((k))
) WITH cdc = false
  AND comment = 'it''s\n'
  AND compaction = {'class': 'C', 'enabled': 'false'}
  AND extensions = {'e': 0xab01}
  AND gc_grace_seconds = 5;`,
    ]);
  });

  it("end with indexes and triggers", () => {
    const indexes = [
      { name: "a", target: "keys(m)", className: undefined, options: {} },
      { name: "B", target: '"x y"', className: "sai", options: { mode: "it's" } },
    ];
    const triggers = [{ name: "audit", className: "org.example.Audit" }];
    expect(made(table({ indexes, triggers })).slice(1)).toEqual([
      'CREATE INDEX a ON "Ks".t (keys(m));',
      `CREATE CUSTOM INDEX "B" ON "Ks".t ("x y") USING 'sai' WITH OPTIONS = {'mode': 'it''s'};`,
      `CREATE TRIGGER audit ON "Ks".t USING 'org.example.Audit';`,
    ]);
  });

  it("name the class of a type that has no other name", () => {
    const [create] = made(table({ columns: [key, column("e", "frozen<list<empty>>"), column("empty", "text")] }));
    expect(create).toContain("\n  e frozen<list<'org.apache.cassandra.db.marshal.EmptyType'>>,\n  empty text,\n");
  });

  it("say that the storage is compact", () => {
    expect(made(table({ compact: true }))[0]).toMatch(/\) WITH COMPACT STORAGE;$/);
  });

  it("refuse a mask whose argument the server keeps in a form of its own, naming the column", () => {
    const mask = { keyspace: "system", function: "mask_replace", arguments: [{ type: "list<int>", value: "00" }] };
    const masked = table({ columns: [key, column("v", "list<int>")], masks: new Map([["v", mask]]) });
    expect(() => made(masked)).toThrow(/"Ks"\.t, column v: .*list<int>/);
  });
});

describe("the statements of a keyspace", () => {
  it("add what CREATE TABLE refuses in a type when there is a table of it, before the type is in a key", () => {
    const statements = keyspaceStatements(
      keyspace({
        types: new Map([["evo", { fields: ["a", "m", "z"], types: ["int", "map<text, int>", "int"] }]]),
        tables: [
          table({ name: "a_key", columns: [column("k", "frozen<evo>", "partition_key")] }),
          table({ name: "unfrozen", columns: [key, column("v", "evo")] }),
        ],
      }),
    );
    expect(statements.map((statement) => statement.split(" (\n")[0])).toEqual([
      `CREATE KEYSPACE "Ks" WITH replication = {'class': 'SimpleStrategy'};`,
      'CREATE TYPE "Ks".evo (a int);',
      'CREATE TABLE "Ks".unfrozen',
      'ALTER TYPE "Ks".evo ADD m map<text, int>;',
      'ALTER TYPE "Ks".evo ADD z int;',
      'CREATE TABLE "Ks".a_key',
    ]);
  });

  it("put functions before the aggregates and masks that are made of them", () => {
    const mask = { keyspace: "Ks", function: "f", arguments: [{ type: "text", value: undefined }] };
    const statements = keyspaceStatements(
      keyspace({
        functions: [
          {
            name: "f",
            argumentNames: ["Arg"],
            argumentTypes: ["frozen<tuple<int, text>>"],
            calledOnNull: false,
            returns: "text",
            language: "java",
            body: "return '$$';",
          },
        ],
        aggregates: [
          { name: "g", argumentTypes: [], stateFunction: "f", stateType: "text", finalFunction: "f", initial: "''" },
        ],
        tables: [table({ masks: new Map([["k", mask]]) })],
      }),
    );
    expect(statements.slice(1, 3)).toEqual([
      `CREATE FUNCTION "Ks".f ("Arg" tuple<int, text>)
  RETURNS NULL ON NULL INPUT
  RETURNS text
  LANGUAGE java
  AS 'return ''$$'';';`,
      `CREATE AGGREGATE "Ks".g ()
  SFUNC f
  STYPE text
  FINALFUNC f
  INITCOND '';`,
    ]);
    expect(statements[3]).toContain('k int MASKED WITH "Ks".f(null)');
  });
});

describe("the statements of a file", () => {
  it("say in a comment what the key was where it isn't whole", () => {
    const columns = [key, column("c", "int", "clustering"), column("v", "text")];
    const schema = { keyspace: "ks", table: "t", id: "", virtual: false, columns, userTypes: new Map() };
    expect(createStatements(schema, [columns[0]!, columns[2]!])).toBe(
      `CREATE TABLE t (
  k int,
  v text
  -- PRIMARY KEY ((k), c): not all of these columns are here
);`,
    );
  });
});
