/*
 * Makes x86 machine code compress better (libduckdb.so by 7 %): a call or jump holds its target relative to itself, so
 * that calls of one function look different everywhere; as absolute targets they look the same. Old trick of packers
 * (xz and 7-Zip call it BCJ). Lossless for any bytes.
 */

/** 0xe8 is `call rel32`, 0xe9 is `jmp rel32`. */
const isBranch = (byte: number) => (byte & 0xfe) === 0xe8;
const INSTRUCTION_BYTES = 5;

/** Rewrites the targets in place: from relative to absolute before compressing, and back again after. */
export function convertBranches(code: Uint8Array, to: "absolute" | "relative"): void {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const end = code.length - INSTRUCTION_BYTES;
  for (let at = 0; at <= end; at++) {
    if (!isBranch(code[at]!)) continue;
    const top = code[at + 4]!;
    // Only targets within 16 MB: after the change, modulo 2^25, the top byte still is one of these two.
    if (top === 0 || top === 0xff) {
      const from = at + INSTRUCTION_BYTES;
      const target = view.getInt32(at + 1, true) + (to === "absolute" ? from : -from);
      view.setInt32(at + 1, (target << 7) >> 7, true);
    }
    // Changed or not, these bytes are done with: the way back then sees the same instructions.
    at += INSTRUCTION_BYTES - 1;
  }
}
