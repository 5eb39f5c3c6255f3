/* The tokens of JSON texts, put together again, are what JSON.parse makes of the same text. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  END,
  JsonReader,
  NULL,
  OPEN_ARRAY,
  OPEN_OBJECT,
  PLAIN,
  STRING,
} from "../../src/types/json.ts";

const utf8 = new TextEncoder();

/** The value that begins at the token at hand. */
function readValue(reader: JsonReader): unknown {
  if (reader.token === NULL) return null;
  if (reader.token === STRING) return textOf(reader);
  if (reader.token === PLAIN) return JSON.parse(textOf(reader));
  if (reader.token === OPEN_ARRAY) {
    const values: unknown[] = [];
    for (let more = reader.enter(CLOSE_ARRAY); more; more = reader.goOn(CLOSE_ARRAY)) values.push(readValue(reader));
    return values;
  }
  if (reader.token !== OPEN_OBJECT) throw reader.wrong("a value");
  const entries: [string, unknown][] = [];
  for (let more = reader.enter(CLOSE_OBJECT); more; more = reader.goOn(CLOSE_OBJECT)) {
    if (reader.token !== STRING) throw reader.wrong("a key");
    const key = textOf(reader);
    reader.colon();
    entries.push([key, readValue(reader)]);
  }
  return Object.fromEntries(entries);
}

const textOf = (reader: JsonReader) =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(reader.text.subarray(reader.start, reader.stop));

function parse(reader: JsonReader, text: string): unknown {
  const bytes = utf8.encode(`#${text}#`);
  reader.open(bytes, 1, bytes.length - 1);
  const value = readValue(reader);
  reader.close();
  return value;
}

function parsed(run: () => unknown): { value?: unknown; failed?: true } {
  try {
    return { value: run() };
  } catch {
    return { failed: true };
  }
}

const json = fc.oneof(
  fc.json({ maxDepth: 4, stringUnit: "binary" }),
  fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value, null, "\t\r")),
  // All characters that need no escape are escaped too.
  fc.string({ unit: "grapheme" }).map((text) => {
    const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i).toString(16).padStart(4, "0"));
    return `["${units.map((unit, i) => `\\u${i % 2 ? unit : unit.toUpperCase()}`).join("")}"]`;
  }),
);
/** A text and one with a character taken out, put in or changed. */
const damaged = fc
  .tuple(json, fc.nat(), fc.nat(1), fc.constantFrom("", ",", "]", "}", '"', "\\", ":", "[", "{", "1", "\n"))
  .map(([text, at, drop, add]) => text.slice(0, at % text.length) + add + text.slice((at % text.length) + drop));

describe("JSON", () => {
  test("is taken apart into what it is", () => {
    const reader = new JsonReader();
    const property = fc.property(json, (text) => {
      expect(parse(reader, text)).toEqual(JSON.parse(text));
    });
    fc.assert(property);
  });

  test("that is none is refused, and only that", () => {
    const reader = new JsonReader();
    const hasHalf = (value: unknown) => /\\ud[89a-f]/.test(JSON.stringify(value) ?? "");
    const property = fc.property(damaged, (text) => {
      fc.pre(!/\p{Surrogate}/u.test(text));
      const wanted = parsed(() => JSON.parse(text));
      const halves = "value" in wanted && hasHalf(wanted.value);
      expect(parsed(() => parse(reader, text))).toEqual(halves ? { failed: true } : wanted);
    });
    fc.assert(property, { numRuns: 300 });
  });

  test("says where its tokens are", () => {
    const reader = new JsonReader();
    const bytes = utf8.encode(' [ null,"a\\n" , -1.50]');
    const tokens: string[] = [];
    for (reader.open(bytes, 0, bytes.length); reader.token !== END; reader.next()) {
      tokens.push(new TextDecoder().decode(bytes.subarray(reader.tokenAt, reader.at)));
    }
    expect(tokens).toEqual(["[", "null", ",", '"a\\n"', ",", "-1.50", "]"]);
  });
});
