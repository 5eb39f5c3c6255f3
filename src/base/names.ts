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
  const names: string[] = [];
  let rest = text.trim();
  for (;;) {
    const taken = takeName(rest);
    const after = taken?.rest.trimStart() ?? "";
    if (!taken || !(after === "" || after.startsWith(","))) {
      throw new UsageError(`"${text}" isn't a list of columns`, { hint: `write a,b,c, ${quotingHint()}` });
    }
    if (names.includes(taken.name)) throw new UsageError(`column ${taken.name} stands in "${text}" twice`);
    names.push(taken.name);
    if (after === "") return names;
    rest = after.slice(1).trimStart();
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
