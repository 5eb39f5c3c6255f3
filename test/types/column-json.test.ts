/*
 * Values of columns as JSON: what stands there must give the very value again when it is imported.
 */
import { describe, expect, it } from "vitest";
import type { Arena, ColumnBuffer } from "../../src/base/column.ts";
import { createColumn, Arena as NewArena, reserveRows } from "../../src/base/column.ts";
import { type Cells, CellWriter } from "../../src/types/codec.ts";
import { columnJson } from "../../src/types/column-json.ts";
import { parseCqlType } from "../../src/types/cql.ts";
import { storeMade } from "../../src/types/strings.ts";
import { codecFor, textEncoder } from "../../src/types/table.ts";
import { decimal, duration, fields, hex, integer, list, map, varint } from "../cluster/bytes.ts";
import { everyType, illFormed } from "../cluster/extremes.ts";
import { toHex } from "./bytes.ts";

const UDTS = new Map([["u", { fields: ["a", "b"], types: ["int", "text"] }]]);

/** A cell as a column of the type's own kind. */
function decoded(type: string, bytes: Buffer, want?: Parameters<typeof codecFor>[1]["want"]): ColumnBuffer {
  const codec = codecFor(parseCqlType(type, UDTS), { want, uuid: "native", empty: "error" });
  const arena: Arena = new NewArena();
  const out = createColumn(codec.column, arena, 1);
  const body = new Uint8Array(bytes);
  const shift = arena.append(body);
  const cells: Cells = { body, view: new DataView(body.buffer), index: Int32Array.of(0, body.length), shift };
  codec.decode(cells, 0, 1, out);
  return out;
}

/** The cell that an import makes of JSON text. */
function imported(type: string, json: string, want?: Parameters<typeof codecFor>[1]["want"]): string {
  const column = createColumn({ kind: "VARCHAR" }, new NewArena(), 1);
  reserveRows(column, 1);
  const start = column.arena.append(new TextEncoder().encode(json));
  column.arena.length = storeMade(column, 0, start, column.arena.length);
  column.rows = 1;
  const out = new CellWriter();
  textEncoder(parseCqlType(type, UDTS), "json", { truncateTimes: false, want })(column, 0, 1, out);
  return Buffer.from(out.bytes.subarray(0, out.length)).toString("hex");
}

const double = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
};

const VALUES: readonly (readonly [type: string, bytes: Buffer, json: string])[] = [
  ["boolean", hex("01"), "true"],
  ["tinyint", integer(1, -7), "-7"],
  ["smallint", integer(2, -700), "-700"],
  ["int", integer(4, -70_000), "-70000"],
  ["bigint", integer(8, 2n ** 62n), "4611686018427387904"],
  ["double", double(-0), '"-0.0"'],
  ["double", double(Number.NEGATIVE_INFINITY), '"-Infinity"'],
  ["double", double(0.1), "0.1"],
  ["text", Buffer.from('a "quoted"\nline'), '"a \\"quoted\\"\\nline"'],
  ["blob", hex("00ff"), '"0x00ff"'],
  ["blob", hex("00ff".repeat(20)), `"0x${"00ff".repeat(20)}"`],
  ["date", integer(4, 2n ** 31n - 1n), '"1969-12-31"'],
  ["date", integer(4, 2n ** 31n + 10_000_000n), '"+29349-01-26"'],
  ["time", integer(8, 45_296_789_012_345n), '"12:34:56.789012345"'],
  ["timestamp", integer(8, -1n), '"1969-12-31T23:59:59.999Z"'],
  ["uuid", hex("123e4567e89b12d3a456426614174000"), '"123e4567-e89b-12d3-a456-426614174000"'],
  ["uuid", hex("f23e4567e89b12d3f456426614174000"), '"f23e4567-e89b-12d3-f456-426614174000"'],
  ["decimal", decimal(2, -150n), '"-1.50"'],
  ["varint", varint(-(10n ** 30n)), `"-1${"0".repeat(30)}"`],
  ["duration", duration(-1, -2, -3n), '"-1mo2d3ns"'],
  ["list<int>", list(integer(4, 1), integer(4, 2)), "[1,2]"],
  ["map<int, text>", map([integer(4, 1), Buffer.from("a")]), '[[1,"a"]]'],
  ["tuple<int, text>", fields(integer(4, 1), null), "[1,null]"],
  ["u", fields(null, Buffer.from("x")), '{"a":null,"b":"x"}'],
];

describe("a value as JSON", () => {
  it.each(VALUES)("%s %s: %s", (type, bytes, json) => {
    expect(columnJson(decoded(type, bytes), 0)).toBe(json);
    expect(imported(type, json)).toBe(bytes.toString("hex"));
  });

  it.each([
    [2, 1, "-0.5"],
    [9, 3, "-0.500"],
    [18, 3, "-0.500"],
    [38, 20, `-0.5${"0".repeat(19)}`],
  ])("of DECIMAL(%i,%i): %s", (width, scale, json) => {
    const column = decoded("decimal", decimal(1, -5n), { kind: "DECIMAL", width, scale });
    expect(columnJson(column, 0)).toBe(json);
  });

  it("of every type's extremes is the value, and as bytes those of any", () => {
    const blob = { kind: "BLOB" } as const;
    for (const { type, values } of everyType) {
      for (const bytes of values) {
        const isBeyond = type === "timestamp" && bytes.readBigInt64BE() / 1000n ** 5n !== 0n;
        if (!isBeyond)
          expect([type, imported(type, columnJson(decoded(type, bytes), 0))]).toEqual([type, toHex(bytes)]);
        const inList = list(bytes, bytes);
        const wants = [
          [bytes, type, blob],
          [inList, `list<${type}>`, { kind: "LIST", child: blob }],
        ] as const;
        for (const [value, of, want] of wants) {
          expect([of, imported(of, columnJson(decoded(of, value, want), 0), want)]).toEqual([of, toHex(value)]);
        }
      }
    }
    for (const [type, values] of illFormed) {
      for (const bytes of values)
        expect(imported(type, columnJson(decoded(type, bytes, blob), 0), blob)).toBe(toHex(bytes));
    }
  });
});
