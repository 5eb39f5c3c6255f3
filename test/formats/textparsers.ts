/*
 * Owns parsers of CSV and JSON, strict and keeping every digit, that share nothing with src.
 */

/** A JSON value, with numbers as they are written. */
export type Json =
  | { readonly number: string }
  | { readonly string: string }
  | { readonly array: readonly Json[] }
  /** Its members in their order; random maps may have a key twice. */
  | { readonly object: readonly (readonly [key: string, value: Json])[] }
  | boolean
  | null;

const TOKEN =
  /[ \t\r\n]*(?:(?<punctuation>[[\]{},:])|(?<number>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<string>"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(?<word>true|false|null))/uy;

/** Reads one JSON text, strictly. */
export function parseJson(text: string): Json {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) {
      if (text.slice(from).trim() === "") break;
      throw new Error(`no JSON: ${text.slice(from, from + 60)}`);
    }
    tokens.push(match[0].trimStart());
  }
  let at = 0;
  const take = (token: string) => {
    if (tokens[at++] !== token) throw new Error(`no ${token} but ${tokens[at - 1]} in ${text.slice(0, 200)}`);
  };
  const list = (close: string, one: () => void) => {
    if (tokens[at] === close) {
      at++;
      return;
    }
    for (;;) {
      one();
      if (tokens[at] === close) break;
      take(",");
    }
    at++;
  };
  const value = (): Json => {
    const token = tokens[at++] ?? "";
    if (token === "[") {
      const array: Json[] = [];
      list("]", () => array.push(value()));
      return { array };
    }
    if (token === "{") {
      const object: [string, Json][] = [];
      list("}", () => {
        const key = JSON.parse(tokens[at++] ?? "") as string;
        take(":");
        object.push([key, value()]);
      });
      return { object };
    }
    if (token.startsWith('"')) return { string: JSON.parse(token) as string };
    if (/^[-\d]/.test(token)) return { number: token };
    return JSON.parse(token) as boolean | null;
  };
  const found = value();
  if (at !== tokens.length) throw new Error(`more than one value: ${text.slice(0, 200)}`);
  return found;
}

export interface Dialect {
  readonly delimiter?: string;
  readonly quote?: string;
  readonly escape?: string;
  readonly null?: string;
}

/** Reads CSV records; a field is null where it is the null text without quotes. */
export function parseCsv(text: string, dialect: Dialect = {}): (string | null)[][] {
  const { delimiter = ",", quote = '"', escape: sign = quote, null: nullText = "" } = dialect;
  const records: (string | null)[][] = [];
  let at = 0;
  while (at < text.length) {
    const record: (string | null)[] = [];
    for (;;) {
      let field = "";
      const isQuoted = text[at] === quote;
      if (isQuoted) {
        at++;
        for (;;) {
          if (at >= text.length) throw new Error("a quote that is never closed");
          const isEscape = text[at] === sign && (text[at + 1] === quote || (sign !== quote && text[at + 1] === sign));
          if (isEscape) at++;
          else if (text[at] === quote) break;
          field += text[at++];
        }
        at++;
      } else {
        const from = at;
        while (at < text.length && text[at] !== "\n" && !text.startsWith(delimiter, at)) at++;
        field = text.slice(from, at);
        if (field.includes(quote)) throw new Error(`a quote inside of the plain field ${field}`);
      }
      record.push(!isQuoted && field === nullText ? null : field);
      if (text.startsWith(delimiter, at)) at += delimiter.length;
      else if (text[at] === "\n") break;
      else throw new Error(`neither a delimiter nor a line's end behind ${field.slice(0, 60)}`);
    }
    at++;
    records.push(record);
  }
  return records;
}

export function arrayOf(json: Json): readonly Json[] | undefined {
  return json !== null && typeof json === "object" && "array" in json ? json.array : undefined;
}

/** The members of an object. */
export function objectOf(json: Json): readonly (readonly [key: string, value: Json])[] | undefined {
  return json !== null && typeof json === "object" && "object" in json ? json.object : undefined;
}
