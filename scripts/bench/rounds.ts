/*
 * Owns how contestants are run: each once a round, so that whatever else the machine does meets all of them. A peer that
 * fails is left out from then on, with a note.
 */
import { availableParallelism } from "node:os";
import type { Measured } from "./measure.ts";
import type { BenchNode } from "./node.ts";

/** The client's core where cores are kept apart; the node's is 0. */
export const CLIENT_CORE = 1;
export const NODE_CORES = "0";

/** Characters of what a failed peer said that a note shows: its beginning and its end. */
const LONGEST_REASON = 600;

export interface Competitor {
  readonly name: string;
  /** Somebody else's software: what fails there is a finding, not the end. */
  readonly isPeer: boolean;
}

export class Rounds<C extends Competitor, R extends Measured> {
  readonly #count: number;
  readonly #notes: string[];
  #contestants: readonly C[];

  /** @param notes is told who failed, and of what */
  constructor(contestants: readonly C[], count: number, notes: string[]) {
    this.#contestants = contestants;
    this.#count = count;
    this.#notes = notes;
  }

  /** Runs all contestants in turn. @param once runs one of them, and throws where it did not do what it should */
  async run(once: (contestant: C) => Promise<R>): Promise<Map<C, R[]>> {
    const runs = new Map<C, R[]>();
    for (let round = 1; round <= this.#count; round++) {
      for (const contestant of this.#contestants) {
        const run = await this.#attempt(contestant, once);
        if (!run) continue;
        runs.set(contestant, [...(runs.get(contestant) ?? []), run]);
        console.error(
          `round ${round}: ${contestant.name}: ${run.seconds.toFixed(1)} s, CPU ${run.cpuSeconds.toFixed(1)} s`,
        );
      }
    }
    return runs;
  }

  async #attempt(contestant: C, once: (contestant: C) => Promise<R>): Promise<R | undefined> {
    try {
      return await once(contestant);
    } catch (error) {
      if (!contestant.isPeer) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      const shown =
        reason.length > LONGEST_REASON
          ? `${reason.slice(0, LONGEST_REASON / 2)} … ${reason.slice(-LONGEST_REASON / 2)}`
          : reason;
      const note = `${contestant.name} failed: ${shown}`;
      console.error(note);
      this.#notes.push(note);
      this.#contestants = this.#contestants.filter((other) => other !== contestant);
      return undefined;
    }
  }
}

/** What stands in the way of giving Cassandra and the client a core each; undefined where nothing does. */
export function whyNotApart(node: BenchNode): string | undefined {
  if (availableParallelism() < 2) return "there is one core only";
  if (Bun.which("taskset") === null) return "there is no taskset";
  if (node.pid === undefined) return "only a node that the benchmark started itself is pinned (leave --host out)";
  return undefined;
}
