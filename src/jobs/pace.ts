/*
 * Owns how hard a cluster is worked: how many streams of requests run at the same time, how many rows a request may
 * have, and when to hold back. Knows nothing of what the requests read or write.
 */
import { Bell } from "./bell.ts";
import { type Load, LoadWatch } from "./load.ts";
import { RateLimit } from "./rate.ts";

export const PACES = ["conservative", "balanced", "aggressive", "adaptive"] as const;
export type Pace = (typeof PACES)[number];

/** What a user may say of the pace. */
export interface PaceOptions {
  /** "balanced" where it is absent. */
  readonly pace?: Pace | undefined;
  /** Streams of requests at the same time, such as token ranges; for "adaptive" the most there may be. */
  readonly concurrency?: number | undefined;
  /** The most rows a request may have. */
  readonly pageSize?: number | undefined;
  /** The most rows a second. */
  readonly rate?: number | undefined;
}

interface Profile {
  readonly first: number;
  readonly most: number;
  readonly rows: number;
  /** What is done when the server is strained: waits, or fewer streams. */
  readonly relief: "none" | "pause" | "fewer";
}

/** More than 24 pages of 2 MB in flight, each with one that waits to be taken, would be much of the memory. */
const PROFILES: Readonly<Record<Pace, Profile>> = {
  conservative: { first: 2, most: 2, rows: 2_000, relief: "pause" },
  balanced: { first: 8, most: 8, rows: 20_000, relief: "none" },
  aggressive: { first: 24, most: 24, rows: 20_000, relief: "none" },
  adaptive: { first: 2, most: 24, rows: 20_000, relief: "fewer" },
};

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;
/** So many windows go by without more streams after some that gained nothing, or were too much. */
const HOLD_WINDOWS = 4;
/** The part of their even share that more streams must bring to be worth it. */
const GAIN = 0.3;

/** A request that may be sent. */
export interface Turn {
  /** As many rows as were asked for. */
  readonly rows: number;
  /** To be called with what came. */
  answered(rows: number, bytes: number): void;
  /** To be called instead where nothing came; `strained` where the server refused for its load, or timed out. */
  failed(strained: boolean): void;
}

/** A stream of requests, one after the other. */
export interface Lane {
  /** Waits until a request for so many rows may be sent. Throws the signal's reason as soon as it is aborted. */
  turn(rows: number, signal: AbortSignal): Promise<Turn>;
  /** Waits until the stream may go on, without a request. */
  ready(signal: AbortSignal): Promise<void>;
  /** Ends the stream: another may take its place. */
  leave(): void;
}

/** A lane from within. */
interface Stream {
  /** Since when it has had nothing to do but to ask, by performance.now(); undefined while it rests. */
  freeAt: number | undefined;
}

/** The pace of one operation. */
export class Pacer {
  /** As many streams as there may ever be. */
  readonly lanes: number;
  /** The most rows of a request; with a rate, a request of every stream comes to a second's worth at the most. */
  readonly pageRows: number;
  readonly #relief: Profile["relief"];
  readonly #rate: RateLimit | undefined;
  readonly #load = new LoadWatch();
  readonly #bell = new Bell();
  readonly #entered: Stream[] = [];
  #allowed: number;
  #pausedUntil = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #hold = 0;
  /** What the streams brought before the newest of them began. */
  #before: { readonly streams: number; readonly throughput: number } | undefined;

  constructor(options: PaceOptions) {
    const profile = PROFILES[options.pace ?? "balanced"];
    const { rate } = options;
    this.lanes = lanesOf(options);
    this.#allowed = profile.relief === "fewer" ? Math.min(profile.first, this.lanes) : this.lanes;
    this.#relief = profile.relief;
    this.#rate = rate === undefined ? undefined : new RateLimit(rate);
    const most = options.pageSize ?? profile.rows;
    this.pageRows = rate === undefined ? most : Math.max(1, Math.min(most, Math.floor(rate / this.lanes)));
  }

  /** Streams that may run now. */
  get allowed(): number {
    return this.#allowed;
  }

  /** Adds a stream. It is let go on when there is room for it. */
  enter(): Lane {
    const lane: Stream = { freeAt: undefined };
    this.#entered.push(lane);
    const ready = (signal: AbortSignal) => this.#ready(lane, signal);
    return {
      ready,
      turn: async (rows, signal) => {
        await ready(signal);
        await this.#rate?.take(rows, signal);
        return this.#send(lane, rows);
      },
      leave: () => {
        this.#entered.splice(this.#entered.indexOf(lane), 1);
        this.#bell.ring();
      },
    };
  }

  async #ready(lane: Stream, signal: AbortSignal): Promise<void> {
    for (;;) {
      const pause = this.#pausedUntil - performance.now();
      const rests = this.#entered.indexOf(lane) >= this.#allowed;
      if (!rests && pause <= 0) return;
      lane.freeAt = undefined;
      await this.#bell.wait(signal, rests ? undefined : Math.ceil(pause));
    }
  }

  #send(lane: Stream, rows: number): Turn {
    const sentAt = performance.now();
    const freeAt = lane.freeAt ?? sentAt;
    return {
      rows,
      answered: (came, bytes) => {
        this.#rate?.giveBack(rows - came);
        lane.freeAt = performance.now();
        const load = this.#load.answered(sentAt, bytes, freeAt, this.#allowed);
        if (load) this.#follow(load);
      },
      failed: (strained) => {
        this.#rate?.giveBack(rows);
        lane.freeAt = undefined;
        if (strained && this.#load.refused(sentAt)) this.#holdBack();
      },
    };
  }

  #follow({ strained, streamRate }: Load): void {
    if (strained) {
      this.#holdBack();
      return;
    }
    this.#pauseMs = FIRST_PAUSE_MS;
    if (this.#relief === "fewer") this.#grow(streamRate * this.#allowed);
  }

  /** Half as many streams more, as long as they bring something; those that don't are taken back. */
  #grow(throughput: number): void {
    const streams = this.#allowed;
    const before = this.#before;
    this.#before = undefined;
    if (before && throughput < before.throughput * (1 + GAIN * (streams / before.streams - 1))) {
      this.#allowed = before.streams;
      this.#hold = HOLD_WINDOWS;
    } else if (this.#hold > 0) {
      this.#hold--;
    } else if (streams < this.lanes) {
      this.#before = { streams, throughput };
      this.#allowed = Math.min(this.lanes, streams + Math.max(1, streams >> 1));
      this.#bell.ring();
    }
  }

  #holdBack(): void {
    if (this.#relief === "pause") {
      this.#pausedUntil = performance.now() + this.#pauseMs;
      this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
    }
    if (this.#relief !== "fewer") return;
    this.#allowed = Math.max(1, this.#allowed >> 1);
    this.#before = undefined;
    this.#hold = HOLD_WINDOWS;
  }
}

/** As many streams as a pace may ever have at the same time. */
export function lanesOf({ pace = "balanced", concurrency }: PaceOptions): number {
  return concurrency ?? PROFILES[pace].most;
}
