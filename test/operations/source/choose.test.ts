import { describe, expect, it } from "vitest";
import type { ColumnKind, TableSchema } from "../../../src/cassandra/schema.ts";
import type { ExportOptions } from "../../../src/operations/options.ts";
import { chooseCellColumns } from "../../../src/operations/source/choose.ts";

const column = (name: string, type: string, kind: ColumnKind = "regular") => ({ name, type, kind, descending: false });

const schema: TableSchema = {
  keyspace: "ks",
  table: "t",
  id: "",
  virtual: false,
  columns: [
    column("k", "int", "partition_key"),
    column("c", "frozen<list<int>>", "clustering"),
    column("s", "int", "static"),
    column("l", "list<int>"),
    column("m", "map<text, int>"),
    column("fl", "frozen<list<int>>"),
    column("t", "frozen<tuple<int, int>>"),
    column("u", '"Type"'),
    column("v", "vector<float, 3>"),
  ],
  userTypes: new Map([["Type", { fields: ["a"], types: ["int"] }]]),
};

function choose(more: Pick<ExportOptions, "writetime" | "ttl">, perElement: boolean) {
  const options = { connection: { hosts: [] }, table: schema, destination: "", ...more };
  const { columns, notices } = chooseCellColumns(schema, schema.columns, options, perElement);
  return { columns: columns.map(({ kind, of, name, type }) => `${kind} ${of} ${name} ${type}`), notices };
}

describe("columns that tell of the cells of others", () => {
  it("are one value, or one for each element of what is not frozen", () => {
    expect(choose({ writetime: "all", ttl: ["u", "s"] }, true)).toEqual({
      columns: [
        "writetime s s_writetime bigint",
        "writetime l l_writetime list<bigint>",
        "writetime m m_writetime list<bigint>",
        "writetime fl fl_writetime bigint",
        "writetime t t_writetime bigint",
        "writetime u u_writetime list<bigint>",
        "writetime v v_writetime bigint",
        "ttl u u_ttl list<int>",
        "ttl s s_ttl int",
      ],
      notices: [],
    });
  });

  it("are left out, with one notice, where the server does not tell of elements", () => {
    expect(choose({ writetime: ["fl", "m"], ttl: "all" }, false)).toEqual({
      columns: [
        "writetime fl fl_writetime bigint",
        ...["s", "fl", "t", "v"].map((name) => `ttl ${name} ${name}_ttl int`),
      ],
      notices: [expect.stringMatching(/^columns m, l, u: left out of the writetimes and TTLs, since before 5.0/)],
    });
  });

  it("are none where none are asked for", () => {
    expect(choose({}, true)).toEqual({ columns: [], notices: [] });
  });
});
