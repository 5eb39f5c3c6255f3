import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Connection, Engine } from "../../../src/duckdb/engine.ts";
import { readRows } from "../../../src/duckdb/reader.ts";
import { openPart } from "../../../src/operations/import/source.ts";
import { Spool } from "../../../src/operations/import/spool.ts";
import { NANOS_OF_DAY } from "../../foreign/nanosofday.ts";

let directory: string;
let engine: Engine;
let connection: Connection;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "cqlduck-source-"));
  engine = await Engine.open({ memoryBytes: 256e6, threads: 1, tempDirectory: "" });
  connection = await engine.connect();
});

afterAll(async () => {
  engine.close();
  await rm(directory, { recursive: true });
});

it("times of day that DuckDB would cut are read as they are", async () => {
  const path = join(directory, "nanos.parquet");
  await writeFile(path, NANOS_OF_DAY);
  const fixed = { format: "parquet", compression: "uncompressed", bytes: 0, modifiedAt: 0 } as const;
  const spool = new Spool();
  const part = await openPart(connection, { ...fixed, path, content: path, partition: new Map() }, spool, {});
  expect(part).toMatchObject({ path, columns: [{ name: "tm", type: { name: "TIME_NS" }, flaw: undefined }] });
  const [row] = await readRows<{ tm: string }>(connection, `SELECT tm::VARCHAR AS tm FROM ${part.relation}`, "reading");
  expect(row).toEqual({ tm: "23:59:59.999999999" });
  await spool.close();
});
