/*
 * Owns the judgement how a server takes the load: requests are compared with those of their size when it was calm, in
 * windows long enough to mean something. What follows from it is for others to decide.
 */

/** What a window of requests says. */
export interface Load {
  /** The server takes more than twice as long as when it was calm, or refused or timed out. */
  readonly strained: boolean;
  /**
   * Bytes that a stream gets in a millisecond. Not what came in the window: streams that run in step would bring all of a
   * round or nothing of it.
   */
  readonly streamRate: number;
}

const WINDOW_MS = 250;
/** So many requests show strain. */
const WINDOW_REQUESTS = 8;
/** Without strain it takes so many of each stream: with many streams the gain by some more is small beside chance. */
const WINDOW_ROUNDS = 2;
const STRAINED = 2;
/** So many requests tell how long one of their size takes. */
const LEARNED = 8;
/** Latencies that are lower are soon the new measure, higher ones slowly: chance must not set it, nor strain. */
const FALLS = 0.05;
const RISES = 0.01;
/** Below this chance is more than load: 5 ms that become 12 are no strain. */
const LEAST_MS = 25;

/** How long requests of one size take while all is calm. */
interface Calm {
  ms: number;
  seen: number;
}

export class LoadWatch {
  /** By the power of four that the bytes come to: a big page takes longer than a small one, and isn't strain. */
  readonly #calm = new Map<number, Calm>();
  #since = performance.now();
  #bytes = 0;
  #streamMs = 0;
  #ratios: number[] = [];

  /**
   * Takes note of an answer.
   * @param sentAt when it was asked for, by performance.now()
   * @param freeAt when its stream had nothing else to do any more; where it waits for more than answers
   * @param streams how many run, where what comes of it depends on that
   * @returns what the window says that this request ends; undefined as long as it goes on
   */
  answered(sentAt: number, bytes: number, freeAt = sentAt, streams = 1): Load | undefined {
    const now = performance.now();
    // It speaks of the load that was before the last window's consequences.
    if (sentAt < this.#since) return undefined;
    this.#bytes += bytes;
    this.#streamMs += now - freeAt;
    this.#ratios.push(this.#compare(now - sentAt, bytes));
    const requests = this.#ratios.length;
    if (requests < WINDOW_REQUESTS || now - this.#since < WINDOW_MS) return undefined;
    const strained = median(this.#ratios.slice(-WINDOW_REQUESTS)) > STRAINED;
    if (!strained && requests < WINDOW_ROUNDS * streams) return undefined;
    const load = { strained, streamRate: this.#bytes / this.#streamMs };
    this.#begin(now);
    return load;
  }

  /** Takes note of a refusal or a timeout. True unless it was asked for before the last one had its consequences. */
  refused(sentAt: number): boolean {
    if (sentAt < this.#since) return false;
    this.#begin(performance.now());
    return true;
  }

  #begin(now: number): void {
    this.#since = now;
    this.#bytes = 0;
    this.#streamMs = 0;
    this.#ratios = [];
  }

  /** How many times longer than in calm this request took; 1 while that isn't known yet. */
  #compare(ms: number, bytes: number): number {
    const size = Math.floor(Math.log2(bytes + 1) / 2);
    const calm = this.#calm.get(size) ?? { ms: 0, seen: 0 };
    this.#calm.set(size, calm);
    if (calm.seen < LEARNED) {
      calm.ms = (calm.ms * calm.seen + ms) / ++calm.seen;
      return 1;
    }
    const ratio = ms / Math.max(calm.ms, LEAST_MS);
    calm.ms += (ms - calm.ms) * (ms < calm.ms ? FALLS : RISES);
    return ratio;
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 1;
}
