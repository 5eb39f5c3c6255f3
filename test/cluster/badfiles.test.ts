/*
 * Files that are damaged or cut off, in every format: they are named, what is good before the damage is written, and
 * nothing of what follows is taken for the end of the file.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { exportTable } from "../../src/index.ts";
import { Importing } from "./importing.ts";
import { ask } from "./parquet.ts";

let world: Importing;

beforeAll(async () => {
  world = await Importing.open(
    "badfiles",
    "CREATE TABLE $ks.t (p int, c int, v text, PRIMARY KEY (p, c))",
    "CREATE TABLE $ks.big (p int, c int, v text, PRIMARY KEY (p, c))",
  );
});

afterAll(() => world.close());

describe("a damaged file is named, and what is good before it is written", () => {
  const ROWS = 60_000;
  const GROUP = 20_480;
  const SELECT = `SELECT (i // 1000)::INT AS p, (i % 1000)::INT AS c, md5(i::VARCHAR) AS v FROM range(${ROWS}) r(i)`;

  /** The place of a column's pages in a row group, both counted from 0. */
  async function pagesOf(path: string, group: number, column: number): Promise<{ at: number; bytes: number }> {
    const [found] = await ask(
      `SELECT least(data_page_offset, coalesce(dictionary_page_offset, data_page_offset))::INT AS at, total_compressed_size::INT AS bytes
       FROM parquet_metadata('${path}') WHERE row_group_id = ${group} AND column_id = ${column}`,
    );
    return found as { at: number; bytes: number };
  }

  it.each([
    ["the header of a page", "snappy", 0],
    ["a page's bytes", "zstd", 0.5],
    ["a page's bytes", "gzip", 0.5],
  ])("%s of Parquet (%s)", { timeout: 120_000 }, async (_, codec, where) => {
    await world.empty("big");
    const path = await world.parquet("damaged.parquet", SELECT, `, COMPRESSION ${codec}, ROW_GROUP_SIZE ${GROUP}`);
    const whole = await readFile(path);
    const { at, bytes } = await pagesOf(path, 1, 2);
    const from = at + Math.floor(bytes * where);
    await writeFile(path, Buffer.from(whole).fill(0xff, from, from + 40));
    const jobDirectory = world.newJob();
    const { code, message } = await world.import(path, "big", { jobDirectory });
    expect([code, message]).toEqual([
      3,
      expect.stringContaining(`row group 2 of ${path} (rows ${GROUP + 1} to ${2 * GROUP})`),
    ]);
    const written = await world.keys("big");
    expect([written.length >= GROUP, written.length < 2 * GROUP]).toEqual([true, true]);
    // It is not to be had again with --resume, since a file that is not damaged is another one.
    await writeFile(path, whole);
    expect(await world.import(path, "big", { jobDirectory, resume: true })).toMatchObject({
      code: 2,
      message: expect.stringMatching(/--restart/),
    });
    expect((await world.import(path, "big", { jobDirectory, restart: true })).report).toMatchObject({ rows: ROWS });
  });

  it.each<[string, (whole: Buffer) => Buffer, RegExp]>([
    ["a Parquet file that is cut off", (whole) => whole.subarray(0, -10), /not a whole Parquet file/],
    ["a Parquet file without its beginning", (whole) => whole.subarray(10), /not a whole Parquet file/],
    ["a Parquet file of no bytes", () => Buffer.alloc(0), /too short for a Parquet file/],
    [
      "a Parquet file whose footer is damaged",
      (whole) => Buffer.from(whole).fill(0xff, whole.length - 200, whole.length - 100),
      /footer/,
    ],
    ["something else by the name of one", () => Buffer.from("p,c\n1,1\n".repeat(9)), /not a whole Parquet file/],
  ])("%s, before a row is written", async (_, damage, reason) => {
    const path = await world.parquet("whole.parquet", "SELECT 1 AS p, 1 AS c");
    await writeFile(path, damage(await readFile(path)));
    const { code, message } = await world.import(path);
    expect([code, message]).toEqual([3, expect.stringMatching(reason)]);
    expect(message).toContain(path);
  });

  it.each(["csv", "jsonl"])("a gzip of %s that is cut off", { timeout: 60_000 }, async (format) => {
    await world.empty("big");
    const rows = await ask(SELECT);
    const text =
      format === "csv"
        ? `p,c,v\n${rows.map((row) => Object.values(row).join(",")).join("\n")}\n`
        : rows.map((row) => JSON.stringify(row)).join("\n");
    const zipped = gzipSync(text);
    const path = await world.file(`cut.${format}.gz`, zipped.subarray(0, zipped.length >> 1));
    const { code, message } = await world.import(path, "big");
    expect([code, message]).toEqual([3, expect.stringContaining(path)]);
    expect((await world.keys("big")).length).toBeLessThan(ROWS);
  });

  it.each<[string, string, string | Buffer, RegExp]>([
    [
      "a gzip that is none",
      "x.csv.gz",
      Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
      /x\.csv\.gz/,
    ],
    ["a zstd that is none", "x.csv.zst", Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3, 4, 5, 6, 7, 8]), /x\.csv\.zst/],
    ["JSON that is cut off", "cut.json", '[{"p":1,"c":1},{"p":1,', /cut\.json/],
    ["names that are never closed", "quote.csv", '"p,c\n1,1\n', /quote\.csv: its first line can't be read/],
  ])("%s", async (_, name, content, reason) => {
    const { code, message } = await world.import(await world.file(name, content));
    expect([code, message]).toEqual([3, expect.stringMatching(reason)]);
  });
});

describe("an Arrow file that is damaged", () => {
  const ROWS = 100_000;
  let whole: Buffer;

  beforeAll(async () => {
    const path = await world.parquet(
      "arrow.parquet",
      `SELECT (i // 1000)::INT AS p, (i % 1000)::INT AS c FROM range(${ROWS}) r(i)`,
    );
    await world.import(path, "big");
    const { host, port } = inject("cassandra");
    const destination = join(world.directory, "whole.arrows");
    await exportTable({
      connection: { hosts: [`${host}:${port}`] },
      table: { keyspace: world.keyspace, table: "big" },
      destination,
      columns: ["p", "c"],
    });
    whole = await readFile(destination);
  }, 120_000);

  it.each<[string, (whole: Buffer) => Buffer, RegExp]>([
    [
      "cut off in the middle",
      (bytes) => bytes.subarray(0, bytes.length >> 1),
      /record batch \d+ of .* can't be read: the file ends inside of it/,
    ],
    ["without the mark of its end", (bytes) => bytes.subarray(0, -8), /ends without its mark/],
    [
      "with more behind its end",
      (bytes) => Buffer.concat([bytes, bytes.subarray(0, 64)]),
      /more bytes stand behind the end/,
    ],
    [
      "with bytes where a message begins",
      (bytes) => overwritten(bytes, secondMessage(bytes)),
      /no message begins where one should/,
    ],
  ])("%s gives the rows before", { timeout: 60_000 }, async (_, damage, reason) => {
    await world.empty("big");
    const path = await world.file("damaged.arrows", damage(whole));
    const { code, message } = await world.import(path, "big");
    expect([code, message]).toEqual([3, expect.stringMatching(reason)]);
    expect(message).toContain(path);
  });

  it.each<[string, Buffer, RegExp]>([
    ["no schema", Buffer.from("ffffffff0000000000000000", "hex"), /no Arrow file/],
    ["a footer that is missing", Buffer.from("ARROW1\0\0 and then nothing more"), /its footer is missing/],
    ["nothing", Buffer.alloc(0), /no Arrow file/],
  ])("with %s is refused", async (_, bytes, reason) => {
    const { code, message } = await world.import(await world.file("none.arrow", bytes), "big");
    expect([code, message]).toEqual([3, expect.stringMatching(reason)]);
  });
});

/** Where the first record batch ends, or the schema. */
function secondMessage(bytes: Buffer): number {
  return 8 + bytes.readUInt32LE(4);
}

function overwritten(bytes: Buffer, at: number): Buffer {
  return Buffer.from(bytes).fill(0x11, at, at + 4);
}

it("rows that are rejected early do not end a long file", { timeout: 120_000 }, async () => {
  await world.empty("big");
  const path = await world.parquet(
    "big.parquet",
    "SELECT CASE i WHEN 7 THEN NULL ELSE (i // 1000)::INT END AS p, (i % 1000)::INT AS c FROM range(450_000) r(i)",
  );
  expect((await world.import(path, "big")).report).toMatchObject({ rows: 449_999, rejected: 1 });
});
