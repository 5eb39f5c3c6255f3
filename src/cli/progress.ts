/*
 * Owns when progress shows: events only change what is known, a timer draws it, so that a busy job costs no more than
 * ten frames a second and a stalled one still shows where it stands.
 */
import type { JobEvent, Progress } from "../jobs/events.ts";
import { estimate, frame, PHASE_NAMES, type Phase, plainLine, plural } from "./frame.ts";
import type { Terminal } from "./terminal.ts";

export type ProgressForm = "auto" | "bar" | "plain" | "none";

export interface ProgressDisplay {
  readonly onEvent: (event: JobEvent) => void;
  /** Notices that were printed, so that the report doesn't repeat them. */
  readonly noticed: ReadonlySet<string>;
  /** Ends the drawing and leaves a clean line. */
  readonly stop: () => void;
}

const FRAME_MS = 100;
const PLAIN_MS = 5000;
/** Past the first minute a log needs fewer lines. */
const PLAIN_LATER_MS = 10_000;

/** Begins to show a job's events on the terminal. */
export function showProgress(terminal: Terminal, form: ProgressForm, quiet: boolean): ProgressDisplay {
  const known: Known = { phase: "read", progress: undefined };
  const noticed = new Set<string>();
  const asBar = form === "bar" || (form === "auto" && terminal.interactive);
  const shown = !quiet && form !== "none";
  const stop = !shown ? () => undefined : asBar ? drawFrames(terminal, known) : writeLines(terminal, known);
  const onEvent = (event: JobEvent) => {
    if (event.kind === "progress") known.progress = event;
    if (event.kind === "phase") known.phase = event.phase;
    if (event.kind === "notice" && !quiet && !noticed.has(event.message)) {
      noticed.add(event.message);
      terminal.line(`note: ${event.message}`);
    }
    const line = shown && !asBar ? milestone(event) : undefined;
    if (line) terminal.line(line);
  };
  return { onEvent, noticed, stop };
}

interface Known {
  phase: Phase;
  progress: Progress | undefined;
}

function drawFrames(terminal: Terminal, known: Known): () => void {
  const draw = () => {
    const { progress, phase } = known;
    terminal.draw(progress ? frame(progress, terminal.width, phase) : "connecting".slice(0, terminal.width - 1));
  };
  draw();
  const timer = setInterval(draw, FRAME_MS);
  return () => {
    clearInterval(timer);
    terminal.clear();
  };
}

function writeLines(terminal: Terminal, known: Known): () => void {
  const start = Date.now();
  const wait = () => setTimeout(write, Date.now() - start < 60_000 ? PLAIN_MS : PLAIN_LATER_MS);
  const write = () => {
    if (known.progress) terminal.line(plainLine(known.progress, known.phase));
    timer = wait();
  };
  let timer = wait();
  return () => clearTimeout(timer);
}

/** What a log says at once when it happens. */
function milestone(event: JobEvent): string | undefined {
  if (event.kind === "planned") {
    return `reading ${plural(event.ranges, "range")}, ${estimate(event)}`;
  }
  return event.kind === "phase" && event.phase !== "read" ? PHASE_NAMES[event.phase] : undefined;
}
