/*
 * Unpacking of the library that the binary carries, seen from outside: a program is started and either answers or says
 * why not.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
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
import { canMount, withDisk } from "../mounts.ts";

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

  it("makes the cache directory, private to the user, where there is none", async () => {
    const root = join(cache, "not", "yet", "there");
    const outcome = await start("duckdb", { CQLDUCK_CACHE_DIR: root });
    expect(outcome.stdout, outcome.stderr).toMatch(ANSWER);
    const [directory] = readdirSync(root);
    for (const path of [root, join(root, directory!)]) expect(statSync(path).mode & 0o777).toBe(0o700);
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

describe.skipIf(!canMount("caches on disks of their own"))("a cache on a disk", () => {
  // 32 MB hold a part of the library only.
  it.each([
    ["is read-only", "ro", /read-only|EROFS/i],
    ["is full", "size=32m", /no space left|ENOSPC/i],
    ["lets no program run", "noexec", /operation not permitted|failed to map/i],
  ])(
    "that %s is named with the reason, or another is taken",
    async (_, options, reason) => {
      const disk = join(cache, "disk");
      const tmp = join(cache, "tmp");
      mkdirSync(disk);
      mkdirSync(tmp);
      await withDisk(disk, `${options},mode=0700`, async () => {
        const refused = await start("duckdb", { CQLDUCK_CACHE_DIR: join(disk, "cqlduck") });
        expect(refused).toMatchObject({ code: 1, stdout: "" });
        const [first, second] = refused.stderr.split("\n");
        expect(first).toBe("can't unpack the DuckDB library that this program carries:");
        expect(second).toContain(`${disk}/cqlduck: `);
        expect(second).toMatch(reason);
        // What didn't fit is not left there to fill the disk.
        const left = readdirSync(disk, { recursive: true }).map(String);
        expect(left.filter((name) => name.endsWith(".tmp"))).toEqual([]);

        const moved = await start("duckdb", { XDG_CACHE_HOME: disk, TMPDIR: tmp });
        expect(moved.stdout, moved.stderr).toMatch(ANSWER);
        expect(readdirSync(tmp)).toHaveLength(1);
      });
    },
    60_000,
  );
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

  /** The exit code and stderr of a line for the shell, in which `cqlduck` is the binary. */
  function shell(line: string, env: Record<string, string> = {}): string[] {
    const script = `set -o pipefail; cqlduck() { "${binary}" "$@"; }; { ${line}; echo "exit $?" >&2; }`;
    const options = { encoding: "utf8", cwd: cache, env: { PATH: process.env.PATH ?? "", ...env } } as const;
    return spawnSync("bash", ["--norc", "-c", script], options).stderr.trimEnd().split("\n");
  }

  it("bears a stdout that is closed, and a reader that goes away", () => {
    expect(shell("cqlduck --version >&-")).toEqual(["exit 0"]);
    expect(shell("cqlduck export --help | head -n 1 >/dev/null")).toEqual(["exit 0"]);
    expect(shell("cqlduck export --help | true")).toEqual(["exit 0"]);
    expect(shell("cqlduck completion bash | head -n 1 >/dev/null")).toEqual(["exit 0"]);
  });

  it("says that a full disk took nothing of its output", () => {
    const full = [expect.stringMatching(/^error: can't write to stdout: ENOSPC/), "exit 3"];
    for (const command of ["--version", "export --help", "completion zsh", "jobs"]) {
      expect(shell(`cqlduck ${command} >/dev/full`, { HOME: cache }), command).toEqual(full);
    }
  });

  it("keeps its exit code where nothing can be said", () => {
    for (const closed of ["2>&-", "2>/dev/full", "<&- >&- 2>&-"]) {
      expect(shell(`(cqlduck exprot ${closed}); (exit $?)`), closed).toEqual(["exit 2"]);
    }
  });

  it("needs neither HOME nor an entry in the user database", () => {
    expect(shell("cqlduck jobs >/dev/null")).toEqual(["exit 0"]);
    if (process.getuid?.() !== 0) return;
    // The binary may lie where only its owner can look.
    const there = mkdtempSync(join(tmpdir(), "cqlduck-nobody-"));
    try {
      chmodSync(there, 0o755);
      copyFileSync(binary, join(there, "cqlduck"));
      const { status, stdout, stderr } = spawnSync(join(there, "cqlduck"), ["jobs"], {
        encoding: "utf8",
        cwd: there,
        env: {},
        uid: 54_321,
        gid: 54_321,
      });
      expect([status, stdout, stderr]).toEqual([0, "no unfinished jobs\n", ""]);
    } finally {
      rmSync(there, { recursive: true });
    }
  });

  it("writes no colours and moves no cursor but on a terminal that knows how", () => {
    for (const env of [{}, { NO_COLOR: "1" }, { TERM: "dumb" }]) {
      expect(shell("cqlduck exprot", env).join("\n")).not.toContain("\x1b");
    }
  });

  it("ends with 3 and what to do where its library can't be unpacked", () => {
    writeFileSync(join(cache, "file"), "");
    const told = shell("cqlduck export ks.t out -H 127.0.0.1:1", {
      CQLDUCK_CACHE_DIR: join(cache, "file"),
      HOME: cache,
    });
    expect(told[0]).toBe("error: can't unpack the DuckDB library that this program carries:");
    expect(told).toContainEqual(
      expect.stringMatching(/^hint: set CQLDUCK_CACHE_DIR to a directory .* not mounted noexec$/),
    );
    expect(told.at(-1)).toBe("exit 3");
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
