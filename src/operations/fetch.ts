/*
 * Owns the reading of all token ranges: several at a time, the next page of each asked for before the last one is
 * decoded, failed pages tried again from their paging state at the next replica.
 */
import type { Host } from "../cassandra/cluster.ts";
import { isRetryable } from "../cassandra/failure.ts";
import { type Page, type PageReader, PageSizer } from "../cassandra/pages.ts";
import { retrying } from "../jobs/retry.ts";
import type { Source } from "./source.ts";

/** Where a range's reading begins: a paging state, or null for its start. */
export interface Leaf {
  /** Its place in the source's ranges. */
  readonly range: number;
  readonly from: string | null;
}

export interface FetchOptions {
  readonly concurrency: number;
  /** The most rows a page may have. */
  readonly pageSize: number;
  readonly maxRetries: number;
  readonly signal: AbortSignal;
  onRetry(error: unknown): void;
  /** Takes a page that was read from `from`; the range's next page is taken only after it. */
  onPage(range: number, from: string | null, page: Page): Promise<void>;
}

/** Reads every leaf to the end of its range. @throws the first error that retrying could not cure */
export async function fetchAll(
  source: Source,
  reader: PageReader,
  leaves: readonly Leaf[],
  options: FetchOptions,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const sizer = new PageSizer(options.pageSize);
  let next = 0;
  const fetcher = async () => {
    try {
      for (let leaf = leaves[next++]; leaf; leaf = leaves[next++]) {
        await readRange(source, reader, leaf, sizer, { ...options, signal });
      }
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  };
  const results = await Promise.allSettled(Array.from({ length: options.concurrency }, fetcher));
  options.signal.throwIfAborted();
  if (results.some((result) => result.status === "rejected")) throw stop.signal.reason;
}

async function readRange(
  source: Source,
  reader: PageReader,
  leaf: Leaf,
  sizer: PageSizer,
  options: FetchOptions,
): Promise<void> {
  const range = source.ranges[leaf.range];
  const hosts = source.replicas(range);
  let from = leaf.from;
  let pending = ask(from);
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
    return retrying((attempt) => reader.fetch(range, state, sizer.rows, hostOf(hosts, leaf.range, attempt)), {
      attempts: options.maxRetries + 1,
      baseMs: 200,
      maxMs: 10_000,
      signal: options.signal,
      isRetryable,
      onRetry: options.onRetry,
    });
  }
}

/** Replicas in turn: ranges spread over them, and each attempt goes to another. */
function hostOf(hosts: readonly Host[], range: number, attempt: number): Host | undefined {
  return hosts.length ? hosts[(range + attempt - 1) % hosts.length] : undefined;
}
