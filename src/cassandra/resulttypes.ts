/*
 * Owns the types of a result's columns as the server tells them with a statement: in codes, or as the names of Java
 * classes where the protocol has no code. They come out as CQL writes types, with the user-defined types they need.
 */
import { DataError } from "../base/errors.ts";
import { quoteIdentifier } from "../base/names.ts";
import type { UserTypes } from "./schema.ts";

/** A type as the driver reads it from the protocol (v4, section 4.2.5.2). */
export interface WireType {
  readonly code: number;
  readonly info?: unknown;
}

interface WireUserType {
  readonly name: string;
  readonly fields: readonly { readonly name: string; readonly type: WireType }[];
}

/** A type's text, and the fields of the user-defined types in it. */
export interface ResultType {
  /** What is inside of another type is frozen; whether the outermost is, the server does not tell. */
  readonly text: string;
  readonly userTypes: UserTypes;
}

const CUSTOM = 0x00;
const LIST = 0x20;
const MAP = 0x21;
const SET = 0x22;
const USER = 0x30;
const TUPLE = 0x31;

const NATIVE: Readonly<Record<number, string>> = {
  1: "ascii",
  2: "bigint",
  3: "blob",
  4: "boolean",
  5: "counter",
  6: "decimal",
  7: "double",
  8: "float",
  9: "int",
  10: "text",
  11: "timestamp",
  12: "uuid",
  13: "text",
  14: "varint",
  15: "timeuuid",
  16: "inet",
  17: "date",
  18: "time",
  19: "smallint",
  20: "tinyint",
  21: "duration",
};

/** Classes of org.apache.cassandra.db.marshal that stand for native types. */
const CLASSES: Readonly<Record<string, string>> = {
  AsciiType: "ascii",
  LongType: "bigint",
  BytesType: "blob",
  BooleanType: "boolean",
  CounterColumnType: "counter",
  DecimalType: "decimal",
  DoubleType: "double",
  FloatType: "float",
  Int32Type: "int",
  UTF8Type: "text",
  TimestampType: "timestamp",
  DateType: "timestamp",
  UUIDType: "uuid",
  IntegerType: "varint",
  TimeUUIDType: "timeuuid",
  InetAddressType: "inet",
  SimpleDateType: "date",
  TimeType: "time",
  ShortType: "smallint",
  ByteType: "tinyint",
  DurationType: "duration",
};

const PACKAGE = "org.apache.cassandra.db.marshal.";

/** @throws DataError for a code that the protocol does not have */
export function resultType(type: WireType): ResultType {
  const userTypes = new Map<string, { fields: string[]; types: string[] }>();
  return { text: textOfWire(type, userTypes), userTypes };
}

type Found = Map<string, { fields: string[]; types: string[] }>;

function textOfWire({ code, info }: WireType, found: Found): string {
  const inner = (type: unknown) => frozen(textOfWire(type as WireType, found));
  const all = (types: unknown) => (types as WireType[]).map(inner);
  switch (code) {
    case CUSTOM:
      return textOfClass(readClass(info as string), found);
    case LIST:
      return `list<${inner(info)}>`;
    case SET:
      return `set<${inner(info)}>`;
    case MAP:
      return `map<${all(info).join(", ")}>`;
    case TUPLE:
      return `tuple<${all(info).join(", ")}>`;
    case USER: {
      const { name, fields } = info as WireUserType;
      found.set(name, { fields: fields.map((field) => field.name), types: fields.map((field) => inner(field.type)) });
      return quoteIdentifier(name);
    }
    default: {
      const name = NATIVE[code];
      if (name === undefined) throw new DataError(`the server answers with a type of code ${code}, which is not known`);
      return name;
    }
  }
}

/** Within another type only native types and vectors of them stand without the word. */
function frozen(text: string): string {
  const plain = Object.values(NATIVE).includes(text) || /^(frozen|tuple|vector)</.test(text) || text.startsWith("'");
  return plain ? text : `frozen<${text}>`;
}

/** A class with its parameters: `VectorType(FloatType, 3)`. */
interface ClassName {
  readonly name: string;
  readonly of: readonly ClassName[];
}

/** Parameters of user-defined types are `name in hex:type`, where the type is what counts; the name goes before it. */
function readClass(text: string): ClassName {
  const open = text.indexOf("(");
  if (open < 0) return { name: text.trim(), of: [] };
  const parameters: string[] = [];
  let depth = 0;
  let from = open + 1;
  for (let at = open + 1; at < text.length; at++) {
    const sign = text[at];
    if ((sign === "," || sign === ")") && depth === 0) {
      parameters.push(text.slice(from, at));
      from = at + 1;
    }
    if (sign === "(") depth++;
    if (sign === ")") depth--;
  }
  return { name: text.slice(0, open).trim(), of: parameters.map(readClass) };
}

function textOfClass(found: ClassName, userTypes: Found): string {
  const { of } = found;
  const name = found.name.startsWith(PACKAGE) ? found.name.slice(PACKAGE.length) : found.name;
  const inner = (type: ClassName) => frozen(textOfClass(type, userTypes));
  const [first, second] = of;
  if (name === "FrozenType" || name === "ReversedType") return textOfClass(first!, userTypes);
  if (name === "VectorType") return `vector<${inner(first!)}, ${second!.name}>`;
  if (name === "ListType" || name === "SetType") return `${name === "ListType" ? "list" : "set"}<${inner(first!)}>`;
  if (name === "MapType") return `map<${of.map(inner).join(", ")}>`;
  if (name === "TupleType") return `tuple<${of.map(inner).join(", ")}>`;
  if (name === "UserType") return userType(of.slice(1), userTypes, inner);
  return CLASSES[name] ?? `'${(found.name).replaceAll("'", "''")}'`;
}

/** Name and fields, names in hexadecimal: `61646472, 63697479:UTF8Type`. */
function userType([name, ...fields]: readonly ClassName[], found: Found, inner: (type: ClassName) => string): string {
  const decoded = textOfHex(name!.name);
  const split = fields.map((field) => {
    const colon = field.name.indexOf(":");
    const type = { ...field, name: field.name.slice(colon + 1) };
    return { name: textOfHex(field.name.slice(0, colon)), type: inner(type) };
  });
  found.set(decoded, { fields: split.map((field) => field.name), types: split.map((field) => field.type) });
  return quoteIdentifier(decoded);
}

function textOfHex(hex: string): string {
  return Buffer.from(hex, "hex").toString("utf8");
}
