/*
 * Owns CQL as a sequence of tokens: names, strings, numbers, signs; comments and white space fall away. What a statement
 * made of them says is in select.ts.
 */
import { UsageError } from "../base/errors.ts";

export interface Token {
  /** Texts in quotes, numbers, durations, UUIDs and blobs are all constants. */
  readonly kind: "name" | "quoted" | "constant" | "sign";
  /** As it was written. */
  readonly text: string;
  /** Whether white space or a comment stands before it. */
  readonly spaced: boolean;
}

/** What needs a search for its end: how it begins, how it ends, and what it is called. */
const COMMENTS = [
  { begin: "--", end: "\n", what: undefined },
  { begin: "//", end: "\n", what: undefined },
  { begin: "/*", end: "*/", what: "comment" },
] as const;

const SPACE = /\s+/y;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-z_])/iy;
const NAME = /[a-z]\w*/iy;
/** Also durations (1h30m), blobs (0xff), and what the server will not take; an exponent may have a sign. */
const NUMBER = /\d(?:[eE][+-]?(?=\d)|\.(?=\d)|\w)*/y;
const QUOTED = /"(?:[^"]|"")*"/y;
const TEXT = /'(?:[^']|'')*'|\$\$[\s\S]*?\$\$/y;
const SIGN = /[<>!+-]=|\.\.|[^\s]/uy;

/** The tokens of a CQL text. @throws UsageError for a text, a name or a comment that has no end */
export function tokenize(cql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let spaced = false;
  const take = (kind: Token["kind"], pattern: RegExp) => {
    const text = match(pattern, cql, at);
    if (text === undefined) return false;
    tokens.push({ kind, text, spaced });
    at += text.length;
    spaced = false;
    return true;
  };
  while (at < cql.length) {
    const after = passSpace(cql, at);
    spaced ||= after > at;
    at = after;
    if (at === cql.length) break;
    if (take("constant", TEXT) || take("quoted", QUOTED)) continue;
    if (cql[at] === "'" || cql[at] === '"' || cql.startsWith("$$", at)) throw endless(cql, at, "text in quotes");
    if (take("constant", UUID) || take("name", NAME) || take("constant", NUMBER)) continue;
    take("sign", SIGN);
  }
  return tokens;
}

/** Where white space and comments that begin at `at` end. */
function passSpace(cql: string, at: number): number {
  const comment = COMMENTS.find(({ begin }) => cql.startsWith(begin, at));
  if (comment) {
    const end = cql.indexOf(comment.end, at + comment.begin.length);
    if (end < 0 && comment.what) throw endless(cql, at, comment.what);
    return passSpace(cql, end < 0 ? cql.length : end + comment.end.length);
  }
  const space = match(SPACE, cql, at);
  return space === undefined ? at : passSpace(cql, at + space.length);
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function endless(cql: string, at: number, what: string): UsageError {
  return new UsageError(`a ${what} has no end: ${cql.slice(at, at + 40)}`);
}

/** The CQL of tokens: as written, but for comments, and with one space where there were some. */
export function textOf(tokens: readonly Token[]): string {
  return tokens.map(({ text, spaced }, i) => (spaced && i > 0 ? ` ${text}` : text)).join("");
}

/** Whether the token is this word of CQL, written in any case, or this sign. */
export function is(token: Token | undefined, word: string): boolean {
  if (token?.kind === "name") return token.text.toLowerCase() === word;
  return token?.kind === "sign" && token.text === word;
}

/** The name that a token stands for, as Cassandra holds it; undefined where it is none. */
export function nameOf(token: Token | undefined): string | undefined {
  if (token?.kind === "name") return token.text.toLowerCase();
  return token?.kind === "quoted" ? token.text.slice(1, -1).replaceAll('""', '"') : undefined;
}

/** Whether a text is a query, not a name: its first word is SELECT, and more follows that is no part of a name. */
export function isSelect(text: string): boolean {
  const at = passSpace(text, 0);
  const word = match(NAME, text, at);
  if (word?.toLowerCase() !== "select") return false;
  const rest = text.slice(at + word.length);
  return rest !== "" && !rest.startsWith(".");
}
