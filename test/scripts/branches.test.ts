import fc from "fast-check";
import { expect, it } from "vitest";
import { convertBranches } from "../../scripts/build/branches.ts";

/** Bytes rich in what the conversion looks for. */
const code = fc.array(fc.oneof(fc.constantFrom(0xe8, 0xe9, 0, 0xff), fc.integer({ min: 0, max: 255 })), {
  maxLength: 300,
});

it("gives any bytes back", () => {
  fc.assert(
    fc.property(code, (bytes) => {
      const converted = Uint8Array.from(bytes);
      convertBranches(converted, "absolute");
      convertBranches(converted, "relative");
      expect([...converted]).toEqual(bytes);
    }),
    { numRuns: 2000 },
  );
});

it("makes two calls of one function look the same", () => {
  // call +0x100 at 0, and call +0xfb five bytes later: both to 0x105.
  const calls = Uint8Array.of(0xe8, 0, 1, 0, 0, 0xe8, 0xfb, 0, 0, 0);
  convertBranches(calls, "absolute");
  expect(calls.subarray(0, 5)).toEqual(calls.subarray(5));
});
