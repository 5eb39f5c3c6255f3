/*
 * Owns taking JSON text apart: one token after the other, straight from the bytes. No value is made, and no number is
 * read: what a token means is for the types to say.
 */
import { ValueError } from "./codec.ts";
import { HEX_VALUE } from "./digits.ts";

// The tokens. Not of literal types: reading on changes what was compared with them behind the compiler's back.
export const END: number = 0;
export const STRING: number = 34;
/** A number, `true`, `false`, or any other run of characters without quotes; `null` is a token of its own. */
export const PLAIN: number = 48;
export const NULL: number = 110;
export const OPEN_ARRAY: number = 91;
export const CLOSE_ARRAY: number = 93;
export const OPEN_OBJECT: number = 123;
export const CLOSE_OBJECT: number = 125;
const COMMA = 44;
const COLON = 58;
const BACKSLASH = 92;

/** By byte: 1 ends a plain token, 2 is also white space. */
const KINDS = new Uint8Array(256);
for (const mark of '"[]{},:') KINDS[mark.charCodeAt(0)] = 1;
for (const space of " \t\n\r") KINDS[space.charCodeAt(0)] = 2;

/** What a backslash and this character stand for. */
const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const ESCAPED = new Uint8Array(256);
for (const mark of '"\\/') ESCAPED[mark.charCodeAt(0)] = mark.charCodeAt(0);
for (const [mark, meaning] of Object.entries(ESCAPES)) ESCAPED[mark.charCodeAt(0)] = meaning.charCodeAt(0);

/** Reads one JSON text after another. Its fields tell the token that was read last. */
export class JsonReader {
  token = END;
  /** The bytes of a string (without quotes, escapes resolved) or of a plain token are `text` from `start` to `stop`. */
  text: Uint8Array = new Uint8Array(0);
  start = 0;
  stop = 0;
  /** Where the token that was read last begins, and where it ends. */
  tokenAt = 0;
  at = 0;
  private bytes = this.text;
  private first = 0;
  private end = 0;
  private unescaped = new Uint8Array(64);

  /** Begins with another text, at its first token. */
  open(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.at = this.first = start;
    this.end = end;
    this.next();
  }

  /** Reads on to the next token. @throws ValueError if there is none that JSON knows */
  next(): number {
    const { bytes, end } = this;
    let at = this.at;
    while (at < end && KINDS[bytes[at]!] === 2) at++;
    this.tokenAt = at;
    if (at >= end) {
      this.at = end;
      this.token = END;
      return END;
    }
    const first = bytes[at]!;
    if (first === STRING) return this.string(at + 1);
    if (KINDS[first] === 1) {
      this.at = at + 1;
      this.token = first;
      return first;
    }
    this.text = bytes;
    this.start = at;
    while (at < end && KINDS[bytes[at]!] === 0) at++;
    this.stop = this.at = at;
    this.token = first === NULL && at - this.start === 4 && isNull(bytes, this.start) ? NULL : PLAIN;
    return this.token;
  }

  /** Goes into an array or object, to its first value or key. @returns false if it has none */
  enter(close: number): boolean {
    return this.next() !== close;
  }

  /** Goes on to the next value or key of an array or object. @returns false if it ends */
  goOn(close: number): boolean {
    const token = this.next();
    if (token === close) return false;
    if (token !== COMMA) throw this.wrong(close === CLOSE_ARRAY ? "',' or ']'" : "',' or '}'");
    this.next();
    return true;
  }

  /** Goes on from a key to its value. */
  colon(): void {
    if (this.next() !== COLON) throw this.wrong("':'");
    this.next();
  }

  /** @throws ValueError if anything follows the value */
  close(): void {
    if (this.next() !== END) throw this.wrong("the end");
  }

  /** What to throw if the token is not what JSON, or the type, has here. */
  wrong(expected: string): ValueError {
    const what = this.token === END ? "the end" : `'${String.fromCharCode(this.bytes[this.tokenAt]!)}'`;
    return this.malformed(this.tokenAt, `${what} where ${expected} belongs`);
  }

  private malformed(at: number, what: string): ValueError {
    return new ValueError(0, `no such JSON: ${what}, at byte ${at - this.first}`);
  }

  private string(start: number): number {
    const { bytes, end } = this;
    this.token = STRING;
    let at = start;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === STRING) {
        this.text = bytes;
        this.start = start;
        this.stop = at;
        this.at = at + 1;
        return STRING;
      }
      if (byte === BACKSLASH) return this.escapedString(start, at);
      if (byte < 32) throw this.malformed(at, "a control character in a string");
    }
    throw this.malformed(start - 1, "a string without an end");
  }

  /** A string whose first backslash is at `from`. */
  private escapedString(start: number, from: number): number {
    const { bytes, end } = this;
    // No escape is shorter than the UTF-8 of what it stands for.
    if (this.unescaped.length < end - start) this.unescaped = new Uint8Array((end - start) * 2);
    const { unescaped } = this;
    let length = from - start;
    unescaped.set(bytes.subarray(start, from));
    for (let at = from; at < end; ) {
      const byte = bytes[at]!;
      if (byte === STRING) {
        this.text = unescaped;
        this.start = 0;
        this.stop = length;
        this.at = at + 1;
        return STRING;
      }
      if (byte !== BACKSLASH) {
        if (byte < 32) throw this.malformed(at, "a control character in a string");
        unescaped[length++] = byte;
        at++;
      } else if (bytes[at + 1] === 117) {
        const code = this.codePoint(at);
        length = writeUtf8(unescaped, length, code);
        at += code > 0xffff ? 12 : 6;
      } else {
        const meaning = at + 1 < end ? ESCAPED[bytes[at + 1]!]! : 0;
        if (meaning === 0) throw this.malformed(at, "an escape that JSON doesn't have");
        unescaped[length++] = meaning;
        at += 2;
      }
    }
    throw this.malformed(start - 1, "a string without an end");
  }

  /** The code point of the escape at `at`, which may take two of them. */
  private codePoint(at: number): number {
    const unit = this.codeUnit(at);
    if (unit < 0) throw this.malformed(at, "an escape that JSON doesn't have");
    if (unit < 0xd800 || unit > 0xdfff) return unit;
    const next = unit < 0xdc00 ? this.codeUnit(at + 6) : -1;
    if (next < 0xdc00 || next > 0xdfff) throw this.malformed(at, "half of a surrogate pair");
    return 0x10000 + ((unit - 0xd800) << 10) + (next - 0xdc00);
  }

  /** The number of a \uXXXX at `at`; negative if there is none. */
  private codeUnit(at: number): number {
    const { bytes, end } = this;
    if (at + 6 > end || bytes[at] !== BACKSLASH || bytes[at + 1] !== 117) return -1;
    let unit = 0;
    for (let i = at + 2; i < at + 6; i++) unit = (unit << 4) | HEX_VALUE[bytes[i]!]!;
    return unit;
  }
}

function isNull(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 1] === 117 && bytes[at + 2] === 108 && bytes[at + 3] === 108;
}

/** RFC 3629, section 3. Returns where the character ends. */
function writeUtf8(bytes: Uint8Array, at: number, code: number): number {
  if (code < 0x80) {
    bytes[at] = code;
    return at + 1;
  }
  if (code < 0x800) {
    bytes[at] = 0xc0 | (code >> 6);
    bytes[at + 1] = 0x80 | (code & 63);
    return at + 2;
  }
  if (code < 0x10000) {
    bytes[at] = 0xe0 | (code >> 12);
    bytes[at + 1] = 0x80 | ((code >> 6) & 63);
    bytes[at + 2] = 0x80 | (code & 63);
    return at + 3;
  }
  bytes[at] = 0xf0 | (code >> 18);
  bytes[at + 1] = 0x80 | ((code >> 12) & 63);
  bytes[at + 2] = 0x80 | ((code >> 6) & 63);
  bytes[at + 3] = 0x80 | (code & 63);
  return at + 4;
}
