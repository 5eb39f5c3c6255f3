/*
 * Owns the figures of a run in Prometheus' text format, and the two ways they are fetched: a file as the textfile
 * collector reads it, or a port. What happens is told by events.
 */
import { createServer, type Server } from "node:http";
import { messageOf, UsageError } from "../base/errors.ts";
import { errorCode } from "../base/filefailure.ts";
import type { JobEvent, Progress } from "../jobs/events.ts";
import { peakMemory } from "../operations/report.ts";

const STATES = ["connecting", "reading", "arranging", "publishing", "done", "failed", "interrupted"] as const;
export type State = (typeof STATES)[number];

const STATE_OF_PHASE = { read: "reading", arrange: "arranging", publish: "publishing" } as const;

/** What is known of one source. */
interface Series {
  source: string;
  ranges: number;
  progress: Progress | undefined;
  state: State;
}

interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly value: (series: Series) => number;
}

const FAMILIES: readonly Family[] = [
  { name: "rows_total", type: "counter", help: "Rows received.", value: ({ progress }) => progress?.rows ?? 0 },
  {
    name: "bytes_total",
    type: "counter",
    help: "Bytes of values received.",
    value: ({ progress }) => progress?.bytes ?? 0,
  },
  {
    name: "ranges_done",
    type: "gauge",
    help: "Token ranges, or files of an import, read to their end.",
    value: ({ progress }) => progress?.rangesDone ?? 0,
  },
  {
    name: "ranges",
    type: "gauge",
    help: "Token ranges, or files of an import, in all.",
    value: ({ ranges }) => ranges,
  },
  {
    name: "segments_total",
    type: "counter",
    help: "Segments made durable.",
    value: ({ progress }) => progress?.segments ?? 0,
  },
  {
    name: "retries_total",
    type: "counter",
    help: "Requests made again.",
    value: ({ progress }) => progress?.retries ?? 0,
  },
  {
    name: "failed_ranges",
    type: "gauge",
    help: "Token ranges set aside because the cluster could not give them.",
    value: ({ progress }) => progress?.failedRanges ?? 0,
  },
  {
    name: "errors_total",
    type: "counter",
    help: "Failures that trying again did not help with: token ranges set aside, and the end of the run.",
    value: ({ progress, state }) => (progress?.failedRanges ?? 0) + (state === "failed" ? 1 : 0),
  },
];

/** The figures of one run. */
export class Metrics {
  readonly #startedAt = performance.now();
  readonly #series: [Series, ...Series[]];

  /** @param source what is read, as far as it is known before the first event */
  constructor(source: string) {
    this.#series = [{ source, ranges: 0, progress: undefined, state: "connecting" }];
  }

  onEvent(event: JobEvent): void {
    if (event.kind === "planned") this.#begin(event.source, event.ranges);
    if (event.kind === "progress") this.#last.progress = event;
    if (event.kind === "phase") this.#last.state = STATE_OF_PHASE[event.phase];
  }

  ended(state: "done" | "failed" | "interrupted"): void {
    this.#last.state = state;
  }

  /** All figures as they are now. */
  text(): string {
    const one = (name: string, type: string, help: string, value: number) =>
      family(name, type, help, [sample(name, { source: this.#last.source }, value)]);
    return [
      ...FAMILIES.map(({ name, type, help, value }) =>
        family(
          name,
          type,
          help,
          this.#series.map((series) => sample(name, { source: series.source }, value(series))),
        ),
      ),
      one("seconds", "gauge", "How long the run has taken so far.", (performance.now() - this.#startedAt) / 1000),
      one("peak_memory_bytes", "gauge", "The most memory the process had at once.", peakMemory()),
      family(
        "state",
        "gauge",
        "1 for the state that the run is in, 0 for all others.",
        this.#series.flatMap(({ source, state }) =>
          STATES.map((name) => sample("state", { source, state: name }, name === state ? 1 : 0)),
        ),
      ),
    ].join("");
  }

  get #last(): Series {
    return this.#series.at(-1)!;
  }

  #begin(source: string, ranges: number): void {
    const last = this.#last;
    if (last.state !== "connecting") this.#series.push({ source, ranges, progress: undefined, state: "connecting" });
    else Object.assign(last, { source, ranges });
  }
}

function family(name: string, type: string, help: string, samples: readonly string[]): string {
  return `# HELP cqlduck_${name} ${help}\n# TYPE cqlduck_${name} ${type}\n${samples.join("")}`;
}

function sample(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const list = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `cqlduck_${name}{${list.join(",")}} ${value}\n`;
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "this user may not have it",
  EADDRINUSE: "another program has it",
  EADDRNOTAVAIL: "the machine has no such address",
  ENOTFOUND: "there is no host of this name",
};

/** Answers GET /metrics with `text()`, until it is closed. @throws UsageError where the port can't be had */
export async function serveMetrics(
  { host, port }: { readonly host: string | undefined; readonly port: number },
  text: () => string,
): Promise<Server> {
  const server = createServer((request, response) => {
    const found = request.url?.split("?")[0] === "/metrics";
    const allowed = request.method === "GET" || request.method === "HEAD";
    const type = found && allowed ? "text/plain; version=0.0.4; charset=utf-8" : "text/plain; charset=utf-8";
    response.writeHead(!found ? 404 : allowed ? 200 : 405, { "Content-Type": type });
    response.end(found && allowed ? text() : "the figures are at /metrics\n");
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve);
    });
  } catch (error) {
    const why = REASONS[errorCode(error) ?? ""] ?? messageOf(error);
    throw new UsageError(`--metrics: can't listen at ${host ?? ""}:${port}: ${why}`, {
      cause: error,
      hint: "choose another port, or a file: --metrics ./metrics.prom",
    });
  }
  return server;
}
