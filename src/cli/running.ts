/*
 * Owns the frame around an operation that takes its time: signals that stop it, progress while it runs, the report, and
 * telling all of it elsewhere too (outlets.ts).
 */
import { InterruptedError } from "../base/errors.ts";
import type { ExportReport } from "../jobs/events.ts";
import type { Outlets } from "./outlets.ts";
import { type ProgressDisplay, showProgress } from "./progress.ts";
import type { Shown, Subject } from "./shown.ts";
import { type Interruption, listenForSignals } from "./signals.ts";
import { type Session, writeResult } from "./world.ts";

/**
 * Runs `work` with a signal that SIGINT and SIGTERM abort, and a display for its events.
 * @param subject undefined for what need not be told elsewhere
 * @param work gives the report
 */
export async function running(
  session: Session,
  shown: Shown,
  subject: Subject | undefined,
  work: (signal: AbortSignal, display: ProgressDisplay) => Promise<object>,
): Promise<void> {
  const outlets = await outletsFor(session, shown, subject);
  const interruption = listenForSignals(session, shown.quiet);
  const display = showProgress(session.terminal, shown.progress, shown.quiet);
  const onEvent: ProgressDisplay["onEvent"] = (event) => {
    display.onEvent(event);
    outlets?.onEvent(event);
  };
  try {
    const report = await work(interruption.signal, { ...display, onEvent });
    display.stop();
    await outlets?.done(report);
  } catch (error) {
    display.stop();
    const failure = failureOf(error, interruption);
    await outlets?.failed(failure);
    throw failure;
  } finally {
    outlets?.close();
    interruption.stop();
  }
}

async function outletsFor(session: Session, shown: Shown, subject: Subject | undefined): Promise<Outlets | undefined> {
  if (!subject || !(shown.report ?? shown.metrics ?? shown.webhook)) return undefined;
  const { openOutlets } = await import("./outlets.ts");
  return openOutlets(session, shown, subject);
}

/** Once asked to stop, whatever fails is a consequence of that. */
function failureOf(error: unknown, { signal }: Interruption): unknown {
  const { reason } = signal;
  if (!(reason instanceof InterruptedError) || error === reason) return error;
  reason.cause = error;
  return reason;
}

/** The end of an export: for people on stderr, for programs on stdout. Gives the report back. */
export async function printReport(
  session: Session,
  shown: Shown,
  display: ProgressDisplay,
  report: ExportReport,
): Promise<ExportReport> {
  const { reportText } = await import("./report.ts");
  display.stop();
  // What fails from here on is the telling; the export itself is published.
  session.again = undefined;
  const line = () =>
    shown.progress === "json" ? JSON.stringify({ kind: "report", ...report }) : reportText(report, display.noticed);
  if (!shown.quiet) session.terminal.line(line());
  if (shown.json) await writeResult(session.world, `${JSON.stringify(report)}\n`);
  return report;
}
