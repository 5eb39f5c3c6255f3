import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Connection, Engine } from "../../../src/duckdb/engine.ts";
import { openPart } from "../../../src/operations/import/source.ts";
import { Spool } from "../../../src/operations/import/spool.ts";

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

/** A column tm of hyparquet-writer's with 23:59:59.999999999 as TIME(NANOS, UTC). */
const NANOS_OF_DAY =
  "UEFSMRUGFRAVEFwVAhUAFQIVABUAFQAAAP//TpGUTgAAFQQZLEgEcm9vdBUCABUEJQAYAnRtbHwRHDwAAAAAABYCGRwZHCYIHBUEGRUAGRgCdG0VABYCFjoWOiYIAAAWOhYCNjoAKAloeXBhcnF1ZXQZHBwAAABWAAAAUEFSMQ==";

it("times of day that DuckDB would cut are refused", async () => {
  const path = join(directory, "nanos.parquet");
  await writeFile(path, Buffer.from(NANOS_OF_DAY, "base64"));
  const fixed = { format: "parquet", compression: "uncompressed", bytes: 0, modifiedAt: 0 } as const;
  const part = await openPart(connection, { ...fixed, path, content: path, partition: new Map() }, new Spool(), {});
  expect(part.columns).toMatchObject([
    { name: "tm", flaw: { fatal: true, reason: expect.stringContaining("nanosec") } },
  ]);
});
