import { expect, it } from "vitest";
import { checkLayers } from "../../scripts/check/layers.ts";
import { checkTidy } from "../../scripts/check/tidy.ts";

const complaints = (path: string, text: string) =>
  [...checkLayers([{ path, text }]), ...checkTidy([{ path, text }])].map(({ line, message }) => `${line}: ${message}`);

it.each([
  ["a lower layer", "src/operations/export.ts", `import { a } from "../cassandra/ring.ts";`],
  ["two layers down", "src/cli/run.ts", `import type { A } from "../base/errors.ts";`],
  ["the own folder", "src/types/table.ts", `export * from "./uuid.ts";`],
  ["a package of the folder's own", "src/cassandra/cluster.ts", `import driver from "cassandra-driver/lib/errors.js";`],
  ["a module of the runtime", "src/jobs/job.ts", `import { join } from "node:path";`],
  ["jobs: storage", "src/jobs/job.ts", `import { Local } from "../storage/local.ts";`],
  ["anything, in tests and scripts", "test/jobs/job.test.ts", `import { a } from "../../src/cli/run.ts";`],
  ["the word in a comment", "src/base/errors.ts", `// import { a } from "../cli/run.ts";`],
])("allows %s", (_, path, text) => {
  expect(complaints(path, text)).toEqual([]);
});

it.each([
  [
    "a sibling",
    "src/types/uuid.ts",
    `import { a } from "../cassandra/ring.ts";`,
    "src/types must not import src/cassandra",
  ],
  ["upwards", "src/base/units.ts", `import type { A } from "../jobs/events.ts";`, "src/base must not import src/jobs"],
  [
    "upwards, later",
    "src/duckdb/a.ts",
    `await import("../operations/a.ts");`,
    "src/duckdb must not import src/operations",
  ],
  ["upwards, passed on", "src/jobs/a.ts", `export { a } from "../cli/run.ts";`, "src/jobs must not import src/cli"],
  ["jobs: Parquet", "src/jobs/job.ts", `import { a } from "../parquet/a.ts";`, "src/jobs must not import src/parquet"],
  ["a program", "src/cli/run.ts", `import "../main.ts";`, "src/cli must not import src/main.ts"],
  ["scripts", "src/cli/run.ts", `import "../../scripts/a.ts";`, "not part of the program"],
  ["a folder without a place", "src/new/a.ts", `import "../base/a.ts";`, "src/new has no place among the layers"],
  [
    "another folder's package",
    "src/jobs/a.ts",
    `import driver from "cassandra-driver";`,
    "only src/cassandra may import",
  ],
  ["one runtime's own", "src/base/a.ts", `const file = Bun.file("a");`, "exists in one runtime only"],
  ["what a bundler can't follow", "src/base/a.ts", "createRequire(import.meta.url)", "the bundler can't follow it"],
  ["a registry", "package-lock.json", `"resolved": "https://registry.example.org/a"`, "names a package registry"],
  ["a machine's path", "scripts/a.ts", `const a = "/home/me/project";`, "a path of one machine"],
  ["a test that leaves others out", "test/a.test.ts", "it.only('a')", "leaves tests out"],
])("refuses %s", (_, path, text, complaint) => {
  expect(complaints(path, `\n${text}\n`)).toEqual([expect.stringMatching(new RegExp(`^2: .*${complaint}`))]);
});
