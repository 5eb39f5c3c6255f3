import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { JobEvent } from "../../../src/jobs/events.ts";
import { arrangeTable } from "./stagedjob.ts";

it("tells of each step of arranging, and of the rows in files until they are all", { timeout: 120_000 }, async () => {
  const home = await mkdtemp(join(tmpdir(), "cqlduck-arranging-"));
  const table = {
    columns: { id: "int", p: "int" },
    segments: [0, 1, 2].map((n) => `SELECT r * 3 + ${n}, r % 5 FROM range(4000) x(r)`),
  };
  const events: JobEvent[] = [];
  const files = await arrangeTable(join(home, "out"), table, {
    sql: "SELECT * FROM rows WHERE id < 9000 ORDER BY id",
    partitionBy: [{ column: "p" }],
    rowsPerFile: 1000,
    onEvent: (event) => events.push(event),
  });
  const told = events.flatMap((event) => (event.kind === "arranging" ? [event] : []));
  const begun = { kind: "arranging", rows: 0, files: 0 };
  expect(told.slice(0, 3)).toEqual([
    { ...begun, step: "sql", totalRows: 12_000 },
    { ...begun, step: "sort", totalRows: 9000 },
    { ...begun, step: "files", totalRows: 9000 },
  ]);
  expect(told.at(-1)).toEqual({ ...begun, step: "files", rows: 9000, totalRows: 9000, files: files.length });
  await rm(home, { recursive: true });
});
