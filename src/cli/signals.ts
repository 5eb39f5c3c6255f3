/*
 * Owns SIGINT and SIGTERM while an operation runs: the first asks it to stop at a safe point, the second stops at once.
 */
import { InterruptedError } from "../base/errors.ts";
import { printFault, SIGNAL_EXITS } from "./faults.ts";
import type { Session } from "./world.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

export interface Interruption {
  readonly signal: AbortSignal;
  /** Gives the signals their usual meaning back. */
  readonly stop: () => void;
}

/** Listens until `stop`. The abort's reason is an InterruptedError. */
export function listenForSignals(session: Session, quiet: boolean): Interruption {
  const { world, terminal } = session;
  const controller = new AbortController();
  const listeners = SIGNALS.map((name) => {
    const listener = () => {
      const error = new InterruptedError(name);
      if (controller.signal.aborted) {
        printFault(session, error);
        world.exit(SIGNAL_EXITS[name]);
        return;
      }
      controller.abort(error);
      if (!quiet) terminal.line("note: stopping at a safe point; a second signal (Ctrl-C) stops at once");
    };
    world.process.on(name, listener);
    return [name, listener] as const;
  });
  const stop = () => {
    for (const [name, listener] of listeners) world.process.off(name, listener);
  };
  return { signal: controller.signal, stop };
}
