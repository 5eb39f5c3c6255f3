/*
 * Owns what a failure means for the process: its exit code, out of one table, and the lines it is told in.
 */
import {
  ClusterError,
  CqlduckError,
  DataError,
  InterruptedError,
  messageOf,
  StorageError,
  UsageError,
} from "../base/errors.ts";
import { VERSION } from "../version.ts";
import type { Session } from "./world.ts";

export const EXIT_DONE = 0;
export const EXIT_REJECTED = 1;
export const EXIT_USAGE = 2;
export const EXIT_BUG = 70;

export const SIGNAL_EXITS = { SIGINT: 130, SIGTERM: 143 } as const;

interface Exit {
  readonly code: number;
  /** What it means, for the reference. */
  readonly meaning: string;
  /** The failures that end so. */
  readonly of: readonly (typeof CqlduckError)[];
}

/** Every code the program ends with. */
export const EXITS: readonly Exit[] = [
  { code: EXIT_DONE, meaning: "done", of: [] },
  { code: EXIT_REJECTED, meaning: "done, but rows were rejected; they are in the file of --bad-rows", of: [] },
  {
    code: EXIT_USAGE,
    meaning:
      "usage or configuration: a bad option, an unknown table or column, a refused login, a destination that can't be used; " +
      "nothing was written",
    of: [UsageError],
  },
  {
    code: 3,
    meaning:
      "failed: the cluster can't be reached, a value can't be kept, the disk is full; " +
      "the last line on stderr is the command to go on with, where something was begun",
    of: [ClusterError, DataError, StorageError],
  },
  { code: EXIT_BUG, meaning: "a bug in cqlduck; stderr says what to report", of: [] },
  { code: SIGNAL_EXITS.SIGINT, meaning: "stopped by SIGINT (Ctrl-C); can be gone on with, as above", of: [] },
  { code: SIGNAL_EXITS.SIGTERM, meaning: "stopped by SIGTERM; can be gone on with, as above", of: [] },
];

/** The exit code of a failure; whatever isn't one of the known classes is a bug of ours. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof InterruptedError) return SIGNAL_EXITS[error.signal];
  return EXITS.find((exit) => exit.of.some((kind) => error instanceof kind))?.code ?? EXIT_BUG;
}

/** The command to go on with after a failure; undefined where nothing was begun, or going on doesn't help. */
export function commandAfter(session: Session, error: unknown): string | undefined {
  const code = exitCodeOf(error);
  return code === EXIT_BUG || code === EXIT_USAGE ? undefined : session.again;
}

/** Tells a failure on stderr; where it can be gone on from, the last line is the command for that. */
export function printFault(session: Session, error: unknown): void {
  const { terminal, debug } = session;
  const bug = exitCodeOf(error) === EXIT_BUG;
  const again = commandAfter(session, error);
  terminal.clear();
  if (debug) for (const line of stackLines(error)) terminal.line(terminal.dim(line));
  terminal.line(`${terminal.red("error:")} ${bug ? "internal error: " : ""}${messageOf(error)}`);
  const hint = bug ? bugHint(session) : error instanceof CqlduckError ? error.hint : undefined;
  if (hint) terminal.line(terminal.dim(`hint: ${hint}`));
  if (again) {
    terminal.line("go on with");
    terminal.line(again);
  }
}

function bugHint(session: Session): string {
  const system = `cqlduck ${VERSION}, ${process.platform}-${process.arch}`;
  const output = session.debug ? "the output above" : "what it prints with --debug";
  return `this is a bug in cqlduck: report it to the project with the version (${system}), your command and ${output}`;
}

function stackLines(error: unknown): string[] {
  const lines: string[] = [];
  // A chain of causes ends; a cycle made by mistake must too.
  for (let at = error, depth = 0; at !== undefined && depth < 8; depth++) {
    const stack = stackOf(at);
    lines.push(...(depth > 0 ? `caused by ${stack}` : stack).split("\n"));
    at = at instanceof Error ? at.cause : undefined;
  }
  return lines;
}

/** Name, message and stack. Bun's stack has the message that the error was made with, not one given later. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? "";
  if (stack.includes(error.message)) return stack;
  return [`${error.name}: ${error.message}`, ...stack.split("\n").slice(1)].join("\n");
}
