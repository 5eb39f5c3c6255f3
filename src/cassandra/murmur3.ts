/*
 * Owns the token of a partition key: Murmur3 (x64, 128 bits, the first half) as Cassandra computes it, which takes the
 * bytes of the tail as signed. Works on pairs of 32-bit halves, since BigInt costs ten times as much.
 */

/** The result of the last 64-bit operation. */
let high = 0;
let low = 0;

const C1_HIGH = 0x87c37b91 | 0;
const C1_LOW = 0x114253d5;
const C2_HIGH = 0x4cf5ad43;
const C2_LOW = 0x2745937f;

function multiply(ah: number, al: number, bh: number, bl: number): void {
  const a0 = al & 0xffff;
  const a1 = al >>> 16;
  const b0 = bl & 0xffff;
  const b1 = bl >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const lower = a0 * b1 + (middle % 0x10000);
  const carried = a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(lower / 0x10000);
  high = (carried + Math.imul(ah, bl) + Math.imul(al, bh)) | 0;
  low = Math.imul(al, bl);
}

function add(ah: number, al: number, bh: number, bl: number): void {
  const sum = (al + bl) | 0;
  high = (ah + bh + (sum >>> 0 < al >>> 0 ? 1 : 0)) | 0;
  low = sum;
}

/** Rotates to the left by `bits`, which is neither 0 nor 32. */
function rotate(h: number, l: number, bits: number): void {
  const swapped = bits > 32;
  const a = swapped ? l : h;
  const b = swapped ? h : l;
  const n = swapped ? bits - 32 : bits;
  high = (a << n) | (b >>> (32 - n));
  low = (b << n) | (a >>> (32 - n));
}

function mixFirst(h: number, l: number): void {
  multiply(h, l, C1_HIGH, C1_LOW);
  rotate(high, low, 31);
  multiply(high, low, C2_HIGH, C2_LOW);
}

function mixSecond(h: number, l: number): void {
  multiply(h, l, C2_HIGH, C2_LOW);
  rotate(high, low, 33);
  multiply(high, low, C1_HIGH, C1_LOW);
}

function finish(h: number, l: number): void {
  multiply(h, l ^ (h >>> 1), 0xff51afd7 | 0, 0xed558ccd | 0);
  multiply(high, low ^ (high >>> 1), 0xc4ceb9fe | 0, 0x1a85ec53);
  low ^= high >>> 1;
}

function littleEndian(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Bytes from..to (at most eight) as one little-endian number, each byte with its sign, exclusive-ored as Cassandra does. */
function signedTail(bytes: Uint8Array, from: number, to: number): void {
  let h = 0;
  let l = 0;
  for (let i = to - from - 1; i >= 0; i--) {
    const byte = (bytes[from + i]! << 24) >> 24;
    const shift = i * 8;
    if (shift >= 32) h ^= byte << (shift - 32);
    else {
      l ^= byte << shift;
      h ^= shift === 0 ? byte >> 31 : byte >> (32 - shift);
    }
  }
  high = h;
  low = l;
}

/**
 * Writes the token of the key's bytes key[from] … key[to-1] to `out[at]` (its upper 32 bits) and `out[at + 1]` (its lower
 * ones). The bytes of a composite key are those of `serializeKey` in routing.ts.
 */
export function hashKey(key: Uint8Array, from: number, to: number, out: Int32Array, at: number): void {
  const size = to - from;
  let h1h = 0;
  let h1l = 0;
  let h2h = 0;
  let h2l = 0;
  let offset = from;
  for (; offset + 16 <= to; offset += 16) {
    mixFirst(littleEndian(key, offset + 4), littleEndian(key, offset));
    rotate(h1h ^ high, h1l ^ low, 27);
    add(high, low, h2h, h2l);
    multiply(high, low, 0, 5);
    add(high, low, 0, 0x52dce729);
    h1h = high;
    h1l = low;
    mixSecond(littleEndian(key, offset + 12), littleEndian(key, offset + 8));
    rotate(h2h ^ high, h2l ^ low, 31);
    add(high, low, h1h, h1l);
    multiply(high, low, 0, 5);
    add(high, low, 0, 0x38495ab5);
    h2h = high;
    h2l = low;
  }
  if (offset + 8 < to) {
    signedTail(key, offset + 8, to);
    mixSecond(high, low);
    h2h ^= high;
    h2l ^= low;
  }
  if (offset < to) {
    signedTail(key, offset, Math.min(offset + 8, to));
    mixFirst(high, low);
    h1h ^= high;
    h1l ^= low;
  }
  add(h1h, h1l ^ size, h2h, h2l ^ size);
  h1h = high;
  h1l = low;
  add(h2h, h2l ^ size, h1h, h1l);
  h2h = high;
  h2l = low;
  finish(h1h, h1l);
  h1h = high;
  h1l = low;
  finish(h2h, h2l);
  add(h1h, h1l, high, low);
  // The least token is nobody's: it stands for the beginning of the ring.
  const isLeast = high === -0x8000_0000 && low === 0;
  out[at] = isLeast ? 0x7fff_ffff : high;
  out[at + 1] = isLeast ? -1 : low;
}
