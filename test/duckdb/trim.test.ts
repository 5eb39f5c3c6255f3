import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Connection, Engine, run } from "../../src/duckdb/engine.ts";
import { readRows } from "../../src/duckdb/reader.ts";
import { Trimmer } from "../../src/duckdb/trim.ts";

const LIMIT = 1024 ** 3;
let engine: Engine;
let connection: Connection;
beforeEach(async () => {
  engine = await Engine.open({ memoryBytes: LIMIT, threads: 1, tempDirectory: tmpdir() });
  connection = await engine.connect();
});
afterEach(() => engine.close());

async function limit(): Promise<string> {
  const [found] = await readRows<{ l: string }>(connection, "SELECT current_setting('memory_limit') AS l", "asking");
  return found!.l;
}

/** Leaves hundreds of megabytes of small pieces behind, which are free again. */
async function work(): Promise<void> {
  await run(connection, "CREATE TABLE t AS SELECT [range, 1, 2, 3] AS l FROM range(4_000_000)", "filling");
  await run(connection, "DROP TABLE t", "dropping");
}

describe("memory that an engine keeps between its statements", () => {
  it("is given back", async () => {
    await work();
    const before = process.memoryUsage.rss();
    await new Trimmer(connection, LIMIT, 0).trim();
    expect(before - process.memoryUsage.rss()).toBeGreaterThan(50e6);
    expect(await limit()).toBe("1.0 GiB");
  });

  it("stays where the process has little", async () => {
    // Another limit than the engine's shows whether anything was done.
    await new Trimmer(connection, LIMIT / 2, Number.POSITIVE_INFINITY).trim();
    expect(await limit()).toBe("1.0 GiB");
  });

  it("is not asked for again where nothing came back the last time", async () => {
    const trimmer = new Trimmer(connection, LIMIT / 2, 0);
    await trimmer.trim();
    expect(await limit()).toBe("512.0 MiB");
    await run(connection, `SET memory_limit = '${LIMIT}B'`, "setting back");
    await trimmer.trim();
    expect(await limit()).toBe("1.0 GiB");
  });
});
