import { describe, expect, it } from "vitest";
import { DataError } from "../../src/base/errors.ts";
import type { Page } from "../../src/cassandra/pages.ts";
import { ExactFloatsNeeded, PageDecoder } from "../../src/operations/columns.ts";
import { parseCqlType } from "../../src/types/cql.ts";
import { codecFor } from "../../src/types/table.ts";

function decoderOf(...types: string[]): PageDecoder {
  const columns = types.map((cqlText, i) => {
    const cql = parseCqlType(cqlText, new Map());
    const kind = i === 0 ? "partition_key" : "regular";
    return { name: `c${i}`, file: `c${i}`, kind, cql, cqlText, codec: codecFor(cql, { uuid: "text", empty: "error" }) };
  });
  return new PageDecoder(columns, "ks.t");
}

function pageOf(...rows: Uint8Array[][]): Page {
  const cells = rows.flat().flatMap((cell) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(cell.length);
    return [length, cell];
  });
  return { body: Buffer.concat(cells), rows: rows.length, next: null };
}

function int(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function double(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
}

const numbered = (first: number, rows: number) => pageOf(...Array.from({ length: rows }, (_, i) => [int(first + i)]));

/** The numbers of each chunk's first column. */
function chunksOf(decoder: PageDecoder): number[][] {
  const chunks: number[][] = [];
  for (let rows = decoder.next(); rows > 0; rows = decoder.next()) {
    chunks.push([...decoder.columns[0]!.i32.subarray(0, rows)]);
  }
  return chunks;
}

describe("the pages of a segment", () => {
  it("become full chunks with all rows in their order, each time", () => {
    const decoder = decoderOf("int");
    decoder.load([numbered(0, 3), numbered(3, 5000), numbered(5003, 1)], false);
    const chunks = chunksOf(decoder);
    expect(chunks.map((chunk) => chunk.length)).toEqual([2048, 2048, 908]);
    expect(chunks.flat()).toEqual(Array.from({ length: 5004 }, (_, i) => i));
    expect(decoder.given).toBe(5004);
    decoder.rewind();
    expect(chunksOf(decoder)).toEqual(chunks);
  });

  it("become chunks of few rows where rows are big, of one where one is too big", () => {
    const decoder = decoderOf("int", "blob");
    const page = (size: number, from: number) =>
      pageOf(...Array.from({ length: 6 }, (_, i) => [int(from + i), new Uint8Array(size)]));
    decoder.load([page(1 << 20, 0), page(5 << 20, 6)], false);
    const chunks = chunksOf(decoder);
    expect(chunks.map((chunk) => chunk.length)).toEqual([3, 3, 1, 1, 1, 1, 1, 1]);
    expect(chunks.flat()).toEqual(Array.from({ length: 12 }, (_, i) => i));
  });

  it("say when floats need every bit, unless those are kept", () => {
    const decoder = decoderOf("int", "double");
    const pages = [pageOf([int(0), double(0)]), pageOf([int(1), double(-0)])];
    decoder.load(pages.slice(0, 1), false);
    expect(chunksOf(decoder)).toEqual([[0]]);
    decoder.load(pages, false);
    expect(() => chunksOf(decoder)).toThrow(ExactFloatsNeeded);
    decoder.load(pages, true);
    expect(chunksOf(decoder)).toEqual([[0, 1]]);
    expect(decoder.notes()).toMatchObject({ c1: { exactFloatBits: true } });
    decoder.load(pages.slice(0, 1), false);
    expect([chunksOf(decoder), decoder.notes()]).toEqual([[[0]], {}]);
  });

  it("with a value that can't be kept name its column and key", () => {
    const decoder = decoderOf("int", "text");
    decoder.load([numberedText(1, "a"), numberedText(2, "b"), pageOf([int(3), Buffer.from("c0af", "hex")])], false);
    expect(() => chunksOf(decoder)).toThrow(DataError);
    decoder.rewind();
    expect(() => chunksOf(decoder)).toThrow("column c1 of ks.t, the row with c0 = 3");
  });
});

const numberedText = (key: number, text: string) => pageOf([int(key), Buffer.from(text)]);
