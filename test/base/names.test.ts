import { expect, test } from "vitest";
import { uniqueNames } from "../../src/base/names.ts";

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
