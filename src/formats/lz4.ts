/*
 * Owns decompressing frames of LZ4, which Arrow's buffers may be: Node's zlib does not know it. Checksums are passed
 * over; lengths and offsets are not believed.
 */

const MAGIC = 0x184d2204;
/** Bits of the frame's first byte. */
const BLOCK_CHECKSUM = 0x10;
const CONTENT_SIZE = 0x08;
const DICTIONARY_ID = 0x01;
/** The bit of a block's size that says it is not compressed. */
const PLAIN = 0x8000_0000;
/** A length of this in a token goes on in the bytes behind it. */
const MORE = 15;
const LEAST_MATCH = 4;

/**
 * Decompresses one frame.
 * @param size of what comes out
 * @throws RangeError for bytes that are no such frame
 */
export function decompressLz4(frame: Uint8Array, size: number): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (view.getUint32(0, true) !== MAGIC) throw new RangeError("no LZ4 frame begins here");
  const flags = view.getUint8(4);
  if (flags & DICTIONARY_ID) throw new RangeError("an LZ4 frame with a dictionary of its own");
  let at = 6 + (flags & CONTENT_SIZE ? 8 : 0) + 1;
  const out = new Uint8Array(size);
  let length = 0;
  for (let word = view.getUint32(at, true); word !== 0; word = view.getUint32(at, true)) {
    at += 4;
    const end = at + (word & ~PLAIN);
    if (end > frame.length) throw new RangeError("an LZ4 block that ends behind its frame");
    if ((word & PLAIN) !== 0) {
      out.set(frame.subarray(at, end), length);
      length += end - at;
    } else length = decompressBlock(frame, at, end, out, length);
    at = end + (flags & BLOCK_CHECKSUM ? 4 : 0);
  }
  if (length !== size) throw new RangeError(`an LZ4 frame of ${length} bytes instead of ${size}`);
  return out;
}

/** @returns where the output ends now. Matches may reach back into the blocks before. */
function decompressBlock(source: Uint8Array, from: number, end: number, out: Uint8Array, to: number): number {
  let at = from;
  const extended = (start: number): number => {
    let length = start;
    if (start < MORE) return length;
    for (let byte = 255; byte === 255; length += byte) {
      if (at >= end) throw new RangeError("an LZ4 block that ends in a length");
      byte = source[at++]!;
    }
    return length;
  };
  while (at < end) {
    const token = source[at++]!;
    const literals = extended(token >> 4);
    if (at + literals > end || to + literals > out.length) throw new RangeError("LZ4 literals beyond their block");
    out.set(source.subarray(at, at + literals), to);
    at += literals;
    to += literals;
    // The last sequence of a block has no match.
    if (at === end) return to;
    if (at + 2 > end) throw new RangeError("an LZ4 block that ends in an offset");
    const offset = source[at]! | (source[at + 1]! << 8);
    at += 2;
    const match = extended(token & 15) + LEAST_MATCH;
    if (offset === 0 || offset > to || to + match > out.length) throw new RangeError("an LZ4 match out of reach");
    if (offset >= match) out.copyWithin(to, to - offset, to - offset + match);
    else for (let i = 0; i < match; i++) out[to + i] = out[to - offset + i]!;
    to += match;
  }
  return to;
}
