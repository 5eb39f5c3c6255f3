/*
 * Owns the table of CQL types: one row each says what the type can become, and how. Nothing else lists types.
 */
import { type ColumnType, typeToSql } from "../base/column.ts";
import { UsageError } from "../base/errors.ts";
import { uniqueNames } from "../base/names.ts";
import type { CellRule } from "./cells.ts";
import type { Codec, Encode } from "./codec.ts";
import { listCodec, mapCodec } from "./collections.ts";
import { type CqlType, cqlTypeToText, fieldNames } from "./cql-type.ts";
import { decimalFixedCodec, decimalTextCodec, varintFixedCodec } from "./decimal.ts";
import { DURATION_COLUMN, durationCodec } from "./duration.ts";
import { doubleCodec, floatCodec } from "./floats.ts";
import { inetCodec } from "./inet.ts";
import { bigintCodec, booleanCodec, intCodec, smallintCodec, tinyintCodec } from "./integers.ts";
import * as same from "./sameness.ts";
import { structCodec } from "./structs.ts";
import { dateCodec, timeCodec, timestampCodec } from "./temporal.ts";
import { asciiCodec, bytesCodec, textCodec } from "./text.ts";
import { durationText } from "./text-duration.ts";
import { floatText } from "./text-floats.ts";
import { listReader, mapReader, structReader, tupleReader, vectorReader } from "./text-nested.ts";
import { decimalText, varintText, wholeText } from "./text-numbers.ts";
import { type ReadText, scalarReader, type TextOptions, type TextReader, textEncode } from "./text-reader.ts";
import { blobText, booleanText, inetText, stringReader, uuidText } from "./text-simple.ts";
import { dateText, daysText, timestampText, timeText } from "./text-times.ts";
import { uuidNativeCodec, uuidTextCodec } from "./uuid.ts";
import * as text from "./value-text.ts";
import { varintBigintCodec, varintTextCodec } from "./varint.ts";
import { vectorCodec } from "./vector.ts";

export interface CodecOptions {
  /** The DuckDB type to become, to any depth; else the type's own. BLOB keeps raw bytes, anywhere. */
  readonly want?: ColumnType | undefined;
  /** What uuid and timeuuid become where nothing is wanted. */
  readonly uuid: "text" | "native";
  /** What zero-length values become where the type has none. */
  readonly empty: "error" | "null";
}

/** One thing a type can become. */
interface Form {
  /** As messages list it. */
  readonly name: string;
  /** @returns undefined if this is not what is wanted; nothing wanted suits a form that is a default. */
  readonly make: (type: CqlType, options: CodecOptions, rule: CellRule) => Codec | undefined;
}

type MakeReader = (type: CqlType, options: TextOptions) => TextReader;

interface TypeRow {
  /**
   * In angle brackets: so many types, any number of them, or a type and a dimension; absent for types that have none.
   * "inner" rows are not written by their name.
   */
  readonly parameters?: number | "any" | "dimension" | "inner";
  /** Bytes of every value, if Cassandra's AbstractType.valueLengthIfFixed says so: inside a vector, lengths are then left out. */
  readonly fixedLength?: (type: CqlType) => number | undefined;
  /** The first that suits is taken. BLOB suits all types and is not said here. */
  readonly forms: readonly Form[];
  readonly text: text.ValueText;
  /** How it is read from CSV and JSON. */
  readonly reader: MakeReader;
  /** What Cassandra takes for the same although the bytes differ; absent where only equal bytes are. */
  readonly sameness?: (type: CqlType) => same.Sameness | undefined;
  /** A column of it that is not frozen has a cell for each element or field. */
  readonly cells?: true;
}

/** A form that is one DuckDB type; a default where it stands first. */
function form(column: ColumnType, make: (rule: CellRule) => Codec): Form {
  const name = typeToSql(column);
  return { name, make: (_, { want }, rule) => (!want || typeToSql(want) === name ? make(rule) : undefined) };
}

/** A form that is every DECIMAL which `suits`. */
function decimalForm(
  name: string,
  make: (rule: CellRule, width: number, scale: number) => Codec,
  suits = (_scale: number) => true,
): Form {
  return {
    name,
    make: (_, { want }, rule) =>
      want?.kind === "DECIMAL" && suits(want.scale) ? make(rule, want.width, want.scale) : undefined,
  };
}

/** The reader of a type whose values are one text each. */
function scalar(read: (name: string, options: TextOptions) => ReadText): MakeReader {
  return ({ name }, options) => scalarReader(name, read(name, options));
}

const whole = (width: 1 | 2 | 4 | 8) => scalar((name) => wholeText(name, width));
const floating = (width: 4 | 8) => scalar((name) => floatText(name, width));
const string: MakeReader = ({ name }) => stringReader(name);
const bytes = scalar(() => blobText);

const dateForm = (kind: "DATE" | "INTEGER") => form({ kind }, (rule) => dateCodec(rule, kind));
const fixed = (length: number) => () => length;
const varchar: ColumnType = { kind: "VARCHAR" };
const blob: ColumnType = { kind: "BLOB" };

const uuidRow: TypeRow = {
  fixedLength: fixed(16),
  forms: [
    {
      name: "VARCHAR",
      make: (_, { want, uuid }, rule) =>
        (want ? want.kind === "VARCHAR" : uuid === "text") ? uuidTextCodec(rule) : undefined,
    },
    form({ kind: "UUID" }, uuidNativeCodec),
  ],
  text: text.uuidText,
  reader: scalar(uuidText),
};

const listRow: TypeRow = {
  parameters: 1,
  cells: true,
  sameness: (type) => same.elementsSameness(type.of.map(samenessOf)),
  forms: [
    {
      name: "a LIST",
      make: (type, options, rule) => {
        const element = part(type.of[0]!, options, "LIST", (want) => want.child);
        return element && listCodec(element, rule);
      },
    },
  ],
  text: text.bytesText,
  reader: (type, options) =>
    listReader(
      type.name,
      innerReader(type.of[0]!, options, "LIST", (want) => want.child),
      options.innerNulls,
    ),
};

const structRow: TypeRow = {
  parameters: "any",
  sameness: (type) => same.fieldsSameness(type.of.map(samenessOf)),
  forms: [{ name: "a STRUCT of the same fields", make: makeStruct }],
  text: text.bytesText,
  reader: (type, options) => tupleReader(fieldReaders(type, options)),
};

/** Every CQL type, by the name that CqlType has for it. */
export const TYPES: Readonly<Record<string, TypeRow>> = {
  ascii: { forms: [form(varchar, asciiCodec)], text: text.textText, reader: string },
  bigint: {
    fixedLength: fixed(8),
    forms: [form({ kind: "BIGINT" }, bigintCodec)],
    text: text.integerText,
    reader: whole(8),
  },
  blob: { forms: [form(blob, bytesCodec)], text: text.bytesText, reader: bytes },
  boolean: {
    fixedLength: fixed(1),
    forms: [form({ kind: "BOOLEAN" }, booleanCodec)],
    text: text.booleanText,
    reader: scalar(() => booleanText),
  },
  counter: { forms: [form({ kind: "BIGINT" }, bigintCodec)], text: text.integerText, reader: whole(8) },
  date: {
    forms: [dateForm("DATE"), dateForm("INTEGER")],
    text: text.dateText,
    reader: scalar((_, { want }) => (want?.kind === "INTEGER" ? daysText() : dateText())),
  },
  decimal: {
    sameness: () => same.decimalSameness,
    forms: [form(varchar, decimalTextCodec), decimalForm("DECIMAL(p,s)", decimalFixedCodec)],
    text: text.decimalText,
    reader: scalar(decimalText),
  },
  double: {
    sameness: () => same.floatSameness,
    fixedLength: fixed(8),
    forms: [form({ kind: "DOUBLE" }, doubleCodec)],
    text: text.floatText,
    reader: floating(8),
  },
  duration: { forms: [form(DURATION_COLUMN, durationCodec)], text: text.bytesText, reader: scalar(durationText) },
  empty: { fixedLength: fixed(0), forms: [form(blob, bytesCodec)], text: text.bytesText, reader: bytes },
  float: {
    sameness: () => same.floatSameness,
    fixedLength: fixed(4),
    forms: [form({ kind: "FLOAT" }, floatCodec)],
    text: text.floatText,
    reader: floating(4),
  },
  inet: { forms: [form(varchar, inetCodec)], text: text.inetText, reader: scalar(() => inetText) },
  int: {
    fixedLength: fixed(4),
    forms: [form({ kind: "INTEGER" }, intCodec)],
    text: text.integerText,
    reader: whole(4),
  },
  smallint: { forms: [form({ kind: "SMALLINT" }, smallintCodec)], text: text.integerText, reader: whole(2) },
  text: { forms: [form(varchar, textCodec)], text: text.textText, reader: string },
  time: { forms: [form({ kind: "TIME_NS" }, timeCodec)], text: text.timeText, reader: scalar(timeText) },
  timestamp: {
    fixedLength: fixed(8),
    forms: [form({ kind: "TIMESTAMPTZ" }, timestampCodec), form({ kind: "BIGINT" }, bigintCodec)],
    text: text.timestampText,
    reader: scalar((_, options) => timestampText(options)),
  },
  timeuuid: uuidRow,
  tinyint: { forms: [form({ kind: "TINYINT" }, tinyintCodec)], text: text.integerText, reader: whole(1) },
  uuid: uuidRow,
  varint: {
    forms: [
      form(varchar, varintTextCodec),
      form({ kind: "BIGINT" }, varintBigintCodec),
      decimalForm("DECIMAL(p,0)", varintFixedCodec, (scale) => scale === 0),
    ],
    text: text.integerText,
    reader: scalar(varintText),
  },
  list: listRow,
  set: listRow,
  map: {
    parameters: 2,
    cells: true,
    sameness: (type) => same.elementsSameness(type.of.map(samenessOf)),
    forms: [{ name: "a MAP", make: makeMap }],
    text: text.bytesText,
    reader: readMap,
  },
  tuple: structRow,
  udt: { ...structRow, parameters: "inner", cells: true, reader: readUserType },
  vector: {
    parameters: "dimension",
    fixedLength: (type) => {
      const length = fixedLength(type.of[0]!);
      return length === undefined ? undefined : length * type.dimension!;
    },
    sameness: (type) => same.vectorSameness(samenessOf(type.of[0]!), fixedLength(type.of[0]!)),
    forms: [{ name: "a LIST", make: makeVector }],
    text: text.bytesText,
    reader: readVector,
  },
  custom: {
    parameters: "inner",
    fixedLength: (type) => CUSTOM_LENGTHS[type.className?.replace(/^org\.apache\.cassandra\.db\.marshal\./, "") ?? ""],
    forms: [form(blob, bytesCodec)],
    text: text.bytesText,
    reader: bytes,
  },
};

/** Other names that CQL has for these types. */
export const ALIASES: Readonly<Record<string, string>> = { varchar: "text" };

/** Cassandra's own classes without a CQL name whose values all have one length. */
const CUSTOM_LENGTHS: Readonly<Record<string, number>> = { DateType: 8, EmptyType: 0, LexicalUUIDType: 16 };

function makeMap(type: CqlType, options: CodecOptions, rule: CellRule): Codec | undefined {
  const key = part(type.of[0]!, options, "MAP", (want) => want.key);
  const value = part(type.of[1]!, options, "MAP", (want) => want.value);
  return key && value && mapCodec(key, value, rule);
}

function makeStruct(type: CqlType, options: CodecOptions, rule: CellRule): Codec | undefined {
  const names = fieldNames(type);
  const { want } = options;
  if (want) {
    if (want.kind !== "STRUCT" || want.fields.length !== names.length) return undefined;
    const isSame = want.fields.every(({ name }, i) => name.toLowerCase() === names[i]!.toLowerCase());
    if (!isSame) return undefined;
  }
  const fields = type.of.map((inner, i) => part(inner, options, "STRUCT", (wanted) => wanted.fields[i]!.type)!);
  return structCodec(names, fields, rule);
}

function makeVector(type: CqlType, options: CodecOptions, rule: CellRule): Codec | undefined {
  const element = part(type.of[0]!, options, "LIST", (want) => want.child);
  const shape = { dimension: type.dimension!, elementLength: fixedLength(type.of[0]!) };
  return element && vectorCodec(element, shape, rule);
}

/** The codec of a type inside another, which is wanted to be a `kind`; undefined if it is wanted to be anything else. */
function part<K extends ColumnType["kind"]>(
  type: CqlType,
  options: CodecOptions,
  kind: K,
  wanted: (want: Extract<ColumnType, { kind: K }>) => ColumnType,
): Codec | undefined {
  const { want } = options;
  if (!want) return codecFor(type, options);
  if (want.kind !== kind) return undefined;
  return codecFor(type, { ...options, want: wanted(want as Extract<ColumnType, { kind: K }>) });
}

/** The length of every value of a type; undefined where values differ in length. */
export function fixedLength(type: CqlType): number | undefined {
  return rowOf(type).fixedLength?.(type);
}

/** Whether the elements or fields of a value are cells of their own where the value is not frozen. */
export function isMadeOfCells(type: CqlType): boolean {
  return rowOf(type).cells ?? false;
}

function rowOf(type: CqlType): TypeRow {
  const row = TYPES[type.name];
  if (!row) throw new Error(`no codec for ${type.name}`);
  return row;
}

function samenessOf(type: CqlType): same.Sameness | undefined {
  return rowOf(type).sameness?.(type);
}

/**
 * Encodes as `encode` does what is to be a column of the type, and refuses values of which the server would drop a part.
 * Sets and maps inside other values are kept as they are sent.
 */
export function keepingAll(type: CqlType, encode: Encode): Encode {
  const { name, of } = type;
  return name === "set" || name === "map" ? same.refusingMerged(encode, name, samenessOf(of[0]!)) : encode;
}

/**
 * The codec of a CQL type. It keeps memory from call to call: one for each column.
 * @throws UsageError if the type can't become what is wanted
 */
export function codecFor(type: CqlType, options: CodecOptions): Codec {
  const { want } = options;
  if (want?.kind === "BLOB") return bytesCodec();
  const { forms } = rowOf(type);
  const rule: CellRule = { name: type.udt?.name ?? type.name, emptyAsNull: options.empty === "null" };
  for (const { make } of forms) {
    const codec = make(type, options, rule);
    if (codec) return codec;
  }
  const possible = new Set([...forms.map(({ name }) => name), "BLOB"]);
  throw new UsageError(`${cqlTypeToText(type)} can't become ${want ? typeToSql(want) : "a column"}`, {
    hint: `possible: ${[...possible].join(", ")}`,
  });
}

function readerOf(type: CqlType, options: TextOptions): TextReader {
  return options.want?.kind === "BLOB" ? scalarReader("blob", blobText) : rowOf(type).reader(type, options);
}

/** The reader of a type inside another, which was wanted to be a `kind` if anything was. */
function innerReader<K extends ColumnType["kind"]>(
  type: CqlType,
  options: TextOptions,
  kind: K,
  wanted: (want: Extract<ColumnType, { kind: K }>) => ColumnType | undefined,
): TextReader {
  const { want } = options;
  const isIt = want?.kind === kind;
  return readerOf(type, { ...options, want: isIt ? wanted(want as Extract<ColumnType, { kind: K }>) : undefined });
}

function fieldReaders(type: CqlType, options: TextOptions): TextReader[] {
  return type.of.map((inner, i) => innerReader(inner, options, "STRUCT", (want) => want.fields[i]?.type));
}

function readMap(type: CqlType, options: TextOptions): TextReader {
  const key = innerReader(type.of[0]!, options, "MAP", (want) => want.key);
  return mapReader(
    key,
    innerReader(type.of[1]!, options, "MAP", (want) => want.value),
  );
}

function readVector(type: CqlType, options: TextOptions): TextReader {
  const element = innerReader(type.of[0]!, options, "LIST", (want) => want.child);
  return vectorReader(element, type.dimension!, fixedLength(type.of[0]!));
}

/** A field may have its own name, or the one that it has in DuckDB. */
function readUserType(type: CqlType, options: TextOptions): TextReader {
  const { name, fields } = type.udt!;
  const slots = new Map([...uniqueNames(fields), ...fields].map((field, i) => [field, i % fields.length]));
  return structReader(name, slots, fieldReaders(type, options));
}

/**
 * How texts of a CQL type become cells, the inverse of what exports write (docs/types.md, Text). It keeps memory from
 * call to call: one for each column. Where it throws, the cells written are those before the value that is named.
 * @param form csv: the column holds the type's own text, JSON for nested types; json: it holds JSON values
 */
export function textEncoder(type: CqlType, form: "csv" | "json", options: TextOptions): Encode {
  return textEncode(readerOf(type, options), form);
}

/** One value as messages name it. */
export function valueText(type: CqlType, bytes: Uint8Array): string {
  return rowOf(type).text(bytes);
}
