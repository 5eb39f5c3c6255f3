/*
 * Owns how hard a cluster is written to: how many requests may be in flight to a node, whether they follow the time that
 * it takes for them, and how many rows may go out a second. The requests are the writer's.
 */
import { type Load, LoadWatch } from "./load.ts";
import type { PaceOptions } from "./pace.ts";
import { RateLimit } from "./rate.ts";

interface Profile {
  /** Requests of full size in flight to a node: at the beginning, and at the most. */
  readonly first: number;
  readonly most: number;
  /** A node that takes longer than in calm gets less at a time. */
  readonly follows: boolean;
}

const PROFILES: Readonly<Record<NonNullable<PaceOptions["pace"]>, Profile>> = {
  conservative: { first: 4, most: 4, follows: true },
  balanced: { first: 16, most: 16, follows: false },
  aggressive: { first: 32, most: 32, follows: false },
  adaptive: { first: 4, most: 48, follows: true },
};

export interface WritePace {
  readonly firstConcurrency: number;
  readonly concurrency: number;
  /** The most rows of a batch, where a rate bounds them. */
  readonly batchRows: number | undefined;
  /** Judges the answers of one node; undefined where nobody does. */
  readonly watch: (() => { answered(sentAt: number, bytes: number): Load | undefined }) | undefined;
  /** Resolves when so many rows may go out, or the signal is aborted: what was taken by then goes out at once. */
  readonly admit: ((rows: number) => Promise<void>) | undefined;
}

/** What a user's words mean to a writer. `concurrency` is the most there may be. */
export function writePace(
  { pace = "balanced", concurrency, rate }: Omit<PaceOptions, "pageSize">,
  batchRows: number | undefined,
  signal: AbortSignal,
): WritePace {
  const profile = PROFILES[pace];
  const most = concurrency ?? profile.most;
  const limit = rate === undefined ? undefined : new RateLimit(rate);
  return {
    concurrency: most,
    firstConcurrency: profile.first < profile.most ? Math.min(profile.first, most) : most,
    batchRows:
      rate === undefined ? batchRows : Math.max(1, Math.floor(Math.min(batchRows ?? Number.POSITIVE_INFINITY, rate))),
    watch: profile.follows ? () => new LoadWatch() : undefined,
    admit: limit && ((rows) => limit.take(rows, signal).catch(() => undefined)),
  };
}
