import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { StorageError } from "../../src/base/errors.ts";
import { Engine, run } from "../../src/duckdb/engine.ts";

describe("memory that a statement lacks", () => {
  it.each([
    ["0B", /ran out of memory/, /--memory/],
    ["1MB", /the disk is full/, /free some space/],
  ])("with %s of disk to spill to is told as what it is", async (room, says, hint) => {
    const tempDirectory = await mkdtemp(join(tmpdir(), "cqlduck-engine-"));
    const engine = await Engine.open({
      memoryBytes: 24e6,
      threads: 1,
      tempDirectory: room === "0B" ? "" : tempDirectory,
    });
    try {
      const connection = await engine.connect();
      if (room !== "0B") await run(connection, `SET max_temp_directory_size = '${room}'`, "setting up");
      const sort = "CREATE TABLE t AS SELECT md5(range::VARCHAR) AS x FROM range(2_000_000) ORDER BY x";
      const error = await run(connection, sort, "sorting").catch((e: unknown) => e);
      expect(error).toBeInstanceOf(StorageError);
      expect(error).toMatchObject({ message: expect.stringMatching(says), hint: expect.stringMatching(hint) });
    } finally {
      engine.close();
      await rm(tempDirectory, { recursive: true });
    }
  });
});
