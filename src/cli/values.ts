/*
 * Owns the forms that single arguments and options may have, beyond plain sizes and names: each function takes what was
 * written and gives the value, or says what is wrong with it.
 */
import { UsageError } from "../base/errors.ts";
import { parseColumnList } from "../base/names.ts";
import { nearest } from "../base/nearest.ts";
import type { FixedOrColumn } from "../operations/import/options.ts";
import type { Compression } from "../operations/options.ts";

// ANY and the SERIAL levels are missing because a read by token range can't have them.
export const CONSISTENCIES = [
  "LOCAL_QUORUM",
  "LOCAL_ONE",
  "ONE",
  "TWO",
  "THREE",
  "QUORUM",
  "EACH_QUORUM",
  "ALL",
] as const;

export const CODECS: readonly Compression["codec"][] = ["snappy", "zstd", "gzip", "brotli", "lz4", "none"];
export const UUID_FORMS = ["text", "native"] as const;
export const EMPTY_RULES = ["error", "null"] as const;

export const PROGRESS_FORMS = ["auto", "bar", "plain", "json", "none"] as const;
export type ProgressForm = (typeof PROGRESS_FORMS)[number];

export const FORMATS = ["parquet", "csv", "json", "jsonl", "arrow"] as const;

/** Data files that can't be written: as a destination they would become directories of that name. */
const OTHER_DATA_FILE =
  /\.(?:(?:txt|feather|ipc|avro|orc|xlsx|db|duckdb|sqlite|parq|pq)(?:\.(?:gz|zst|bz2|xz))?|(?:parquet|arrow|arrows)\.(?:gz|zst|bz2|xz)|(?:csv|tsv|json|jsonl|ndjson)\.(?:bz2|xz))$/i;
const DATA_FILE = /\.(?:parquet|arrow|arrows|(?:csv|tsv|json|jsonl|ndjson)(?:\.(?:gz|zst))?)$/;

/** One of a few words. */
export function choice<const T extends string>(values: readonly T[]): (text: string) => T {
  return (text) => {
    const found = values.find((value) => value.toLowerCase() === text.toLowerCase());
    if (found !== undefined) return found;
    const meant = nearest(text, values);
    throw new UsageError(`"${text}" is none of ${values.join(", ")}`, { hint: meant && `did you mean ${meant}?` });
  };
}

/** A consistency level that a read can have, in Cassandra's spelling. */
export const parseConsistency = choice(CONSISTENCIES);

/** A codec, for zstd with its level: `zstd:9`. */
export function parseCompression(text: string): Compression {
  const [name = "", level, ...rest] = text.split(":");
  const codec = choice(CODECS)(name);
  if (level === undefined) return { codec };
  if (codec !== "zstd") throw new UsageError(`"${text}": only zstd has levels`, { hint: `write ${codec}, or zstd:9` });
  const number = /^\d{1,2}$/.test(level) && rest.length === 0 ? Number(level) : 0;
  if (number < 1 || number > 22) throw new UsageError(`"${text}": a level of zstd is a number from 1 to 22`);
  return { codec, level: number };
}

/** `host`, `host:port`, `::1` or `[::1]:9042`, as it was written. */
export function parseHost(text: string): string {
  const host = text.trim();
  const hint = "write host or host:port, and one host for each --host: -H node1 -H node2:9042";
  if (host === "" || /[\s,;/@"']/.test(host)) throw new UsageError(`"${text}" isn't a host`, { hint });
  const bracketed = /^\[[0-9A-Fa-f:.%\w]+\](?::(.*))?$/.exec(host);
  const colons = host.split(":").length - 1;
  // More than one colon without brackets is an IPv6 address alone.
  const port = bracketed ? bracketed[1] : colons === 1 ? host.slice(host.indexOf(":") + 1) : undefined;
  const malformed = host.startsWith(":") && colons === 1;
  if (malformed || (!bracketed && /[[\]]/.test(host))) throw new UsageError(`"${text}" isn't a host`, { hint });
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) {
    throw new UsageError(`"${text}": a port is a number from 1 to 65535`, { hint });
  }
  return host;
}

/** A local file or directory, or `-`. */
export function parseDestination(text: string): string {
  const hint =
    "write a file that ends in .parquet, .csv, .json, .jsonl or .arrow, or a directory: orders.parquet, orders/";
  if (text.trim() === "") throw new UsageError("the destination is empty", { hint });
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1];
  if (scheme) {
    throw new UsageError(`"${text}": this version writes local paths, not ${scheme}:// URLs`, { hint });
  }
  const other = OTHER_DATA_FILE.exec(text)?.[0];
  if (other) throw new UsageError(`"${text}": this version does not write ${other}`, { hint });
  if (DATA_FILE.test(text.toLowerCase()) && !DATA_FILE.test(text)) {
    throw new UsageError(`"${text}": the end of the name says the format in lower case`, { hint });
  }
  return text;
}

/** Text that isn't empty. */
export function parseText(text: string): string {
  if (text.trim() === "") throw new UsageError("it is empty");
  return text;
}

/** One character, a delimiter or the like; a tab may be written as `\t`. */
export function parseSign(text: string): string {
  const sign = text === "\\t" ? "\t" : text;
  if ([...sign].length === 1) return sign;
  throw new UsageError(`"${text}" isn't one character`);
}

/** The word `all`, or names of columns; a column of that name is written `"all"`. */
export function parseColumnsOrAll(text: string): "all" | readonly string[] {
  return text.trim().toLowerCase() === "all" ? "all" : parseColumnList(text);
}

/** A bound on another form's numbers. */
export function atMost(parse: (text: string) => number, most: number): (text: string) => number {
  return (text) => {
    const value = parse(text);
    if (value > most) throw new UsageError(`"${text}" is more than ${most}`);
    return value;
  };
}

/** A whole number that may be 0. */
export function parseWhole(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`"${text}" isn't a whole number`, { hint: "write 0, 1, 2, …" });
}

/** Where figures go: a file, or a port that they are asked for at; all addresses of the machine where no host is said. */
export type MetricsTarget = { readonly file: string } | { readonly host: string | undefined; readonly port: number };

/** `:9100`, `host:9100` and `[::1]:9100` are ports, anything else a file. */
export function parseMetrics(text: string): MetricsTarget {
  const address = /^(?:\[([^\]/]*)\]|([^/:]*)):(\d*)$/.exec(text.trim());
  if (!address) return { file: parseText(text) };
  const port = Number(address[3]);
  if (port >= 1 && port <= 65_535) return { host: address[1] || address[2] || undefined, port };
  throw new UsageError(`"${text}": a port is a number from 1 to 65535`, {
    hint: "write :9100, or host:9100; or a file: ./metrics.prom",
  });
}

/** An address to POST to. It may hold a secret, which no message repeats. */
export function parseWebhook(text: string): URL {
  const hint = "write https://host/path";
  if (!URL.canParse(text)) throw new UsageError("it isn't a URL", { hint });
  const url = new URL(text);
  if (url.protocol === "http:" || url.protocol === "https:") return url;
  throw new UsageError(`it begins with ${url.protocol}, and must begin with http: or https:`, { hint });
}

/** A whole number, or a percentage: `10`, `5%`. */
export function parseShare(text: string): number | `${number}%` {
  if (!text.endsWith("%")) return parseWhole(text);
  const percent = Number(text.slice(0, -1));
  if (/^\d{1,3}(\.\d+)?%$/.test(text) && percent <= 100) return `${percent}%`;
  throw new UsageError(`"${text}" isn't a percentage`, { hint: "write it from 0% to 100%" });
}

export const IMPORT_FORMATS = ["parquet", "csv", "json", "jsonl", "arrow"] as const;
export const IMPORT_MODES = ["insert", "update", "if-not-exists", "delete"] as const;
export const NULL_RULES = ["unset", "write"] as const;

/** `file=column`: a name as the file has it, and one of the table as CQL writes it. */
export function parseFileColumn(text: string): { readonly file: string; readonly column: string } {
  const at = text.lastIndexOf("=");
  const file = text.slice(0, at).trim();
  const names = at > 0 ? parseColumnList(text.slice(at + 1)) : [];
  if (file === "" || names.length !== 1) {
    throw new UsageError(`"${text}" isn't of the form file=column`, { hint: "write userId=user_id, or 'Id=\"Id\"'" });
  }
  return { file, column: names[0]! };
}

/** `year=2024,month=1`. */
export function parsePairs(text: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const piece of text.split(",")) {
    const at = piece.indexOf("=");
    if (at < 1) throw new UsageError(`"${text}" isn't of the form name=value,…`, { hint: "write year=2024,month=1" });
    pairs.set(piece.slice(0, at).trim(), piece.slice(at + 1).trim());
  }
  return pairs;
}

/** A whole number, or the name of a column of the file behind an @. */
export function parseFixedOrColumn(text: string): FixedOrColumn {
  if (/^@./.test(text)) return { column: text.slice(1) };
  if (/^-?\d{1,19}$/.test(text)) {
    const value = BigInt(text);
    if (BigInt.asIntN(64, value) === value) return { value };
  }
  throw new UsageError(`"${text}" is neither a whole number nor @column`, { hint: "write 86400, or @expires_in" });
}

/** `v=1700000000000000` or `v=written_at`: a column as CQL writes it, and a number or the file's column that has one. */
export function parseColumnTime(text: string): { readonly column: string; readonly time: FixedOrColumn } {
  const [, name = "", time = ""] = /^("(?:[^"]|"")*"|[^="]+)=(.+)$/s.exec(text) ?? [];
  const names = name === "" ? [] : parseColumnList(name);
  if (names.length !== 1) {
    throw new UsageError(`"${text}" isn't of the form column=number or column=file column`, {
      hint: "write price=1700000000000000, or price=price_written_at",
    });
  }
  const column = names[0]!;
  return { column, time: /^-?\d{1,19}$/.test(time) ? parseFixedOrColumn(time) : { column: time } };
}

/** A whole number, or -1 for no limit. */
export function parseErrorLimit(text: string): number {
  return text === "-1" ? -1 : parseWhole(text);
}
