/*
 * Owns the groups that the cells of one row fall into: cells of one timestamp and TTL are written together. Timestamps
 * are two numbers, the upper 32 bits and the lower, since 64 of them don't fit into one.
 */

/** No group: the cell has expired, or isn't there. */
export const NO_GROUP = -1;
/** What a group is used for: columns of one cell, and cells of others. */
export const SINGLE = 1;
export const SEVERAL = 2;
/** Used for nothing but the row itself. */
export const ROW_ONLY = 0;

/** A TTL that is the table's own. */
export const TABLE_TTL = -1;
export const NO_TTL = 0;

/** Kept from row to row. */
export class CellGroups {
  count = 0;
  high = new Int32Array(8);
  low = new Int32Array(8);
  /** Seconds, or TABLE_TTL, or NO_TTL. */
  ttls = new Int32Array(8);
  uses = new Uint8Array(8);
  #last = 0;

  clear(): void {
    this.count = 0;
    this.#last = 0;
  }

  /** The group of cells with this timestamp and TTL. */
  of(high: number, low: number, ttl: number, use: number): number {
    let found = this.#last;
    if (!this.#is(found, high, low, ttl)) {
      found = 0;
      while (found < this.count && !this.#is(found, high, low, ttl)) found++;
      if (found === this.count) this.#add(high, low, ttl);
      this.#last = found;
    }
    this.uses[found]! |= use;
    return found;
  }

  #is(group: number, high: number, low: number, ttl: number): boolean {
    return group < this.count && this.low[group] === low && this.high[group] === high && this.ttls[group] === ttl;
  }

  #add(high: number, low: number, ttl: number): void {
    const group = this.count++;
    if (group === this.high.length) {
      for (const name of ["high", "low", "ttls"] as const) {
        const bigger = new Int32Array(group * 2);
        bigger.set(this[name]);
        this[name] = bigger;
      }
      const uses = new Uint8Array(group * 2);
      uses.set(this.uses);
      this.uses = uses;
    }
    this.high[group] = high;
    this.low[group] = low;
    this.ttls[group] = ttl;
    this.uses[group] = 0;
  }

  /**
   * The group that the row itself is made with: the earliest that stays, or, where all expire, the one that does so last.
   * NO_GROUP where there is none.
   */
  ofRow(): number {
    let best = NO_GROUP;
    for (let group = 0; group < this.count; group++) if (best < 0 || this.#isBetter(group, best)) best = group;
    return best;
  }

  #isBetter(group: number, than: number): boolean {
    const life = lifeOf(this.ttls[group]!);
    const other = lifeOf(this.ttls[than]!);
    if (life !== other) return life > other;
    return isLater(this.high[than]!, this.low[than]!, this.high[group]!, this.low[group]!);
  }
}

/** TTLs by how long they let a cell live. */
export function lifeOf(ttl: number): number {
  return ttl <= 0 ? Number.POSITIVE_INFINITY : ttl;
}

/** Whether the first timestamp is later than the second. */
export function isLater(high: number, low: number, thanHigh: number, thanLow: number): boolean {
  return high === thanHigh ? low >>> 0 > thanLow >>> 0 : high > thanHigh;
}
