import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
// Node 20 can't run TypeScript, so the child is Bun's whatever runs the tests.
const BUN = path("../../node_modules/.bin/bun");
const AGAIN = "cqlduck export ks.t out --resume";

/** Runs an export that behaves as named; `whenReady` gets the process when the export is under way. */
function child(behaviour: string, flags: readonly string[], whenReady: (process: ChildProcess) => void) {
  const process = spawn(BUN, [path("child.ts"), behaviour, "export", "ks.t", "out", ...flags]);
  let stderr = "";
  process.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  process.stdout.once("data", () => whenReady(process));
  return new Promise<{ code: number | null; lines: string[]; stderr: string }>((resolve) => {
    process.on("close", (code) => resolve({ code, stderr, lines: stderr.trimEnd().split("\n") }));
  });
}

function untilSaid(process: ChildProcess, text: string, then: () => void) {
  process.stderr?.on("data", (chunk) => {
    if (String(chunk).includes(text)) then();
  });
}

describe("signals", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s asks an export to stop", async (signal, code) => {
    const result = await child("polite", [], (process) => process.kill(signal));
    expect(result.code).toBe(code);
    expect(result.lines).toEqual([
      expect.stringMatching(/^note: stopping at a safe point/),
      `error: stopped by ${signal}`,
      "go on with",
      AGAIN,
    ]);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("a second one, %s, stops at once", async (signal, code) => {
    const result = await child("stubborn", [], (process) => {
      untilSaid(process, "safe point", () => process.kill(signal));
      process.kill("SIGINT");
    });
    expect(result.code).toBe(code);
    expect(result.lines.at(-1)).toBe(AGAIN);
  });

  it("leave the cursor as it was", async () => {
    const result = await child("stubborn", ["--progress", "bar"], (process) => {
      untilSaid(process, "safe point", () => process.kill("SIGINT"));
      process.kill("SIGINT");
    });
    const hidden = result.stderr.lastIndexOf("\x1b[?25l");
    expect(hidden).toBeGreaterThanOrEqual(0);
    expect(result.stderr.lastIndexOf("\x1b[?25h")).toBeGreaterThan(hidden);
  });
});

describe("uncaught errors", () => {
  it.each(["crash", "rejection"])("are bugs: %s", async (behaviour) => {
    const result = await child(behaviour, ["--progress", "bar"], () => undefined);
    expect(result.code).toBe(70);
    const told = result.stderr.slice(result.stderr.lastIndexOf("\x1b[?25h") + "\x1b[?25h".length);
    expect(told).toMatch(/^error: internal error: .*\nhint: this is a bug in cqlduck: .*--debug.*\n$/);
  });
});

describe("the program itself", () => {
  const main = path("../../src/main.ts");

  it("starts, and leaves with a code", () => {
    const version = spawnSync(BUN, [main, "--version"], { encoding: "utf8" });
    expect([version.status, version.stderr]).toEqual([0, ""]);
    const wrong = spawnSync(BUN, [main, "exprot"], { encoding: "utf8" });
    expect([wrong.status, wrong.stdout]).toEqual([2, ""]);
  });

  it("bears a reader that goes away", () => {
    const line = `{ "${BUN}" "${main}" export --help; echo "code $?" >&2; } | true`;
    expect(spawnSync("sh", ["-c", line], { encoding: "utf8" }).stderr).toBe("code 0\n");
  });
});
