/*
 * Owns where the user's unfinished jobs are made known, by the XDG base directory specification.
 */
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * The directory of the index of jobs: $XDG_STATE_HOME/cqlduck/jobs, else ~/.local/state/cqlduck/jobs. Undefined for a
 * user without a home, as in containers: such a job is found by its destination only.
 */
export function stateDirectory(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const state = env.XDG_STATE_HOME || stateOfHome(env.HOME);
  return state === undefined ? undefined : join(state, "cqlduck", "jobs");
}

function stateOfHome(home: string | undefined): string | undefined {
  try {
    return join(home || homedir(), ".local", "state");
  } catch {
    return undefined; // no HOME and no entry in the user database
  }
}
