/*
 * Owns the CQL that makes user-defined types, in an order in which each finds those that it is made of. What else a schema
 * holds is in ddl.ts.
 */
import { quoteIdentifier } from "../base/names.ts";
import type { TableColumn, UserTypes } from "./schema.ts";

/** A name as CQL writes it, with its keyspace if it is to have one. */
export function qualified(keyspace: string | undefined, name: string): string {
  return keyspace === undefined ? quoteIdentifier(name) : `${quoteIdentifier(keyspace)}.${quoteIdentifier(name)}`;
}

export interface TypeStatements {
  readonly create: string[];
  /** What each of them makes. */
  readonly names: string[];
  /** They stand behind the tables that are early, and before all others. */
  readonly alter: string[];
  isEarly(table: { readonly columns: readonly TableColumn[] }): boolean;
}

/**
 * The statements that make the types which `texts` name, each after those it is made of, but for those that are
 * `known`. ALTER TYPE may give a type in use what CREATE TABLE refuses, a collection that isn't frozen: such fields are
 * added when there is a table that uses the type. A type that is in a partition key can't be altered any more.
 */
export function typeStatements(
  userTypes: UserTypes,
  texts: readonly string[],
  columns: readonly TableColumn[],
  keyspace?: string,
  known: ReadonlySet<string> = new Set(),
): TypeStatements {
  const unfrozen = new Set(columns.map((column) => column.type));
  const needed = typesInOrder(texts, userTypes).filter((name) => !known.has(name));
  const types = needed.map((name) => {
    const type = userTypes.get(name)!;
    const fields = type.fields.map((field, i) => `${quoteIdentifier(field)} ${typeText(type.types[i]!, userTypes)}`);
    const late = type.types.findIndex((text) => /^(list|set|map)</.test(text));
    const text = quoteIdentifier(name);
    const count = late > 0 && unfrozen.has(text) ? late : fields.length;
    return { text, name: qualified(keyspace, name), fields: fields.slice(0, count), late: fields.slice(count) };
  });
  const altered = new Set(types.filter(({ late }) => late.length > 0).map(({ text }) => text));
  return {
    names: types.map(({ name }) => name),
    create: types.map(({ name, fields }) => `CREATE TYPE ${name} (${fields.join(", ")});`),
    alter: types.flatMap(({ name, late }) => late.map((field) => `ALTER TYPE ${name} ADD ${field};`)),
    isEarly: (table) => table.columns.some((column) => altered.has(column.type)),
  };
}

/** Names in double quotes, classes in single quotes, and plain names of a type's text. */
const NAME = /"((?:[^"]|"")*)"|'(?:[^']|'')*'|[A-Za-z0-9_]+/g;

/** The user-defined types that the types' texts name, each after those it is made of. */
export function typesInOrder(texts: readonly string[], userTypes: UserTypes): string[] {
  const found = new Set<string>();
  const visit = (text: string) => {
    for (const [token, quoted] of text.matchAll(NAME)) {
      const name = quoted?.replaceAll('""', '"') ?? token;
      const type = userTypes.get(name);
      if (!type || found.has(name)) continue;
      type.types.forEach(visit);
      found.add(name);
    }
  };
  texts.forEach(visit);
  return [...found];
}

/** `empty` is what the server calls a type that can only be made by its class. */
export function typeText(type: string, userTypes: UserTypes): string {
  if (userTypes.has("empty")) return type;
  return type.replaceAll(NAME, (token) => (token === "empty" ? "'org.apache.cassandra.db.marshal.EmptyType'" : token));
}
