/*
 * Owns reading CQL types from the text that system_schema holds. What becomes of a type is in table.ts.
 */
import { DataError } from "../base/errors.ts";
import { type CqlType, quoted } from "./cql-type.ts";
import { ALIASES, TYPES } from "./table.ts";

export type { CqlType } from "./cql-type.ts";

/** User-defined types of a keyspace by their names, as system_schema.types has them. */
export type UserTypes = ReadonlyMap<string, { readonly fields: readonly string[]; readonly types: readonly string[] }>;

/**
 * Reads a type as system_schema.columns.type and system_schema.types.field_types write it.
 * @throws DataError if the text is no such type
 */
export function parseCqlType(text: string, udts: UserTypes): CqlType {
  const reader = new TypeReader(text, udts);
  const type = reader.type();
  reader.end();
  return type;
}

/** A name, a number, a quoted name, a quoted class, or one of < > , */
const TOKEN = /\s*(?:([A-Za-z0-9_.]+)|"((?:[^"]|"")*)"|'((?:[^']|'')*)'|([<>,]))/y;

interface Token {
  readonly kind: "name" | "quoted" | "class" | "mark" | "end";
  readonly text: string;
}

class TypeReader {
  private readonly text: string;
  private readonly udts: UserTypes;
  private at = 0;
  private token: Token = { kind: "end", text: "" };

  constructor(text: string, udts: UserTypes) {
    this.text = text;
    this.udts = udts;
    this.next();
  }

  end(): void {
    if (this.token.kind !== "end") throw this.wrong();
  }

  type(): CqlType {
    const { kind, text } = this.token;
    this.next();
    if (kind === "class") return { name: "custom", of: [], className: text };
    if (kind === "quoted") return this.userType(text);
    if (kind !== "name") throw this.wrong();
    const lower = text.toLowerCase();
    if (lower === "frozen" && this.takes("<")) {
      const inner = this.type();
      if (!this.takes(">")) throw this.wrong();
      return inner;
    }
    const name = ALIASES[lower] ?? lower;
    const row = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined;
    if (row === undefined || row.parameters === "inner") return this.userType(lower);
    if (row.parameters === undefined) return { name, of: [] };
    if (!this.takes("<")) return this.userType(lower);
    return this.parameters(name, row.parameters);
  }

  private parameters(name: string, expected: number | "any" | "dimension"): CqlType {
    const of: CqlType[] = [];
    let dimension: number | undefined;
    do {
      if (expected === "dimension" && of.length === 1) dimension = this.number();
      else of.push(this.type());
    } while (this.takes(","));
    if (!this.takes(">")) throw this.wrong();
    if (typeof expected === "number" && of.length !== expected) throw this.wrong();
    if (expected === "dimension" && dimension === undefined) throw this.wrong();
    return dimension === undefined ? { name, of } : { name, of, dimension };
  }

  private userType(name: string): CqlType {
    const udt = this.udts.get(name);
    if (!udt) throw new DataError(`the type ${quoted(name)} in '${this.text}' is not known`);
    const of = udt.types.map((type) => parseCqlType(type, this.udts));
    return { name: "udt", of, udt: { name, fields: udt.fields } };
  }

  private number(): number {
    const { kind, text } = this.token;
    if (kind !== "name" || !/^[1-9]\d{0,8}$/.test(text)) throw this.wrong();
    this.next();
    return Number(text);
  }

  private takes(mark: string): boolean {
    const isHere = this.token.kind === "mark" && this.token.text === mark;
    if (isHere) this.next();
    return isHere;
  }

  private next(): void {
    TOKEN.lastIndex = this.at;
    const match = TOKEN.exec(this.text);
    if (!match) {
      if (this.text.slice(this.at).trim() !== "") throw this.wrong();
      this.token = { kind: "end", text: "" };
      return;
    }
    this.at = TOKEN.lastIndex;
    const [, name, quotedName, className, mark] = match;
    if (name !== undefined) this.token = { kind: "name", text: name };
    else if (quotedName !== undefined) this.token = { kind: "quoted", text: quotedName.replaceAll('""', '"') };
    else if (className !== undefined) this.token = { kind: "class", text: className.replaceAll("''", "'") };
    else this.token = { kind: "mark", text: mark ?? "" };
  }

  private wrong(): DataError {
    return new DataError(`'${this.text}' can't be read as a CQL type`);
  }
}
