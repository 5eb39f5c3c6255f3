/*
 * Owns the codecs of timestamp, date and time. Durations are in duration.ts.
 */
import { type ColumnBuffer, isNull, reserveRows } from "../base/column.ts";
import { BLOB_HINT, type CellRule, oddCell } from "./cells.ts";
import { type CellWriter, type Codec, ValueError } from "./codec.ts";
import { writeHalves } from "./digits.ts";
import { encodeLongs, encodeWords } from "./integers.ts";

const WORD = 0x100000000;
const SIGN = 0x80000000 | 0;
const NANOS_OF_DAY = 86_400_000_000_000;

/**
 * timestamp as an instant in microseconds: CQL native protocol v4, section 6.19, milliseconds since 1970.
 * The product is made of two halves, as the widest of it are beyond what a number holds exactly.
 */
export function timestampCodec(rule: CellRule): Codec {
  return {
    column: { kind: "TIMESTAMPTZ" },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      const { view, index } = cells;
      const { i32 } = out;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        if (index[i * 2 + 1] !== 8) {
          oddCell(cells, i, out, row, rule);
          continue;
        }
        const at = index[i * 2]!;
        const low = view.getUint32(at + 4) * 1000;
        const high = view.getInt32(at) * 1000 + Math.floor(low / WORD);
        if (high > 0x7fffffff || high < -0x80000000) {
          throw new ValueError(
            i,
            `${view.getBigInt64(at)} ms since 1970 are beyond TIMESTAMPTZ`,
            "--type {column}=BIGINT keeps milliseconds since 1970",
          );
        }
        i32[row * 2] = low;
        i32[row * 2 + 1] = high;
      }
      out.rows += count;
    },
    encode: encodeTimestamp,
  };
}

function encodeTimestamp(column: ColumnBuffer, first: number, count: number, out: CellWriter): void {
  out.reserve(count * 8);
  out.reserveCells(count);
  const { i32, hasNull } = column;
  const { index, view } = out;
  let at = out.length;
  let slot = out.cells * 2;
  for (let row = first; row < first + count; row++, slot += 2) {
    index[slot] = at;
    index[slot + 1] = -1;
    if (hasNull && isNull(column, row)) continue;
    const micros = i32[row * 2 + 1]!;
    const high = Math.floor(micros / 1000);
    const rest = (micros - high * 1000) * WORD + (i32[row * 2]! >>> 0);
    const low = Math.floor(rest / 1000);
    if (low * 1000 !== rest) {
      throw new ValueError(row, "an instant with microseconds; a CQL timestamp has milliseconds");
    }
    index[slot + 1] = 8;
    writeHalves(view, at, high, low);
    at += 8;
  }
  out.cells += count;
  out.length = at;
}

/**
 * date, as DATE or as the number of days since 1970: CQL native protocol v4, section 6.5, those days plus 2^31.
 * DATE carries all of them: the days that DuckDB shows as infinity or can't show at all also come back from Parquet
 * as they were (seen with 1.5.6).
 */
export function dateCodec(rule: CellRule, kind: "DATE" | "INTEGER"): Codec {
  return {
    column: { kind },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      const { view, index } = cells;
      const { i32 } = out;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        if (index[i * 2 + 1] === 4) i32[row] = view.getInt32(index[i * 2]!) ^ SIGN;
        else oddCell(cells, i, out, row, rule);
      }
      out.rows += count;
    },
    encode: (column, first, count, out) => encodeWords(column, first, count, out, SIGN),
  };
}

/** time: CQL native protocol v4, section 6.17, nanoseconds since midnight. */
export function timeCodec(rule: CellRule): Codec {
  return {
    column: { kind: "TIME_NS" },
    decode(cells, first, count, out) {
      reserveRows(out, count);
      const { view, index } = cells;
      const { i32 } = out;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        if (index[i * 2 + 1] !== 8) {
          oddCell(cells, i, out, row, rule);
          continue;
        }
        const at = index[i * 2]!;
        const high = view.getInt32(at);
        const low = view.getInt32(at + 4);
        if (!isTimeOfDay(high, low)) {
          throw new ValueError(i, `${view.getBigInt64(at)} ns are not a time of day`, BLOB_HINT);
        }
        i32[row * 2] = low;
        i32[row * 2 + 1] = high;
      }
      out.rows += count;
    },
    encode(column, first, count, out) {
      for (let row = first; row < first + count; row++) {
        if (!isNull(column, row) && !isTimeOfDay(column.i32[row * 2 + 1]!, column.i32[row * 2]!)) {
          throw new ValueError(row, "a time of 24:00, which CQL doesn't have");
        }
      }
      encodeLongs(column, first, count, out);
    },
  };
}

function isTimeOfDay(high: number, low: number): boolean {
  return high >= 0 && high * WORD + (low >>> 0) < NANOS_OF_DAY;
}
