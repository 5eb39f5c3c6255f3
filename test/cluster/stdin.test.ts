/*
 * Rows that come through stdin: in every format, found from what comes; nothing of it stays, and nothing is gone on with.
 */
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ImportOptions } from "../../src/index.ts";
import { Importing } from "./importing.ts";

let world: Importing;

beforeAll(async () => {
  world = await Importing.open("stdin", "CREATE TABLE $ks.t (p int, c int, v text, PRIMARY KEY (p, c))");
});

afterAll(() => world.close());

/** Temporary directories of imports, of whichever process. */
async function spools(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => /^cqlduck-\w{6}$/.test(name));
}

function piped(bytes: string | Uint8Array, more: Partial<ImportOptions> = {}) {
  const content = Buffer.from(bytes as Uint8Array);
  // In pieces that end anywhere.
  const pieces = Array.from({ length: Math.ceil(content.length / 5) }, (_, i) => content.subarray(5 * i, 5 * i + 5));
  return world.import("-", "t", { input: Readable.from(pieces), ...more });
}

describe("stdin", () => {
  const CSV = 'p,c,v\n1,1,a\n1,2,"b\nc"\n';
  const LINES = '{"p":1,"c":1}\n{"p":1,"c":2}\n';

  it.each<[string, () => Promise<string | Uint8Array> | string | Uint8Array, Partial<ImportOptions>]>([
    ["CSV", () => CSV, {}],
    ["CSV of another form", () => CSV.replaceAll(",", "|"), { format: "csv", csv: { delimiter: "|" } }],
    ["CSV in gzip", () => gzipSync(CSV), {}],
    ["JSON lines", () => LINES, {}],
    ["JSON lines in gzip", () => gzipSync(LINES), { format: "jsonl" }],
    ["JSON", () => `[${LINES.trim().replace("\n", ",")}]`, {}],
    [
      "Parquet",
      async () => readFile(await world.parquet("x.parquet", "SELECT 1 AS p, i AS c FROM range(1, 3) r(i)")),
      {},
    ],
  ])("as %s", async (_, content, more) => {
    await world.empty();
    const before = await spools();
    const { code, message, report } = await piped(await content(), more);
    expect([code, message, report?.rows, await world.keys()]).toEqual([0, "", 2, ["1:1", "1:2"]]);
    expect((await spools()).filter((name) => !before.includes(name))).toEqual([]);
  });

  it("names itself where a row does not fit, and leaves nothing to go on with", async () => {
    await world.empty();
    const jobDirectory = world.newJob();
    const { code, bad } = await piped("p,c\n1,1\n1,x\n1,3\n", { jobDirectory, maxErrors: 0 });
    expect([code, bad]).toEqual([3, [expect.objectContaining({ file: "stdin", row: 2, column: "c" })]]);
    expect(await world.keys()).toEqual(["1:1", "1:3"]);
    expect((await piped("p,c\n1,2\n", { jobDirectory, badRows: undefined })).code).toBe(0);
    expect(await piped("p,c\n1,2\n", { jobDirectory, badRows: undefined, resume: true })).toMatchObject({
      code: 2,
      message: expect.stringContaining("stdin can't be gone on with"),
    });
  });

  it("is refused where its format can't be told", async () => {
    expect(await piped("\0\0")).toMatchObject({
      code: 2,
      message: expect.stringContaining("the format of stdin can't be told"),
    });
  });
});
