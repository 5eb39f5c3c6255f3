/*
 * Owns the codecs of float and double. Bits are moved, never numbers: a number of JavaScript has one NaN only.
 */
import { reserveRows } from "../base/column.ts";
import { type CellRule, oddCell } from "./cells.ts";
import type { Codec } from "./codec.ts";
import { encodeLongs, encodeWords } from "./integers.ts";

const SIGN = 0x80000000 | 0;

/** float: CQL native protocol v4, section 6.9 (IEEE 754, 32 bits). */
export function floatCodec(rule: CellRule): Codec {
  return {
    column: { kind: "FLOAT" },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      const { view, index } = cells;
      const { i32 } = out;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        if (index[i * 2 + 1] === 4) {
          const bits = view.getInt32(index[i * 2]!);
          if (bits === SIGN || ((bits & 0x7fffffff) > 0x7f800000 && bits !== 0x7fc00000)) {
            out.notes.exactFloatBits = true;
          }
          i32[row] = bits;
        } else {
          oddCell(cells, i, out, row, rule);
        }
      }
      out.rows += count;
    },
    encode: (column, first, count, out) => encodeWords(column, first, count, out, 0),
  };
}

/** double: CQL native protocol v4, section 6.7 (IEEE 754, 64 bits). */
export function doubleCodec(rule: CellRule): Codec {
  return {
    column: { kind: "DOUBLE" },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      const { view, index } = cells;
      const { i32 } = out;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        if (index[i * 2 + 1] === 8) {
          const at = index[i * 2]!;
          const high = view.getInt32(at);
          const low = view.getInt32(at + 4);
          if ((high === SIGN && low === 0) || ((high & 0x7ff00000) === 0x7ff00000 && isOddNaN(high, low))) {
            out.notes.exactFloatBits = true;
          }
          i32[row * 2] = low;
          i32[row * 2 + 1] = high;
        } else {
          oddCell(cells, i, out, row, rule);
        }
      }
      out.rows += count;
    },
    encode: encodeLongs,
  };
}

/** Of bits whose exponent is all ones: not an infinity, and not the NaN that everyone writes. */
function isOddNaN(high: number, low: number): boolean {
  const isInfinity = (high & 0x000fffff) === 0 && low === 0;
  return !isInfinity && !(high === 0x7ff80000 && low === 0);
}
