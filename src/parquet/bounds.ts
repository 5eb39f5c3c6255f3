/*
 * Owns the bounds of times in a footer's statistics that DuckDB fails to write as text: its parquet_metadata() then says
 * nothing of the whole file, and some end its engine. What other bounds say is not looked at.
 */
import { encodeFooter, Field, MAGIC, readFooter, understanding, withFile } from "./footer.ts";
import { type Plan, ThriftReader, ThriftWriter, Type } from "./thrift.ts";

/** Least and greatest value that DuckDB can write. */
type Limits = readonly [bigint, bigint];

const GREATEST = 2n ** 63n - 1n;
/** By unit, as Parquet numbers them: milliseconds, microseconds, nanoseconds. */
const TIMESTAMPS: Readonly<Record<number, Limits>> = {
  1: [-9_223_372_022_400_000n, 9_223_372_036_854_775n],
  2: [-9_223_372_022_400_000_000n, GREATEST],
  3: [-9_223_286_400_000_000_000n, GREATEST],
};
const TIMES: Readonly<Record<number, Limits>> = {
  1: [0n, 86_400_000n],
  2: [0n, 86_400_000_000n],
  3: [0n, 86_400_000_000_000n],
};
/** Of the older kind, which knows no nanoseconds. */
const CONVERTED: Readonly<Record<number, Limits | undefined>> = {
  7: TIMES[1],
  8: TIMES[2],
  9: TIMESTAMPS[1],
  10: TIMESTAMPS[2],
};
const LOGICAL: Readonly<Record<number, typeof TIMES>> = { 7: TIMES, 8: TIMESTAMPS };

/** Ids of fields, by struct. */
const Element = { CHILDREN: 5, CONVERTED: 6, LOGICAL: 10 } as const;
const RowGroup = { COLUMNS: 1 } as const;
const Column = { META_DATA: 3 } as const;
const MetaData = { STATISTICS: 12 } as const;
/** Of the statistics: those in use and the deprecated ones. */
const BOUNDS = [1, 2, 5, 6] as const;

/**
 * A Parquet file without rows whose footer is that of `path`, but for the bounds that DuckDB can't write; undefined where
 * there is none of those.
 * @throws CannotConcat for what is no Parquet file, or damaged
 */
export async function withoutUnwritableBounds(path: string): Promise<Uint8Array | undefined> {
  return withFile(path, (file) =>
    understanding(path, async () => {
      const { rest, groups, groupCount, keyValues, rows } = await readFooter(file, path);
      const limits = leafLimits(new ThriftReader(rest.get(Field.SCHEMA)!.raw));
      if (limits.every((limit) => limit === undefined)) return undefined;
      const kept = new ThriftWriter().list(Type.STRUCT, groupCount);
      const { plan, dropped } = dropPlan(limits);
      for (let i = 0; i < groupCount; i++) kept.copyStruct(groups, { fields: plan() });
      if (!dropped()) return undefined;
      const parts = new Map(rest);
      parts.set(Field.NUM_ROWS, { type: Type.I64, raw: new ThriftWriter().int(rows).bytes() });
      parts.set(Field.ROW_GROUPS, { type: Type.LIST, raw: kept.bytes() });
      if (keyValues) parts.set(Field.KEY_VALUES, keyValues);
      return Buffer.concat([MAGIC, encodeFooter(parts, path)]);
    }),
  );
}

/** Copies row groups, one plan each, without the bounds that are outside of their column's limits. */
function dropPlan(limits: readonly (Limits | undefined)[]): { plan: () => Plan; dropped: () => boolean } {
  let dropped = false;
  const plan = () => {
    let leaf = 0;
    const keep = (raw: Uint8Array) => {
      const isKept = isWithin(new ThriftReader(raw).binary(), limits[leaf]);
      dropped ||= !isKept;
      return isKept;
    };
    const statistics: Plan = Object.fromEntries(BOUNDS.map((id) => [id, { keep }]));
    const metaData: Plan = { [MetaData.STATISTICS]: { fields: statistics } };
    const column: Plan = { [Column.META_DATA]: { fields: metaData } };
    return { [RowGroup.COLUMNS]: { fields: column, end: () => leaf++ } };
  };
  return { plan, dropped: () => dropped };
}

function isWithin(bound: Uint8Array, limits: Limits | undefined): boolean {
  if (limits === undefined) return true;
  const bytes = Buffer.from(bound.buffer, bound.byteOffset, bound.length);
  // DuckDB says of any other length what is wrong.
  if (bytes.length !== 4 && bytes.length !== 8) return true;
  const value = bytes.length === 4 ? BigInt(bytes.readInt32LE()) : bytes.readBigInt64LE();
  return limits[0] <= value && value <= limits[1];
}

/** The limits of each leaf of the schema, in the order in which row groups have them. */
function leafLimits(schema: ThriftReader): (Limits | undefined)[] {
  const leaves: (Limits | undefined)[] = [];
  const { size } = schema.list();
  for (let i = 0; i < size; i++) {
    let children = 0;
    let limits: Limits | undefined;
    for (const { id, type } of schema.fields()) {
      if (id === Element.CHILDREN) children = schema.int();
      else if (id === Element.CONVERTED) limits ??= CONVERTED[schema.int()];
      else if (id === Element.LOGICAL) limits = logicalLimits(schema) ?? limits;
      else schema.raw(type);
    }
    // The first is the root, also of a file without columns.
    if (i > 0 && children === 0) leaves.push(limits);
  }
  return leaves;
}

/** Of the union of logical types at the reader: TIME and TIMESTAMP hold whether they are in UTC, and a union of units. */
function logicalLimits(reader: ThriftReader): Limits | undefined {
  let limits: Limits | undefined;
  for (const { id, type } of reader.fields()) {
    const kind = LOGICAL[id];
    if (kind === undefined) {
      reader.raw(type);
      continue;
    }
    for (const inner of reader.fields()) {
      if (inner.type !== Type.STRUCT) {
        reader.raw(inner.type);
        continue;
      }
      for (const unit of reader.fields()) {
        limits = kind[unit.id];
        reader.raw(unit.type);
      }
    }
  }
  return limits;
}
