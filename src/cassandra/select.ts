/*
 * Owns what a SELECT, or a condition alone, says: the parts between which a token range is put, what is selected, and
 * what restricts it. Whether it is right is the server's to say; what follows from it is decided in src/operations.
 */
import { UsageError } from "../base/errors.ts";
import { is, nameOf, type Token, textOf, tokenize } from "./cqltokens.ts";

/** A SELECT in the parts between which a condition is put. */
export interface SelectParts {
  /** To the name of the table. */
  readonly head: string;
  /** What follows WHERE. */
  readonly where: string | undefined;
  /** What follows the conditions, as GROUP BY, LIMIT, ALLOW FILTERING. */
  readonly tail: string | undefined;
}

/** The columns that a condition restricts, as far as it matters to who can answer. */
export interface Restrictions {
  readonly equal: ReadonlySet<string>;
  readonly in: ReadonlySet<string>;
  /** Whether token() is in it. */
  readonly token: boolean;
}

export interface Condition extends Pick<SelectParts, "where" | "tail"> {
  readonly restrictions: Restrictions;
}

/** One thing that is selected: all columns, one of them, what is told of one's cells, or anything else. */
export type Term =
  | { readonly kind: "all" }
  | { readonly kind: "column"; readonly name: string }
  | { readonly kind: "writetime" | "ttl"; readonly of: string }
  | { readonly kind: "other" };

/** A function that is called. */
export interface Call {
  /** Where it is said. */
  readonly keyspace: string | undefined;
  readonly name: string;
}

export interface Select extends SelectParts, Condition {
  /** The statement without comments. */
  readonly text: string;
  readonly keyspace: string;
  readonly table: string;
  readonly json: boolean;
  readonly terms: readonly Term[];
  /** Every name in what is selected, but for aliases and where only writetime or TTL are asked for. */
  readonly names: ReadonlySet<string>;
  readonly calls: readonly Call[];
  readonly groupBy: readonly string[] | undefined;
  readonly orderBy: boolean;
  readonly limit: boolean;
}

/** What may follow the table's name, by the words that begin it. */
const CLAUSES: readonly (readonly string[])[] = [
  ["where"],
  ["group", "by"],
  ["order", "by"],
  ["per", "partition", "limit"],
  ["limit"],
  ["allow", "filtering"],
  ["with"],
];
/** Reserved words that can't be in a condition, besides the clauses. */
const NO_CONDITION = ["select", "from", "insert", "update", "delete", "using", ";"];

interface Clause {
  /** Its words, as in CLAUSES. */
  readonly name: string;
  /** Behind its words. */
  readonly tokens: readonly Token[];
}

/** @throws UsageError for what is not one SELECT of a table named with its keyspace */
export function parseSelect(cql: string): Select {
  const tokens = withoutEnd(tokenize(cql));
  checkOneSelect(tokens);
  const from = outside(tokens).findIndex(({ token }) => is(token, "from"));
  const start = from < 0 ? tokens.length : outside(tokens)[from]!.at;
  const { keyspace, table, length } = tableIn(tokens.slice(start + 1));
  const end = start + 1 + length;
  const clauses = clausesOf(tokens.slice(end));
  const where = clauses.find(({ name }) => name === "where")?.tokens;
  const has = (name: string) => clauses.some((clause) => clause.name === name);
  const groups = clauses.find(({ name }) => name === "group by")?.tokens;
  const selected = selectedOf(tokens.slice(1, start));
  return {
    ...selected,
    text: textOf(tokens),
    keyspace,
    table,
    head: textOf(tokens.slice(0, end)),
    where: where && textOf(where),
    tail: tailOf(tokens.slice(end), where),
    restrictions: restrictionsOf(where ?? []),
    groupBy: groups && splitAt(groups, ",").map((group) => nameOf(group[0]) ?? ""),
    orderBy: has("order by"),
    limit: has("limit"),
  };
}

/**
 * Reads what follows WHERE, ALLOW FILTERING at its end included.
 * @throws UsageError for what is more than a condition
 */
export function parseCondition(cql: string): Condition {
  const tokens = tokenize(cql);
  const refuse = (what: string, hint: string) => new UsageError(`"${cql}" isn't a condition: ${what}`, { hint });
  if (tokens.length === 0) throw refuse("it is empty", `write it as CQL does behind WHERE: "total > 5"`);
  checkBrackets(tokens, cql);
  const [before, ...clauses] = clausesOf(tokens, true);
  const odd = clauses.find(({ name }) => name !== "allow filtering");
  if (odd?.name === "where") throw refuse("it has the word WHERE", "leave the word out");
  if (odd) {
    const option = odd.name === "limit" ? "--limit says how many rows" : "a SELECT can say it";
    throw refuse(`${odd.name.toUpperCase()} isn't part of one`, `${option}: cqlduck export "SELECT … FROM ks.t …"`);
  }
  const word = outside(tokens).find(({ token }) => NO_CONDITION.some((no) => is(token, no)))?.token.text;
  if (word !== undefined) throw refuse(`${word} isn't part of one`, "write what CQL has behind WHERE");
  if (before!.tokens.length === 0) throw refuse("there is nothing before ALLOW FILTERING", "write a condition there");
  if (clauses.some((clause) => clause.tokens.length > 0) || clauses.length > 1)
    throw refuse("something follows ALLOW FILTERING", "write ALLOW FILTERING last");
  return {
    where: textOf(before!.tokens),
    tail: clauses.length > 0 ? "ALLOW FILTERING" : undefined,
    restrictions: restrictionsOf(before!.tokens),
  };
}

function withoutEnd(tokens: Token[]): readonly Token[] {
  const last = tokens.findLastIndex((token) => !is(token, ";"));
  return tokens.slice(0, last + 1);
}

function checkOneSelect(tokens: readonly Token[]): void {
  if (!is(tokens[0], "select")) {
    throw new UsageError(`only a SELECT can be exported, and this begins with ${tokens[0]?.text ?? "nothing"}`);
  }
  checkBrackets(tokens, textOf(tokens));
  if (tokens.some((token) => is(token, ";"))) {
    throw new UsageError("this is more than one statement", { hint: "export one SELECT at a time" });
  }
}

const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

function checkBrackets(tokens: readonly Token[], cql: string): void {
  const open: string[] = [];
  for (const { kind, text } of tokens) {
    if (kind !== "sign") continue;
    const closing = CLOSING[text];
    if (closing) open.push(closing);
    else if (Object.values(CLOSING).includes(text) && open.pop() !== text) open.push("none");
  }
  if (open.length > 0) throw new UsageError(`the brackets don't match: ${cql}`);
}

/** The tokens that stand in no brackets, with their places. */
function outside(tokens: readonly Token[]): { readonly token: Token; readonly at: number }[] {
  let depth = 0;
  return tokens.flatMap((token, at) => {
    const { kind, text } = token;
    if (kind === "sign" && Object.values(CLOSING).includes(text)) depth--;
    const found = depth === 0 ? [{ token, at }] : [];
    if (kind === "sign" && text in CLOSING) depth++;
    return found;
  });
}

/** The stretches between the tokens of a word or sign that stand in no brackets. */
function splitAt(tokens: readonly Token[], word: string): Token[][] {
  const ends = outside(tokens).filter(({ token }) => is(token, word));
  const starts = [0, ...ends.map(({ at }) => at + 1)];
  return starts.map((start, i) => tokens.slice(start, ends[i]?.at));
}

function tableIn(tokens: readonly Token[]): { keyspace: string; table: string; length: number } {
  const [first, dot, second] = tokens;
  const [keyspace, table] = [nameOf(first), nameOf(second)];
  const hint = "write SELECT … FROM keyspace.table";
  if (keyspace === undefined) throw new UsageError("the SELECT doesn't say FROM which table", { hint });
  if (!is(dot, ".") || table === undefined) {
    throw new UsageError(`the SELECT doesn't say the keyspace of ${first!.text}`, { hint });
  }
  return { keyspace, table, length: 3 };
}

/** The clauses of what follows the table; `leading` gives what stands before the first as one without a name. */
function clausesOf(tokens: readonly Token[], leading = false): Clause[] {
  const free = outside(tokens);
  const starts = free.flatMap(({ at }, i) => {
    const words = CLAUSES.find((clause) => clause.every((word, n) => is(free[i + n]?.token, word)));
    // The LIMIT of PER PARTITION LIMIT begins nothing.
    const inner = words?.[0] === "limit" && is(free[i - 1]?.token, "partition") && is(free[i - 2]?.token, "per");
    return words && !inner ? [{ at, words }] : [];
  });
  const clauses = starts.map(({ at, words }, i) => ({
    name: words.join(" "),
    tokens: tokens.slice(at + words.length, starts[i + 1]?.at),
  }));
  return leading ? [{ name: "", tokens: tokens.slice(0, starts[0]?.at) }, ...clauses] : clauses;
}

/** What follows the table without WHERE and its condition. */
function tailOf(tokens: readonly Token[], where: readonly Token[] | undefined): string | undefined {
  const rest = where ? tokens.slice(where.length + 1) : tokens;
  return rest.length > 0 ? textOf(rest) : undefined;
}

function restrictionsOf(condition: readonly Token[]): Restrictions {
  const equal = new Set<string>();
  const among = new Set<string>();
  for (const relation of splitAt(condition, "and").map(unwrapped)) {
    const name = nameOf(relation[0]);
    if (name === undefined) continue;
    if (is(relation[1], "=")) equal.add(name);
    if (is(relation[1], "in")) among.add(name);
  }
  const token = callsIn(condition).some(({ name }) => name === "token");
  return { equal, in: among, token };
}

/** Without brackets around the whole. */
function unwrapped(tokens: readonly Token[]): readonly Token[] {
  const around = is(tokens[0], "(") && outside(tokens).length === 2 && is(tokens.at(-1), ")");
  return around ? unwrapped(tokens.slice(1, -1)) : tokens;
}

/** Names before a bracket. */
function callsIn(tokens: readonly Token[]): Call[] {
  return tokens.flatMap((token, i) => {
    const name = nameOf(token);
    if (name === undefined || !is(tokens[i + 1], "(")) return [];
    return [{ name, keyspace: is(tokens[i - 1], ".") ? nameOf(tokens[i - 2]) : undefined }];
  });
}

function selectedOf(tokens: readonly Token[]): Pick<Select, "json" | "terms" | "names" | "calls"> {
  let rest = tokens;
  const takes = (word: string) => {
    // The word may also be the name of a column.
    const isWord = is(rest[0], word) && rest.length > 1 && !/^([,.[:]|as)$/i.test(rest[1]!.text);
    if (isWord) rest = rest.slice(1);
    return isWord;
  };
  const json = takes("json");
  takes("distinct");
  const bare = splitAt(rest, ",").map((term) => (is(term.at(-2), "as") && term.length > 2 ? term.slice(0, -2) : term));
  const terms = bare.map(termOf);
  const values = bare.filter((_, i) => terms[i]!.kind !== "writetime" && terms[i]!.kind !== "ttl").flat();
  return { json, terms, names: new Set(values.flatMap((token) => nameOf(token) ?? [])), calls: callsIn(rest) };
}

function termOf([first, second, third, ...more]: readonly Token[]): Term {
  if (second === undefined) {
    const name = nameOf(first);
    if (name !== undefined) return { kind: "column", name };
    return { kind: is(first, "*") ? "all" : "other" };
  }
  const kind = (["writetime", "ttl"] as const).find((word) => is(first, word));
  const of = nameOf(third);
  const isCall = is(second, "(") && more.length === 1 && is(more[0], ")");
  return kind && isCall && of !== undefined ? { kind, of } : { kind: "other" };
}
