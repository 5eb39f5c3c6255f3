/*
 * What names and options say of a format, and what contradicts each other.
 */
import { describe, expect, test } from "vitest";
import { chooseFormat, extensionOf, type FormatOptions, isFileName, isPart } from "../../src/formats/choose.ts";

describe("a destination's name", () => {
  test.each([
    ["x.parquet", {}, "parquet", "file", "snappy"],
    ["out/", {}, "parquet", "directory", "snappy"],
    ["x.csv", {}, "csv", "file", "none"],
    ["x.csv.gz", {}, "csv", "file", "gzip"],
    ["x.json.zst", {}, "json", "file", "zstd"],
    ["x.ndjson", {}, "jsonl", "file", "none"],
    ["x.jsonl", { format: "jsonl", compression: { codec: "none" } }, "jsonl", "file", "none"],
    ["out", { format: "csv", compression: { codec: "gzip" } }, "csv", "directory", "gzip"],
    ["x.arrow", {}, "arrow", "file", "none"],
    ["x.arrows", { compression: { codec: "none" } }, "arrow", "file", "none"],
    ["out", { format: "arrow" }, "arrow", "directory", "none"],
    ["-", { format: "arrow" }, "arrow", "stream", "none"],
    ["-", { format: "jsonl", compression: { codec: "zstd" } }, "jsonl", "stream", "zstd"],
  ] as [string, FormatOptions, string, string, string][])(
    "%s with %j is %s",
    (name, options, format, layout, codec) => {
      expect(chooseFormat(name, options)).toMatchObject({ name: format, layout, compression: { codec } });
    },
  );

  test("says the delimiter of .tsv, unless that is said", () => {
    expect(chooseFormat("x.tsv", {}).delimiter).toBe("\t");
    expect(chooseFormat("x.tsv.gz", { delimiter: ";" }).delimiter).toBe(";");
    expect(chooseFormat("x.csv", {}).delimiter).toBe(",");
  });

  test("says whether it is a file, and a part", () => {
    expect(["x.csv", "x.csv.gz", "x.parquet"].map(isFileName)).toEqual([true, true, true]);
    expect(["x", "csv", "x.csv/", "x.csv.bz2", "x.parquet.gz", "x.arrow.gz"].some(isFileName)).toBe(false);
    expect(isPart("a=1/part-0.csv.gz", "csv")).toBe(true);
    expect(isPart("_cqlduck.json", "json")).toBe(false);
    expect(isPart("part-0.csv", "json")).toBe(false);
  });

  test("ends as the format and its compression do", () => {
    const of = (options: FormatOptions) => extensionOf(chooseFormat("out", options));
    expect(of({ format: "json", compression: { codec: "zstd" } })).toBe(".json.zst");
    expect([of({ format: "csv" }), of({ format: "arrow" }), of({})]).toEqual([".csv", ".arrows", ".parquet"]);
  });
});

describe("refused is", () => {
  test.each([
    ["x.csv", { format: "json" }, /--format json and a file that ends in \.csv/],
    ["x.json", { format: "jsonl" }, /contradict/],
    ["-", {}, /no name to tell the format by/],
    ["-", { format: "parquet" }, /Parquet can't be written to stdout/],
    ["x.csv", { compression: { codec: "gzip" } }, /--compression gzip and the name x\.csv contradict/],
    ["x.csv.gz", { compression: { codec: "none" } }, /contradict/],
    ["out", { format: "csv", compression: { codec: "snappy" } }, /is for Parquet/],
    ["out", { format: "csv", compression: { codec: "zstd", level: 9 } }, /levels are for Parquet/],
    ["x.arrow", { compression: { codec: "zstd" } }, /Arrow streams are not compressed/],
    ["x.arrow", { format: "parquet" }, /contradict/],
    ["x.arrow", { rowGroupRows: 10 }, /--row-group-rows is for parquet/],
    ["x.csv", { rowGroupRows: 10 }, /--row-group-rows is for parquet/],
    ["x.parquet", { delimiter: ";" }, /--delimiter is for csv/],
    ["x.json", { header: false }, /--header is for csv/],
    ["x.jsonl", { pretty: true }, /--pretty is for json/],
    ["x.csv", { delimiter: "" }, /--delimiter "": it is one ASCII character/],
    ["x.csv", { quote: "é" }, /--quote "é": it is one ASCII character/],
    ["x.csv", { delimiter: '"' }, /must differ/],
    ["x.csv", { nullText: "a,b" }, /--null "a,b" has a ","/],
    ["x.csv", { delimiter: "||" }, /--delimiter "\|\|": it is one ASCII character/],
  ] as [string, FormatOptions, RegExp][])("%s with %j", (name, options, says) => {
    expect(() => chooseFormat(name, options)).toThrow(says);
  });
});
