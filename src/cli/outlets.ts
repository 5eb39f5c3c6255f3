/*
 * Owns where else a run is told of than on the terminal: the file of --report, the figures of --metrics, the URL of
 * --webhook. What can't be used is a usage error before anything begins; what fails later costs a warning, except that
 * a report which can't be written is no success.
 */
import { dirname } from "node:path";
import { CqlduckError, InterruptedError, messageOf, StorageError, UsageError } from "../base/errors.ts";
import type { JobEvent, Progress } from "../jobs/events.ts";
import { peakMemory } from "../operations/report.ts";
import { checkWritable, statusOf, writeDurably } from "../storage/local.ts";
import { commandAfter, exitCodeOf } from "./faults.ts";
import { Metrics, serveMetrics } from "./metrics.ts";
import type { Shown, Subject } from "./shown.ts";
import { postJson } from "./webhook.ts";
import type { Session } from "./world.ts";

const METRICS_EVERY_MS = 5000;

/** Everyone who is told of one run. */
export interface Outlets {
  readonly onEvent: (event: JobEvent) => void;
  /** Tells of the success. @throws StorageError where the report can't be written */
  readonly done: (report: object) => Promise<void>;
  /** Tells of the failure or interruption. Never throws. */
  readonly failed: (error: unknown) => Promise<void>;
  /** Ends what still runs. */
  readonly close: () => void;
}

/** Prepares what the user asked for. @throws UsageError for a port or a place that can't be had */
export async function openOutlets(session: Session, shown: Shown, subject: Subject): Promise<Outlets> {
  const startedAt = new Date();
  const metrics = new Metrics(subject.source ?? "");
  let progress: Progress | undefined;
  let source = subject.source;
  if (shown.report !== undefined) await checkPlace("--report", shown.report);
  const figures = await openMetrics(shown.metrics, metrics, (message) => warn(session, shown, message));
  const tell = async (body: object) => {
    await figures.write();
    if (!shown.webhook) return;
    try {
      await postJson(shown.webhook, body);
    } catch (error) {
      warn(session, shown, `--webhook: could not be delivered to ${messageOf(error)}`);
    }
  };
  const writeReport = async (body: object) => {
    if (shown.report !== undefined) await writeDurably(shown.report, `${JSON.stringify(body, null, 2)}\n`);
  };
  return {
    onEvent: (event) => {
      metrics.onEvent(event);
      if (event.kind === "progress") progress = event;
      if (event.kind === "planned") source = event.source;
    },
    done: async (report) => {
      const body = { ...subject, state: "done", exitCode: session.code, ...report };
      await writeReport(body);
      metrics.ended("done");
      await tell(body);
    },
    failed: async (error) => {
      const body = failureBody(
        session,
        { ...subject, ...(source === undefined ? {} : { source }) },
        error,
        startedAt,
        progress,
      );
      metrics.ended(body.state);
      try {
        await writeReport(body);
      } catch (fault) {
        warn(session, shown, `--report: ${messageOf(fault)}`);
      }
      await tell(body);
    },
    close: figures.close,
  };
}

function failureBody(
  session: Session,
  subject: Subject,
  error: unknown,
  startedAt: Date,
  progress: Progress | undefined,
) {
  const finishedAt = new Date();
  const {
    rows = 0,
    bytes = 0,
    ranges = 0,
    rangesDone = 0,
    segments = 0,
    retries = 0,
    failedRanges = 0,
  } = progress ?? {};
  return {
    ...subject,
    state: error instanceof InterruptedError ? ("interrupted" as const) : ("failed" as const),
    exitCode: exitCodeOf(error),
    error: messageOf(error),
    hint: error instanceof CqlduckError ? error.hint : undefined,
    /** What a person would type to go on. */
    resume: commandAfter(session, error),
    ...{ rows, bytes, ranges, rangesDone, segments, retries, failedRanges },
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    elapsedMs: finishedAt.getTime() - startedAt.getTime(),
    peakMemoryBytes: peakMemory(),
  };
}

/** Where the figures go: a file that is kept up to date, a port, or nowhere. */
async function openMetrics(
  target: Shown["metrics"],
  metrics: Metrics,
  warnOf: (message: string) => void,
): Promise<{ write(): Promise<void>; close(): void }> {
  if (!target) return { write: async () => undefined, close: () => undefined };
  if (!("file" in target)) {
    const server = await serveMetrics(target, () => metrics.text());
    return {
      write: async () => undefined,
      close: () => {
        server.close();
        server.closeAllConnections();
      },
    };
  }
  const { file } = target;
  await checkPlace("--metrics", file);
  let writing = Promise.resolve();
  let warned = false;
  // One after the other: they share a temporary file.
  const write = () => {
    writing = writing.then(async () => {
      try {
        await writeDurably(file, metrics.text());
      } catch (error) {
        if (!warned) warnOf(`--metrics: ${messageOf(error)}`);
        warned = true;
      }
    });
    return writing;
  };
  await write();
  const timer = setInterval(() => void write(), METRICS_EVERY_MS);
  return { write, close: () => clearInterval(timer) };
}

/** Makes sure that a file can be written there at the end. */
async function checkPlace(option: string, path: string): Promise<void> {
  try {
    if ((await statusOf(path))?.kind === "directory") throw new StorageError(`${path} is a directory`);
    if ((await statusOf(dirname(path))) === undefined) throw new StorageError(`there is no directory ${dirname(path)}`);
    await checkWritable(path);
  } catch (error) {
    const hint = error instanceof CqlduckError ? error.hint : undefined;
    throw new UsageError(`${option}: ${messageOf(error)}`, { cause: error, hint });
  }
}

/** A failure that changes nothing of how the run ended. Programs that read stderr get it as an event. */
function warn({ terminal }: Session, { progress, quiet }: Shown, message: string): void {
  if (progress === "json" && !quiet) terminal.line(JSON.stringify({ kind: "notice", message }));
  else terminal.line(`${terminal.red("warning:")} ${message}`);
}
