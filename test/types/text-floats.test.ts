/* float and double from text, against judges that are exact: JavaScript's own reading, and whole numbers. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { f64, int32, toHex } from "./bytes.ts";
import { read } from "./texts.ts";

describe("floats are the nearest", () => {
  const digits = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.tuple(fc.bigInt(0n, 10n ** 25n), fc.integer({ min: -60, max: 30 })).map(([m, e]) => `${m}E${e}`),
    fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `${a}.${b}`),
    fc.integer({ min: -330, max: 310 }).map((e) => `1e${e}`),
  );

  test("double, as JavaScript reads it", () => {
    const property = fc.property(digits, (text) => {
      const value = Number(text);
      const isZero = /^-?[0.]*(e|$)/i.test(text);
      fc.pre(Number.isFinite(value) && (value !== 0 || isZero));
      expect(toHex(read("double", "csv", text))).toBe(toHex(f64(value)));
    });
    fc.assert(property, { numRuns: 500 });
  });

  /** Near the middle between a float and the next, a little to one side: which of the two is nearer is known. */
  test("float, at the middle between two", () => {
    const property = fc.property(
      fc.nat(0x7f7ffffe),
      fc.constantFrom(-1, 0, 1),
      fc.integer({ min: 18, max: 60 }),
      (bits, side, far) => {
        const view = new DataView(new ArrayBuffer(8));
        view.setInt32(0, bits);
        view.setInt32(4, bits + 1);
        const [low, high] = [view.getFloat32(0), view.getFloat32(4)];
        const wanted = side < 0 ? bits : side > 0 ? bits + 1 : bits + (bits & 1);
        fc.pre(wanted !== 0);
        // In units of 2^-150, half the distance of the least floats, all are whole.
        const middle = BigInt(low * 2 ** 149) + BigInt(high * 2 ** 149);
        const scaled =
          middle * 10n ** 250n * 5n ** 150n + BigInt(side) * middle * 10n ** BigInt(250 - far) * 5n ** 150n;
        const text = `${scaled}E-400`;
        expect(toHex(read("float", "csv", text))).toBe(toHex(int32(wanted)));
      },
    );
    fc.assert(property, { numRuns: 500 });
  });
});
