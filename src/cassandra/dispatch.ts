/*
 * Owns where frames go and what becomes of them: to a replica that is up, again where that can help, in halves where a
 * batch is refused. Says of every row in the end that it was written, or why not.
 */
import { ClusterError, messageOf } from "../base/errors.ts";
import type { Cluster, Host } from "./cluster.ts";
import type { Frame } from "./frames.ts";
import { Lane, type Weighed } from "./lane.ts";
import type { RawRows } from "./rawrows.ts";
import { answerCode, asksForPatience, isServerError, writeFailure, writeFault } from "./refusal.ts";
import type { RisingTimestamp } from "./rowblock.ts";
import type { Answer, Wire } from "./wire.ts";

/** A row that was not written, or of which nobody knows. */
export interface RowRejection {
  /** Its number in the block. */
  readonly row: number;
  /**
   * `refused`: the server will not take it. `in doubt`: it may have been written, or not, and repeating it would not be
   * the same (counters, conditional statements). `not applied`: its condition was not met, which is no error.
   */
  readonly kind: "refused" | "in doubt" | "not applied";
  /** In the server's words, where it answered. */
  readonly reason: string;
  /** The protocol's error code; undefined where the server didn't answer with one. */
  readonly code: number | undefined;
}

/** Who waits for the rows of a frame. */
export interface Receiver {
  settled(rows: number): void;
  rejected(rejections: readonly RowRejection[]): void;
}

/** A frame on its way. */
export interface Delivery extends Weighed {
  readonly frame: Frame;
  /** Empty where any node will do. */
  readonly replicas: readonly Host[];
  readonly receiver: Receiver;
  /** Frames of one chain are sent one after the other. */
  readonly chain: string | undefined;
  /** How often it failed, when first, and how many rows had been written by then. */
  failures: number;
  firstFailure: { readonly at: number; readonly written: number } | undefined;
  /** When it was sent last, as performance.now() tells. */
  sentAt: number;
  /** The node that it failed on last. */
  avoid: Host | undefined;
  /** What was added to its timestamps (see RisingTimestamp). */
  raised: number;
}

/** What a request costs besides its rows, in rows: small ones cost a node nearly as much as bigger ones. */
const REQUEST_COST = 5;

/** A frame that was not sent yet. */
export function delivery(frame: Frame, to: Pick<Delivery, "replicas" | "receiver" | "chain">): Delivery {
  const history = { failures: 0, firstFailure: undefined, sentAt: 0, avoid: undefined, raised: 0 };
  return { ...history, ...to, frame, cost: costOf(frame) };
}

function costOf({ rows, bytes }: Frame): number {
  return rows.length + REQUEST_COST + (bytes.length >> 10);
}

export interface DispatchOptions {
  /** The cost of the requests in flight to one node, at the most and at the beginning. */
  readonly window: number;
  readonly firstWindow: number;
  /** Makes what judges a node's answers: told when a request was sent and its bytes, it may say that the node is strained. */
  readonly watch?:
    | (() => { answered(sentAt: number, bytes: number): { readonly strained: boolean } | undefined })
    | undefined;
  /** Milliseconds after its first failure at which a frame is given up. */
  readonly patienceMs: number;
  /** Names the work in errors, e.g. `writing ks.t`. */
  readonly doing: string;
  onRetry(error: unknown): void;
  onWarning(text: string): void;
  /** Nothing more can be written. */
  onFailure(error: unknown): void;
}

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2000;
/** A frame that servers fail on so often, while they take others, holds what they can't take. */
const SERVER_ERRORS = 4;

export class Dispatcher {
  readonly #cluster: Cluster;
  readonly #wire: Wire;
  readonly #options: DispatchOptions;
  readonly #lanes = new Map<Host, Lane<Delivery>>();
  readonly #watches = new Map<Lane<Delivery>, ReturnType<NonNullable<DispatchOptions["watch"]>>>();
  /** The frames that wait for the one before of their chain. */
  readonly #chains = new Map<string, Delivery[]>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #begun = new Map<RisingTimestamp, Promise<void>[]>();
  #written = 0;
  #turn = 0;
  #impatience: { readonly reason: unknown } | undefined;
  #over = false;

  constructor(cluster: Cluster, wire: Wire, options: DispatchOptions) {
    this.#cluster = cluster;
    this.#wire = wire;
    this.#options = options;
  }

  /** Sends a frame as soon as there is room for it. */
  deliver(next: Delivery): void {
    const { chain } = next;
    if (chain !== undefined) {
      const waiting = this.#chains.get(chain);
      if (waiting) {
        waiting.push(next);
        return;
      }
      this.#chains.set(chain, []);
    }
    this.#route(next);
  }

  /** Tries nothing again from now on: the next failure is the last one, and has this reason. */
  loseHope(reason: unknown): void {
    this.#impatience ??= { reason };
    if (this.#timers.size > 0) this.#fail(reason);
  }

  /** Sends nothing any more. */
  end(): void {
    this.#over = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #fail(error: unknown): void {
    this.end();
    this.#options.onFailure(error);
  }

  #route(next: Delivery): void {
    const host = this.#choose(next);
    let lane = this.#lanes.get(host);
    if (!lane) {
      const { window, firstWindow, watch } = this.#options;
      lane = new Lane(host, window, (request, of) => this.#send(request, of), firstWindow);
      if (watch) this.#watches.set(lane, watch());
      this.#lanes.set(host, lane);
    }
    lane.push(next);
  }

  /** The least busy of the replicas that are up, else of all nodes that are, else of those that should be. */
  #choose({ replicas, avoid }: Delivery): Host {
    const up = replicas.filter((host) => host.isUp());
    const near = up.length ? up : this.#cluster.localHosts();
    const all = near.length ? near : replicas.length ? replicas : this.#cluster.client.hosts.values();
    const hosts = all.length > 1 ? all.filter((host) => host !== avoid) : all;
    // Of nodes that are equally busy each gets its turn.
    let best = hosts[this.#turn++ % hosts.length]!;
    let least = this.#lanes.get(best)?.load ?? 0;
    for (const host of hosts) {
      const load = this.#lanes.get(host)?.load ?? 0;
      if (load < least) {
        best = host;
        least = load;
      }
    }
    return best;
  }

  #send(next: Delivery, lane: Lane<Delivery>): void {
    if (this.#over) return;
    next.sentAt = performance.now();
    this.#wire.send(next.frame, lane.host, (error, answer) => {
      if (this.#over) return;
      if (answer) this.#follow(next, lane);
      else if (asksForPatience(error)) lane.narrow(next.sentAt);
      lane.done(next);
      if (answer) this.#answered(next, answer);
      else this.#failed(next, lane, error);
    });
  }

  /** A window that is not as wide as it may be grows, unless the node takes long. */
  #follow(done: Delivery, lane: Lane<Delivery>): void {
    const load = this.#watches.get(lane)?.answered(done.sentAt, done.frame.bytes.length);
    if (load?.strained) lane.narrow(done.sentAt);
    else lane.widen(done);
  }

  #answered(done: Delivery, answer: Answer): void {
    const { rows } = done.frame;
    for (const warning of answer.warnings) this.#options.onWarning(warning);
    this.#written += rows.length;
    if (answer.rows && !wasApplied(answer.rows)) this.#reject(done, "not applied", "its condition was not met");
    else this.#finish(done);
  }

  #failed(done: Delivery, lane: Lane<Delivery>, error: unknown): void {
    const { frame } = done;
    done.failures++;
    done.firstFailure ??= { at: performance.now(), written: this.#written };
    done.avoid = lane.host;
    if (asksForPatience(error) || !lane.host.isUp()) this.#empty(lane);
    const fault = writeFault(error);
    if (fault === "fatal") this.#fail(writeFailure(error, this.#options.doing));
    else if (fault === "unsure" && frame.statement.kind !== "insert") this.#reject(done, "in doubt", error);
    else if (fault === "unsent" || (fault === "unsure" && !this.#isUnable(done, error))) {
      this.#again(done, error, fault === "unsure");
    } else if (frame.rows.length === 1) this.#reject(done, "refused", error);
    else this.#split(done, error);
  }

  /** What waits for a node in trouble is better off elsewhere, where there is another. */
  #empty(lane: Lane<Delivery>): void {
    if (this.#cluster.localHosts().every((host) => host === lane.host)) return;
    for (const waiting of lane.takeWaiting()) this.#route(waiting);
  }

  /** Whether servers fail on this frame and on no others. */
  #isUnable({ failures, firstFailure }: Delivery, error: unknown): boolean {
    return isServerError(error) && failures >= SERVER_ERRORS && this.#written > firstFailure!.written;
  }

  #split(done: Delivery, error: unknown): void {
    this.#options.onRetry(error);
    for (const frame of done.frame.halves()) this.#route({ ...done, frame, cost: costOf(frame) });
  }

  #again(next: Delivery, error: unknown, mayBeWritten: boolean): void {
    const { patienceMs, doing } = this.#options;
    if (this.#impatience) {
      this.#fail(this.#impatience.reason);
      return;
    }
    if (performance.now() - next.firstFailure!.at > patienceMs) {
      this.#fail(writeFailure(error, doing));
      return;
    }
    this.#options.onRetry(error);
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (next.failures - 1)) * (0.5 + Math.random() / 2);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const { rising } = next.frame.statement;
      if (!rising || !mayBeWritten) this.#route(next);
      else this.#raise(next, rising).catch((failure) => this.#fail(failure));
    }, wait);
    this.#timers.add(timer);
  }

  /** Sends a frame again with later timestamps. */
  async #raise(next: Delivery, rising: RisingTimestamp): Promise<void> {
    const attempt = next.raised + 1;
    if (attempt >= rising.attempts) {
      const tried = `${this.#options.doing}: a write was tried ${rising.attempts} times, and its timestamp has room for no more`;
      throw new ClusterError(tried, { hint: "go on when the cluster answers in time again" });
    }
    let begun = this.#begun.get(rising);
    if (!begun) {
      begun = [];
      this.#begun.set(rising, begun);
    }
    begun[attempt] ??= rising.begin(attempt);
    await begun[attempt];
    if (this.#over) return;
    next.raised = attempt;
    next.frame.raise(rising.parameter, 1n);
    this.#route(next);
  }

  #reject(done: Delivery, kind: RowRejection["kind"], error: unknown): void {
    const reason = messageOf(error);
    const code = answerCode(error);
    done.receiver.rejected([...done.frame.rows].map((row) => ({ row, kind, reason, code })));
    this.#finish(done);
  }

  #finish({ frame, receiver, chain }: Delivery): void {
    if (chain !== undefined) {
      const next = this.#chains.get(chain)?.shift();
      if (next) this.#route(next);
      else this.#chains.delete(chain);
    }
    receiver.settled(frame.rows.length);
  }
}

/** The first column of the one row that answers a conditional statement says whether it was carried out. */
function wasApplied({ body }: RawRows): boolean {
  return body[3] === 1 && body[4] !== 0;
}
