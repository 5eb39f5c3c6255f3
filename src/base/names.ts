/*
 * Owns names: how CQL ones are written (unquoted ones fold to lower case, quoted ones stand as written with `""` for a
 * quote; they come out as Cassandra holds them, without quotes), and how they become names that DuckDB can tell apart.
 */
import { UsageError } from "./errors.ts";

const UNQUOTED = /^[A-Za-z][A-Za-z0-9_]*/;
const QUOTED = /^"((?:[^"]|"")+)"/;

/** A name at the start of `text`, and what follows it; undefined where none stands there. */
function takeName(text: string): { readonly name: string; readonly rest: string } | undefined {
  const quoted = QUOTED.exec(text);
  if (quoted) return { name: (quoted[1] ?? "").replaceAll('""', '"'), rest: text.slice(quoted[0].length) };
  const plain = UNQUOTED.exec(text);
  return plain ? { name: plain[0].toLowerCase(), rest: text.slice(plain[0].length) } : undefined;
}

/** Keyspace and table out of `ks.table`, `ks."My Table"` or `"My Ks"."My""T"`. */
export function parseTableName(text: string): { readonly keyspace: string; readonly table: string } {
  const source = text.trim();
  if (/^select\s/i.test(source)) {
    throw new UsageError("a SELECT isn't the name of a table", { hint: "name a table: keyspace.table" });
  }
  const first = takeName(source);
  if (first?.rest === "") {
    throw new UsageError(`"${text}" doesn't say its keyspace`, { hint: `write keyspace.table: mykeyspace.${source}` });
  }
  const second = first?.rest.startsWith(".") ? takeName(first.rest.slice(1)) : undefined;
  if (first && second?.rest === "") return { keyspace: first.name, table: second.name };
  throw new UsageError(`"${text}" isn't a table name`, { hint: `write keyspace.table, ${quotingHint("ks")}` });
}

/** Keyspace, and table if there is one, out of `ks` or `ks.table`. */
export function parseSchemaName(text: string): { readonly keyspace: string; readonly table?: string } {
  const first = takeName(text.trim());
  return first?.rest === "" ? { keyspace: first.name } : parseTableName(text);
}

/** Words that CQL doesn't take as a name without quotes (Cassandra's ReservedKeywords). */
const RESERVED = new Set(
  (
    "add allow alter and apply asc authorize batch begin by columnfamily create default delete desc describe drop " +
    "entries execute from full grant if in index infinity insert into is keyspace limit materialized mbean mbeans " +
    "modify nan norecursive not null of on or order primary rename replace revoke schema select set table to token " +
    "truncate unlogged unset update use using view where with"
  ).split(" "),
);

/** A name as CQL writes it: as it is where it can stand unquoted, else in double quotes. */
export function quoteIdentifier(name: string): string {
  if (/^[a-z][a-z0-9_]*$/.test(name) && !RESERVED.has(name)) return name;
  return `"${name.replaceAll('"', '""')}"`;
}

/** Names out of `a,b,"C d"`; one that stands there twice is refused. */
export function parseColumnList(text: string): string[] {
  return parseItems(text, "a,b,c", (name, rest) => ({ item: name, said: name, rest }));
}

/** What CQL has behind PRIMARY KEY. */
export interface PrimaryKey {
  readonly partition: readonly string[];
  readonly clustering: readonly string[];
}

/** A key out of `(a, b), c`, `a, c`, or the same in the brackets of PRIMARY KEY: `((a, b), c)`. */
export function parsePrimaryKey(text: string): PrimaryKey {
  const source = text.trim();
  const inner = /^\(\s*(\(.*)\)$/s.exec(source)?.[1] ?? source;
  const bracketed = /^\(((?:"(?:[^"]|"")*"|[^")])*)\)\s*(?:,(.*))?$/s.exec(inner);
  const partition = parseColumnList(bracketed?.[1] ?? inner);
  if (bracketed) return wholeKey(text, partition, bracketed[2] === undefined ? [] : parseColumnList(bracketed[2]));
  return wholeKey(text, partition.slice(0, 1), partition.slice(1));
}

function wholeKey(text: string, partition: readonly string[], clustering: readonly string[]): PrimaryKey {
  const twice = clustering.find((name) => partition.includes(name));
  if (twice !== undefined) throw new UsageError(`column ${twice} stands in "${text}" twice`);
  return { partition, clustering };
}

/** A column whose values, or a part of whose times, decide in which directory a row is. */
export interface PartitionTerm {
  readonly column: string;
  /** Of a timestamp, date or timeuuid, in UTC. */
  readonly part?: TimePart | undefined;
}

export const TIME_PARTS = ["year", "month", "day", "hour", "date"] as const;
export type TimePart = (typeof TIME_PARTS)[number];

/** Columns and parts of columns out of `country,event_id.year`. */
export function parsePartitionTerms(text: string): PartitionTerm[] {
  return parseItems<PartitionTerm>(text, "country,created.year", (column, after) => {
    if (!after.startsWith(".")) return { item: { column }, said: column, rest: after };
    const taken = takeName(after.slice(1));
    const part = TIME_PARTS.find((known) => known === taken?.name);
    if (!taken || !part) {
      throw new UsageError(`"${text}": column ${column} has no such part`, {
        hint: `parts are ${TIME_PARTS.map((known) => `.${known}`).join(", ")}; a column with a dot in its name stands in double quotes`,
      });
    }
    return { item: { column, part }, said: `${column}.${part}`, rest: taken.rest };
  });
}

/** A column to sort by. */
export interface SortTerm {
  readonly column: string;
  readonly descending: boolean;
}

/** Columns with their directions out of `a,b desc`. */
export function parseSortTerms(text: string): SortTerm[] {
  return parseItems(text, "a,b desc", (column, after) => {
    const direction = /^\s+(asc|desc)(?=\s*(,|$))/i.exec(after);
    const descending = direction?.[1]?.toLowerCase() === "desc";
    return { item: { column, descending }, said: column, rest: after.slice(direction?.[0].length ?? 0) };
  });
}

/** What `take` makes of the name at the start of each item, and of what follows it. @throws UsageError for one said twice */
function parseItems<T>(
  text: string,
  example: string,
  take: (name: string, rest: string) => { readonly item: T; readonly said: string; readonly rest: string },
): T[] {
  const items: T[] = [];
  const seen = new Set<string>();
  const wrong = () =>
    new UsageError(`"${text}" isn't a list of columns`, { hint: `write ${example}, ${quotingHint()}` });
  let left = text.trim();
  for (;;) {
    const name = takeName(left);
    if (!name) throw wrong();
    const { item, said, rest } = take(name.name, name.rest);
    const after = rest.trimStart();
    if (!(after === "" || after.startsWith(","))) throw wrong();
    if (seen.has(said)) throw new UsageError(`column ${said} stands in "${text}" twice`);
    seen.add(said);
    items.push(item);
    if (after === "") return items;
    left = after.slice(1).trimStart();
  }
}

/** Column and value out of `column=value`. */
export function parseColumnAssignment(text: string): { readonly column: string; readonly value: string } {
  const taken = takeName(text.trim());
  const after = taken?.rest.trimStart() ?? "";
  const value = after.slice(1).trim();
  if (taken && after.startsWith("=") && value !== "") return { column: taken.name, value };
  throw new UsageError(`"${text}" isn't of the form column=value`, { hint: `write price=DOUBLE, ${quotingHint()}` });
}

/** Pieces of `text` between commas, those inside quotes and brackets left alone. */
export function splitList(text: string): string[] {
  const pieces: string[] = [];
  let piece = "";
  let depth = 0;
  for (const token of text.match(/"[^"]*"|[\s\S]/g) ?? []) {
    if ("([<".includes(token)) depth += 1;
    if (")]>".includes(token)) depth -= 1;
    if (token === "," && depth <= 0) {
      pieces.push(piece.trim());
      piece = "";
    } else {
      piece += token;
    }
  }
  return [...pieces, piece.trim()].filter((found) => found !== "");
}

function quotingHint(keyspace?: string): string {
  const example = keyspace ? `'${keyspace}."My Name"'` : `'"My Name"'`;
  return `with a name that has capitals or signs in double quotes, and these in single quotes for the shell: ${example}`;
}

/** DuckDB compares names without regard to the case of ASCII letters, and of no others. */
function fold(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/**
 * The names, in order, each different from all others for DuckDB: a name that only differs in case from an earlier
 * one gets `_1`, `_2`, …, the first that no other name has.
 */
export function uniqueNames(names: readonly string[]): string[] {
  const given = new Set(names.map(fold));
  const taken = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let n = 1; taken.has(fold(unique)); n++) {
      const next = `${name}_${n}`;
      if (!given.has(fold(next))) unique = next;
    }
    taken.add(fold(unique));
    return unique;
  });
}
