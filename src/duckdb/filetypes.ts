/*
 * Owns the types that columns of files and queries can have in DuckDB: more than the columns of this program hold
 * (base/column.ts). What the others are cast to is the operations' business.
 */
import duckdb, { type LogicalType, type Type } from "@duckdb/node-bindings";
import { type ColumnType, FIXED_WIDTH } from "../base/column.ts";

const { Type: T } = duckdb;

/** Types without parameters, by DuckDB's number. ENUM counts as one: it is only ever read as its text. */
const SIMPLE = new Map<Type, string>([
  [T.BOOLEAN, "BOOLEAN"],
  [T.TINYINT, "TINYINT"],
  [T.SMALLINT, "SMALLINT"],
  [T.INTEGER, "INTEGER"],
  [T.BIGINT, "BIGINT"],
  [T.UTINYINT, "UTINYINT"],
  [T.USMALLINT, "USMALLINT"],
  [T.UINTEGER, "UINTEGER"],
  [T.UBIGINT, "UBIGINT"],
  [T.HUGEINT, "HUGEINT"],
  [T.UHUGEINT, "UHUGEINT"],
  [T.FLOAT, "FLOAT"],
  [T.DOUBLE, "DOUBLE"],
  [T.BLOB, "BLOB"],
  [T.DATE, "DATE"],
  [T.TIME, "TIME"],
  [T.TIME_NS, "TIME_NS"],
  [T.TIME_TZ, "TIMETZ"],
  [T.TIMESTAMP, "TIMESTAMP"],
  [T.TIMESTAMP_S, "TIMESTAMP_S"],
  [T.TIMESTAMP_MS, "TIMESTAMP_MS"],
  [T.TIMESTAMP_NS, "TIMESTAMP_NS"],
  [T.TIMESTAMP_TZ, "TIMESTAMPTZ"],
  [T.INTERVAL, "INTERVAL"],
  [T.UUID, "UUID"],
  [T.ENUM, "ENUM"],
  [T.BIT, "BIT"],
  [T.BIGNUM, "BIGNUM"],
  [T.SQLNULL, '"NULL"'],
]);

/** The type of a column of a file. LIST also stands for DuckDB's arrays of fixed length. */
export type FileType =
  | { readonly kind: "SIMPLE"; readonly name: string }
  | { readonly kind: "DECIMAL"; readonly width: number; readonly scale: number }
  | { readonly kind: "LIST"; readonly child: FileType; readonly length?: number }
  | { readonly kind: "MAP"; readonly key: FileType; readonly value: FileType }
  | { readonly kind: "STRUCT"; readonly fields: readonly { readonly name: string; readonly type: FileType }[] };

/** A type of DuckDB's as a tree. One that is not known here (UNION, GEOMETRY, …) keeps its number as its name. */
export function fileType(type: LogicalType): FileType {
  const id = duckdb.get_type_id(type);
  switch (id) {
    case T.DECIMAL:
      return { kind: "DECIMAL", width: duckdb.decimal_width(type), scale: duckdb.decimal_scale(type) };
    case T.LIST:
      return { kind: "LIST", child: fileType(duckdb.list_type_child_type(type)) };
    case T.ARRAY: {
      const child = fileType(duckdb.array_type_child_type(type));
      return { kind: "LIST", child, length: duckdb.array_type_array_size(type) };
    }
    case T.MAP:
      return {
        kind: "MAP",
        key: fileType(duckdb.map_type_key_type(type)),
        value: fileType(duckdb.map_type_value_type(type)),
      };
    case T.STRUCT:
      return {
        kind: "STRUCT",
        fields: Array.from({ length: duckdb.struct_type_child_count(type) }, (_, i) => ({
          name: duckdb.struct_type_child_name(type, i),
          type: fileType(duckdb.struct_type_child_type(type, i)),
        })),
      };
    case T.VARCHAR:
      return { kind: "SIMPLE", name: duckdb.logical_type_get_alias(type) === "JSON" ? "JSON" : "VARCHAR" };
    default:
      return { kind: "SIMPLE", name: SIMPLE.get(id) ?? T[id] ?? String(id) };
  }
}

/** The type as DuckDB SQL writes it, for casts and messages. */
export function fileTypeToSql(type: FileType): string {
  switch (type.kind) {
    case "SIMPLE":
      return type.name;
    case "DECIMAL":
      return `DECIMAL(${type.width},${type.scale})`;
    case "LIST":
      return `${fileTypeToSql(type.child)}[${type.length ?? ""}]`;
    case "MAP":
      return `MAP(${fileTypeToSql(type.key)}, ${fileTypeToSql(type.value)})`;
    case "STRUCT":
      return `STRUCT(${type.fields.map((f) => `"${f.name.replaceAll('"', '""')}" ${fileTypeToSql(f.type)}`).join(", ")})`;
  }
}

/** The same type as a column of this program; undefined where it has none and a cast is needed. */
export function columnTypeOf(type: FileType): ColumnType | undefined {
  switch (type.kind) {
    case "SIMPLE":
      if (type.name === "JSON") return { kind: "VARCHAR" };
      return type.name === "VARCHAR" || type.name === "BLOB" || Object.hasOwn(FIXED_WIDTH, type.name)
        ? ({ kind: type.name } as ColumnType)
        : undefined;
    case "DECIMAL":
      return type;
    case "LIST": {
      const child = type.length === undefined ? columnTypeOf(type.child) : undefined;
      return child && { kind: "LIST", child };
    }
    case "MAP": {
      const [key, value] = [columnTypeOf(type.key), columnTypeOf(type.value)];
      return key && value && { kind: "MAP", key, value };
    }
    case "STRUCT": {
      const fields = type.fields.flatMap(({ name, type: inner }) => {
        const column = columnTypeOf(inner);
        return column ? [{ name, type: column }] : [];
      });
      return fields.length === type.fields.length ? { kind: "STRUCT", fields } : undefined;
    }
  }
}
