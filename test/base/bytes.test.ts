import { describe, expect, it } from "vitest";
import { copyWords, FEW_BYTES, viewOf } from "../../src/base/bytes.ts";

describe("bytes copied word by word", () => {
  it.each(Array.from({ length: FEW_BYTES + 1 }, (_, size) => size))("are these %i and no others", (size) => {
    const source = Uint8Array.from({ length: FEW_BYTES + 16 }, (_, i) => i + 1);
    for (const [from, to] of [
      [0, 0],
      [3, 5],
      [7, 2],
    ] as const) {
      const target = new Uint8Array(FEW_BYTES + 16).fill(255);
      // Views that begin inside of their memory.
      copyWords(viewOf(source.subarray(1)), from, size, viewOf(target.subarray(2)), to);
      const expected = new Uint8Array(FEW_BYTES + 16).fill(255);
      expected.set(source.subarray(1 + from, 1 + from + size), 2 + to);
      expect(target).toEqual(expected);
    }
  });
});
