/*
 * Owns which rows of a block travel together: rows of one partition in one frame, up to the limits; small partitions of
 * the same replicas with each other. Only plans; frames.ts writes the bytes.
 */

export interface FrameLimits {
  /** The most rows of one partition that a frame may have. */
  readonly rows: number;
  /** The most bytes of a frame, one row apart. */
  readonly bytes: number;
  /** Whether rows of several partitions may be in one frame. */
  readonly mixed: boolean;
}

/** Servers warn, by default, of unlogged batches with more partitions, or with 5 KiB as they count, over several of them. */
const MIXED_PARTITIONS = 10;
const MIXED_BYTES = 5 * 1024;
/** Bigger groups gain nothing from company. */
const MIXED_ROWS = 5;

export interface Plan {
  /** Rows in the order in which they are written. */
  readonly order: Int32Array;
  /** For each frame, the place in `order` behind its last row. */
  readonly ends: readonly number[];
  /** For each frame, the number of the set of replicas; -1 where any node will do. */
  readonly sets: readonly number[];
}

/** What is known of a block's rows. */
export interface RowFacts {
  readonly rows: number;
  /** Two numbers a row, see RowTokens. */
  readonly tokens: Int32Array;
  readonly routable: Uint8Array;
  /** Bytes that a row adds to a frame. */
  readonly sizes: Int32Array;
  /** Bytes that a row adds to a batch as the server counts them. */
  readonly weights: Int32Array;
  setOf(high: number, low: number): number;
}

/**
 * Groups rows by partition: partitions in the order in which they first occur, rows of one in their order. Where
 * `byPartition` is false nothing is known of the partitions, and rows stay as they are.
 */
export function planFrames(facts: RowFacts, byPartition: boolean, limits: FrameLimits): Plan {
  const planner = new Planner(facts, limits);
  const next = new Int32Array(facts.rows).fill(-1);
  if (byPartition) {
    for (const head of linkPartitions(facts, next)) planner.partition(head, next);
  } else {
    for (let row = 0; row < facts.rows; row++) planner.add(-1, row, next);
  }
  return planner.finish();
}

/** Links each row to the next one of its partition, and returns the first row of each. */
function linkPartitions({ rows, tokens, routable }: RowFacts, next: Int32Array): number[] {
  const heads: number[] = [];
  let size = 16;
  while (size < rows * 2) size *= 2;
  // Open addressing: the last row so far of a partition, plus one. Two keys with one token share their replicas and may share a frame.
  const slots = new Int32Array(size);
  for (let row = 0; row < rows; row++) {
    const high = tokens[row * 2]!;
    const low = tokens[row * 2 + 1]!;
    if (routable[row] === 0) {
      heads.push(row);
      continue;
    }
    let slot = (low ^ high) & (size - 1);
    while (slots[slot] !== 0) {
      const last = slots[slot]! - 1;
      if (tokens[last * 2] === high && tokens[last * 2 + 1] === low) break;
      slot = (slot + 1) & (size - 1);
    }
    if (slots[slot] === 0) heads.push(row);
    else next[slots[slot]! - 1] = row;
    slots[slot] = row + 1;
  }
  return heads;
}

/** Small partitions of one set of replicas that wait for company. */
interface Pool {
  rows: number[];
  partitions: number;
  weight: number;
}

class Planner {
  readonly #facts: RowFacts;
  readonly #limits: FrameLimits;
  readonly #order: Int32Array;
  #planned = 0;
  readonly #ends: number[] = [];
  readonly #sets: number[] = [];
  readonly #pools = new Map<number, Pool>();

  constructor(facts: RowFacts, limits: FrameLimits) {
    this.#facts = facts;
    this.#limits = limits;
    this.#order = new Int32Array(facts.rows);
  }

  /** Plans one partition, from its first row on. */
  partition(head: number, next: Int32Array): void {
    const { tokens, routable, setOf } = this.#facts;
    if (routable[head]) {
      this.add(setOf(tokens[head * 2]!, tokens[head * 2 + 1]!), head, next);
    } else {
      // The server will refuse its key: it goes alone, so that no other row has to be sent again.
      this.#order[this.#planned++] = head;
      this.#end(-1);
    }
  }

  /** Plans the rows that are linked to the first one. */
  add(set: number, head: number, next: Int32Array): void {
    if (this.#limits.mixed && this.#join(set, head, next)) return;
    const { sizes } = this.#facts;
    let count = 0;
    let bytes = 0;
    for (let row = head; row !== -1; row = next[row]!) {
      if (count > 0 && (count === this.#limits.rows || bytes + sizes[row]! > this.#limits.bytes)) {
        this.#end(set);
        count = 0;
        bytes = 0;
      }
      this.#order[this.#planned++] = row;
      count++;
      bytes += sizes[row]!;
    }
    this.#end(set);
  }

  /** Puts a small partition among others of the same replicas; false where it is too big for that. */
  #join(set: number, head: number, next: Int32Array): boolean {
    const { weights } = this.#facts;
    let count = 0;
    let weight = 0;
    for (let row = head; row !== -1; row = next[row]!) {
      count++;
      weight += weights[row]!;
      if (count > Math.min(MIXED_ROWS, this.#limits.rows) || weight > MIXED_BYTES) return false;
    }
    let pool = this.#pools.get(set);
    if (!pool) {
      pool = { rows: [], partitions: 0, weight: 0 };
      this.#pools.set(set, pool);
    }
    const isFull = pool.partitions === MIXED_PARTITIONS || pool.rows.length + count > this.#limits.rows;
    if (isFull || pool.weight + weight > MIXED_BYTES) this.#flush(set, pool);
    for (let row = head; row !== -1; row = next[row]!) pool.rows.push(row);
    pool.partitions++;
    pool.weight += weight;
    return true;
  }

  #flush(set: number, pool: Pool): void {
    if (pool.rows.length === 0) return;
    for (const row of pool.rows) this.#order[this.#planned++] = row;
    pool.rows.length = 0;
    pool.partitions = 0;
    pool.weight = 0;
    this.#end(set);
  }

  #end(set: number): void {
    this.#ends.push(this.#planned);
    this.#sets.push(set);
  }

  finish(): Plan {
    for (const [set, pool] of this.#pools) this.#flush(set, pool);
    return { order: this.#order, ends: this.#ends, sets: this.#sets };
  }
}
