/*
 * Owns the reading of all token ranges: several at a time, the next page of each asked for before the last one is
 * decoded, failed pages tried again from their paging state at the next replica.
 */
import { setMaxListeners } from "node:events";
import { ClusterError, messageOf } from "../../base/errors.ts";
import type { Host } from "../../cassandra/cluster.ts";
import { asksForLess, isRetryable, isStrain, refusesPagingState } from "../../cassandra/failure.ts";
import { type Page, type PageReader, PageSizer } from "../../cassandra/pages.ts";
import type { Lane, Pacer } from "../../jobs/pace.ts";
import { retrying } from "../../jobs/retry.ts";
import type { Scan } from "./scan.ts";

/** Where a range's reading begins: a paging state, or null for its start. */
export interface Leaf {
  /** Its place in the source's ranges. */
  readonly range: number;
  readonly from: string | null;
}

export interface FetchOptions {
  /** How many ranges are read at the same time, and how fast. */
  readonly pacer: Pacer;
  /** The most rows a page may have. */
  readonly pageSize: number;
  readonly maxRetries: number;
  /** So many ranges may fail while the others are read on. */
  readonly maxFailedRanges: number;
  readonly signal: AbortSignal;
  onRetry(error: unknown): void;
  /** A range was set aside. */
  onSetAside(range: number): void;
  /** Takes a page that was read from `from`; the range's next page is taken only after it. */
  onPage(range: number, from: string | null, page: Page): Promise<void>;
}

/** A range that could not be read to its end. */
export interface FailedRange {
  readonly range: number;
  readonly error: ClusterError;
}

/** Ends the reading: the server does not take where an earlier process left a range, so it must be read anew. */
export class LeafRefused extends Error {
  override name = "LeafRefused";
  readonly range: number;

  constructor(range: number, cause: unknown) {
    super(messageOf(cause), { cause });
    this.range = range;
  }
}

/**
 * Reads every leaf to the end of its range. Ranges that the cluster can't give, up to `maxFailedRanges`, are set aside
 * and returned.
 * @throws the first error of another kind, or the one that was one too many; LeafRefused
 */
export async function fetchAll(
  scan: Scan,
  reader: PageReader,
  leaves: readonly Leaf[],
  options: FetchOptions,
): Promise<FailedRange[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  // Every range waits on it; Node takes more than ten for a leak.
  setMaxListeners(0, signal);
  const sizer = new PageSizer(options.pageSize, scan.firstPageRows);
  const failed: FailedRange[] = [];
  const first = firstAnswer();
  let next = 0;
  const fetcher = async (number: number) => {
    // All at once would ask for many rows before it is known how big one is.
    if (number > 0) await first.answered;
    const lane = options.pacer.enter();
    try {
      for (;;) {
        await lane.ready(signal);
        const leaf = leaves[next++];
        if (!leaf) return;
        try {
          await readRange(scan, reader, leaf, sizer, { ...options, signal, lane, onAnswer: first.answer });
        } catch (error) {
          if (!(error instanceof ClusterError) || signal.aborted) throw error;
          if (leaf.from !== null && refusesPagingState(error)) throw new LeafRefused(leaf.range, error);
          failed.push({ range: leaf.range, error });
          if (failed.length > options.maxFailedRanges) throw error;
          options.onSetAside(leaf.range);
        }
      }
    } catch (error) {
      stop.abort(error);
      throw error;
    } finally {
      lane.leave();
    }
  };
  const others = Array.from({ length: options.pacer.lanes - 1 }, (_, i) => fetcher(i + 1));
  // Where nothing is left to read, the first ends without an answer.
  const results = await Promise.allSettled([fetcher(0).finally(first.answer), ...others]);
  options.signal.throwIfAborted();
  if (results.some((result) => result.status === "rejected")) throw stop.signal.reason;
  return failed;
}

/** Lets the other fetchers wait until one has its first page, or has failed to get it. */
function firstAnswer(): { readonly answered: Promise<void>; answer(): void } {
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  return { answered, answer };
}

async function readRange(
  scan: Scan,
  reader: PageReader,
  leaf: Leaf,
  sizer: PageSizer,
  options: FetchOptions & { readonly lane: Lane; onAnswer(): void },
): Promise<void> {
  const range = scan.ranges[leaf.range];
  const hosts = scan.replicas(range);
  let from = leaf.from;
  /** Rows of the request that is under way. */
  let asked = 0;
  let pending = ask(from).finally(options.onAnswer);
  for (;;) {
    const page = await pending;
    sizer.saw(page.rows, page.body.length);
    const at = from;
    if (page.next !== null) {
      from = page.next;
      pending = ask(from);
      // Its failure is met when it is awaited; until then it must not count as unhandled.
      pending.catch(() => undefined);
    }
    await options.onPage(leaf.range, at, page);
    options.signal.throwIfAborted();
    if (page.next === null) return;
  }

  function ask(state: string | null): Promise<Page> {
    return retrying((attempt) => fetchInTurn(state, hostOf(hosts, leaf.range, attempt)), {
      attempts: options.maxRetries + 1,
      baseMs: 200,
      maxMs: 10_000,
      signal: options.signal,
      isRetryable,
      onRetry: (error) => {
        if (asksForLess(error)) sizer.shrink(asked);
        options.onRetry(error);
      },
    });
  }

  async function fetchInTurn(state: string | null, host: Host | undefined): Promise<Page> {
    const turn = await options.lane.turn(sizer.rows, options.signal);
    asked = turn.rows;
    try {
      const page = await reader.fetch(range, state, turn.rows, host);
      turn.answered(page.rows, page.body.length);
      return page;
    } catch (error) {
      turn.failed(isStrain(error));
      throw error;
    }
  }
}

/** Replicas in turn: ranges spread over them, and each attempt goes to another. */
function hostOf(hosts: readonly Host[], range: number, attempt: number): Host | undefined {
  return hosts.length ? hosts[(range + attempt - 1) % hosts.length] : undefined;
}
