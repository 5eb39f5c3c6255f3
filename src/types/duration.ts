/*
 * Owns the codec of duration: three integers, which a DuckDB INTERVAL would not carry through Parquet unharmed.
 */
import { type ColumnBuffer, type ColumnType, isNull, reserveRows, setNull } from "../base/column.ts";
import { type CellRule, notCanonical, oddCell } from "./cells.ts";
import { type CellWriter, type Codec, ValueError } from "./codec.ts";
import { VintReader, writeSigned } from "./vint.ts";

export const DURATION_COLUMN: ColumnType = {
  kind: "STRUCT",
  fields: [
    { name: "months", type: { kind: "INTEGER" } },
    { name: "days", type: { kind: "INTEGER" } },
    { name: "nanos", type: { kind: "BIGINT" } },
  ],
};
/** Two vints of 32 bits and one of 64. */
const MOST_BYTES = 5 + 5 + 9;

/** duration: CQL native protocol v5, section 6.8: months, days and nanoseconds as [vint]s. */
export function durationCodec(rule: CellRule): Codec {
  const reader = new VintReader();
  return {
    column: DURATION_COLUMN,
    decode(cells, first, count, out) {
      reserveRows(out, count);
      const [months, days, nanos] = out.children as [ColumnBuffer, ColumnBuffer, ColumnBuffer];
      for (const child of out.children) reserveRows(child, count);
      const { body, index } = cells;
      for (let i = first, row = out.rows; i < first + count; i++, row++) {
        const size = index[i * 2 + 1]!;
        if (size < 3) {
          oddCell(cells, i, out, row, rule);
          for (const child of out.children) setNull(child, row);
          continue;
        }
        const at = index[i * 2]!;
        const end = at + size;
        const daysAt = reader.signed(body, at, end);
        months.i32[row] = reader.low;
        let isNarrow = reader.high === reader.low >> 31;
        const nanosAt = daysAt < 0 ? -1 : reader.signed(body, daysAt, end);
        days.i32[row] = reader.low;
        isNarrow &&= reader.high === reader.low >> 31;
        const last = nanosAt < 0 ? -1 : reader.signed(body, nanosAt, end);
        nanos.i32[row * 2] = reader.low;
        nanos.i32[row * 2 + 1] = reader.high;
        if (last !== end || !isNarrow) throw notCanonical(i, "bytes that are not how a duration is written");
      }
      out.rows += count;
      for (const child of out.children) child.rows += count;
    },
    encode: encodeDuration,
  };
}

function encodeDuration(column: ColumnBuffer, first: number, count: number, out: CellWriter): void {
  const [months, days, nanos] = column.children as [ColumnBuffer, ColumnBuffer, ColumnBuffer];
  out.reserve(count * MOST_BYTES);
  let at = out.length;
  for (let row = first; row < first + count; row++) {
    if (isNull(column, row)) {
      out.cell(0, -1);
      continue;
    }
    if (isNull(months, row) || isNull(days, row) || isNull(nanos, row)) {
      throw new ValueError(row, "a duration without its months, days or nanos");
    }
    const start = at;
    const high = nanos.i32[row * 2 + 1]!;
    const low = nanos.i32[row * 2]!;
    const month = months.i32[row]!;
    const day = days.i32[row]!;
    const anyNegative = month < 0 || day < 0 || high < 0;
    if (anyNegative && (month > 0 || day > 0 || high > 0 || (high === 0 && low !== 0))) {
      throw new ValueError(row, "a duration of two signs, which Cassandra refuses");
    }
    at = writeSigned(out.bytes, at, month >> 31, month);
    at = writeSigned(out.bytes, at, day >> 31, day);
    at = writeSigned(out.bytes, at, high, low);
    out.cell(start, at - start);
  }
  out.length = at;
}
