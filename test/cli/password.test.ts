import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, describe, expect, it } from "vitest";
import { cqlduck, Sink } from "./world.ts";

const directory = mkdtempSync(join(tmpdir(), "cqlduck-password-"));
const LOGIN = ["export", "ks.t", "out", "-u", "reader"];
afterAll(() => rmSync(directory, { recursive: true }));

function file(text: string): string {
  const path = join(directory, `${Math.random()}`);
  writeFileSync(path, text);
  return path;
}

/** A terminal on which `keys` are typed. */
function typing(keys: string) {
  const modes: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (mode: boolean) => void modes.push(mode) });
  stdin.write(keys);
  const stderr = new Sink({ isTTY: true, columns: 80 });
  return {
    modes,
    stderr,
    run: () =>
      cqlduck([...LOGIN, "--progress", "none"], { stderr, world: { stdin: stdin as unknown as NodeJS.ReadStream } }),
  };
}

describe("a password", () => {
  it("comes from a file, without its line end", async () => {
    for (const text of ["geheim", "geheim\n", "geheim\r\n"]) {
      const { asked } = await cqlduck([...LOGIN, "--password-file", file(text)], {
        env: { CQLDUCK_PASSWORD: "other" },
      });
      expect(asked?.connection).toMatchObject({ username: "reader", password: "geheim" });
    }
    expect((await cqlduck([...LOGIN, "--password-file", file(" a b \n\n")])).asked?.connection.password).toBe(
      " a b \n",
    );
    expect((await cqlduck([...LOGIN, "--password-file", file("\n")])).code).toBe(2);
  });

  it("comes from the environment, for someone", async () => {
    const env = { CQLDUCK_PASSWORD: "geheim" };
    expect((await cqlduck(LOGIN, { env })).asked?.connection.password).toBe("geheim");
    expect((await cqlduck(["export", "ks.t", "out"], { env })).asked?.connection.password).toBeUndefined();
  });

  it("is asked for on a terminal, and never shown", async () => {
    const { run, stderr, modes } = typing("gehx\x7f\x1b[Deim\rmore");
    const { asked } = await run();
    expect(asked?.connection.password).toBe("geheim");
    expect(stderr.text).toMatch(/^Password for reader: \n/);
    expect(stderr.text).not.toContain("geh");
    expect(modes).toEqual([true, false]);
  });

  it("needn't be given: Ctrl-C stops", async () => {
    const { run, modes } = typing("ge\x03");
    const { code, asked } = await run();
    expect(code).toBe(130);
    expect(asked).toBeUndefined();
    expect(modes).toEqual([true, false]);
  });

  it("is never printed", async () => {
    const { stderr } = await cqlduck([...LOGIN, "--debug"], {
      env: { CQLDUCK_PASSWORD: "geheim" },
      operations: { exportTable: () => Promise.reject(new Error("x")) },
    });
    expect(stderr.text).not.toContain("geheim");
  });
});
