/*
 * Owns the directories of a partitioned export: which columns they are made of, and how a row's values become the path
 * it is written below, from which they can be told again exactly.
 */
import { DataError, messageOf, UsageError } from "../../base/errors.ts";
import { encodedName, NULL_WORD, valueOfDirectory } from "../../base/hive.ts";
import { type PartitionTerm, quoteIdentifier, TIME_PARTS, uniqueNames } from "../../base/names.ts";
import { quoteText } from "../../duckdb/copy.ts";
import { placeOf, type ResultColumn } from "./resultcolumns.ts";
import { partText, plainText } from "./rowtexts.ts";

/** A column whose values are in paths. */
export interface PathColumn {
  /** The column that it is, or a part of, by its place among the rows' columns. */
  readonly place: number;
  /** In paths, before it is encoded. */
  readonly file: string;
  readonly name: string;
  readonly kind: string;
  readonly of?: string | undefined;
  readonly cqlText: string;
  /** The SQL of a value's text, NULL for NULL. */
  readonly text: string;
}

const ENCODED_NULL_WORD = NULL_WORD.replace("_", "%5F");
/** What file systems take for one name. */
const MOST_NAME_BYTES = 255;
/** Begins the message of a name that is too long, in DuckDB's error. */
const TOO_LONG = "partition name too long: ";

/** @throws UsageError for an unknown column, and one without a text or without such a part */
export function choosePathColumns(columns: readonly ResultColumn[], terms: readonly PartitionTerm[]): PathColumn[] {
  const names = terms.map(({ column, part }) => (part ? `${column}.${part}` : columns[placeOf(columns, column)]!.file));
  // What a part is named may be the name of a column that is in the files.
  const files = uniqueNames([...columns.map(({ file }) => file), ...names.filter((_, i) => terms[i]!.part)]);
  let parts = columns.length;
  return terms.map(({ column, part }, i) => {
    const place = placeOf(columns, column);
    const found = columns[place]!;
    if (part) {
      const text = partText(found, `c${place}`, part);
      if (text === undefined) throw noPart(found, part);
      const cqlText = part === "date" ? "date" : "int";
      return { place, file: files[parts++]!, name: names[i]!, kind: "virtual", of: found.name, cqlText, text };
    }
    const text = plainText(found, `c${place}`);
    if (text === undefined) throw noText(found);
    const { file, name, kind, of, cqlText } = found;
    return { place, file, name, kind, of, cqlText, text };
  });
}

function noPart({ name, cqlText }: ResultColumn, part: string): UsageError {
  return new UsageError(`column ${quoteIdentifier(name)} (${cqlText}) has no ${part}`, {
    hint: `timestamps and timeuuids have ${TIME_PARTS.join(", ")}; dates have all but hour`,
  });
}

function noText({ name, cqlText }: ResultColumn): UsageError {
  return new UsageError(`column ${quoteIdentifier(name)} (${cqlText}) can't be one of --partition-by`, {
    hint: "directories are named by texts, whole numbers, decimals, booleans, uuids, inets, dates and times",
  });
}

/**
 * The rows of `from` with their path besides: `year=2024/city=a%2Fb` as `p`. Different values have different paths.
 * It fails for a value whose directory name no file system takes: see tooLongName.
 */
export function withPath(from: string, path: readonly PathColumn[], columns: readonly ResultColumn[]): string {
  const texts = path.map(({ text }, i) => `${text} AS t${i}`).join(", ");
  const parts = path.map((column, i) => {
    const prefix = `${encodedName(column.file)}=`;
    const room = MOST_NAME_BYTES - Buffer.byteLength(prefix);
    return `${quoteText(prefix)} || CASE WHEN t${i} IS NULL THEN ${quoteText(NULL_WORD)}
      WHEN t${i} = ${quoteText(NULL_WORD)} THEN ${quoteText(ENCODED_NULL_WORD)}
      WHEN strlen(url_encode(t${i})) > ${room} THEN error(${tooLongText(column, i, columns, prefix)})
      ELSE url_encode(t${i}) END`;
  });
  return `(SELECT *, ${parts.join(" || '/' || ")} AS p FROM (SELECT *, ${texts} FROM ${from}))`;
}

/** The SQL of the message for a value that is too long. */
function tooLongText({ name }: PathColumn, i: number, columns: readonly ResultColumn[], prefix: string): string {
  const key = columns.flatMap(({ kind, name }, place) =>
    kind === "partition_key" || kind === "clustering"
      ? [`${quoteText(`${name} = `)} || coalesce(left(c${place}::VARCHAR, 100), 'null')`]
      : [],
  );
  const row = key.length > 0 ? ` || ', the row with ' || ${key.join(" || ', ' || ")}` : "";
  return `${quoteText(`${TOO_LONG}column ${quoteIdentifier(name)}`)}${row} || ': its value "' || left(t${i}, 60) ||
    '…" makes a directory name of ' || (strlen(url_encode(t${i})) + ${Buffer.byteLength(prefix)})::VARCHAR || ' bytes'`;
}

/** What an error is that the path of a row failed with; any other as it is. */
export function tooLongName(error: unknown): unknown {
  const text = messageOf(error);
  const at = text.indexOf(TOO_LONG);
  if (at < 0) return error;
  const [message] = text.slice(at + TOO_LONG.length).split("\n");
  return new DataError(`${message}, and file systems take ${MOST_NAME_BYTES}`, {
    hint: "leave the column out of --partition-by, or take a shorter one; nothing was published",
    cause: error,
  });
}

/** The exact values of a path, by the columns' names. */
export function valuesOfPath(path: readonly PathColumn[], directory: string): Record<string, string | null> {
  const values = directory.split("/").map((part) => valueOfDirectory(part)[1]);
  return Object.fromEntries(path.map(({ name }, i) => [name, values[i]!]));
}

/** What the file of a table without rows, which is below no directory, says of its path's columns: that it has them. */
export function noValues(path: readonly PathColumn[]): Record<string, null> {
  return Object.fromEntries(path.map(({ name }) => [name, null]));
}
