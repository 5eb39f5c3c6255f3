/*
 * Owns writing CQL types and names as CQL does. Reading them is in cql.ts.
 */
import type { CqlType } from "./cql.ts";

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
