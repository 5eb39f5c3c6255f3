import { describe, expect, it } from "vitest";
import { isNull } from "../../../src/base/column.ts";
import { DataError } from "../../../src/base/errors.ts";
import type { Page } from "../../../src/cassandra/pages.ts";
import { ExactFloatsNeeded, PageDecoder } from "../../../src/operations/source/columns.ts";
import { parseCqlType } from "../../../src/types/cql.ts";
import { codecFor } from "../../../src/types/table.ts";

function decoderOf(...types: string[]): PageDecoder {
  return decoderAt(0, (i) => (i === 0 ? "partition_key" : "regular"), ...types);
}

function decoderAt(exportedAt: number, kindOf: (column: number) => string, ...types: string[]): PageDecoder {
  const columns = types.map((cqlText, i) => {
    const cql = parseCqlType(cqlText, new Map());
    return {
      name: `c${i}`,
      file: `c${i}`,
      kind: kindOf(i),
      cql,
      cqlText,
      codec: codecFor(cql, { uuid: "text", empty: "error" }),
    };
  });
  return new PageDecoder(columns, "ks.t", exportedAt);
}

function withLength(cell: Uint8Array | null): Uint8Array {
  const length = int(cell === null ? -1 : cell.length);
  return cell === null ? length : Buffer.concat([length, cell]);
}

function pageOf(...rows: (Uint8Array | null)[][]): Page {
  const cells = rows.flat().map(withLength);
  return { body: Buffer.concat(cells), rows: rows.length, next: null, askedAt: 0 };
}

function int(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function list(...values: (number | null)[]): Uint8Array {
  return Buffer.concat([int(values.length), ...values.map((value) => withLength(value === null ? null : int(value)))]);
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

  it("have TTLs that count from the export's beginning, whenever they were read", () => {
    const decoder = decoderAt(1_700_000_000_900, (i) => (i < 2 ? "ttl" : "regular"), "int", "list<int>", "int");
    const read = (askedAt: number, ...ttls: (number | null)[]) => {
      const page = pageOf(...ttls.map((ttl) => [ttl === null ? null : int(ttl), list(ttl, null, 7), int(1)]));
      return { ...page, askedAt };
    };
    decoder.load(
      [read(1_700_000_000_950, 10), read(1_700_000_001_000, 10, null, 20), read(1_700_000_099_999, 10)],
      false,
    );
    expect(decoder.next()).toBe(5);
    const [one, several, regular] = decoder.columns;
    expect([...one!.i32.subarray(0, 5)].filter((_, row) => !isNull(one!, row))).toEqual([10, 11, 21, 109]);
    const elements = several!.children[0]!;
    const told = [...elements.i32.subarray(0, 15)].map((ttl, i) => (isNull(elements, i) ? null : ttl));
    expect(told).toEqual([10, null, 7, 11, null, 8, null, null, 8, 21, null, 8, 109, null, 106]);
    expect([...regular!.i32.subarray(0, 5)]).toEqual([1, 1, 1, 1, 1]);
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
