/*
 * Owns the codecs of tuples and user-defined types. Fields of all rows of a call are collected first, so that each
 * field's codec runs once a call.
 */
import { type ColumnBuffer, isNull, reserveRows } from "../base/column.ts";
import { type CellRule, copyBytes, InnerCells, inside, notCanonical, oddCell } from "./cells.ts";
import { type Cells, CellWriter, type Codec } from "./codec.ts";

interface Field {
  readonly name: string;
  readonly codec: Codec;
  readonly cells: InnerCells;
  readonly written: CellWriter;
}

/** tuple and user-defined type: CQL native protocol v4, sections 6.23 and 6.25: [bytes] a field, late ones may lack. */
export function structCodec(names: readonly string[], codecs: readonly Codec[], rule: CellRule): Codec {
  const fields = codecs.map(
    (codec, i): Field => ({ name: names[i]!, codec, cells: new InnerCells(), written: new CellWriter() }),
  );
  return {
    column: { kind: "STRUCT", fields: fields.map(({ name, codec }) => ({ name, type: codec.column })) },
    decode(cells, first, count, out) {
      splitFields(cells, first, count, out, fields, rule);
      for (const [i, field] of fields.entries()) {
        const inner = field.cells.within(cells);
        inside(
          () => field.codec.decode(inner, 0, count, out.children[i]!),
          (row) => first + row,
          () => `field ${field.name}`,
        );
      }
    },
    encode(column, first, count, out) {
      for (const [i, field] of fields.entries()) {
        field.written.clear();
        inside(
          () => field.codec.encode(column.children[i]!, first, count, field.written),
          (row) => row,
          () => `field ${field.name}`,
        );
      }
      writeStructs(column, first, count, fields, out);
    },
  };
}

function splitFields(
  cells: Cells,
  first: number,
  count: number,
  out: ColumnBuffer,
  fields: readonly Field[],
  rule: CellRule,
): void {
  reserveRows(out, count);
  const { view, index } = cells;
  for (const field of fields) field.cells.reserve(count);
  for (let i = first, row = out.rows, slot = 0; i < first + count; i++, row++, slot += 2) {
    const size = index[i * 2 + 1]!;
    // A zero-length value is one of no fields yet: the server takes it as all of them missing.
    if (size < 4 && size !== 0) oddCell(cells, i, out, row, rule);
    let at = index[i * 2]!;
    const end = at + Math.max(size, 0);
    let missing = false;
    for (let f = 0; f < fields.length; f++) {
      const inner = fields[f]!.cells.index;
      if (at === end) {
        inner[slot] = 0;
        inner[slot + 1] = -1;
        missing = true;
        continue;
      }
      const bytes = at + 4 > end ? -2 : view.getInt32(at);
      at += 4;
      if (bytes < -1 || bytes > end - at) throw notCanonical(i, `bytes that are not how a ${rule.name} is written`);
      inner[slot] = at;
      inner[slot + 1] = bytes;
      if (bytes > 0) at += bytes;
    }
    if (at !== end) throw notCanonical(i, `more fields than ${rule.name} has`);
    if (missing && size >= 0) out.notes.evolved++;
  }
  out.rows += count;
}

function writeStructs(
  column: ColumnBuffer,
  first: number,
  count: number,
  fields: readonly Field[],
  out: CellWriter,
): void {
  let total = 0;
  for (const { written } of fields) total += written.length + count * 4;
  out.reserve(total);
  let at = out.length;
  for (let i = 0; i < count; i++) {
    if (isNull(column, first + i)) {
      out.cell(0, -1);
      continue;
    }
    const start = at;
    for (let f = 0; f < fields.length; f++) {
      const { written } = fields[f]!;
      const size = written.index[i * 2 + 1]!;
      out.view.setInt32(at, size);
      at += 4;
      if (size < 1) continue;
      copyBytes(written.bytes, written.index[i * 2]!, size, out.bytes, at);
      at += size;
    }
    out.cell(start, at - start);
  }
  out.length = at;
}
