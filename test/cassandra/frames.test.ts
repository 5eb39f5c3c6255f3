import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { buildFrames, type Frame, RowSizes } from "../../src/cassandra/frames.ts";
import type { Plan } from "../../src/cassandra/grouping.ts";
import type { Countdown, StatementKind, WriteStatement } from "../../src/cassandra/rowblock.ts";
import { bigint, blockOf, int, statementOf, type Value } from "./cells.ts";

const CONSISTENCIES = { write: 6, serial: 9 };

function framesOf(
  statement: WriteStatement,
  rows: readonly (readonly Value[])[],
  plan: Plan,
  countdown?: Countdown,
): Frame[] {
  const block = { ...blockOf(statement, rows), countdown };
  const sizes = new RowSizes();
  sizes.read(block);
  const frames = buildFrames(block, plan, sizes.sizes, CONSISTENCIES);
  // What is built must not need the cells any more.
  for (const { bytes, index } of block.cells) {
    bytes.fill(0);
    index.fill(0);
  }
  return frames;
}

/** All rows in order, `size` in a frame. */
function planOf(rows: number, size: number): Plan {
  const ends = Array.from({ length: Math.ceil(rows / size) }, (_, i) => Math.min(rows, (i + 1) * size));
  return { order: Int32Array.from({ length: rows }, (_, i) => i), ends, sets: ends.map(() => 0) };
}

interface Parsed {
  opcode: number;
  type?: number;
  rows: Value[][];
  consistency: number;
  serial?: number;
}

/** Reads a request as section 4.1 of the protocol's specification tells it. */
function parse(frame: Frame): Parsed {
  const bytes = frame.write({ protocolVersion: 4 }, 0x1234);
  expect([bytes[0], bytes[1], bytes.readInt16BE(2), bytes.readInt32BE(5)]).toEqual([4, 0, 0x1234, bytes.length - 9]);
  let at = 9;
  const byte = () => bytes[at++]!;
  const short = () => {
    at += 2;
    return bytes.readUInt16BE(at - 2);
  };
  const value = (): Value => {
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length < 0) return length === -1 ? null : "unset";
    at += length;
    return new Uint8Array(bytes.subarray(at - length, at));
  };
  const id = () => {
    expect([short(), byte(), byte(), byte()]).toEqual([3, 7, 8, 9]);
  };
  const values = () => Array.from({ length: short() }, value);
  const opcode = bytes[4]!;
  let parsed: Parsed;
  if (opcode === 0x0d) {
    const type = byte();
    const rows = Array.from({ length: short() }, () => {
      expect(byte()).toBe(1);
      id();
      return values();
    });
    parsed = { opcode, type, rows, consistency: short() };
    expect(byte()).toBe(0);
  } else {
    id();
    const consistency = short();
    const flags = byte();
    parsed = { opcode, rows: [values()], consistency };
    expect(flags & ~0x11).toBe(0);
    if (flags & 0x10) parsed.serial = short();
  }
  expect(at).toBe(bytes.length);
  return parsed;
}

const row = (...values: (Value | string)[]): Value[] =>
  values.map((value) =>
    typeof value === "string" && value !== "unset" ? new Uint8Array(Buffer.from(value)) : value,
  ) as Value[];

describe("a frame", () => {
  it("of several rows is an unlogged batch, of one an EXECUTE", () => {
    const rows = [row("a", null), row("", "unset"), row("c", "d")];
    const frames = framesOf(statementOf(2, [0]), rows, planOf(3, 2));
    expect(frames.map(parse)).toEqual([
      { opcode: 0x0d, type: 1, rows: rows.slice(0, 2), consistency: 6 },
      { opcode: 0x0a, rows: rows.slice(2), consistency: 6 },
    ]);
  });

  it("of counters is a batch of counters", () => {
    const [frame] = framesOf(statementOf(1, [0], "counter"), [row("a"), row("b")], planOf(2, 2));
    expect(parse(frame!).type).toBe(2);
  });

  it("of a conditional statement says at which level the replicas agree", () => {
    const [frame] = framesOf(statementOf(1, [0], "conditional"), [row("a")], planOf(1, 1));
    expect(parse(frame!)).toMatchObject({ consistency: 6, serial: 9 });
  });

  it("is of protocol v4 and no other", () => {
    const [frame] = framesOf(statementOf(1, [0]), [row("a")], planOf(1, 1));
    expect(() => frame!.write({ protocolVersion: 5 }, 1)).toThrow("v4");
  });

  it("holds the rows of its plan, whatever their values", () => {
    const value = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.constant<Value>(null),
      fc.constant<Value>("unset"),
    ) as fc.Arbitrary<Value>;
    const table = fc
      .integer({ min: 1, max: 5 })
      .chain((columns) => fc.array(fc.array(value, { minLength: columns, maxLength: columns }), { minLength: 1 }));
    const property = fc.property(
      table,
      fc.integer({ min: 1, max: 12 }),
      fc.infiniteStream(fc.nat()),
      (rows, size, keys) => {
        const shuffled = rows.map((_, i) => ({ i, key: keys.next().value as number })).sort((a, b) => a.key - b.key);
        const order = Int32Array.from(shuffled, ({ i }) => i);
        const frames = framesOf(statementOf(rows[0]!.length, [0]), rows, { ...planOf(rows.length, size), order });
        expect(frames.flatMap((frame) => parse(frame).rows)).toEqual([...order].map((i) => rows[i]));
        expect(frames.flatMap((frame) => [...frame.rows])).toEqual([...order]);
      },
    );
    fc.assert(property);
  });
});

describe("the halves of a batch", () => {
  it("are batches with its rows, down to one", () => {
    const rows = ["a", "bc", "", "def", "g"].map((text) => row(text, null));
    const [whole] = framesOf(statementOf(2, [0]), rows, planOf(5, 5));
    const [left, right] = whole!.halves();
    expect([parse(left).rows, parse(right).rows]).toEqual([rows.slice(0, 2), rows.slice(2)]);
    const [, last] = right.halves();
    const [first, second] = last.halves();
    expect([parse(first), parse(second)]).toEqual([
      { opcode: 0x0d, type: 1, rows: [rows[3]], consistency: 6 },
      { opcode: 0x0d, type: 1, rows: [rows[4]], consistency: 6 },
    ]);
    expect([[...first.rows], [...second.rows]]).toEqual([[3], [4]]);
  });
});

describe("TTLs that count down", () => {
  afterEach(() => vi.useRealTimers());

  it("have the seconds taken off that pass until they are sent, also in halves and when sent again", () => {
    vi.useFakeTimers({ now: 1_700_000_000_900, toFake: ["Date"] });
    const ttls = [int(100), "unset" as const, int(0), int(3)];
    const rows = ttls.map((ttl, i) => row(`${i}`, ttl));
    const countdown = { parameter: 1, second: 1_700_000_000 };
    const [whole] = framesOf(statementOf(2, [0]), rows, planOf(4, 4), countdown);
    const sent = (frame: Frame) =>
      parse(frame).rows.map(([, ttl]) => (ttl instanceof Uint8Array ? Buffer.from(ttl).readInt32BE() : ttl));
    expect(sent(whole!)).toEqual([100, "unset", 0, 3]);
    vi.setSystemTime(1_700_000_002_000);
    expect(sent(whole!)).toEqual([98, "unset", 0, 1]);
    expect(sent(whole!)).toEqual([98, "unset", 0, 1]);
    const [left, right] = whole!.halves();
    vi.setSystemTime(1_700_000_012_000);
    // One that has run out is gone in a second; none would stay for ever.
    expect([sent(left), sent(right)]).toEqual([
      [88, "unset"],
      [0, 1],
    ]);
  });
});

describe("timestamps that rise", () => {
  it.each<[string, StatementKind, number]>([
    ["in every row of a batch", "insert", 3],
    ["in an EXECUTE", "insert", 1],
  ])("do so %s, where there is one", (_, kind, size) => {
    const rows = [
      row("long enough to be copied whole", bigint(5n), int(1)),
      row(null, "unset", int(2)),
      row("", bigint(-1n), int(3)),
    ].slice(0, size);
    const [frame] = framesOf(statementOf(3, [0], kind), rows, planOf(size, size));
    frame!.raise(1, 3n);
    frame!.raise(1, 1n);
    const raised = rows.map(([text, time, n]) => [
      text,
      time instanceof Uint8Array ? new Uint8Array(bigint(Buffer.from(time).readBigInt64BE() + 4n)) : time,
      new Uint8Array(n as Uint8Array),
    ]);
    expect(parse(frame!).rows).toEqual(raised);
  });
});
