/*
 * Owns the memory that pages are received into and written rows are sent from. It is used again, because fresh memory
 * for each costs the kernel more than all the copying of its bytes, and garbage of megabytes is collected late.
 */

/** Sizes are rounded up to this, so that pages of about one size fit into each other's memory. */
const STEP = 1 << 16;
/** Kept for later use at the most. */
const MAX_FREE_BYTES = 1 << 26;

/** Buffers that were given back, the longest unused first: sizes that nobody wants any more go by and by. */
const free: ArrayBuffer[] = [];
let freeBytes = 0;
/** Those that are in use, so that none is given back twice, and nobody else's memory once. */
const lent = new WeakSet<ArrayBufferLike>();

/** Memory of so many bytes, which holds anything. */
export function lendFrame(bytes: number): Uint8Array {
  const size = Math.ceil(bytes / STEP) * STEP;
  const at = bestFit(size);
  const buffer = at < 0 ? new ArrayBuffer(size) : free.splice(at, 1)[0]!;
  if (at >= 0) freeBytes -= buffer.byteLength;
  lent.add(buffer);
  return new Uint8Array(buffer, 0, bytes);
}

/** Takes memory back that nobody looks at any more; what is never given back is garbage like any other. */
export function giveBackFrame({ buffer }: Uint8Array): void {
  if (!(buffer instanceof ArrayBuffer) || !lent.delete(buffer)) return;
  free.push(buffer);
  freeBytes += buffer.byteLength;
  while (freeBytes > MAX_FREE_BYTES) freeBytes -= free.shift()?.byteLength ?? freeBytes;
}

/** The smallest of the free buffers that has so many bytes, and not more than twice as many; -1 if there is none. */
function bestFit(size: number): number {
  let best = -1;
  for (let i = 0; i < free.length; i++) {
    const { byteLength } = free[i]!;
    if (byteLength >= size && byteLength <= size * 2 && (best < 0 || byteLength < free[best]!.byteLength)) best = i;
  }
  return best;
}
