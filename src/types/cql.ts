/*
 * Owns the CQL type tree and its reading from the text that system_schema holds. Knows nothing of columns or codecs.
 */

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
