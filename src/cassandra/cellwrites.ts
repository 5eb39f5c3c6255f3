/*
 * Owns the statements that write the cells of a row apart, each group of cells with a timestamp and TTL of its own: what
 * is not frozen is added to element by element and set field by field. What the values are is in writer.ts.
 */
import { quoteIdentifier } from "../base/names.ts";
import type { TableColumn, TableSchema } from "./schema.ts";
import { qualifiedName } from "./statements.ts";

/**
 * What a value is made of: one cell; the elements of a list, which can only be written together; elements of a set or
 * map; fields of a user-defined type.
 */
export type CellForm = "single" | "list" | "elements" | "fields";

export interface CellTarget {
  readonly column: TableColumn;
  readonly form: CellForm;
  /** Names, where it has fields. */
  readonly fields: readonly string[];
  /** It may also be set as a whole, beside other ways. */
  readonly whole: boolean;
}

/** What a parameter stands for; `field` is a place among the target's fields. */
export type CellParameter = "timestamp" | "ttl" | { readonly column: TableColumn; readonly field?: number };

/** Any of the parameters may be unset, but those of the key. */
export interface CellShape {
  readonly cql: string;
  /** In the order of the question marks; fields of one column stand next to each other. */
  readonly parameters: readonly CellParameter[];
  /** The places of the partition key among them, in the key's order. */
  readonly keys: readonly number[];
}

/** The statements for the cells of a row, or for the static ones of a partition. */
export interface CellShapes {
  /** Makes the row itself, and sets its values of one cell. */
  readonly row: CellShape | undefined;
  /** Sets cells, but those of lists. */
  readonly cells: CellShape | undefined;
  /** Set a value of several cells as a whole: those of lists, and others that can be. */
  readonly wholes: ReadonlyMap<TableColumn, CellShape>;
  /** Sets whole values, to delete them. */
  readonly nulls: CellShape | undefined;
}

/**
 * @param key columns of the primary key that name what is written
 * @param inserts whether the row itself is made
 */
export function cellShapes(
  schema: TableSchema,
  key: readonly TableColumn[],
  targets: readonly CellTarget[],
  inserts: boolean,
): CellShapes {
  const name = qualifiedName(schema);
  const apart = targets.filter(({ form }) => form !== "list");
  const wholes = targets.filter((target) => target.whole);
  const single = targets.filter(({ form }) => form === "single").map(({ column }) => column);
  return {
    row: inserts ? insert(name, key, single) : undefined,
    cells: apart.length > 0 ? update(name, key, apart.flatMap(assignments)) : undefined,
    wholes: new Map(wholes.map(({ column }) => [column, update(name, key, [whole(column)])])),
    nulls:
      targets.length > 0
        ? update(
            name,
            key,
            targets.map(({ column }) => whole(column)),
          )
        : undefined,
  };
}

/** `column = ?` and the like. */
interface Assignment {
  readonly text: string;
  readonly parameter: CellParameter;
}

function whole(column: TableColumn): Assignment {
  return { text: `${quoteIdentifier(column.name)} = ?`, parameter: { column } };
}

function assignments({ column, form, fields }: CellTarget): readonly Assignment[] {
  const name = quoteIdentifier(column.name);
  if (form === "elements") return [{ text: `${name} = ${name} + ?`, parameter: { column } }];
  if (form !== "fields") return [whole(column)];
  return fields.map((field, i) => ({
    text: `${name}.${quoteIdentifier(field)} = ?`,
    parameter: { column, field: i },
  }));
}

const USING = "USING TIMESTAMP ? AND TTL ?";

function insert(name: string, key: readonly TableColumn[], values: readonly TableColumn[]): CellShape {
  const columns = [...key, ...values];
  const names = columns.map((column) => quoteIdentifier(column.name)).join(", ");
  const marks = columns.map(() => "?").join(", ");
  const cql = `INSERT INTO ${name} (${names}) VALUES (${marks}) ${USING}`;
  return shape(cql, [...columns.map((column) => ({ column })), "timestamp", "ttl"]);
}

function update(name: string, key: readonly TableColumn[], set: readonly Assignment[]): CellShape {
  const where = key.map((column) => `${quoteIdentifier(column.name)} = ?`).join(" AND ");
  const cql = `UPDATE ${name} ${USING} SET ${set.map(({ text }) => text).join(", ")} WHERE ${where}`;
  return shape(cql, [
    "timestamp",
    "ttl",
    ...set.map(({ parameter }) => parameter),
    ...key.map((column) => ({ column })),
  ]);
}

function shape(cql: string, parameters: readonly CellParameter[]): CellShape {
  const keys = parameters.flatMap((parameter, i) =>
    typeof parameter === "object" && parameter.column.kind === "partition_key" ? [i] : [],
  );
  return { cql, parameters, keys };
}
