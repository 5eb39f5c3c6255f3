import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { DataError } from "../../../src/base/errors.ts";
import { type Connection, Engine } from "../../../src/duckdb/engine.ts";
import { firstRecord } from "../../../src/operations/import/csvhead.ts";
import type { TextCompression } from "../../../src/operations/import/files.ts";
import { textReading } from "../../../src/operations/import/text.ts";

let directory: string;
let engine: Engine;
let connection: Connection;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "cqlduck-head-"));
  engine = await Engine.open({ memoryBytes: 256e6, threads: 1, tempDirectory: "" });
  connection = await engine.connect();
});

afterAll(async () => {
  engine.close();
  await rm(directory, { recursive: true });
});

/** A zstd frame with the bytes as they are. */
function zstdFrame(content: string): Buffer {
  const bytes = Buffer.from(content);
  const head = Buffer.from("28b52ffda000000000000000", "hex");
  head.writeUInt32LE(bytes.length, 5);
  head.writeUIntLE((bytes.length << 3) | 1, 9, 3);
  return Buffer.concat([head, bytes]);
}

const COMMON = { delimiter: ",", quote: '"', escape: '"' };

async function head(content: string | Buffer, signs = COMMON, compression: TextCompression = "uncompressed") {
  const path = join(directory, "x.csv");
  await writeFile(path, content);
  const file = {
    path,
    content: path,
    format: "csv",
    compression,
    bytes: 0,
    modifiedAt: 0,
    partition: new Map(),
  } as const;
  return firstRecord(connection, file, signs, textReading(file, {}));
}

it.each([
  ["a,b\n1,2\n", ["a", "b"]],
  ["a,b", ["a", "b"]],
  ["a,b\r\n1,2", ["a", "b"]],
  ["a,b\r1,2", ["a", "b"]],
  ["日本語,É,😀\n", ["日本語", "É", "😀"]],
  ['"a,b","c""d"\n', ["a,b", 'c"d']],
  ['"new\nline",x\n', ["new\nline", "x"]],
  ['"new\r\nline",x\n', ["new\r\nline", "x"]],
  ["\ufeffa,b\n", ["a", "b"]],
  ["a,\n", ["a", ""]],
  [",\n", ["", ""]],
  ['""\n', [""]],
])("%j begins with %j", async (content, fields) => {
  expect(await head(content)).toMatchObject({ fields, blank: 0 });
  expect(await head(gzipSync(content), COMMON, "gzip")).toMatchObject({ fields, blank: 0 });
  expect(await head(zstdFrame(content), COMMON, "zstd")).toMatchObject({ fields, blank: 0 });
});

it.each([
  ["a,b\n1,2\n", "\n"],
  ["a,b\r\n1,2\r\n", "\r\n"],
  ['a,b\n"1\r\n",2\n', "\n"],
  ['a,b\r\n"1\n",2\r\n', "\r\n"],
  ['a,"b\r\n"\n1,2\n', "\n"],
  ["\n\na,b\n\n1,2\n", "\n"],
  ["\r\n\r\na,b\r\n\r\n1,2\r\n", "\r\n"],
])("the lines of %j end with %j, whatever stands in quotes", async (content, newLine) => {
  expect(await head(content)).toMatchObject({ newLine });
  expect(await head(gzipSync(content), COMMON, "gzip")).toMatchObject({ newLine });
  expect(await head(zstdFrame(content), COMMON, "zstd")).toMatchObject({ newLine });
});

it("empty lines are counted, and a file of nothing else has no record", async () => {
  expect(await head("\n\r\n\na\n")).toMatchObject({ fields: ["a"], blank: 3 });
  expect(await head("\n\n")).toEqual({ fields: [], blank: 0 });
  expect(await head("")).toEqual({ fields: [], blank: 0 });
});

it.each(["\n", "\r\n", "\r"])("lines end with %j", async (end) => {
  expect((await head(`"a\r\nb\nc\r",d${end}1,2${end}`)).newLine).toBe(end);
});

it("other signs, also of several bytes", async () => {
  expect((await head("a§'b\\'§c'§d\n", { delimiter: "§", quote: "'", escape: "\\" })).fields).toEqual([
    "a",
    "b'§c",
    "d",
  ]);
  expect((await head("'a\\\\'\tb\n", { delimiter: "\t", quote: "'", escape: "\\" })).fields).toEqual(["a\\", "b"]);
});

it("a record may be longer than what is read at a time", async () => {
  const long = "x".repeat(300_000);
  expect((await head(`"${long}\n${long}",b\n`)).fields).toEqual([`${long}\n${long}`, "b"]);
});

it("bytes that are no text matter only where they are", async () => {
  const bad = Buffer.from([0xff, 0xfe]);
  expect((await head(Buffer.concat([Buffer.from("a,b\n1,"), bad, Buffer.from("\n")]))).fields).toEqual(["a", "b"]);
  await expect(head(Buffer.concat([Buffer.from("a,"), bad, Buffer.from("\n")]))).rejects.toThrow("not UTF-8");
});

it("a quote that stays open is damage", async () => {
  await expect(head('a,"b\n1,2\n')).rejects.toThrow(DataError);
});
