/*
 * Owns the footer that makes DuckDB read nanoseconds, which it cuts to microseconds in timestamps and times of day in UTC
 * and in INT96: the former are said to have no zone, the latter to be 12 bytes. The pages are read as they are.
 */
import { encodeFooter, Field, type Footer, readFooter, understanding, withFile } from "./footer.ts";
import { type Plan, ThriftError, ThriftReader, ThriftWriter, Type } from "./thrift.ts";

export interface NewFooter {
  /** Where it stands in the file, whose end it is. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Ids of fields, by struct. */
const Element = { TYPE: 1, TYPE_LENGTH: 2, CHILDREN: 5, LOGICAL: 10 } as const;
const Logical = { TIME: 7, TIMESTAMP: 8 } as const;
const Time = { IS_UTC: 1, UNIT: 2 } as const;
const Unit = { NANOS: 3 } as const;
const RowGroup = { COLUMNS: 1 } as const;
const Column = { META_DATA: 3 } as const;
const MetaData = { TYPE: 1, STATISTICS: 12 } as const;

/** Parquet's numbers of physical types. */
const INT96 = 3;
const FIXED_LEN_BYTE_ARRAY = 7;
const INT96_BYTES = 12;

/** What becomes of a leaf of the schema. */
type Leaf = "kept" | "local" | "bytes";

/**
 * The footer in whose place another lets all nanoseconds be read; undefined where nothing is cut.
 * @param int96 whether INT96 is to become bytes, or stay what it is
 * @throws CannotConcat for what is no Parquet file, or damaged
 */
export async function footerWithNanos(path: string, int96: boolean): Promise<NewFooter | undefined> {
  return withFile(path, (file) =>
    understanding(path, async () => {
      const footer = await readFooter(file, path);
      const schema = changedSchema(new ThriftReader(footer.rest.get(Field.SCHEMA)!.raw), int96);
      if (schema.leaves.every((leaf) => leaf === "kept")) return undefined;
      const parts = new Map(footer.rest);
      parts.set(Field.SCHEMA, { type: Type.LIST, raw: schema.raw });
      parts.set(Field.NUM_ROWS, { type: Type.I64, raw: new ThriftWriter().int(footer.rows).bytes() });
      parts.set(Field.ROW_GROUPS, { type: Type.LIST, raw: changedGroups(footer, schema.leaves) });
      if (footer.keyValues) parts.set(Field.KEY_VALUES, footer.keyValues);
      return { at: footer.bodyEnd, bytes: encodeFooter(parts, path) };
    }),
  );
}

function changedSchema(from: ThriftReader, int96: boolean): { readonly raw: Uint8Array; readonly leaves: Leaf[] } {
  const leaves: Leaf[] = [];
  const { type, size } = from.list();
  const to = new ThriftWriter().list(type, size);
  for (let i = 0; i < size; i++) {
    const { leaf, isGroup } = copyElement(from, to, int96);
    // The first is the root, also of a file without columns.
    if (i > 0 && !isGroup) leaves.push(leaf);
  }
  return { raw: to.bytes(), leaves };
}

function copyElement(from: ThriftReader, to: ThriftWriter, int96: boolean): { leaf: Leaf; isGroup: boolean } {
  let leaf: Leaf = "kept";
  let isGroup = false;
  let last = 0;
  for (const { id, type } of from.fields()) {
    let raw = from.raw(type);
    if (id === Element.TYPE && int96 && new ThriftReader(raw).int() === INT96) {
      leaf = "bytes";
      to.field(id, last, type).int(FIXED_LEN_BYTE_ARRAY).field(Element.TYPE_LENGTH, id, type).int(INT96_BYTES);
      last = Element.TYPE_LENGTH;
      continue;
    }
    if (id === Element.TYPE_LENGTH && leaf === "bytes") continue;
    if (id === Element.CHILDREN) isGroup = new ThriftReader(raw).int() > 0;
    if (id === Element.LOGICAL && type === Type.STRUCT) {
      const local = withoutZone(raw);
      if (local) [leaf, raw] = ["local", local];
    }
    to.field(id, last, type).append(raw);
    last = id;
  }
  to.stop();
  return { leaf, isGroup };
}

/** Of the union of logical types: a time or timestamp in nanoseconds and UTC as one without zone; undefined for all else. */
function withoutZone(raw: Uint8Array): Uint8Array | undefined {
  const reader = new ThriftReader(raw);
  let isUtcAt: number | undefined;
  let isNanos = false;
  for (const { id, type } of reader.fields()) {
    if ((id !== Logical.TIME && id !== Logical.TIMESTAMP) || type !== Type.STRUCT) {
      reader.raw(type);
      continue;
    }
    for (const inner of reader.fields()) {
      // A boolean is in the header of its field, which has been passed.
      if (inner.id === Time.IS_UTC && inner.type === Type.TRUE) isUtcAt = reader.at - 1;
      if (inner.id !== Time.UNIT || inner.type !== Type.STRUCT) {
        reader.raw(inner.type);
        continue;
      }
      for (const unit of reader.fields()) {
        isNanos = unit.id === Unit.NANOS;
        reader.raw(unit.type);
      }
    }
  }
  if (isUtcAt === undefined || !isNanos) return undefined;
  const header = (type: number) => new ThriftWriter().field(Time.IS_UTC, 0, type).bytes()[0]!;
  // The long form of the header, which no writer takes here, ends in another byte.
  if (raw[isUtcAt] !== header(Type.TRUE)) throw new ThriftError("it says in an unusual form that a column is in UTC");
  const changed = Uint8Array.from(raw);
  changed[isUtcAt] = header(Type.FALSE);
  return changed;
}

/** Row groups whose columns are what the schema says now. Statistics of another type would be misunderstood. */
function changedGroups({ groups, groupCount }: Footer, leaves: readonly Leaf[]): Uint8Array {
  const to = new ThriftWriter().list(Type.STRUCT, groupCount);
  for (let i = 0; i < groupCount; i++) {
    let at = 0;
    const metaData: Plan = {
      [MetaData.TYPE]: (type) => (leaves[at] === "bytes" ? FIXED_LEN_BYTE_ARRAY : type),
      [MetaData.STATISTICS]: { keep: () => leaves[at] === "kept" },
    };
    const column: Plan = { [Column.META_DATA]: { fields: metaData } };
    to.copyStruct(groups, { fields: { [RowGroup.COLUMNS]: { fields: column, end: () => at++ } } });
  }
  return to.bytes();
}
