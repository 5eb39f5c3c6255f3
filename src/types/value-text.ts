/*
 * Owns the short texts that messages name a value by. Slow and simple; what can't be read is shown as its bytes.
 */

import { unscaledText } from "./decimal.ts";
import { readBig } from "./digits.ts";
import { writeInet } from "./inet.ts";
import { isText } from "./text.ts";
import { writeUuid } from "./uuid.ts";

/** The text of a value's bytes. */
export type ValueText = (bytes: Uint8Array) => string;

export const bytesText: ValueText = (bytes) => {
  let text = "0x";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
};

/** The text of values that have one of these sizes; others are shown as bytes. */
function sized(sizes: readonly number[], text: ValueText): ValueText {
  return (bytes) => (sizes.includes(bytes.length) ? text(bytes) : bytesText(bytes));
}

const ascii = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

export const textText: ValueText = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return isText(bytes, view, 0, bytes.length) ? `'${ascii(bytes).replaceAll("'", "''")}'` : bytesText(bytes);
};

export const integerText: ValueText = (bytes) =>
  bytes.length > 0 ? readBig(bytes, 0, bytes.length).toString() : bytesText(bytes);

export const booleanText = sized([1], (bytes) => (bytes[0] === 0 ? "false" : "true"));

export const floatText: ValueText = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const value = bytes.length === 4 ? view.getFloat32(0) : bytes.length === 8 ? view.getFloat64(0) : undefined;
  if (value === undefined) return bytesText(bytes);
  if (Object.is(value, -0)) return "-0.0";
  return String(bytes.length === 4 && Number.isFinite(value) ? shortest(value) : value);
};

/** The fewest digits that read back as the same float. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

export const decimalText: ValueText = (bytes) => {
  if (bytes.length < 5) return bytesText(bytes);
  const scale = new DataView(bytes.buffer, bytes.byteOffset).getInt32(0);
  return unscaledText(readBig(bytes, 4, bytes.length - 4), scale);
};

export const uuidText = sized([16], (bytes) => {
  const text = new Uint8Array(36);
  writeUuid(bytes, 0, text, 0);
  return ascii(text);
});

export const inetText = sized([4, 16], (bytes) => {
  const text = new Uint8Array(48);
  return ascii(text.subarray(0, writeInet(bytes, 0, bytes.length, text, 0)));
});

const DAY = 86_400_000;

/** ISO 8601; undefined beyond what a Date can be. */
function isoText(milliseconds: number): string | undefined {
  return Math.abs(milliseconds) > 8.64e15 ? undefined : new Date(milliseconds).toISOString();
}

export const timestampText = sized([8], (bytes) => {
  const milliseconds = readBig(bytes, 0, 8);
  return isoText(Number(milliseconds)) ?? `${milliseconds} ms since 1970`;
});

export const dateText = sized([4], (bytes) => {
  const days = Number(BigInt.asUintN(32, readBig(bytes, 0, 4))) - 0x80000000;
  return isoText(days * DAY)?.replace(/T.*/, "") ?? `${days} days since 1970`;
});

export const timeText = sized([8], (bytes) => {
  const nanos = readBig(bytes, 0, 8);
  if (nanos < 0n || nanos >= 86_400_000_000_000n) return bytesText(bytes);
  const time = new Date(Number(nanos / 1_000_000n)).toISOString().slice(11, 19);
  return `${time}.${(nanos % 1_000_000_000n).toString().padStart(9, "0")}`;
});
