import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseColumnAssignment, parseColumnList, parseTableName, splitList } from "../../src/base/names.ts";
import { nearest } from "../../src/base/nearest.ts";

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;

describe("table names", () => {
  it.each([
    ["ks.t", "ks", "t"],
    ["Shop.Orders", "shop", "orders"],
    ['ks."My Table"', "ks", "My Table"],
    ['"My Ks"."My""T"', "My Ks", 'My"T'],
    ['"a.b"."c.d"', "a.b", "c.d"],
    [" ks.t2_x ", "ks", "t2_x"],
  ])("reads %s", (text, keyspace, table) => {
    expect(parseTableName(text)).toEqual({ keyspace, table });
  });

  it("takes every quoted name as written", () => {
    const name = fc.string({ minLength: 1, unit: fc.constantFrom(...'"aA. é=,') });
    fc.assert(
      fc.property(name, name, (keyspace, table) => {
        expect(parseTableName(`${quote(keyspace)}.${quote(table)}`)).toEqual({ keyspace, table });
      }),
    );
  });

  it("says which part is missing", () => {
    expect(() => parseTableName("orders")).toThrow(
      expect.objectContaining({
        message: expect.stringContaining("keyspace"),
        hint: "write keyspace.table: mykeyspace.orders",
      }),
    );
    expect(() => parseTableName("SELECT * FROM ks.t")).toThrow(/SELECT/);
  });

  it.each(["", ".", "ks.", ".t", "a.b.c", "ks.1t", "ks.my table", 'ks."t', 'ks.""', "ks..t", "ks.t;", "_k.t"])(
    "refuses %j",
    (text) => {
      expect(() => parseTableName(text)).toThrow(expect.objectContaining({ hint: expect.any(String) }));
    },
  );
});

describe("column lists", () => {
  it("folds what is unquoted and keeps what is quoted", () => {
    expect(parseColumnList('Id, "Total", "a,b" ,c_2')).toEqual(["id", "Total", "a,b", "c_2"]);
  });

  it.each(["", "a,", ",a", "a b", "a,,b", '"a', "a;b", "*"])("refuses %j", (text) => {
    expect(() => parseColumnList(text)).toThrow(/isn't a list of columns/);
  });

  it("refuses a column that stands there twice, after folding", () => {
    expect(() => parseColumnList("a,A")).toThrow(/column a .*twice/);
    expect(parseColumnList('a,"A"')).toEqual(["a", "A"]);
  });
});

describe("assignments", () => {
  it.each([
    ["price=DECIMAL(10,2)", "price", "DECIMAL(10,2)"],
    ["Price = DOUBLE", "price", "DOUBLE"],
    ['"a=b"=STRUCT(x INT, y INT)', "a=b", "STRUCT(x INT, y INT)"],
  ])("reads %s", (text, column, value) => {
    expect(parseColumnAssignment(text)).toEqual({ column, value });
  });

  it.each(["", "price", "price=", "=INT", "my price=INT", "price:INT"])("refuses %j", (text) => {
    expect(() => parseColumnAssignment(text)).toThrow(/column=value/);
  });
});

describe("lists in one text", () => {
  it("splits at commas that are no part of a type or a name", () => {
    expect(splitList('a=DECIMAL(10,2), "b,c"=STRUCT(x DECIMAL(4,1), y INT),d=INT[],')).toEqual([
      "a=DECIMAL(10,2)",
      '"b,c"=STRUCT(x DECIMAL(4,1), y INT)',
      "d=INT[]",
    ]);
    expect(splitList("n1")).toEqual(["n1"]);
    expect(splitList(" , ")).toEqual([]);
  });
});

describe("nearest", () => {
  it.each([
    ["exprot", ["export", "help"], "export"],
    ["--colums", ["--columns", "--concurrency"], "--columns"],
    ["--compresion", ["--columns", "--compression"], "--compression"],
    ["--user", ["--username", "--uuid"], "--username"],
    ["ORDERS", ["orders", "items"], "orders"],
  ])("takes %s for a known name", (word, candidates, meant) => {
    expect(nearest(word, candidates)).toBe(meant);
  });

  it("rather suggests nothing than something else", () => {
    expect(nearest("import", ["export", "help"])).toBeUndefined();
    expect(nearest("--rate", ["--restart", "--type"])).toBeUndefined();
    expect(nearest("", ["a", "b"])).toBeUndefined();
    expect(nearest("x", ["y"])).toBeUndefined();
  });
});
