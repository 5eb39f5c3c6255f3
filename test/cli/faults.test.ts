import { describe, expect, it } from "vitest";
import {
  ClusterError,
  CqlduckError,
  DataError,
  InterruptedError,
  StorageError,
  UsageError,
} from "../../src/base/errors.ts";
import { exitCodeOf } from "../../src/cli/faults.ts";
import { commandAgain } from "../../src/cli/rerun.ts";
import type { ExportOptions } from "../../src/operations/options.ts";
import { cqlduck, Sink } from "./world.ts";

const EXPORT = ["export", "ks.t", "out dir/"];

/** An export that ends with `error`. */
function failing(error: unknown, argv: readonly string[] = EXPORT, terminal = {}) {
  const exportTable = () => Promise.reject(error);
  return cqlduck(argv, { operations: { exportTable, planExport: exportTable }, stderr: new Sink(terminal) });
}

describe("exit codes", () => {
  it.each([
    [new UsageError("x"), 2],
    [new ClusterError("x"), 3],
    [new DataError("x"), 3],
    [new StorageError("x"), 3],
    [new InterruptedError("SIGINT"), 130],
    [new InterruptedError("SIGTERM"), 143],
    [new CqlduckError("x"), 70],
    [new TypeError("x"), 70],
    ["a string", 70],
    [undefined, 70],
  ])("%o ends with %i", async (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
    expect((await failing(error)).code).toBe(code);
  });

  it("follows the class, however far it was derived", () => {
    class Narrower extends DataError {}
    expect(exitCodeOf(new Narrower("x"))).toBe(3);
  });
});

describe("a failure on stderr", () => {
  it("says what, what to do, and in the last line how to go on", async () => {
    const { stderr, stdout } = await failing(new ClusterError("no host answers", { hint: "is it running?" }));
    expect(stderr.lines).toEqual([
      "error: no host answers",
      "hint: is it running?",
      "go on with",
      "cqlduck export ks.t 'out dir/' --resume",
    ]);
    expect(stdout.text).toBe("");
  });

  it("says --resume of an --append only once it was begun: nothing is added where nothing was", async () => {
    const argv = ["export", "ks.t", "out/", "--append"];
    const exportTable = (begins: boolean) => async (options: ExportOptions) => {
      if (begins) options.onEvent?.({ kind: "phase", phase: "read" });
      throw new ClusterError("no host answers");
    };
    const last = async (begins: boolean) =>
      (await cqlduck(argv, { operations: { exportTable: exportTable(begins) } })).stderr.lines.at(-1);
    expect(await last(false)).toBe("cqlduck export ks.t out/ --append");
    expect(await last(true)).toBe("cqlduck export ks.t out/ --append --resume");
  });

  it("names no way on where nothing was begun", async () => {
    expect((await failing(new UsageError("no such table", { hint: "did you mean u?" }))).stderr.lines).toEqual([
      "error: no such table",
      "hint: did you mean u?",
    ]);
    const dry = await failing(new ClusterError("no host answers"), [...EXPORT, "--dry-run"]);
    expect(dry.stderr.lines.at(-1)).toBe("cqlduck export ks.t 'out dir/' --dry-run");
  });

  it("tells how to report a bug, and shows the stack when asked", async () => {
    const bug = new TypeError("x is not a function");
    const { stderr } = await failing(bug);
    expect(stderr.lines).toEqual([
      "error: internal error: x is not a function",
      expect.stringMatching(
        /^hint: this is a bug in cqlduck: report it .* version \(cqlduck \d+\.\S+, \w+-\w+\), your command and .*--debug/,
      ),
    ]);
    const debugged = await failing(new DataError("bad value", { cause: bug }), [...EXPORT, "--debug"]);
    expect(debugged.stderr.text).toMatch(/faults\.test[\s\S]*caused by TypeError: x is not a function/);
    expect(debugged.stderr.lines.at(-1)).toBe("cqlduck export ks.t 'out dir/' --debug --resume");
  });

  it("is coloured on a terminal, without NO_COLOR", async () => {
    const operations = { exportTable: () => Promise.reject(new UsageError("x", { hint: "y" })) };
    const stderr = () => new Sink({ isTTY: true, columns: 80 });
    const plain = (env: Record<string, string>) => cqlduck([...EXPORT, "-q"], { operations, stderr: stderr(), env });
    expect((await plain({})).stderr.text).toBe("\x1b[31merror:\x1b[39m x\n\x1b[2mhint: y\x1b[22m\n");
    expect((await plain({ NO_COLOR: "1" })).stderr.text).toBe("error: x\nhint: y\n");
    expect((await plain({ TERM: "dumb" })).stderr.text).toBe("error: x\nhint: y\n");
  });

  it("keeps errors, and errors only, with --quiet", async () => {
    const { stderr } = await cqlduck([...EXPORT, "--quiet"], {
      operations: {
        exportTable: async (options) => {
          options.onEvent?.({ kind: "notice", message: "slow host" });
          throw new StorageError("disk full");
        },
      },
    });
    expect(stderr.lines[0]).toBe("error: disk full");
    expect(stderr.text).not.toContain("slow host");
  });
});

describe("the command to go on", () => {
  it.each([
    [["export", "ks.t", "out"], "cqlduck export ks.t out --resume"],
    [["export", "--restart", "ks.t", "out"], "cqlduck export ks.t out --resume"],
    [["export", "--resume", "ks.t", "out"], "cqlduck export --resume ks.t out"],
    [["export", "--", "ks.t", "-out"], "cqlduck export --resume -- ks.t -out"],
    [
      ["export", 'ks."It\'s"', "a b", "--type", "x=DECIMAL(10,2)"],
      `cqlduck export 'ks."It'\\''s"' 'a b' --type 'x=DECIMAL(10,2)' --resume`,
    ],
    [["export", "ks.t", "$HOME/*", "~"], "cqlduck export ks.t '$HOME/*' '~' --resume"],
    [["export", ""], "cqlduck export '' --resume"],
  ])("is what was typed, quoted: %j", (argv, line) => {
    expect(commandAgain(argv, "--resume", "--restart")).toBe(line);
  });
});

describe("stdout", () => {
  const broken = (code: string) => {
    const stdout = new Sink();
    stdout.fault = Object.assign(new Error(`${code}: write`), { code });
    return stdout;
  };

  it("may have lost its reader", async () => {
    for (const argv of [["--help"], [...EXPORT, "--json"], [...EXPORT, "--dry-run"]]) {
      expect((await cqlduck(argv, { stdout: broken("EPIPE") })).code).toBe(0);
    }
  });

  it("that takes nothing is a failure", async () => {
    const { code, stderr } = await cqlduck(["--version"], { stdout: broken("ENOSPC") });
    expect(code).toBe(3);
    expect(stderr.lines).toEqual(["error: can't write to stdout: ENOSPC: write"]);
    // The export is published: there is nothing to go on with.
    const told = (await cqlduck([...EXPORT, "--json"], { stdout: broken("ENOSPC") })).stderr.lines;
    expect(told.at(-1)).toBe("error: can't write to stdout: ENOSPC: write");
  });
});
