import fc from "fast-check";
import { expect, test } from "vitest";
import { ThriftError, ThriftReader, ThriftWriter, Type } from "../../src/parquet/thrift.ts";

test("every integer up to 2^52 survives", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1 - 2 ** 52, max: 2 ** 52 - 1 }), (value) => {
      const reader = new ThriftReader(new ThriftWriter().int(value).bytes());
      expect(reader.int()).toBe(value);
      expect(reader.atEnd).toBe(true);
    }),
  );
  expect(new ThriftReader(new ThriftWriter().varint(Number.MAX_SAFE_INTEGER).bytes()).varint()).toBe(
    Number.MAX_SAFE_INTEGER,
  );
  expect(() => new ThriftReader(Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 127)).varint()).toThrow("2^53");
});

/** A struct of every type, with a field id far away and lists of both header forms. */
function sample(): Uint8Array {
  const w = new ThriftWriter().field(1, 0, Type.TRUE).field(2, 1, Type.FALSE).field(3, 2, Type.I8).byte(200);
  w.field(4, 3, Type.I16)
    .int(-5)
    .field(5, 4, Type.I64)
    .int(2 ** 40)
    .field(6, 5, Type.DOUBLE)
    .append(new Uint8Array(8).fill(7));
  w.field(7, 6, Type.BINARY).binary(Buffer.from("text")).field(8, 7, Type.UUID).append(new Uint8Array(16).fill(9));
  w.field(100, 8, Type.LIST).list(Type.I32, 20);
  for (let i = 0; i < 20; i++) w.int(i - 10);
  w.field(101, 100, Type.SET).list(Type.TRUE, 2).byte(1).byte(2);
  w.field(102, 101, Type.MAP)
    .varint(1)
    .byte((Type.BINARY << 4) | Type.STRUCT)
    .binary(Buffer.from("k"))
    .field(1, 0, Type.I32)
    .int(1)
    .stop();
  w.field(103, 102, Type.MAP).varint(0).field(104, 103, Type.STRUCT).field(1, 0, Type.I32).int(3).stop();
  w.field(105, 104, Type.LIST)
    .list(Type.STRUCT, 2)
    .field(1, 0, Type.I32)
    .int(3)
    .stop()
    .field(2, 0, Type.I32)
    .int(4)
    .stop();
  return w.stop().bytes().slice();
}

test("a copy without a plan is the same bytes", () => {
  const reader = new ThriftReader(sample());
  expect(new ThriftWriter().copyStruct(reader, { fields: {} }).bytes()).toEqual(sample());
  expect(reader.atEnd).toBe(true);
});

test("a plan changes the integers it names, drops fields, goes into structs, looks at bytes", () => {
  const looked: number[][] = [];
  let ends = 0;
  const add = { fields: { 1: (n: number) => n + 1_000 }, end: () => ends++ };
  const copy = new ThriftWriter().copyStruct(new ThriftReader(sample()), {
    fields: { 4: () => undefined, 5: (n) => n + 1, 7: { look: (raw) => looked.push([...raw]) }, 104: add, 105: add },
  });
  const found: [number, number[]][] = [];
  const reader = new ThriftReader(copy.bytes());
  for (const { id, type } of reader.fields()) found.push([id, [...reader.raw(type)]]);
  const fields = new Map(found);
  expect(fields.has(4)).toBe(false);
  expect(new ThriftReader(Uint8Array.from(fields.get(5)!)).int()).toBe(2 ** 40 + 1);
  expect(looked).toEqual([[4, ...Buffer.from("text")]]);
  expect(fields.get(104)).toEqual([...new ThriftWriter().field(1, 0, Type.I32).int(1_003).stop().bytes()]);
  expect(ends).toBe(3);
});

test("an integer, a struct or a list of another type than planned is an error", () => {
  const copy = (fields: ConstructorParameters<typeof Object>[0]) => () =>
    new ThriftWriter().copyStruct(new ThriftReader(sample()), { fields });
  expect(copy({ 7: (n: number) => n })).toThrow(ThriftError);
  expect(copy({ 7: { fields: {} } })).toThrow(ThriftError);
  expect(copy({ 100: { fields: {} } })).toThrow(ThriftError);
});

test("any cut and any garbage ends in ThriftError or a value, never in anything else", () => {
  const whole = sample();
  for (let length = 0; length < whole.length; length++) {
    expect(() => new ThriftReader(whole.subarray(0, length)).raw(Type.STRUCT)).toThrow(ThriftError);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        new ThriftReader(bytes).raw(Type.STRUCT);
      } catch (error) {
        expect(error).toBeInstanceOf(ThriftError);
      }
    }),
    { numRuns: 2_000 },
  );
  const deep = new Uint8Array(100_000).fill((1 << 4) | Type.STRUCT);
  expect(() => new ThriftReader(deep).raw(Type.STRUCT)).toThrow("nested too deep");
});
