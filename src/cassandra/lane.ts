/*
 * Owns the requests on their way to one node: how many at a time, following the node's answers, and those that wait for
 * their turn. What becomes of an answer is for dispatch.ts to say.
 */
import type { Host } from "./cluster.ts";

/** A window never gets smaller than a few small requests. */
const LEAST_WINDOW = 16;
/** Added to a narrowed window for each window's worth of rows that were written: one small request. */
const RECOVERY = 16;

/** A request with what it counts against the window. */
export interface Weighed {
  readonly cost: number;
}

export class Lane<T extends Weighed> {
  readonly host: Host;
  readonly #send: (request: T, lane: Lane<T>) => void;
  readonly #widest: number;
  #window: number;
  #inFlight = 0;
  #waiting: T[] = [];
  /** The place in `#waiting` of the first that still waits. */
  #next = 0;
  #waitingCost = 0;
  #narrowedAt = Number.NEGATIVE_INFINITY;
  #pumping = false;

  /**
   * @param widest the cost of the requests that may be in flight at a time
   * @param send sends a request at once; whoever does it calls `done` when it was answered
   * @param first the same as `widest` at the beginning
   */
  constructor(host: Host, widest: number, send: (request: T, lane: Lane<T>) => void, first = widest) {
    this.host = host;
    this.#widest = widest;
    this.#window = first;
    this.#send = send;
  }

  get window(): number {
    return this.#window;
  }

  /** How busy the node is kept: 1 is a full window; more where requests wait. */
  get load(): number {
    return (this.#inFlight + this.#waitingCost) / this.#window;
  }

  /** Sends the request now, or as soon as there is room for it. */
  push(request: T): void {
    this.#waiting.push(request);
    this.#waitingCost += request.cost;
    this.#pump();
  }

  /** A request was answered, well or not. */
  done(request: T): void {
    this.#inFlight -= request.cost;
    this.#pump();
  }

  /** Rows were written: a narrowed window recovers little by little. */
  widen(by: T): void {
    if (this.#window === this.#widest) return;
    this.#window = Math.min(this.#widest, this.#window + (RECOVERY * by.cost) / this.#window);
  }

  /**
   * Halves the window, once for all requests that were under way together.
   * @param sentAt when the request that failed was sent, as performance.now() tells
   */
  narrow(sentAt: number): void {
    if (sentAt < this.#narrowedAt) return;
    this.#narrowedAt = performance.now();
    this.#window = Math.max(LEAST_WINDOW, this.#window / 2);
  }

  /** Hands out the requests that wait, for other nodes to take. */
  takeWaiting(): T[] {
    const waiting = this.#waiting.slice(this.#next);
    this.#waiting = [];
    this.#next = 0;
    this.#waitingCost = 0;
    return waiting;
  }

  #pump(): void {
    // A request that fails at once comes back here before it returns.
    if (this.#pumping) return;
    this.#pumping = true;
    for (let next = this.#waiting[this.#next]; next; next = this.#waiting[this.#next]) {
      if (this.#inFlight > 0 && this.#inFlight + next.cost > this.#window) break;
      this.#next++;
      this.#waitingCost -= next.cost;
      this.#inFlight += next.cost;
      this.#send(next, this);
    }
    this.#pumping = false;
    if (this.#next > 0 && this.#next * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
  }
}
