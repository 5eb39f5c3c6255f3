/*
 * Owns the CQL type tree and its writing as CQL does. Reading is in cql.ts. Knows nothing of columns or codecs.
 */
import { uniqueNames } from "../base/names.ts";

/**
 * A CQL type. `name` is the native type's name, or list, set, map, tuple, udt, vector, custom. `of` holds the types it
 * is made of: list, set, vector one; map key and value; tuple and udt one a field; else none. `frozen` is not kept:
 * it changes no byte of a value.
 */
export interface CqlType {
  readonly name: string;
  readonly of: readonly CqlType[];
  /** Of a udt: its own name, and the names of its fields, one each in `of`. */
  readonly udt?: { readonly name: string; readonly fields: readonly string[] };
  /** Of a vector. */
  readonly dimension?: number;
  /** Of a custom type: the Java class as system_schema writes it. */
  readonly className?: string;
}

/** The fields of a tuple or user-defined type as DuckDB has them. */
export function fieldNames(type: CqlType): string[] {
  return type.udt ? uniqueNames(type.udt.fields) : type.of.map((_, i) => String(i + 1));
}

/** The type as CQL writes it, for messages; without `frozen`. */
export function cqlTypeToText(type: CqlType): string {
  if (type.udt) return quoted(type.udt.name);
  if (type.className !== undefined) return `'${type.className}'`;
  const inner = type.of.map(cqlTypeToText);
  if (type.dimension !== undefined) inner.push(String(type.dimension));
  return inner.length > 0 ? `${type.name}<${inner.join(", ")}>` : type.name;
}

/** A name as CQL has to write it. */
export function quoted(name: string): string {
  return /^[a-z][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
