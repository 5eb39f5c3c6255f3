/*
 * Owns whether the values of a user's SQL are what their column is taken for: a text is a decimal, a uuid, … only where it
 * reads like one. Everywhere else files may then rely on it. Which columns are taken for what is in usersql.ts.
 */
import type { ColumnType } from "../../base/column.ts";
import { DataError, messageOf } from "../../base/errors.ts";
import { quoteIdentifier } from "../../base/names.ts";
import { quoteText } from "../../duckdb/copy.ts";
import type { CqlType } from "../../types/cql-type.ts";
import type { ResultColumn } from "./resultcolumns.ts";

const WHOLE = "-?(0|[1-9][0-9]*)";

/** CQL types that DuckDB holds as text, and what their texts look like as a whole. */
const TEXTS: Readonly<Record<string, string>> = {
  varint: WHOLE,
  decimal: `${WHOLE}([.][0-9]+)?([eE][+-]?[0-9]+)?`,
  uuid: "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
  timeuuid: "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-1[0-9a-fA-F]{3}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
  inet: "[0-9a-fA-F]*[.:][0-9a-fA-F.:]*",
  ascii: "[[:ascii:]]*",
};

/** Begins the message of a value that is none of its column's type, in DuckDB's error. */
const NO_VALUE = "no value of its type: ";

/** SQL for `x`, a value of the column, that fails for one that is none of the column's CQL type: see valueOfNoType. */
export function claimed({ name, cql, cqlText, type }: ResultColumn, x: string): string {
  const fits = fitting(type, cql, x);
  if (fits === undefined) return x;
  const message =
    `${quoteText(`${NO_VALUE}column ${quoteIdentifier(name)} is of type ${cqlText}, as in the table, and "`)} ` +
    `|| replace(left(${x}::VARCHAR, 100), chr(10), ' ') || '" is no value of it'`;
  return `CASE WHEN NOT (${fits}) THEN error(${message}) ELSE ${x} END`;
}

/** What an error is that a value of no type failed with; undefined for any other. */
export function valueOfNoType(error: unknown): DataError | undefined {
  const text = messageOf(error);
  const at = text.indexOf(NO_VALUE);
  if (at < 0) return undefined;
  const [message] = text.slice(at + NO_VALUE.length).split("\n");
  return new DataError(`--sql: ${message}`, {
    hint: "give the column of the result another name (… AS other): it is text then; begin again with that and --restart",
    cause: error,
  });
}

/** SQL that is false for a value that is none of the type, true or NULL for any other; undefined where all are. */
function fitting(type: ColumnType, cql: CqlType | undefined, x: string): string | undefined {
  switch (type.kind) {
    case "VARCHAR": {
      const pattern = TEXTS[cql?.name ?? ""];
      return pattern && `regexp_full_match(${x}, ${quoteText(pattern)})`;
    }
    case "LIST":
      return fittingAll(type.child, cql?.of[0], x);
    case "MAP":
      return both([
        fittingAll(type.key, cql?.of[0], `map_keys(${x})`),
        fittingAll(type.value, cql?.of[1], `map_values(${x})`),
      ]);
    case "STRUCT":
      return both(type.fields.map((field, i) => fitting(field.type, cql?.of[i], `struct_extract_at(${x}, ${i + 1})`)));
    default:
      return undefined;
  }
}

function fittingAll(type: ColumnType, cql: CqlType | undefined, list: string): string | undefined {
  const fits = fitting(type, cql, "_element");
  return fits && `len(list_filter(${list}, lambda _element: NOT (${fits}))) = 0`;
}

function both(conditions: readonly (string | undefined)[]): string | undefined {
  const said = conditions.filter((condition) => condition !== undefined);
  return said.length > 0 ? said.map((condition) => `coalesce(${condition}, true)`).join(" AND ") : undefined;
}
