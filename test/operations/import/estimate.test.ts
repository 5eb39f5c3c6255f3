import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { estimateRows } from "../../../src/operations/import/estimate.ts";
import type { TextCompression } from "../../../src/operations/import/files.ts";
import type { SourcePart } from "../../../src/operations/import/source.ts";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "cqlduck-estimate-"));
});

afterAll(() => rm(directory, { recursive: true }));

async function part(content: string, compression: TextCompression = "uncompressed"): Promise<SourcePart> {
  const path = join(directory, "x.csv");
  await writeFile(path, content);
  const file = { path, content: path, format: "csv", compression, bytes: content.length, modifiedAt: 0 } as const;
  return { path, file: { ...file, partition: new Map() }, columns: [], own: undefined, relation: "", ...unknown };
}

const unknown = { rows: undefined, rowNumber: undefined };

it("rows of text are guessed by the lines of its beginning", async () => {
  expect(await estimateRows(await part("12345678\n".repeat(100_000)))).toBeCloseTo(100_000, -2);
  expect(await estimateRows(await part("1\n2\n"))).toBe(2);
  expect(await estimateRows(await part(""))).toBe(0);
  expect(await estimateRows(await part("x".repeat(100_000)))).toBe(0);
});

it("what the file says is taken, and what is compressed is not known", async () => {
  expect(await estimateRows({ ...(await part("1\n")), rows: 7 })).toBe(7);
  expect(await estimateRows(await part("1\n", "gzip"))).toBe(0);
});
