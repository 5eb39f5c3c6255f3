/*
 * Owns Cassandra's integers of variable length, as halves of 32 bits: in durations they are signed (zigzag), before
 * the elements of a vector unsigned.
 */

/**
 * Reads [unsigned vint] of CQL native protocol v5, section 3: as many further bytes as the first one has leading ones.
 * One reader serves many values; what it read last is in `high` and `low`.
 */
export class VintReader {
  high = 0;
  low = 0;

  /** Reads the number at `at`; returns where it ends, or -1 if it is cut off or not written as shortly as can be. */
  unsigned(body: Uint8Array, at: number, end: number): number {
    if (at >= end) return -1;
    const first = body[at]!;
    const more = Math.clz32(~(first << 24));
    if (at + 1 + more > end) return -1;
    let high = 0;
    let low = more > 7 ? 0 : first & (0xff >> more);
    for (let i = at + 1; i <= at + more; i++) {
      high = (high << 8) | (low >>> 24);
      low = (low << 8) | body[i]!;
    }
    this.high = high;
    this.low = low;
    return more + 1 === vintSize(high, low) ? at + 1 + more : -1;
  }

  /** As `unsigned`, for [vint]: zigzag, so that small negative numbers are short too. */
  signed(body: Uint8Array, at: number, end: number): number {
    const next = this.unsigned(body, at, end);
    const sign = -(this.low & 1);
    this.low = ((this.low >>> 1) | (this.high << 31)) ^ sign;
    this.high = (this.high >>> 1) ^ sign;
    return next;
  }
}

/** Bytes that an unsigned number takes. */
function vintSize(high: number, low: number): number {
  const bits = high === 0 ? 32 - Math.clz32(low | 1) : 64 - Math.clz32(high);
  return bits > 56 ? 9 : Math.ceil(bits / 7);
}

/** Writes an [unsigned vint]; returns where it ends. */
export function writeUnsigned(bytes: Uint8Array, at: number, high: number, low: number): number {
  const size = vintSize(high, low);
  let upper = high;
  let lower = low;
  for (let i = at + size - 1; i >= at; i--) {
    bytes[i] = lower;
    lower = (lower >>> 8) | (upper << 24);
    upper >>>= 8;
  }
  bytes[at] = bytes[at]! | (0xff00 >> (size - 1));
  return at + size;
}

/** Writes a [vint]; returns where it ends. */
export function writeSigned(bytes: Uint8Array, at: number, high: number, low: number): number {
  const sign = high >> 31;
  return writeUnsigned(bytes, at, ((high << 1) | (low >>> 31)) ^ sign, (low << 1) ^ sign);
}
