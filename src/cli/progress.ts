/*
 * Owns when progress shows: events only change what is known, a timer draws it, so that a busy job costs no more than
 * ten frames a second and a stalled one still shows where it stands. Programs get each event as a line of JSON.
 */
import type { Arranging, JobEvent, Progress } from "../jobs/events.ts";
import {
  arrangedShare,
  arrangingFrame,
  arrangingLine,
  estimate,
  frame,
  PHASE_NAMES,
  type Phase,
  plainLine,
  plural,
  share,
} from "./frame.ts";
import type { Terminal } from "./terminal.ts";
import type { ProgressForm } from "./values.ts";

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
const JSON_MS = 500;

/** Begins to show a job's events on the terminal. */
export function showProgress(terminal: Terminal, form: ProgressForm, quiet: boolean): ProgressDisplay {
  const noticed = new Set<string>();
  const drawing = quiet || form === "none" ? hidden : drawingOf(terminal, form);
  const onEvent = (event: JobEvent) => {
    if (event.kind === "notice") {
      if (quiet || noticed.has(event.message)) return;
      noticed.add(event.message);
    }
    drawing.show(event);
    if (event.kind === "notice" && form !== "json") terminal.line(`note: ${event.message}`);
  };
  return { onEvent, noticed, stop: drawing.stop };
}

/** One of the forms at work. */
interface Drawing {
  readonly show: (event: JobEvent) => void;
  readonly stop: () => void;
}

const hidden: Drawing = { show: () => undefined, stop: () => undefined };

function drawingOf(terminal: Terminal, form: ProgressForm): Drawing {
  if (form === "json") return writeJson(terminal);
  return form === "bar" || (form === "auto" && terminal.interactive) ? drawFrames(terminal) : writeLines(terminal);
}

interface Known {
  phase: Phase;
  progress: Progress | undefined;
  /** While files are arranged. */
  arranging?: Arranging | undefined;
}

function remember(known: Known, event: JobEvent): void {
  if (event.kind === "table") known.progress = undefined;
  if (event.kind === "progress") known.progress = event;
  if (event.kind === "arranging") known.arranging = event;
  if (event.kind !== "phase") return;
  known.phase = event.phase;
  known.arranging = undefined;
}

function drawFrames(terminal: Terminal): Drawing {
  const known: Known = { phase: "read", progress: undefined };
  const draw = () => {
    const { progress, phase, arranging } = known;
    if (arranging) terminal.draw(arrangingFrame(arranging, terminal.width));
    else terminal.draw(progress ? frame(progress, terminal.width, phase) : "connecting");
  };
  draw();
  const timer = setInterval(draw, FRAME_MS);
  const stop = () => {
    clearInterval(timer);
    terminal.clear();
  };
  const show = (event: JobEvent) => {
    remember(known, event);
    if (event.kind === "table") terminal.line(tableLine(event));
  };
  return { show, stop };
}

function writeLines(terminal: Terminal): Drawing {
  const known: Known = { phase: "read", progress: undefined };
  const start = Date.now();
  let arrangingSince = start;
  const wait = () => setTimeout(write, Date.now() - start < 60_000 ? PLAIN_MS : PLAIN_LATER_MS);
  const write = () => {
    if (known.arranging) terminal.line(arrangingLine(known.arranging, Date.now() - arrangingSince));
    else if (known.progress) terminal.line(plainLine(known.progress, known.phase));
    timer = wait();
  };
  let timer = wait();
  const show = (event: JobEvent) => {
    remember(known, event);
    if (event.kind === "phase") arrangingSince = Date.now();
    const line = milestone(event);
    if (line) terminal.line(line);
  };
  return { show, stop: () => clearTimeout(timer) };
}

/** Each event as it comes, but of progress only the newest, twice a second. */
function writeJson(terminal: Terminal): Drawing {
  const known: Known = { phase: "read", progress: undefined };
  let waiting: Progress | Arranging | undefined;
  let timer: NodeJS.Timeout | undefined;
  const write = () => {
    timer = undefined;
    if (!waiting) return;
    terminal.line(waiting.kind === "progress" ? jsonOf(waiting, known.phase) : arrangingJson(waiting));
    waiting = undefined;
    timer = setTimeout(write, JSON_MS);
  };
  const show = (event: JobEvent) => {
    // What is held back is of the phase before.
    if (event.kind === "phase" && waiting) {
      clearTimeout(timer);
      write();
    }
    remember(known, event);
    if (event.kind !== "progress" && event.kind !== "arranging") {
      terminal.line(JSON.stringify(event));
      return;
    }
    waiting = event;
    if (!timer) write();
  };
  return { show, stop: () => clearTimeout(timer) };
}

function arrangingJson(arranging: Arranging): string {
  const { kind, step, ...counts } = arranging;
  const share = Math.floor(arrangedShare(arranging) * 1000) / 1000;
  return JSON.stringify({ kind, phase: "arrange", step, share, ...counts });
}

function jsonOf(progress: Progress, phase: Phase): string {
  const { kind, elapsedMs, rowsPerSecond, etaMs, ...counts } = progress;
  return JSON.stringify({
    kind,
    phase,
    share: Math.floor(share(progress) * 1000) / 1000,
    ...counts,
    elapsedMs: Math.round(elapsedMs),
    rowsPerSecond: Math.round(rowsPerSecond),
    // JSON.stringify would leave an undefined one out.
    etaMs: etaMs === undefined ? null : Math.round(etaMs),
  });
}

function tableLine({ table, number, tables }: Extract<JobEvent, { kind: "table" }>): string {
  return `table ${number} of ${tables}: ${table}`;
}

/** What a log says at once when it happens. */
function milestone(event: JobEvent): string | undefined {
  if (event.kind === "table") return tableLine(event);
  if (event.kind === "planned") {
    return `reading ${plural(event.ranges, event.unit)}, ${estimate(event)}`;
  }
  return event.kind === "phase" && event.phase !== "read" ? PHASE_NAMES[event.phase] : undefined;
}
