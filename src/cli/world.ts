/*
 * Owns the outside of a command: streams, environment, process and the operations behind it, as one value that tests
 * replace. Nothing else in src/cli touches the global process.
 */
import type { EventEmitter } from "node:events";
import { StorageError } from "../base/errors.ts";
import type { ExportReport } from "../jobs/events.ts";
import type { ExportOptions, ExportPlan } from "../operations/options.ts";
import type { Output, Terminal } from "./terminal.ts";

export interface Operations {
  readonly exportTable: (options: ExportOptions) => Promise<ExportReport>;
  readonly planExport: (options: ExportOptions) => Promise<ExportPlan>;
}

export interface World {
  /** What was typed behind `cqlduck`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Where signals and uncaught errors arrive. */
  readonly process: EventEmitter;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
  /** Loaded when an operation is asked for, so that help and version are quick. */
  readonly loadOperations: () => Promise<Operations>;
}

/** One run of the program. */
export interface Session {
  readonly world: World;
  readonly terminal: Terminal;
  readonly debug: boolean;
  /** The command to go on with after a failure, once there is something to go on with. */
  again: string | undefined;
}

/** Writes a result to stdout. A reader that has gone (`| head`) is no error. */
export function writeResult(world: World, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    world.stdout.write(text, (error?: NodeJS.ErrnoException | null) => {
      if (!error || error.code === "EPIPE") resolve();
      else reject(new StorageError(`can't write to stdout: ${error.message}`, { cause: error }));
    });
  });
}
