import { describe, expect, it } from "vitest";
import { is, isSelect, nameOf, textOf, tokenize } from "../../src/cassandra/cqltokens.ts";

const texts = (cql: string) => tokenize(cql).map((token) => token.text);

describe("CQL tokens", () => {
  it("are names, texts, numbers and signs", () => {
    expect(texts(`a."B ""c"""[0]>=-1.5e-3 AND d!='it''s' AND e=$$it's -- not$$`)).toEqual(
      ["a", ".", '"B ""c"""', "[", "0", "]", ">=", "-", "1.5e-3", "AND", "d", "!=", "'it''s'", "AND", "e", "="].concat(
        "$$it's -- not$$",
      ),
    );
  });

  it("are durations, blobs and UUIDs as a whole, whatever letters are in them", () => {
    const uuid = "abcdef01-face-dead-beef-0123456789ab";
    expect(texts(`1h30m 0xfrom ${uuid} 1..2 P1Y2M`)).toEqual(["1h30m", "0xfrom", uuid, "1", "..", "2", "P1Y2M"]);
    expect(tokenize(uuid)[0]?.kind).toBe("constant");
  });

  it("come without comments of the three kinds, and with one space for what was between them", () => {
    const cql = "SELECT a -- from x;\n, /* WHERE\n'*/ b // limit\n FROM  ks.t --";
    expect(textOf(tokenize(cql))).toBe("SELECT a , b FROM ks.t");
    expect(textOf(tokenize("a/**/b - -1"))).toBe("a b - -1");
  });

  it("keep comment signs that stand in quotes", () => {
    expect(textOf(tokenize(`a = '--' AND "/*" = '//'`))).toBe(`a = '--' AND "/*" = '//'`);
  });

  it.each(["a = 'x", 'SELECT "x', "a = $$x$", "a /* b"])("have an end: %s", (cql) => {
    expect(() => tokenize(cql)).toThrow(/has no end/);
  });

  it("are compared as CQL does: words in any case, quoted names as they are", () => {
    const [plain, quoted, text, sign] = tokenize(`Limit "Limit" 'limit' (`);
    expect([plain, quoted, text, sign].map((token) => is(token, "limit"))).toEqual([true, false, false, false]);
    expect([plain, quoted, text, sign].map(nameOf)).toEqual(["limit", "Limit", undefined, undefined]);
    expect(is(sign, "(")).toBe(true);
  });
});

describe("a query", () => {
  it.each(["select * from t", "SELECT\n*", " -- mine\n/* x */Select a", "SELECT"])(
    "is told by its first word: %j",
    (text) => {
      expect(isSelect(text)).toBe(text !== "SELECT");
    },
  );

  it.each(["ks.t", "selected.t", "select.t", '"select".t', "ks", "'select x'"])("is not %s", (text) => {
    expect(isSelect(text)).toBe(false);
  });
});
