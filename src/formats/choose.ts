/*
 * Owns which format an output has: what its name and the options say of it, which options fit it, and the format made
 * of them. A new format is a row here and a module of its own.
 */
import { UsageError } from "../base/errors.ts";
import { arrowFormat } from "./arrow.ts";
import { type CsvDialect, type CsvForm, csvFormat } from "./csv.ts";
import type { Compression, FileColumn, FileFormat } from "./format.ts";
import { CODEC_ENDINGS, type TextCodec } from "./framed.ts";
import { jsonFormat, metadataKey } from "./json.ts";
import { parquetFormat } from "./parquet.ts";

export type FormatName = "parquet" | "csv" | "json" | "jsonl" | "arrow";

/** What may be said of the files' format. What is absent follows from the destination's name, or is the format's default. */
export interface FormatOptions extends CsvForm {
  readonly format?: FormatName | undefined;
  readonly compression?: Compression | undefined;
  /** Parquet: the most rows a row group may have, rounded up to a multiple of 2,048. */
  readonly rowGroupRows?: number | undefined;
  /** JSON: members on lines of their own. */
  readonly pretty?: boolean | undefined;
}

/** Where an output goes and as what. */
export interface Chosen {
  readonly name: FormatName;
  /** One file, a directory of them, or stdout. */
  readonly layout: "file" | "directory" | "stream";
  readonly compression: Compression;
  readonly delimiter: string;
}

/** The destination that is stdout. */
export const STDOUT = "-";

/** By the end of a file's name. */
const EXTENSIONS: Readonly<Record<string, FormatName>> = {
  parquet: "parquet",
  csv: "csv",
  tsv: "csv",
  json: "json",
  jsonl: "jsonl",
  ndjson: "jsonl",
  // Both are the stream: Arrow's other form, the file, has its index at the end and can't be streamed.
  arrow: "arrow",
  arrows: "arrow",
};
const CODECS_BY_ENDING: Readonly<Record<string, TextCodec>> = { gz: "gzip", zst: "zstd" };
const FILE_NAME = new RegExp(`\\.(${Object.keys(EXTENSIONS).join("|")})(?:\\.(gz|zst))?$`, "i");

/** The options that only some formats have, as a user knows them. */
const ONLY: {
  readonly [K in keyof FormatOptions]?: { readonly flag: string; readonly formats: readonly FormatName[] };
} = {
  rowGroupRows: { flag: "--row-group-rows", formats: ["parquet"] },
  header: { flag: "--header", formats: ["csv"] },
  delimiter: { flag: "--delimiter", formats: ["csv"] },
  quote: { flag: "--quote", formats: ["csv"] },
  escape: { flag: "--escape", formats: ["csv"] },
  nullText: { flag: "--null", formats: ["csv"] },
  timestampFormat: { flag: "--timestamp-format", formats: ["csv"] },
  pretty: { flag: "--pretty", formats: ["json"] },
};

/** What a file of this name is; undefined for the name of a directory. */
function namedBy(name: string): { readonly extension: string; readonly ending: string | undefined } | undefined {
  const match = FILE_NAME.exec(name);
  if (!match) return undefined;
  const [extension = "", ending] = [match[1]?.toLowerCase(), match[2]?.toLowerCase()];
  // A binary file is never compressed as a whole: Parquet compresses its pages.
  return ending !== undefined && saysItself(EXTENSIONS[extension]) ? undefined : { extension, ending };
}

/** Whether files of a format say of themselves what they are; others need a sidecar. */
export function saysItself(format: FormatName | undefined): boolean {
  return format === "parquet" || format === "arrow";
}

/** Whether a destination is one file: its name says. */
export function isFileName(destination: string): boolean {
  return namedBy(destination) !== undefined;
}

/** Whether a reader of a directory in this format would take a file of this path for one of its parts. */
export function isPart(path: string, format: FormatName): boolean {
  const named = namedBy(path);
  const isHidden = /(^|\/)[_.][^/]*$/.test(path);
  return !isHidden && named !== undefined && EXTENSIONS[named.extension] === format;
}

/** @throws UsageError where name and options contradict each other */
export function chooseFormat(destination: string, options: FormatOptions): Chosen {
  if (destination === "") {
    throw new UsageError("the destination is empty", { hint: "name a file x.parquet, or a directory" });
  }
  const named = namedBy(destination);
  const layout = destination === STDOUT ? "stream" : named ? "file" : "directory";
  const format = nameOf(destination, layout, named?.extension, options.format);
  for (const [key, { flag, formats }] of Object.entries(ONLY)) {
    const said = options[key as keyof FormatOptions];
    if (said === undefined || (said === false && key === "pretty") || formats.includes(format)) continue;
    throw new UsageError(`${flag} is for ${formats.join(" and ")}, and ${destination} is ${format}`, {
      hint: "leave it out, or choose another format",
    });
  }
  const delimiter = options.delimiter ?? (named?.extension === "tsv" ? "\t" : ",");
  if (format === "csv") dialectOf({ delimiter }, options);
  return {
    name: format,
    layout,
    compression: compressionOf(destination, format, named, options.compression),
    delimiter,
  };
}

function nameOf(
  destination: string,
  layout: Chosen["layout"],
  extension: string | undefined,
  said: FormatName | undefined,
): FormatName {
  const name = said ?? (extension === undefined ? undefined : EXTENSIONS[extension]);
  if (extension !== undefined && name !== EXTENSIONS[extension]) {
    throw new UsageError(`--format ${name} and a file that ends in .${extension} contradict each other`, {
      hint: `leave out --format, or name the file ${destination.replace(FILE_NAME, "")}.${name}`,
    });
  }
  if (layout === "stream" && (name === undefined || name === "parquet")) {
    const why = name
      ? "Parquet can't be written to stdout: its end has to be written first"
      : "stdout has no name to tell the format by";
    throw new UsageError(why, { hint: "say --format csv, json, jsonl or arrow" });
  }
  return name ?? "parquet";
}

function compressionOf(
  destination: string,
  format: FormatName,
  named: ReturnType<typeof namedBy>,
  said: Compression | undefined,
): Compression {
  if (format === "parquet") return said ?? { codec: "snappy" };
  if (format === "arrow") {
    if (said === undefined || said.codec === "none") return { codec: "none" };
    throw new UsageError(`--compression ${said.codec}: Arrow streams are not compressed`, {
      hint: "leave it out, or write Parquet",
    });
  }
  const byName = CODECS_BY_ENDING[named?.ending ?? ""] ?? "none";
  const codec = said?.codec ?? byName;
  if (!(codec in CODEC_ENDINGS)) {
    throw new UsageError(`--compression ${codec} is for Parquet: ${format} files can be gzip, zstd or none`);
  }
  if (said?.level !== undefined) {
    throw new UsageError(`--compression ${codec}:${said.level}: levels are for Parquet`, {
      hint: `say ${codec} alone`,
    });
  }
  if (named && codec !== byName) {
    const plain = named.ending === undefined ? destination : destination.slice(0, -named.ending.length - 1);
    throw new UsageError(`--compression ${codec} and the name ${destination} contradict each other`, {
      hint: `name the file ${plain}${CODEC_ENDINGS[codec as TextCodec]}, or leave out --compression`,
    });
  }
  return { codec };
}

/** What ends the names of files, e.g. `.csv.gz`. */
export function extensionOf({ name, compression }: Chosen): string {
  if (name === "parquet") return ".parquet";
  return name === "arrow" ? ".arrows" : `.${name}${CODEC_ENDINGS[compression.codec as TextCodec]}`;
}

/** The format that was chosen, for files of these columns. `keyValues` are for formats whose files can hold them. */
export function makeFormat(
  chosen: Chosen,
  columns: readonly FileColumn[],
  options: FormatOptions,
  keyValues: Readonly<Record<string, string>>,
): FileFormat {
  const { name, compression } = chosen;
  if (name === "parquet") {
    return parquetFormat(columns, { compression, rowGroupRows: options.rowGroupRows, keyValues });
  }
  if (name === "arrow") return arrowFormat(columns, keyValues);
  const codec = compression.codec as TextCodec;
  if (name === "csv") return csvFormat(columns, dialectOf(chosen, options), codec);
  return jsonFormat(columns, jsonOptionsOf(name, options), codec);
}

/** What a reader has to know of the files besides their columns; undefined where they say it themselves. */
export function describeFormat(
  chosen: Chosen,
  columns: readonly FileColumn[],
  options: FormatOptions,
): Readonly<Record<string, unknown>> | undefined {
  const { name, compression } = chosen;
  if (saysItself(name)) return undefined;
  const common = { name, compression: compression.codec };
  return name === "csv" ? { ...common, ...dialectOf(chosen, options) } : { ...common, metadata: metadataKey(columns) };
}

function jsonOptionsOf(name: "json" | "jsonl", { pretty = false }: FormatOptions) {
  return { layout: name === "json" ? "array" : "lines", pretty } as const;
}

/** @throws UsageError where its signs could not be told apart */
function dialectOf(
  { delimiter }: Pick<Chosen, "delimiter">,
  { header = true, quote = '"', escape: sign = quote, nullText = "", timestampFormat }: FormatOptions,
): CsvDialect {
  // DuckDB's writer takes no more of any than one byte.
  for (const [flag, said] of Object.entries({ "--delimiter": delimiter, "--quote": quote, "--escape": sign })) {
    if (Buffer.byteLength(said) === 1 && !/[\r\n\0]/.test(said)) continue;
    throw new UsageError(`${flag} ${JSON.stringify(said)}: it is one ASCII character, and no line break`);
  }
  if (delimiter === quote || delimiter === sign) {
    throw new UsageError("--delimiter must differ from --quote and --escape");
  }
  const clash = [delimiter, quote, sign, "\r", "\n"].find((special) => nullText.includes(special));
  if (clash !== undefined) {
    throw new UsageError(
      `--null ${JSON.stringify(nullText)} has a ${JSON.stringify(clash)}, which could not be told from a field's end or a quote`,
    );
  }
  return { header, delimiter, quote, escape: sign, null: nullText, timestampFormat };
}
