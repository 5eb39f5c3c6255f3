/*
 * Runs the compiled binary as a user would, for tests.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { ensureBinary } from "../../scripts/build/ensure.ts";

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/**
 * Runs cqlduck in a directory, which also keeps its index of jobs; `during` gets the process while it runs.
 */
export async function runBinary(
  directory: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  during?: (child: ChildProcess) => void,
): Promise<Ended> {
  const child = spawn(await ensureBinary(), args, {
    cwd: directory,
    env: { ...process.env, XDG_STATE_HOME: join(directory, "state"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (data) => {
    out += data;
  });
  child.stderr.on("data", (data) => {
    err += data;
  });
  during?.(child);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, out, err }));
  });
}
