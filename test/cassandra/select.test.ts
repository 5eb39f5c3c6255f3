import { describe, expect, it } from "vitest";
import type { TableSchema } from "../../src/cassandra/schema.ts";
import { parseCondition, parseSelect } from "../../src/cassandra/select.ts";
import { rangeStatement, wholeStatement } from "../../src/cassandra/statements.ts";

const column = (name: string, kind: "partition_key" | "regular") => ({ name, type: "int", kind, descending: false });
const schema: TableSchema = {
  keyspace: "ks",
  table: "t",
  id: "",
  virtual: false,
  columns: [column("a", "partition_key"), column("B", "partition_key"), column("v", "regular")],
  userTypes: new Map(),
};
const TOKEN = 'token(a, "B") > ? AND token(a, "B") <= ?';

describe("a token range in a SELECT stands", () => {
  it.each([
    ["SELECT * FROM ks.t", `SELECT * FROM ks.t WHERE ${TOKEN}`],
    ["SELECT v FROM ks.t;", `SELECT v FROM ks.t WHERE ${TOKEN}`],
    ["SELECT v FROM ks.t WHERE v = 1", `SELECT v FROM ks.t WHERE ${TOKEN} AND v = 1`],
    ["SELECT v FROM ks.t -- all\nALLOW FILTERING ;", `SELECT v FROM ks.t WHERE ${TOKEN} ALLOW FILTERING`],
    [
      "SELECT v FROM ks.t where v = 'x WHERE y' and m['group'] = 2 allow filtering",
      `SELECT v FROM ks.t WHERE ${TOKEN} AND v = 'x WHERE y' and m['group'] = 2 allow filtering`,
    ],
    [
      'SELECT a, "B", max(v) FROM ks.t GROUP BY a, "B"',
      `SELECT a, "B", max(v) FROM ks.t WHERE ${TOKEN} GROUP BY a, "B"`,
    ],
    [
      "SELECT v FROM ks.t WHERE v > 1 PER PARTITION LIMIT 2 ALLOW FILTERING",
      `SELECT v FROM ks.t WHERE ${TOKEN} AND v > 1 PER PARTITION LIMIT 2 ALLOW FILTERING`,
    ],
    ['SELECT DISTINCT a, "B" FROM ks . t', `SELECT DISTINCT a, "B" FROM ks . t WHERE ${TOKEN}`],
  ])("in its place: %s", (cql, expected) => {
    const select = parseSelect(cql);
    expect(rangeStatement(schema, select)).toBe(expected);
    expect(wholeStatement(select).toLowerCase()).toBe(select.text.toLowerCase());
  });
});

describe("a SELECT", () => {
  it("says its table, quoted names as they are", () => {
    expect(parseSelect('SELECT * FROM "Ks"."T.x" LIMIT 1')).toMatchObject({
      keyspace: "Ks",
      table: "T.x",
      limit: true,
    });
    expect(parseSelect("select a from KS.T")).toMatchObject({ keyspace: "ks", table: "t", limit: false });
  });

  it("says what each column of its result is, where that is a column or told of one", () => {
    const terms = (cql: string) => parseSelect(`SELECT ${cql} FROM ks.t`).terms;
    expect(terms("a, \"B\" AS x, WriteTime(v) as w, ttl(\"B\"), max(a, v), v + 1, m['k'], f.g, 'from'")).toEqual([
      { kind: "column", name: "a" },
      { kind: "column", name: "B" },
      { kind: "writetime", of: "v" },
      { kind: "ttl", of: "B" },
      ...Array.from({ length: 5 }, () => ({ kind: "other" })),
    ]);
    expect(terms("*")).toEqual([{ kind: "all" }]);
    expect(terms("maxwritetime(v), writetime(m['k']), count(*), cast(v AS text)").map(({ kind }) => kind)).toEqual([
      "other",
      "other",
      "other",
      "other",
    ]);
  });

  it("knows DISTINCT and JSON from columns of these names", () => {
    const parsed = (cql: string) => parseSelect(`SELECT ${cql} FROM ks.t`);
    expect(parsed("DISTINCT a, v").terms).toEqual([
      { kind: "column", name: "a" },
      { kind: "column", name: "v" },
    ]);
    expect(parsed("json, distinct").terms).toEqual([
      { kind: "column", name: "json" },
      { kind: "column", name: "distinct" },
    ]);
    expect(parsed("json").json).toBe(false);
    expect(parsed("JSON *")).toMatchObject({ json: true, terms: [{ kind: "all" }] });
    expect(parsed("JSON DISTINCT a")).toMatchObject({ json: true, terms: [{ kind: "column", name: "a" }] });
  });

  it("says which functions it calls, at any depth", () => {
    const { calls } = parseSelect('SELECT f(ks2.G(v)), "Max" (v), count(*), v FROM ks.t WHERE token(a) > h(1)');
    expect(calls).toEqual([
      { keyspace: undefined, name: "f" },
      { keyspace: "ks2", name: "g" },
      { keyspace: undefined, name: "Max" },
      { keyspace: undefined, name: "count" },
    ]);
  });

  it("says whose values it needs, wherever they stand", () => {
    const { names } = parseSelect(
      'SELECT a AS x, f("B", [c]), writetime(d) AS y, cast(e AS text) FROM ks.t WHERE z = 1',
    );
    expect([...names]).toEqual(["a", "f", "B", "c", "cast", "e", "as", "text"]);
  });

  it("says its clauses, not words of these names elsewhere", () => {
    const plain = parseSelect(
      'SELECT group, per, partition FROM ks.t WHERE group = 1 AND per IN (1) GROUP BY group, "B"',
    );
    expect(plain).toMatchObject({ groupBy: ["group", "B"], orderBy: false, limit: false });
    expect(parseSelect("SELECT * FROM ks.t PER PARTITION LIMIT 1")).toMatchObject({ limit: false });
    expect(parseSelect("SELECT * FROM ks.t PER PARTITION LIMIT 1 LIMIT 2")).toMatchObject({ limit: true });
    expect(parseSelect("SELECT * FROM ks.t ORDER BY v ANN OF [1, 2] LIMIT 2")).toMatchObject({ orderBy: true });
  });

  it.each([
    ["DELETE FROM ks.t", /only a SELECT/],
    ["INSERT INTO ks.t (a) VALUES (1)", /begins with INSERT/],
    ["SELECT * FROM t", /keyspace of t/],
    ["SELECT 1", /FROM which table/],
    ["SELECT (a FROM ks.t", /brackets/],
    ["SELECT a] FROM ks.t", /brackets/],
    ["SELECT a FROM ks.t; DROP TABLE ks.t", /more than one statement/],
  ])("is one statement of one table: %s", (cql, message) => {
    expect(() => parseSelect(cql)).toThrow(message);
  });
});

describe("a condition", () => {
  const restrictions = (cql: string) => {
    const { equal, in: among, token } = parseCondition(cql).restrictions;
    return [[...equal], [...among], token];
  };

  it("says which columns it names", () => {
    expect(restrictions(`a = 1 AND ("B" = 'x AND y') and c IN (1, 2) AND d > 5 AND e = g(1)`)).toEqual([
      ["a", "B", "e"],
      ["c"],
      false,
    ]);
    expect(restrictions("Token(a) > 5 AND (c, d) > (1, 2) AND m['a'] = 1 AND ((x) = 1)")).toEqual([[], [], true]);
  });

  it("may end with ALLOW FILTERING, and goes without its comments", () => {
    expect(parseCondition("a = 1 -- that one\n AND b = 2")).toMatchObject({
      where: "a = 1 AND b = 2",
      tail: undefined,
    });
    expect(parseCondition("a = 1 Allow  Filtering")).toMatchObject({ where: "a = 1", tail: "ALLOW FILTERING" });
  });

  it.each([
    ["", /empty/],
    ["-- nothing", /empty/],
    ["WHERE a = 1", /WHERE/],
    ["a = 1 LIMIT 5", /LIMIT/],
    ["a = 1 ORDER BY c", /ORDER BY/],
    ["a = 1 GROUP BY c", /GROUP BY/],
    ["a = 1 PER PARTITION LIMIT 2", /PER PARTITION LIMIT/],
    ["a = 1 ALLOW FILTERING LIMIT 2", /LIMIT/],
    ["a = 1 ALLOW FILTERING AND b = 2", /follows ALLOW FILTERING/],
    ["ALLOW FILTERING", /before ALLOW FILTERING/],
    ["a = 1; DROP TABLE ks.t", /; isn't part/],
    ["a = 1) AND (b = 2", /brackets/],
    ["SELECT * FROM ks.t", /SELECT isn't part/],
  ])("is nothing else: %j", (cql, message) => {
    expect(() => parseCondition(cql)).toThrow(message);
  });
});
