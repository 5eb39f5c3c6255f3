// @ts-expect-error the driver's inner modules have no types
import tokenizers from "cassandra-driver/lib/tokenizer.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashKey } from "../../src/cassandra/murmur3.ts";
import { RowTokens } from "../../src/cassandra/routing.ts";
import { blockOf, int, statementOf, type Value } from "./cells.ts";

function tokenAt(tokens: Int32Array, at: number): bigint {
  return (BigInt(tokens[at]!) << 32n) | BigInt(tokens[at + 1]! >>> 0);
}

function tokenOf(key: Uint8Array): bigint {
  const out = new Int32Array(2);
  hashKey(key, 0, key.length, out, 0);
  return tokenAt(out, 0);
}

function rowTokens(keys: readonly number[], rows: readonly (readonly Value[])[]): (bigint | null)[] {
  const reader = new RowTokens();
  reader.read(blockOf(statementOf(rows[0]!.length, keys), rows));
  return rows.map((_, row) => (reader.routable[row] ? tokenAt(reader.tokens, row * 2) : null));
}

describe("the token of a key", () => {
  it("is the one that servers give", () => {
    // From SELECT token(k) on Cassandra 5.0.
    expect(tokenOf(int(1))).toBe(-4069959284402364209n);
    expect(tokenOf(Buffer.from("a"))).toBe(-8839064797231613815n);
  });

  it("agrees with the driver's own for keys of one column, of any length and any bytes", () => {
    const driver = new tokenizers.Murmur3Tokenizer();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (key) => {
        expect(tokenOf(key)).toBe(BigInt(driver.hash(Buffer.from(key)).getValue().toString()));
      }),
      { numRuns: 1000 },
    );
  });

  it("is found at any place of a buffer", () => {
    const key = Buffer.from("0123456789abcdefghij");
    const out = new Int32Array(4);
    hashKey(Buffer.concat([Buffer.from("xyz"), key, Buffer.from("!")]), 3, 3 + key.length, out, 2);
    expect(tokenAt(out, 2)).toBe(tokenOf(key));
  });
});

describe("the tokens of rows", () => {
  const a = Buffer.from("a");
  const empty = Buffer.alloc(0);

  it("of one key column are those of its bytes", () => {
    expect(
      rowTokens(
        [1],
        [
          [null, a],
          [null, a],
          [a, int(1)],
        ],
      ),
    ).toEqual([tokenOf(a), tokenOf(a), tokenOf(int(1))]);
  });

  it("of several are those of length, bytes and zero of each, in key order", () => {
    const joined = Buffer.concat([Buffer.from([0, 4]), int(1), Buffer.from([0, 0, 1]), a, Buffer.from([0])]);
    expect(rowTokens([1, 0], [[a, int(1)]])).toEqual([tokenOf(joined)]);
  });

  it("tell apart neighbours whose parts differ in length only", () => {
    const rows = [
      [Buffer.from("ab"), Buffer.from("c")],
      [a, Buffer.from("bc")],
      [empty, Buffer.from("abc")],
    ];
    expect(new Set(rowTokens([0, 1], rows)).size).toBe(3);
  });

  it("do not exist where the server will refuse the key: null, unset, empty, too long", () => {
    expect(rowTokens([0], [[null], ["unset"], [empty], [Buffer.alloc(65_536)], [a]])).toEqual([
      ...[null, null, null, null],
      tokenOf(a),
    ]);
    expect(
      rowTokens(
        [0, 1],
        [
          [a, null],
          [a, Buffer.alloc(65_530)],
          [a, Buffer.alloc(65_528)],
        ],
      ),
    ).toEqual([...[null, null], expect.any(BigInt)]);
  });
});
