import { expect, test } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { parsePrimaryKey, uniqueNames } from "../../src/base/names.ts";

test.each([
  [
    ["a", "b"],
    ["a", "b"],
  ],
  [
    ["Id", "id"],
    ["Id", "id_1"],
  ],
  [
    ["Id", "id", "ID"],
    ["Id", "id_1", "ID_2"],
  ],
  [
    ["Id", "id", "id_1"],
    ["Id", "id_2", "id_1"],
  ],
  [
    ["É", "é"],
    ["É", "é"],
  ],
  [[], []],
])("%j become %j", (names, unique) => {
  expect(uniqueNames(names)).toEqual(unique);
});

test.each([
  ["id", ["id"], []],
  ["Id, B", ["id"], ["b"]],
  ["(a,b),c", ["a", "b"], ["c"]],
  ["(a)", ["a"], []],
  [' ( ("A)" , "b""c") , d, e ) ', ["A)", 'b"c'], ["d", "e"]],
  ["((a,b))", ["a", "b"], []],
])("%j is a primary key", (text, partition, clustering) => {
  expect(parsePrimaryKey(text)).toEqual({ partition, clustering });
});

test.each(["", "()", "(a", "a,", "(a),", "(a)b", "(a),(b)", "a,a", "(a),a", "a b"])("%j is none", (text) => {
  expect(() => parsePrimaryKey(text)).toThrow(UsageError);
});
