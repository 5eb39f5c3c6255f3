/*
 * Owns the SQL that changes the leaves of nested values and leaves all else as it is. What becomes of a leaf is not known here.
 */
import { quoteName, quoteText } from "../../duckdb/copy.ts";
import type { FileType } from "../../duckdb/filetypes.ts";

/** SQL over the SQL that gives the value. */
export type OfLeaf = (sql: string) => string;

/**
 * The value with its leaves as `leaf` makes them; undefined where it makes none. Leaves are asked for in the order that
 * Parquet has them in.
 */
export function mapped(
  sql: string,
  type: FileType,
  leaf: (typeName: string) => OfLeaf | undefined,
  depth = 0,
): string | undefined {
  const x = `v${depth}`;
  switch (type.kind) {
    case "LIST": {
      const child = mapped(x, type.child, leaf, depth + 1);
      return child && `list_transform(${sql}, lambda ${x}: ${child})`;
    }
    case "MAP": {
      const key = mapped(`${x}.key`, type.key, leaf, depth + 1);
      const value = mapped(`${x}.value`, type.value, leaf, depth + 1);
      if (!key && !value) return undefined;
      const entry = `{'key': ${key ?? `${x}.key`}, 'value': ${value ?? `${x}.value`}}`;
      return `CASE WHEN ${sql} IS NOT NULL THEN map_from_entries(list_transform(map_entries(${sql}), lambda ${x}: ${entry})) END`;
    }
    case "STRUCT": {
      const of = (name: string) => `struct_extract(${sql}, ${quoteText(name)})`;
      const fields = type.fields.map((field) => ({
        ...field,
        sql: mapped(of(field.name), field.type, leaf, depth + 1),
      }));
      if (fields.every((field) => field.sql === undefined)) return undefined;
      const members = fields.map(({ name, sql: made }) => `${quoteName(name)} := ${made ?? of(name)}`);
      return `CASE WHEN ${sql} IS NOT NULL THEN struct_pack(${members.join(", ")}) END`;
    }
    default:
      return leaf(type.kind === "SIMPLE" ? type.name : type.kind)?.(sql);
  }
}
