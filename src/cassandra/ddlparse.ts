/*
 * Owns reading back the CREATE and ALTER statements of one table that ddl.ts writes into exported files: its columns, its
 * key, the types it needs. Not a parser of all of CQL's statements.
 */
import { DataError } from "../base/errors.ts";
import { is, nameOf, type Token, textOf, tokenize } from "./cqltokens.ts";
import type { TableColumn, UserTypes } from "./schema.ts";

/** What the statements make. */
export interface ParsedTable {
  /** In the order of the statement, but those of the key first, in its order; all regular or static where there is none. */
  readonly columns: readonly TableColumn[];
  readonly userTypes: UserTypes;
  /** Whether there is a primary key: an export of some of the columns may lack it. */
  readonly hasKey: boolean;
}

/** @throws DataError for any other text */
export function parseCreateStatements(text: string): ParsedTable {
  const reader = new Reader(tokenize(text));
  const types = new Map<string, { fields: string[]; types: string[] }>();
  let table: ReturnType<Reader["table"]> | undefined;
  while (!reader.atEnd) {
    if (reader.takes("create", "type")) {
      const name = reader.name();
      const fields = reader.definitions();
      types.set(name, { fields: fields.map((field) => field.name), types: fields.map(({ tokens }) => typeOf(tokens)) });
    } else if (reader.takes("alter", "type")) {
      const type = types.get(reader.name());
      if (!type || !reader.takes("add")) throw reader.wrong();
      const { name, tokens } = reader.definition();
      type.fields.push(name);
      type.types.push(typeOf(tokens));
    } else if (reader.takes("create", "table")) table = reader.table();
    else throw reader.wrong();
    if (!reader.takes(";")) throw reader.wrong();
  }
  if (!table) throw reader.wrong();
  return { ...table, userTypes: types };
}

interface Definition {
  readonly name: string;
  /** All that stands behind it. */
  readonly tokens: readonly Token[];
}

const EMPTY = "'org.apache.cassandra.db.marshal.EmptyType'";

/** A type as system_schema has it, which knows this one by another name than the one it can be made by. */
function typeOf(tokens: readonly Token[]): string {
  return textOf(tokens).replaceAll(EMPTY, "empty");
}

class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get atEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  /** Passes these words or signs; none where one of them is not there. */
  takes(...words: readonly string[]): boolean {
    const isHere = words.every((word, i) => is(this.#tokens[this.#at + i], word));
    if (isHere) this.#at += words.length;
    return isHere;
  }

  name(): string {
    const name = nameOf(this.#tokens[this.#at]);
    if (name === undefined) throw this.wrong();
    this.#at++;
    return name;
  }

  table(): Omit<ParsedTable, "userTypes"> {
    this.name();
    let key: Key | undefined;
    const columns: TableColumn[] = [];
    if (!this.takes("(")) throw this.wrong();
    do {
      if (this.takes("primary", "key")) key = this.#key();
      else columns.push(columnOf(this.definition()));
    } while (this.takes(","));
    if (!this.takes(")")) throw this.wrong();
    const descending = this.takes("with", "clustering", "order", "by") ? this.#order() : [];
    if (!key) return { columns, hasKey: false };
    const { partition, clustering } = key;
    const named = (name: string, kind: TableColumn["kind"]): TableColumn => {
      const column = columns.find((candidate) => candidate.name === name);
      if (!column) throw this.wrong();
      return { ...column, kind, descending: descending.includes(name) };
    };
    const keys = [
      ...partition.map((name) => named(name, "partition_key")),
      ...clustering.map((name) => named(name, "clustering")),
    ];
    const others = columns.filter(({ name }) => !partition.includes(name) && !clustering.includes(name));
    return { columns: [...keys, ...others], hasKey: true };
  }

  /** Names with their types, in brackets. */
  definitions(): Definition[] {
    const found: Definition[] = [];
    if (!this.takes("(")) throw this.wrong();
    do found.push(this.definition());
    while (this.takes(","));
    if (!this.takes(")")) throw this.wrong();
    return found;
  }

  /** Up to the next comma, bracket or semicolon that is not inside of a type. */
  definition(): Definition {
    const name = this.name();
    const first = this.#at;
    for (let depth = 0; !this.atEnd; this.#at++) {
      const token = this.#tokens[this.#at];
      if (depth === 0 && [",", ")", ";"].some((sign) => is(token, sign))) break;
      if (is(token, "<")) depth++;
      if (is(token, ">")) depth--;
    }
    if (this.#at === first) throw this.wrong();
    return { name, tokens: this.#tokens.slice(first, this.#at) };
  }

  /** `((a, b), c)` */
  #key(): Key {
    if (!this.takes("(")) throw this.wrong();
    const partition = this.takes("(") ? this.#names() : [this.name()];
    const clustering = this.takes(",") ? this.#names() : [];
    if (clustering.length === 0 && !this.takes(")")) throw this.wrong();
    return { partition, clustering };
  }

  /** The names up to the closing bracket. */
  #names(): string[] {
    const names: string[] = [];
    do names.push(this.name());
    while (this.takes(","));
    if (!this.takes(")")) throw this.wrong();
    return names;
  }

  /** The names that stand there with DESC. */
  #order(): string[] {
    const descending: string[] = [];
    if (!this.takes("(")) throw this.wrong();
    do {
      const name = this.name();
      if (this.takes("desc")) descending.push(name);
      else if (!this.takes("asc")) throw this.wrong();
    } while (this.takes(","));
    if (!this.takes(")")) throw this.wrong();
    return descending;
  }

  wrong(): DataError {
    const near = textOf(this.#tokens.slice(this.#at, this.#at + 5));
    return new DataError(`the statements of the table can't be read${near ? `, from ${near} on` : ""}`);
  }
}

interface Key {
  readonly partition: readonly string[];
  readonly clustering: readonly string[];
}

function columnOf({ name, tokens }: Definition): TableColumn {
  const isStatic = tokens.length > 1 && is(tokens.at(-1), "static");
  const type = typeOf(isStatic ? tokens.slice(0, -1) : tokens);
  return { name, type, kind: isStatic ? "static" : "regular", descending: false };
}
