/*
 * Rows of JSON objects, taken apart into columns of text: every value as it stands in the row.
 */
import { describe, expect, it } from "vitest";
import { Arena, type ColumnBuffer, createColumn, isNull } from "../../src/base/column.ts";
import { type Inside, JsonRows, jsonKeys, memberText } from "../../src/types/json-rows.ts";
import { entryText, storeMade, storeNull } from "../../src/types/strings.ts";

function column(texts: readonly (string | null)[]): ColumnBuffer {
  const found = createColumn({ kind: "VARCHAR" }, new Arena(), texts.length);
  for (const [row, text] of texts.entries()) {
    if (text === null) {
      storeNull(found, row);
      continue;
    }
    const start = found.arena.append(new TextEncoder().encode(text));
    found.arena.length = storeMade(found, row, start, found.arena.length);
  }
  found.rows = texts.length;
  return found;
}

/** The texts of each name's column, the unknown keys and the refused rows. */
function split(texts: readonly (string | null)[], names: readonly string[], inside?: Inside) {
  const source = column(texts);
  const rows = new JsonRows(names, source.arena, inside);
  const unknown: string[] = [];
  const refused: number[] = [];
  rows.read(
    source,
    texts.length,
    (row, name) => unknown.push(`${row} ${name}`),
    (error) => refused.push(error.row),
  );
  const values = rows.columns.map((found) =>
    texts.map((_, row) => (isNull(found, row) ? null : entryText(found, row))),
  );
  return { values, unknown, refused };
}

describe("rows of JSON", () => {
  it("keep each value as it stands there", () => {
    const long = '"a text of more than twelve bytes \\u0041"';
    const rows = [`{"a": 1.50, "b" : ${long}}`, `{"b":[1, {"c": "}"}],"a":null}`, "{}"];
    expect(split(rows, ["a", "b"])).toEqual({
      values: [
        ["1.50", "null", null],
        [long, '[1, {"c": "}"}]', null],
      ],
      unknown: [],
      refused: [],
    });
  });

  it("fit into entries", () => {
    expect(split(['{"a":1}', '{"a":"xyz"}'], ["a"]).values).toEqual([["1", '"xyz"']]);
  });

  it("tell of keys that nobody asked for, in each row", () => {
    expect(split(['{"a":1,"z":2}', '{"a":1,"z":3}'], ["a"])).toEqual({
      values: [["1", "1"]],
      unknown: ["0 z", "1 z"],
      refused: [],
    });
  });

  it("take keys that are written with escapes", () => {
    expect(split(['{"\\u0061":1}', '{"a":2}'], ["a"]).values).toEqual([["1", "2"]]);
  });

  it.each(["oops", "[1]", '{"a":1', '{"a":1}}', '{"a" 1}', '{"a":}', '{"a":1,}', '{"a":1,"a":2}', "{1:2}"])(
    "that are none are refused, and no other: %s",
    (text) => {
      expect(split(['{"a":7}', text, '{"a":8}'], ["a"])).toMatchObject({ values: [["7", null, "8"]], refused: [1] });
    },
  );

  it("without text are no rows", () => {
    expect(split([null, '{"a":8}'], ["a"])).toMatchObject({ values: [[null, "8"]], refused: [] });
  });

  it("may be a member of what holds them", () => {
    const text = '{"file":"x","row":1,"column":null,"reason":"{","values":{"a":1.0}}';
    const inside = { key: "values", types: undefined };
    expect(split([text], ["a"], inside).values).toEqual([["1.0"]]);
    expect(jsonKeys(column([text]), 1)).toEqual({ names: ["a"], inside });
    expect(memberText(column([text]), 0, "values")).toBe('{"a":1.0}');
    const typed = text.replace('"values"', '"types":{"a":["text","BLOB","a"]},"values"');
    const { inside: said } = jsonKeys(column([typed]), 1);
    expect(said).toEqual({ key: "values", types: '{"a":["text","BLOB","a"]}' });
    // A row of another file would be taken for something else.
    expect(split([typed, text], ["a"], said)).toMatchObject({ values: [["1.0", null]], refused: [1] });
  });
});

it("keys are told in the order in which they first occur", () => {
  expect(jsonKeys(column(['{"b":1,"a":2}', "oops", '{"c":1,"a":2}']), 3)).toEqual({
    names: ["b", "a", "c"],
    inside: undefined,
  });
});
