/*
 * What an export says at its end of the things that were noticed on the way.
 */
import { expect, test } from "vitest";
import { createNotes } from "../../src/base/column.ts";
import { arrowFormat } from "../../src/formats/arrow.ts";
import { parquetFormat } from "../../src/formats/parquet.ts";
import { noticesOf } from "../../src/operations/report.ts";

test("exact floats cost dictionaries only where a format has them", () => {
  const segments = [{ v: { ...createNotes(), exactFloatBits: true, emptied: 3 } }, { v: createNotes() }];
  const emptied = "column v: 3 zero-length values became NULL";
  const parquet = parquetFormat([], { compression: { codec: "none" }, keyValues: {} });
  expect(noticesOf(segments, parquet)).toEqual([
    emptied,
    expect.stringMatching(/^1 of 2 segments are written without dictionaries/),
  ]);
  expect(noticesOf(segments, arrowFormat([], {}))).toEqual([emptied]);
});
