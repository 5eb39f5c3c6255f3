/*
 * Owns the frame around an operation that takes its time: signals that stop it, progress while it runs, the report.
 */
import { InterruptedError } from "../base/errors.ts";
import type { ExportReport } from "../jobs/events.ts";
import { type ProgressDisplay, showProgress } from "./progress.ts";
import { listenForSignals } from "./signals.ts";
import { type Session, writeResult } from "./world.ts";

/** What the user said of the output of any command. */
export interface Shown {
  readonly progress: Parameters<typeof showProgress>[1];
  readonly quiet: boolean;
  readonly json: boolean;
}

/** Runs `work` with a signal that SIGINT and SIGTERM abort, and a display for its events. */
export async function running(
  session: Session,
  shown: Shown,
  work: (signal: AbortSignal, display: ProgressDisplay) => Promise<void>,
): Promise<void> {
  const interruption = listenForSignals(session, shown.quiet);
  const display = showProgress(session.terminal, shown.progress, shown.quiet);
  try {
    await work(interruption.signal, display);
  } catch (error) {
    // Once asked to stop, whatever fails is a consequence of that.
    const { reason } = interruption.signal;
    if (!(reason instanceof InterruptedError) || error === reason) throw error;
    reason.cause = error;
    throw reason;
  } finally {
    display.stop();
    interruption.stop();
  }
}

/** The end of an export: for people on stderr, for programs on stdout. */
export async function printReport(
  session: Session,
  shown: Shown,
  display: ProgressDisplay,
  report: ExportReport,
): Promise<void> {
  const { reportText } = await import("./report.ts");
  display.stop();
  // What fails from here on is the telling; the export itself is published.
  session.again = undefined;
  const line = () =>
    shown.progress === "json" ? JSON.stringify({ kind: "report", ...report }) : reportText(report, display.noticed);
  if (!shown.quiet) session.terminal.line(line());
  if (shown.json) await writeResult(session.world, `${JSON.stringify(report)}\n`);
}
