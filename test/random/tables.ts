/*
 * Owns random tables: a schema with any key shape, types, and names that are hard, and rows of it as raw bytes. The same
 * seed makes the same table. Only values that an export carries without being told how.
 */
import fc from "fast-check";
import { everyType } from "../cluster/extremes.ts";
import {
  bigEndian,
  listOf,
  mapOf,
  NATIVE,
  type Sample,
  tupleOf,
  type Udts,
  udtOf,
  vectorOf,
} from "../types/arbitraries.ts";

/** Chance that repeats itself. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 0x9e37_79b9 || 1;
  }

  /** From 0 to below `n`; mulberry32. */
  below(n: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * n);
  }

  between(first: number, last: number): number {
    return first + this.below(last - first + 1);
  }

  chance(of: number): boolean {
    return this.below(1000) < of * 1000;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  values<T>(of: fc.Arbitrary<T>, count: number): T[] {
    return fc.sample(of, { seed: this.below(2 ** 31), numRuns: count });
  }
}

export type Kind = "partition_key" | "clustering" | "static" | "regular";

export interface RandomColumn extends Sample {
  readonly name: string;
  readonly kind: Kind;
}

/** Bytes by the place of their column; undefined is not written. */
export type RandomRow = readonly (Uint8Array | undefined)[];

export interface RandomTable {
  readonly name: string;
  readonly columns: readonly RandomColumn[];
  /** CREATE TYPE and CREATE TABLE. */
  readonly statements: readonly string[];
  readonly rows: readonly RandomRow[];
  readonly isCounter: boolean;
}

export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

const MOST_COLUMNS = 40;
const MOST_ROWS = 60;
const MOST_TYPES = 4;
/** Longer values stand in columns of their own only. */
const LONGEST_ELEMENT = 300;
/** Milliseconds whose microseconds are 64 bits. */
const LAST_TIMESTAMP = 9_223_372_036_854_775n;

const NAMES = [
  ...["id", "Id", "ID", "id_1", "k", "v", "V", "v_1", "v_writetime", "v_ttl", "c0", "c1", "place", "json", "rows"],
  ...["select", "FROM", "table", "token", "order", "primary", "year", "month", "filename", "file_row_number", "null"],
  ...[
    "with space",
    'with"quote',
    "a.b",
    "a,b",
    "a=b",
    "a/b",
    "a%41",
    "naïve",
    "日本語",
    "😀",
    " lead",
    "new\nline",
    "tab\tx",
  ],
  ...["1st", "-", "a'b", "token(k)", "*", "ttl", "writetime", "$dollar", "back\\slash", "semi;colon", "--comment"],
  ...["__proto__", "constructor", "toString", "_metadata", "_cqlduck", "x".repeat(200), "é".repeat(60), "[a]", "{b}"],
  ...["values", "reason", "column", "row", "file", "main", "rowid", "null ", "?", ":a", "@timestamp", "`q`"],
];

type Ordered = { readonly ordered: boolean };

/** Types without parts, with the extremes of their values. */
const SCALARS: readonly (Sample & Ordered)[] = everyType.map(({ type, values, unordered = false }) => {
  const { value, fixed } = NATIVE[type]!;
  const short = values.filter((bytes) => bytes.length <= LONGEST_ELEMENT && isCarried(type, bytes));
  const made = fc.oneof(fc.constantFrom(...short.map((bytes) => Uint8Array.from(bytes))), value.map(asLegal(type)));
  return { text: type, udts: new Map(), ordered: !unordered, value: made, ...(fixed === undefined ? {} : { fixed }) };
});

function isCarried(type: string, bytes: Uint8Array): boolean {
  if (type !== "timestamp") return true;
  const millis = new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0);
  return millis >= -LAST_TIMESTAMP && millis <= LAST_TIMESTAMP;
}

/** The server takes timeuuids of version 1 only. */
function asLegal(type: string): (bytes: Uint8Array) => Uint8Array {
  if (type !== "timeuuid") return (bytes) => bytes;
  return (bytes) => bytes.map((byte, i) => (i === 6 ? 0x10 | (byte & 0x0f) : i === 8 ? 0x80 | (byte & 0x3f) : byte));
}

class Maker {
  readonly dice: Dice;
  readonly udts: Udts = new Map();
  readonly #hasVectors: boolean;

  constructor(dice: Dice, hasVectors: boolean) {
    this.dice = dice;
    this.#hasVectors = hasVectors;
  }

  /** A type of up to `depth` levels; only what is `ordered` can be part of a key. */
  type(depth: number, { ordered, frozen }: Ordered & { readonly frozen: boolean }): Sample {
    const { dice } = this;
    if (depth <= 1 || dice.chance(0.2)) return dice.pick(SCALARS.filter((one) => one.ordered || !ordered));
    const made = this.#nested(depth - 1, ordered);
    return frozen ? { ...made, text: `frozen<${made.text}>` } : made;
  }

  #nested(depth: number, ordered: boolean): Sample {
    const { dice } = this;
    const inner = (isKey = false) => this.type(depth, { ordered: ordered || isKey, frozen: true });
    const fields = () => Array.from({ length: dice.between(1, 3) }, () => inner());
    const kinds = ["list", "set", "map", "tuple", "udt", ...(this.#hasVectors ? ["vector"] : [])];
    switch (dice.pick(kinds)) {
      case "list":
        return listOf("list", inner());
      case "set":
        return listOf("set", inner(true));
      case "map":
        return mapOf(inner(true), inner());
      case "vector":
        return vectorOf(inner(), dice.between(1, 4));
      case "udt":
        return this.udts.size < MOST_TYPES ? this.#udt(fields()) : tupleOf(fields());
      default:
        return tupleOf(fields());
    }
  }

  #udt(fields: Sample[]): Sample {
    const made = udtOf(fields);
    for (const [name, type] of made.udts) this.udts.set(name, type);
    return made;
  }
}

/** @param hasVectors since Cassandra 5.0 */
export function randomTable(seed: number, dice: Dice, hasVectors: boolean): RandomTable {
  const maker = new Maker(dice, hasVectors);
  const isCounter = dice.chance(1 / 15);
  const columns = randomColumns(maker, isCounter);
  const name = `${dice.pick(["t", "T", "select", "Rows"])}_${seed}`;
  const types = [...maker.udts].map(([type, { fields, types }]) => {
    const list = fields.map((field, i) => `${quoted(field)} ${types[i]}`);
    return `CREATE TYPE ${quoted(type)} (${list.join(", ")})`;
  });
  const namesOf = (kind: Kind) => columns.filter((column) => column.kind === kind).map((column) => quoted(column.name));
  const clustering = namesOf("clustering");
  const order = clustering.map((column) => `${column} ${dice.pick(["ASC", "DESC"])}`);
  const list = columns.map(
    (column) => `${quoted(column.name)} ${column.text}${column.kind === "static" ? " static" : ""}`,
  );
  const key = [`(${namesOf("partition_key").join(", ")})`, ...clustering].join(", ");
  const tail = order.length > 0 ? ` WITH CLUSTERING ORDER BY (${order.join(", ")})` : "";
  const table = `CREATE TABLE ${quoted(name)} (${list.join(", ")}, PRIMARY KEY (${key}))${tail}`;
  return { name, columns, statements: [...types, table], rows: randomRows(dice, columns), isCounter };
}

function randomColumns(maker: Maker, isCounter: boolean): RandomColumn[] {
  const { dice } = maker;
  const names = [...NAMES];
  const column = (kind: Kind, type: Sample): RandomColumn => {
    const [name] = names.splice(dice.below(names.length), 1);
    return { ...type, name: name!, kind };
  };
  const depth = () => dice.pick([1, 1, 1, 1, 2, 2, 3, 4]);
  const keyType = () => maker.type(dice.pick([1, 1, 1, 1, 1, 2, 3]), { ordered: true, frozen: true });
  const cellType = () => (isCounter ? counter : maker.type(depth(), { ordered: false, frozen: dice.chance(0.4) }));
  const keys = Array.from({ length: dice.pick([1, 1, 1, 2, 3]) }, () => column("partition_key", keyType()));
  const clustering = Array.from({ length: dice.pick([0, 0, 1, 1, 2, 3, 4]) }, () => column("clustering", keyType()));
  const most = dice.chance(0.7) ? 10 : MOST_COLUMNS;
  const rest = Math.max(isCounter ? 1 : 0, dice.between(1, most) - keys.length - clustering.length);
  const kinds = Array.from(
    { length: rest },
    (): Kind => (clustering.length > 0 && dice.chance(0.2) ? "static" : "regular"),
  );
  return [...keys, ...clustering, ...kinds.map((kind) => column(kind, cellType()))];
}

const counter: Sample = {
  text: "counter",
  value: fc.bigInt(-(2n ** 62n), 2n ** 62n).map((value) => bigEndian(value, 8)),
  udts: new Map(),
};

function randomRows(dice: Dice, columns: readonly RandomColumn[]): RandomRow[] {
  const count = dice.chance(0.05) ? 0 : dice.between(1, MOST_ROWS);
  const partitions = dice.between(1, Math.max(1, Math.min(count, 12)));
  const isAlone = columns.filter(({ kind }) => kind === "partition_key").length === 1;
  const pools = columns.map(({ kind, value }) => {
    // A partition key of no bytes at all is refused.
    const legal = kind === "partition_key" && isAlone ? value.filter((bytes) => bytes.length > 0) : value;
    return dice.values(legal, kind === "partition_key" ? partitions : count);
  });
  const hasStatics = columns.some(({ kind }) => kind === "static");
  const share = dice.pick([0.2, 0.7, 1]);
  return Array.from({ length: count }, (_, row) => {
    const partition = dice.below(partitions);
    const isStatic = hasStatics && dice.chance(0.15);
    const cells = columns.map(({ kind, text }, i) => {
      if (kind === "partition_key") return pools[i]![partition];
      if (isStatic ? kind !== "static" : kind !== "clustering" && !dice.chance(share)) return undefined;
      if (kind === "regular" && /^(text|blob|ascii)$/.test(text) && dice.chance(0.02)) return bigValue(dice);
      return pools[i]![row];
    });
    return cells;
  });
}

const LONGEST_VALUE = 200_000;

/** Good for text too. */
function bigValue(dice: Dice): Uint8Array {
  return Uint8Array.from(Buffer.alloc(dice.between(LONGEST_ELEMENT, LONGEST_VALUE), "0123456789 and so on, "));
}
