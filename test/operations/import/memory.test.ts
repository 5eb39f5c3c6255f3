import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { StorageError } from "../../../src/base/errors.ts";
import { copyRows } from "../../../src/duckdb/copy.ts";
import { Engine, run } from "../../../src/duckdb/engine.ts";
import { withNeededMemory } from "../../../src/operations/import/memory.ts";
import type { SourcePart } from "../../../src/operations/import/source.ts";

it("a row group that is too big is told with the memory that is enough for it", { timeout: 30_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), "cqlduck-memory-"));
  const path = join(directory, "big.parquet");
  const source = { path, file: { format: "parquet", content: path } } as SourcePart;
  const engine = await Engine.open({ memoryBytes: 1e9, threads: 1, tempDirectory: "" });
  try {
    const connection = await engine.connect();
    const rows = "SELECT repeat((range % 10)::VARCHAR, 1_000_000) AS x FROM range(20)";
    await copyRows(connection, rows, path, ["FORMAT parquet", "COMPRESSION uncompressed", "DICTIONARY_SIZE_LIMIT 0"]);
    const read = (limit: number) => {
      const sql = `SET memory_limit = '${limit}B'; CREATE OR REPLACE TABLE t AS FROM read_parquet('${path}')`;
      return run(connection, sql, `reading ${path}`).catch((error: unknown) => error);
    };
    const failure = await read(10e6);
    const told = (await withNeededMemory(source, failure)) as StorageError;
    expect(told).toBeInstanceOf(StorageError);
    expect(told.message).toBe(`reading ${path}: DuckDB ran out of memory`);
    // 20 MB of values, and as much of a page, in buffers of up to twice the size, in 40 % of the memory.
    expect(told.hint).toContain(`row group 1 of ${path} has 20.0 MB of values`);
    expect(told.hint).toMatch(/--memory [23]00MB is enough/);
    const other = new Error("something else");
    expect(await withNeededMemory(source, other)).toBe(other);
  } finally {
    engine.close();
    await rm(directory, { recursive: true });
  }
});
