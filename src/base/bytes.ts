/*
 * Owns the copying of few bytes from one buffer to another. Knows nothing of what they mean.
 */

/** Up to so many bytes are copied faster word by word than by a call of the engine, which needs a view of them first. */
export const FEW_BYTES = 128;

/** Copies bytes word by word: for up to FEW_BYTES of them. Memory must not overlap. */
export function copyWords(from: DataView, at: number, size: number, to: DataView, toAt: number): void {
  if (size < 4) {
    for (let i = 0; i < size; i++) to.setUint8(toAt + i, from.getUint8(at + i));
    return;
  }
  // The last word ends with the bytes, and may say some of them again.
  const last = size - 4;
  for (let i = 0; i < last; i += 4) to.setInt32(toAt + i, from.getInt32(at + i, true), true);
  to.setInt32(toAt + last, from.getInt32(at + last, true), true);
}

/** A view of the same bytes. */
export function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}
