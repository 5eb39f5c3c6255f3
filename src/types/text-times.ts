/*
 * Owns reading timestamp, date and time from text. Durations are in text-duration.ts.
 */
import type { CellWriter } from "./codec.ts";
import { writeHalves } from "./digits.ts";
import { wholeText } from "./text-numbers.ts";
import { notA, type ReadText, type TextOptions } from "./text-reader.ts";

const ZERO = 48;
const NINE = 57;
const HYPHEN = 45;
const COLON = 58;
const WORD = 0x100000000;
const DAY_MS = 86_400_000;
/** Days whose milliseconds are exact as a number of JavaScript; all further ones take BigInt. */
const EXACT_DAYS = 1e8;

/**
 * timestamp: a date, `T` or a space, a time of day, and Z, UTC or an offset; or a whole number of milliseconds since
 * 1970. Digits beyond milliseconds must be zeros, unless they are allowed to be cut.
 */
export function timestampText({ truncateTimes }: TextOptions): ReadText {
  const at = new TimeText();
  const milliseconds = wholeText("timestamp", 8);
  return (bytes, start, end, out) => {
    if (isWhole(bytes, start, end)) return milliseconds(bytes, start, end, out);
    at.open(bytes, start, end);
    if (!at.date() || !at.separator() || !at.timeOfDay() || !at.zone()) {
      const hint = at.isLocal ? "say where it is: with Z for UTC, or an offset such as +01:00" : undefined;
      throw notA("timestamp", bytes, start, end, at.isLocal ? "no Z, no offset" : FORM, hint);
    }
    const nanos = at.nanos % 1_000_000;
    if ((nanos !== 0 || at.isFiner) && !truncateTimes) {
      const hint = "--truncate-times cuts to milliseconds";
      throw notA("timestamp", bytes, start, end, "more digits than milliseconds", hint);
    }
    const ofDay = (at.seconds - at.offset) * 1000 + (at.nanos - nanos) / 1_000_000;
    if (!writeMilliseconds(out, at.days, ofDay)) throw notA("timestamp", bytes, start, end, "beyond 64 bits");
  };
}

const FORM = "YYYY-MM-DDTHH:MM:SS.mmmZ is one";

function isWhole(bytes: Uint8Array, start: number, end: number): boolean {
  let at = bytes[start] === HYPHEN ? start + 1 : start;
  while (at < end && isDigit(bytes[at]!)) at++;
  return at === end;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

function writeMilliseconds(out: CellWriter, days: number, ofDay: number): boolean {
  out.reserve(8);
  const { view, length } = out;
  if (Math.abs(days) < EXACT_DAYS) {
    const total = days * DAY_MS + ofDay;
    const high = Math.floor(total / WORD);
    writeHalves(view, length, high, total - high * WORD);
  } else {
    const total = BigInt(days) * BigInt(DAY_MS) + BigInt(ofDay);
    if (BigInt.asIntN(64, total) !== total) return false;
    view.setBigInt64(length, total);
  }
  out.length += 8;
  return true;
}

/** date: YYYY-MM-DD, with a sign and more digits where the year needs them. */
export function dateText(): ReadText {
  const at = new TimeText();
  return (bytes, start, end, out) => {
    at.open(bytes, start, end);
    if (!at.date() || !at.isAtEnd()) throw notA("date", bytes, start, end, "YYYY-MM-DD is one");
    const days = at.days + 0x80000000;
    if (!(days >= 0 && days < WORD)) throw notA("date", bytes, start, end, "beyond its 32 bits of days");
    out.reserve(4);
    out.view.setInt32(out.length, days | 0);
    out.length += 4;
  };
}

/** date as days since 1970. */
export function daysText(): ReadText {
  const days = wholeText("date", 4);
  return (bytes, start, end, out) => {
    days(bytes, start, end, out);
    out.bytes[out.length - 4]! ^= 0x80;
  };
}

/** time: HH:MM:SS, with up to nine digits of a second. */
export function timeText(): ReadText {
  const at = new TimeText();
  return (bytes, start, end, out) => {
    at.open(bytes, start, end);
    if (!at.timeOfDay() || !at.isAtEnd()) throw notA("time", bytes, start, end, "HH:MM:SS.nnnnnnnnn is one");
    if (at.isFiner) throw notA("time", bytes, start, end, "more digits than nanoseconds");
    const total = at.seconds * 1_000_000_000 + at.nanos;
    const high = Math.floor(total / WORD);
    out.reserve(8);
    writeHalves(out.view, out.length, high, total - high * WORD);
    out.length += 8;
  };
}

/** Reads the parts of a text one after the other; each returns false if it is not there. What it says is in the fields. */
class TimeText {
  /** Since 1970. */
  days = 0;
  /** Of the day, up to 86,399. */
  seconds = 0;
  /** Of the second. */
  nanos = 0;
  /** Digits that are not zero stand behind nanoseconds. */
  isFiner = false;
  /** Of the zone, in seconds east of UTC. */
  offset = 0;
  /** All but the zone was there. */
  isLocal = false;
  private bytes: Uint8Array = new Uint8Array(0);
  private at = 0;
  private end = 0;

  open(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.isLocal = false;
  }

  isAtEnd(): boolean {
    return this.at === this.end;
  }

  date(): boolean {
    const negative = this.takes(HYPHEN);
    if (!negative) this.takes(43);
    const from = this.at;
    let year = 0;
    while (this.at < this.end && isDigit(this.bytes[this.at]!)) year = year * 10 + this.bytes[this.at++]! - ZERO;
    const digits = this.at - from;
    if (digits < 4 || digits > 9 || !this.takes(HYPHEN)) return false;
    const month = this.pair();
    if (month < 1 || month > 12 || !this.takes(HYPHEN)) return false;
    const day = this.pair();
    const signed = negative ? -year : year;
    if (day < 1 || day > daysOfMonth(signed, month)) return false;
    this.days = daysSince1970(signed, month, day);
    this.isLocal = this.isAtEnd();
    return true;
  }

  separator(): boolean {
    return this.takes(84) || this.takes(116) || this.takes(32);
  }

  timeOfDay(): boolean {
    this.isLocal = false;
    const hour = this.pair();
    if (hour < 0 || hour > 23 || !this.takes(COLON)) return false;
    const minute = this.pair();
    if (minute < 0 || minute > 59) return false;
    const second = this.takes(COLON) ? this.pair() : 0;
    if (second < 0 || second > 59) return false;
    this.seconds = (hour * 60 + minute) * 60 + second;
    return this.fraction();
  }

  private fraction(): boolean {
    this.nanos = 0;
    this.isFiner = false;
    if (!this.takes(46)) return true;
    const from = this.at;
    let unit = 100_000_000;
    for (; this.at < this.end && isDigit(this.bytes[this.at]!); this.at++) {
      const digit = this.bytes[this.at]! - ZERO;
      if (unit >= 1) this.nanos += digit * unit;
      else if (digit > 0) this.isFiner = true;
      unit = Math.round(unit / 10);
    }
    return this.at > from;
  }

  /** Z, UTC, or ±HH, ±HHMM, ±HH:MM, and then the end. */
  zone(): boolean {
    this.isLocal = this.isAtEnd();
    this.takes(32);
    this.offset = 0;
    if (this.takes(90) || this.takes(122)) return this.isAtEnd();
    if (this.takes(85)) return this.takes(84) && this.takes(67) && this.isAtEnd();
    const west = this.takes(HYPHEN);
    if (!west && !this.takes(43)) return false;
    const hours = this.pair();
    const minutes = this.takes(COLON) || !this.isAtEnd() ? this.pair() : 0;
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
    this.offset = (west ? -1 : 1) * (hours * 60 + minutes) * 60;
    return this.isAtEnd();
  }

  private takes(byte: number): boolean {
    if (this.at >= this.end || this.bytes[this.at] !== byte) return false;
    this.at++;
    return true;
  }

  /** Two digits; -1 if they are none. */
  private pair(): number {
    const { bytes, at } = this;
    if (at + 2 > this.end || !isDigit(bytes[at]!) || !isDigit(bytes[at + 1]!)) return -1;
    this.at = at + 2;
    return (bytes[at]! - ZERO) * 10 + bytes[at + 1]! - ZERO;
  }
}

const MONTH_DAYS = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function daysOfMonth(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && isLeap ? 29 : MONTH_DAYS[month]!;
}

/** The proleptic Gregorian calendar, counted from 1 March so that the leap day is the last of its year. */
function daysSince1970(year: number, month: number, day: number): number {
  const counted = month > 2 ? year : year - 1;
  const leapDays = Math.floor(counted / 4) - Math.floor(counted / 100) + Math.floor(counted / 400);
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return counted * 365 + leapDays + dayOfYear - 719_468;
}
