/*
 * Unpacking of the library that the binary carries, seen from outside: a program is started and either answers or says
 * why not.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ensureBinary } from "../../scripts/build/ensure.ts";
import { VERSION } from "../../src/version.ts";

const ANSWER = /^v\d+\.\d+\.\d+ \(6 \* 7\)$/;
const ROOT = join(import.meta.dirname, "../..");
const MAX_BYTES = 130e6;

let probe: string;
const base = mkdtempSync(join(tmpdir(), "cqlduck-binary-"));
let cache: string;

beforeAll(async () => {
  probe = await ensureBinary("test/scripts/native-process.ts", "build/native-process");
}, 240_000);

beforeEach(() => {
  cache = mkdtempSync(join(base, "cache-"));
});

afterAll(() => rmSync(base, { recursive: true, force: true }));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the program with these variables and no others. */
function start(question: string, env: Record<string, string>): Promise<Outcome> {
  const child: ChildProcess = spawn(probe, [question], { env, cwd: base });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (data) => (stdout += data));
  child.stderr?.on("data", (data) => (stderr += data));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout: stdout.trim(), stderr: stderr.trim() }));
  });
}

/** The files below the one directory that unpacking made in `root`. */
function unpacked(root: string): string[] {
  const [directory] = readdirSync(root);
  return readdirSync(join(root, directory!)).map((name) => join(root, directory!, name));
}

describe("unpacking", () => {
  it("gives every one of eight first starts at once the whole library", async () => {
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => start("duckdb", { CQLDUCK_CACHE_DIR: cache })));
    for (const outcome of outcomes) expect(outcome.stdout, outcome.stderr).toMatch(ANSWER);
    expect(unpacked(cache).filter((path) => path.endsWith(".tmp"))).toEqual([]);
  }, 60_000);

  it("repairs a truncated library, and one with other bytes when asked to look", async () => {
    await start("duckdb", { CQLDUCK_CACHE_DIR: cache });
    const library = unpacked(cache).find((path) => path.includes("libduckdb"))!;
    const whole = statSync(library).size;
    truncateSync(library, 1000);
    expect((await start("duckdb", { CQLDUCK_CACHE_DIR: cache })).stdout).toMatch(ANSWER);
    expect(statSync(library).size).toBe(whole);

    const bytes = readFileSync(library);
    writeFileSync(library, Buffer.from(bytes).fill(0, 0, 64));
    expect((await start("duckdb", { CQLDUCK_CACHE_DIR: cache, CQLDUCK_VERIFY: "1" })).stdout).toMatch(ANSWER);
    expect(readFileSync(library).equals(bytes)).toBe(true);
  }, 60_000);

  it("sweeps up after an unpacking that was killed long ago, and leaves one alone that may be going on", async () => {
    await start("duckdb", { CQLDUCK_CACHE_DIR: cache });
    const library = unpacked(cache).find((path) => path.includes("libduckdb"))!;
    const [old, fresh] = [`${library}.old.tmp`, `${library}.fresh.tmp`];
    for (const path of [old, fresh]) writeFileSync(path, "part");
    utimesSync(old, 0, 0);
    truncateSync(library, 1000);
    await start("duckdb", { CQLDUCK_CACHE_DIR: cache });
    expect([existsSync(old), existsSync(fresh)]).toEqual([false, true]);
  }, 60_000);

  it("takes another directory where the user's cache is of no use", async () => {
    writeFileSync(join(cache, "file"), "");
    const tmp = join(cache, "tmp");
    mkdirSync(tmp);
    const outcome = await start("duckdb", { XDG_CACHE_HOME: join(cache, "file"), TMPDIR: tmp });
    expect(outcome.stdout, outcome.stderr).toMatch(ANSWER);
    expect(readdirSync(tmp)).toHaveLength(1);
  }, 60_000);

  it("works without HOME", async () => {
    const outcome = await start("duckdb", { TMPDIR: cache, XDG_CACHE_HOME: "relative/is/ignored" });
    expect(outcome.stdout, outcome.stderr).toMatch(ANSWER);
  }, 60_000);

  it("refuses a directory where others may write, and says so", async () => {
    chmodSync(cache, 0o777);
    const outcome = await start("duckdb", { CQLDUCK_CACHE_DIR: cache });
    expect(outcome).toMatchObject({ code: 1, stdout: "" });
    expect(outcome.stderr).toContain(`${cache} can be written by other users`);
  });

  it("names the directory that it can't use", async () => {
    writeFileSync(join(cache, "file"), "");
    const outcome = await start("duckdb", { CQLDUCK_CACHE_DIR: join(cache, "file") });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/^can't unpack the DuckDB library that this program carries:\n {2}\S*\/file: /);
  });
});

describe("the Cassandra driver in the binary", () => {
  it("misses no module when it connects, and keeps the names of its errors", async () => {
    expect((await start("driver", {})).stdout).toBe("NoHostAvailableError");
  });

  it("is the same one by its inner modules", async () => {
    expect((await start("parts", {})).stdout).toBe("same");
  });
});

describe("the binary", () => {
  let binary: string;
  beforeAll(async () => {
    binary = await ensureBinary();
  }, 240_000);

  it("says its version without unpacking anything, wherever it stands", () => {
    const { stdout } = spawnSync(binary, ["--version"], {
      encoding: "utf8",
      cwd: cache,
      env: { CQLDUCK_CACHE_DIR: cache },
    });
    expect(stdout.trim()).toBe(VERSION);
    expect(readdirSync(cache)).toEqual([]);
  });

  it("comes out the same, byte for byte, when it is built again", async () => {
    const again = join(cache, "native-process");
    const bun = join(ROOT, "node_modules/.bin/bun");
    const entry = join(ROOT, "test/scripts/native-process.ts");
    spawnSync(bun, [join(ROOT, "scripts/build.ts"), "--entry", entry, "--outfile", again], { stdio: "inherit" });
    expect(readFileSync(again).equals(readFileSync(probe))).toBe(true);
  }, 60_000);

  it("is no bigger than promised and holds no path of the machine that made it", () => {
    expect(statSync(binary).size).toBeLessThanOrEqual(MAX_BYTES);
    expect(readFileSync(binary).includes(ROOT)).toBe(false);
  });
});
