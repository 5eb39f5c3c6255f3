/*
 * The writer against a real node: tokens, what is refused and what is not, counters, conditional statements.
 */
import { randomBytes } from "node:crypto";
import type { Client } from "cassandra-driver";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { RowTokens } from "../../src/cassandra/routing.ts";
import { bigint, blockOf, int, type Value } from "../cassandra/cells.ts";
import { testClient, testKeyspace } from "./support.ts";
import { serverRows } from "./wire.ts";
import { prepare, startWriting, type Writing } from "./writing.ts";

let client: Client;
let keyspace: string;
let address: { host: string; port: number };
let writing: Writing;

beforeAll(async () => {
  address = inject("cassandra");
  client = await testClient();
  keyspace = await testKeyspace(client, "writer");
  writing = await startWriting({ hosts: [`${address.host}:${address.port}`] }, keyspace);
});

let tables = 0;
async function table(columns: string): Promise<string> {
  const name = `${keyspace}.t${tables++}`;
  await client.execute(`CREATE TABLE ${name} (${columns})`);
  return name;
}

async function held(cql: string): Promise<(Buffer | null)[][]> {
  return (await serverRows(address.host, address.port, cql)).rows;
}

function sorted(rows: readonly (readonly (Uint8Array | null)[])[]): string[] {
  return rows.map((row) => row.map((cell) => (cell ? Buffer.from(cell).toString("hex") : "null")).join(" ")).sort();
}

const text = (value: string): Buffer => Buffer.from(value);

describe("a row's token", () => {
  const random: Record<string, () => Buffer> = {
    int: () => randomBytes(4),
    bigint: () => randomBytes(8),
    uuid: () => randomBytes(16),
    blob: () => randomBytes(Math.floor(Math.random() * 60)),
    text: () => {
      const alphabet = [..."abc xyzÄéß日本€😀\u0000\u007f"];
      return text(
        Array.from(
          { length: Math.floor(Math.random() * 30) },
          () => alphabet[Math.floor(Math.random() * alphabet.length)],
        ).join(""),
      );
    },
  };

  const shapes = [
    ...[["int"], ["bigint"], ["uuid"], ["text"], ["blob"]],
    ...[
      ["text", "bigint"],
      ["int", "text", "uuid"],
      ["blob", "text", "blob", "int"],
    ],
  ];
  it.each(shapes.map((types) => [types.join(", "), types] as const))("is the server's: %s", async (_, types) => {
    const names = types.map((_, i) => `k${i}`);
    const name = await table(`${names.map((k, i) => `${k} ${types[i]}`).join(", ")}, n int, PRIMARY KEY ((${names}))`);
    const statement = await prepare(
      writing,
      `INSERT INTO ${name} (${names}, n) VALUES (${names.map(() => "?")}, ?)`,
      names.map((_, i) => i),
    );
    const keys = Array.from({ length: 1000 }, () => types.map((type) => random[type]!()));
    const block = blockOf(
      statement,
      keys.map((key, i) => [...key, int(i)]),
    );
    const tokens = new RowTokens();
    tokens.read(block);
    const refused = (await writing.writer.write(block)).map(({ row, reason }) => ({ row, reason }));
    // An empty key of one column is the only one that is no key.
    expect(refused).toEqual(
      keys.flatMap((key, row) =>
        types.length === 1 && key[0]!.length === 0 ? [{ row, reason: "Key may not be empty" }] : [],
      ),
    );
    const rows = await held(`SELECT n, token(${names}) FROM ${name}`);
    expect(rows.length).toBeGreaterThan(900);
    for (const [n, token] of rows) {
      const row = n!.readInt32BE();
      expect(tokens.routable[row]).toBe(1);
      expect([tokens.tokens[row * 2], tokens.tokens[row * 2 + 1]]).toEqual([
        token!.readInt32BE(0),
        token!.readInt32BE(4),
      ]);
    }
  });
});

describe("rows", () => {
  it("are in the table byte for byte, in batches and alone, with their timestamps and times to live", async () => {
    const name = await table("k int, c int, v text, b blob, PRIMARY KEY (k, c)");
    const cql = `INSERT INTO ${name} (k, c, v, b) VALUES (?, ?, ?, ?) USING TIMESTAMP ? AND TTL ?`;
    const statement = await prepare(writing, cql);
    const rows: Value[][] = [];
    for (let k = 0; k < 60; k++) {
      // Partitions of one row, of several, and of more than a frame takes; apart from each other.
      for (let c = 0; c < (k % 20 === 0 ? 150 : (k % 7) + 1); c++) {
        const value = c % 3 ? text(`value ${k} ${c} `.repeat(c % 5)) : null;
        rows.push([
          int(k),
          int(c),
          value,
          randomBytes((c * 13) % 200),
          bigint(BigInt(1000 + c)),
          int(c % 2 ? 5000 : 0),
        ]);
      }
    }
    rows.sort(() => Math.random() - 0.5);
    expect(await writing.writer.write(blockOf(statement, rows))).toEqual([]);
    const expected = rows.map(([k, c, v, b, time]) => [k, c, v, b, time]) as Uint8Array[][];
    expect(sorted(await held(`SELECT k, c, v, b, writetime(b) FROM ${name}`))).toEqual(sorted(expected));
    const ttls = await held(`SELECT c, ttl(b) FROM ${name}`);
    expect(ttls.every(([c, ttl]) => (c!.readInt32BE() % 2 ? ttl!.readInt32BE() > 4000 : ttl === null))).toBe(true);
    expect(writing.warnings).toEqual([]);
  });

  it("keep what is unset, and lose what is null", async () => {
    const name = await table("k int PRIMARY KEY, a int, b int");
    await client.execute(`INSERT INTO ${name} (k, a, b) VALUES (1, 10, 20)`);
    const statement = await prepare(writing, `INSERT INTO ${name} (k, a, b) VALUES (?, ?, ?)`);
    expect(await writing.writer.write(blockOf(statement, [[int(1), "unset", null]]))).toEqual([]);
    expect(sorted(await held(`SELECT k, a, b FROM ${name}`))).toEqual(sorted([[int(1), int(10), null]]));
  });

  it("of a statement without known keys are written too", async () => {
    const name = await table("k int PRIMARY KEY, v int");
    const statement = await prepare(writing, `UPDATE ${name} SET v = ? WHERE k = ?`, []);
    const rows = Array.from({ length: 105 }, (_, i) => [int(i * 3), int(i)]);
    expect(await writing.writer.write(blockOf(statement, rows))).toEqual([]);
    expect(sorted(await held(`SELECT v, k FROM ${name}`))).toEqual(sorted(rows));
  });

  it("may be handed over in many blocks at a time, out of the same memory", async () => {
    const name = await table("k int PRIMARY KEY, v blob");
    const statement = await prepare(writing, `INSERT INTO ${name} (k, v) VALUES (?, ?)`);
    const results: Promise<unknown>[] = [];
    for (let first = 0; first < 6000; first += 1000) {
      await writing.writer.room();
      const block = blockOf(
        statement,
        Array.from({ length: 1000 }, (_, i) => [int(first + i), randomBytes(50)]),
      );
      results.push(writing.writer.write(block));
      for (const { bytes, index } of block.cells) {
        bytes.fill(0xff);
        index.fill(-1);
      }
    }
    expect((await Promise.all(results)).flat()).toEqual([]);
    const keys = (await held(`SELECT k FROM ${name}`)).map(([k]) => k!.readInt32BE()).sort((a, b) => a - b);
    expect(keys).toEqual(Array.from({ length: 6000 }, (_, i) => i));
  });
});

describe("a row that the server refuses", () => {
  it("is named in the server's words, and costs no other row of its batch", async () => {
    const name = await table("k int, c int, v text, PRIMARY KEY (k, c)");
    const statement = await prepare(writing, `INSERT INTO ${name} (k, c, v) VALUES (?, ?, ?)`);
    const rows: Value[][] = Array.from({ length: 100 }, (_, c) => [int(7), int(c), text("v")]);
    rows[13]![2] = Buffer.from([0xff, 0xfe]);
    rows[14]![1] = null;
    rows[55]![1] = Buffer.from([1, 2]);
    rows[99]![0] = null;
    const rejections = await writing.writer.write(blockOf(statement, rows));
    expect(rejections.map(({ row, kind, code }) => [row, kind, code])).toEqual(
      [13, 14, 55, 99].map((row) => [row, "refused", 0x2200]),
    );
    expect(rejections.map(({ reason }) => reason)).toEqual([
      "String didn't validate.",
      expect.stringMatching(/null.*\bc\b/),
      expect.stringContaining("Expected 4 or 0 byte int (2)"),
      expect.stringMatching(/null.*\bk\b/),
    ]);
    expect(await held(`SELECT c FROM ${name}`)).toHaveLength(96);
  });

  it("has too long a key, in one column or in several together", async () => {
    const one = await table("k blob PRIMARY KEY, v int");
    const single = await prepare(writing, `INSERT INTO ${one} (k, v) VALUES (?, ?)`);
    const rejected = await writing.writer.write(
      blockOf(single, [
        [Buffer.alloc(65_535), int(1)],
        [Buffer.alloc(65_536), int(2)],
        [Buffer.alloc(1), int(3)],
      ]),
    );
    expect(rejected).toEqual([{ row: 1, kind: "refused", reason: expect.stringContaining("65535"), code: 0x2200 }]);
    const two = await table("a blob, b blob, v int, PRIMARY KEY ((a, b))");
    const composite = await prepare(writing, `INSERT INTO ${two} (a, b, v) VALUES (?, ?, ?)`, [0, 1]);
    const half = Buffer.alloc(40_000);
    const both = await writing.writer.write(
      blockOf(composite, [
        [half, half, int(1)],
        [half, Buffer.alloc(1), int(2)],
      ]),
    );
    expect(both.map(({ row, reason }) => [row, reason])).toEqual([[0, expect.stringContaining("65535")]]);
  });

  it("is too big for the server, and others before and after it are not", async () => {
    const name = await table("k int, c int, v blob, PRIMARY KEY (k, c)");
    const statement = await prepare(writing, `INSERT INTO ${name} (k, c, v) VALUES (?, ?, ?)`);
    const rows = [1000, 17 << 20, 2000].map((size, c) => [int(1), int(c), Buffer.alloc(size)]);
    const rejections = await writing.writer.write(blockOf(statement, rows));
    expect(rejections.map(({ row, kind }) => [row, kind])).toEqual([[1, "refused"]]);
    expect(sorted(await held(`SELECT c FROM ${name}`))).toEqual(sorted([[int(0)], [int(2)]]));
  });
});

describe("counters", () => {
  it("are added, in batches of their own kind", async () => {
    const name = await table("k int, c int, n counter, PRIMARY KEY (k, c)");
    const statement = await prepare(writing, `UPDATE ${name} SET n = n + ? WHERE k = ? AND c = ?`, [1], "counter");
    const rows = Array.from({ length: 40 }, (_, i) => [bigint(BigInt(i)), int(i % 4), int(i % 2)]);
    expect(await writing.writer.write(blockOf(statement, rows))).toEqual([]);
    const sums = new Map<string, bigint>();
    for (const [i] of rows.entries()) sums.set(`${i % 4} ${i % 2}`, (sums.get(`${i % 4} ${i % 2}`) ?? 0n) + BigInt(i));
    const found = (await held(`SELECT k, c, n FROM ${name}`)).map(([k, c, n]) => [
      `${k!.readInt32BE()} ${c!.readInt32BE()}`,
      n!.readBigInt64BE(),
    ]);
    expect(new Map(found as [string, bigint][])).toEqual(sums);
  });
});

describe("conditional statements", () => {
  it("that are not applied are told, and are no errors", async () => {
    const name = await table("k int, c int, v text, PRIMARY KEY (k, c)");
    await client.execute(`INSERT INTO ${name} (k, c, v) VALUES (1, 2, 'there')`);
    const cql = `INSERT INTO ${name} (k, c, v) VALUES (?, ?, ?) IF NOT EXISTS`;
    const statement = await prepare(writing, cql, [0], "conditional");
    const rows = [0, 1, 2, 3, 1].map((c) => [int(1), int(c), text(`new ${c}`)]);
    rows.push([int(2), int(2), text("elsewhere")]);
    const rejections = await writing.writer.write(blockOf(statement, rows));
    expect(rejections.map(({ row, kind, code }) => [row, kind, code])).toEqual([
      [2, "not applied", undefined],
      [4, "not applied", undefined],
    ]);
    const found = await held(`SELECT k, c, v FROM ${name}`);
    const expected = rows.filter((_, i) => i !== 2 && i !== 4);
    expect(sorted(found)).toEqual(sorted([...expected, [int(1), int(2), text("there")]]));
  });
});

describe("a statement", () => {
  it("that the server can't read is an error at once", async () => {
    await expect(prepare(writing, `INSERT INTO ${keyspace}.nothing (k) VALUES (?)`)).rejects.toThrow(/nothing/);
  });

  it("goes on after columns were added to its table", async () => {
    const name = await table("k int PRIMARY KEY, v int");
    const statement = await prepare(writing, `INSERT INTO ${name} (k, v) VALUES (?, ?)`);
    const write = (k: number) => writing.writer.write(blockOf(statement, [[int(k), int(k)]]));
    expect(await write(1)).toEqual([]);
    await client.execute(`ALTER TABLE ${name} ADD more text`);
    expect(await write(2)).toEqual([]);
    expect(await held(`SELECT k FROM ${name}`)).toHaveLength(2);
  });
});
