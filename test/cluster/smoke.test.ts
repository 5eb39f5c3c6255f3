import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, it } from "vitest";
import { makeTable, smoke } from "../../scripts/smoke/runtimes.ts";
import { testClient, testKeyspace } from "./support.ts";

it("exports the same rows as a binary, under Deno and under Node", async () => {
  const client = await testClient();
  const table = await makeTable(client, await testKeyspace(client, "smoke"));
  const { host, port } = inject("cassandra");
  const directory = mkdtempSync(join(tmpdir(), "cqlduck-smoke-"));
  try {
    const results = await smoke(`${host}:${port}`, table, directory);
    expect(results).toEqual(["binary", "deno", "node"].map((runtime) => ({ runtime, rows: 1000, different: 0 })));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 240_000);
