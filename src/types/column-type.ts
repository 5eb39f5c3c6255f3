/*
 * Owns reading a DuckDB type from what a user writes in `--type col=…`. Which CQL types can become it is in table.ts.
 */
import { type ColumnType, FIXED_WIDTH, type FixedKind, type StructField } from "../base/column.ts";
import { UsageError } from "../base/errors.ts";

/** Other names that DuckDB has for these types. */
const SYNONYMS: Readonly<Record<string, FixedKind | "VARCHAR" | "BLOB">> = {
  BOOL: "BOOLEAN",
  LOGICAL: "BOOLEAN",
  INT1: "TINYINT",
  INT2: "SMALLINT",
  SHORT: "SMALLINT",
  INT: "INTEGER",
  INT4: "INTEGER",
  SIGNED: "INTEGER",
  INT8: "BIGINT",
  LONG: "BIGINT",
  FLOAT4: "FLOAT",
  REAL: "FLOAT",
  FLOAT8: "DOUBLE",
  VARCHAR: "VARCHAR",
  TEXT: "VARCHAR",
  STRING: "VARCHAR",
  CHAR: "VARCHAR",
  BPCHAR: "VARCHAR",
  BLOB: "BLOB",
  BYTEA: "BLOB",
  BINARY: "BLOB",
  VARBINARY: "BLOB",
};

const HINT = `known are ${Object.keys(FIXED_WIDTH).join(", ")}, VARCHAR, BLOB, DECIMAL(p,s), T[], MAP(K, V), STRUCT(name T, …)`;

/**
 * Reads a DuckDB type as SQL writes it, without regard to case.
 * @throws UsageError for what no CQL type can become, and what is no type
 */
export function duckdbTypeFromText(text: string): ColumnType {
  const reader = new Reader(text);
  const type = reader.type();
  reader.end();
  return type;
}

/** A word, a quoted name, or a mark. */
const TOKEN = /\s*(?:([A-Za-z_][A-Za-z0-9_]*|\d+)|("(?:[^"]|"")*")|(\[\s*\]|[(),]))/y;

class Reader {
  private readonly text: string;
  private at = 0;
  private token = "";

  constructor(text: string) {
    this.text = text;
    this.next();
  }

  end(): void {
    if (this.token !== "") throw this.wrong();
  }

  type(): ColumnType {
    let type = this.plainType();
    while (this.takes("[]")) type = { kind: "LIST", child: type };
    return type;
  }

  private plainType(): ColumnType {
    const word = this.token.toUpperCase();
    this.next();
    switch (word) {
      case "DECIMAL":
      case "NUMERIC":
      case "DEC":
        return this.decimal();
      case "MAP":
        return this.map();
      case "STRUCT":
      case "ROW":
        return this.struct();
      case "TIMESTAMP":
        for (const expected of ["WITH", "TIME", "ZONE"]) this.expect(expected);
        return { kind: "TIMESTAMPTZ" };
      default: {
        const kind = Object.hasOwn(FIXED_WIDTH, word) ? (word as FixedKind) : undefined;
        const known = kind ?? (Object.hasOwn(SYNONYMS, word) ? SYNONYMS[word] : undefined);
        if (known === undefined) throw this.wrong();
        return { kind: known };
      }
    }
  }

  /** As in DuckDB: DECIMAL alone is DECIMAL(18,3), and a scale left out is 0. */
  private decimal(): ColumnType {
    if (!this.takes("(")) return { kind: "DECIMAL", width: 18, scale: 3 };
    const width = this.number();
    const scale = this.takes(",") ? this.number() : 0;
    this.expect(")");
    if (width < 1 || width > 38 || scale > width) throw this.wrong();
    return { kind: "DECIMAL", width, scale };
  }

  private map(): ColumnType {
    this.expect("(");
    const key = this.type();
    this.expect(",");
    const value = this.type();
    this.expect(")");
    return { kind: "MAP", key, value };
  }

  private struct(): ColumnType {
    const fields: StructField[] = [];
    this.expect("(");
    do {
      const name = this.name();
      fields.push({ name, type: this.type() });
    } while (this.takes(","));
    this.expect(")");
    return { kind: "STRUCT", fields };
  }

  private name(): string {
    const { token } = this;
    if (!/^["A-Za-z_]/.test(token)) throw this.wrong();
    this.next();
    return token.startsWith('"') ? token.slice(1, -1).replaceAll('""', '"') : token;
  }

  private number(): number {
    if (!/^\d{1,3}$/.test(this.token)) throw this.wrong();
    const value = Number(this.token);
    this.next();
    return value;
  }

  private expect(token: string): void {
    if (!this.takes(token)) throw this.wrong();
  }

  private takes(token: string): boolean {
    const isHere = this.token.toUpperCase() === token;
    if (isHere) this.next();
    return isHere;
  }

  private next(): void {
    TOKEN.lastIndex = this.at;
    const match = TOKEN.exec(this.text);
    if (!match && this.text.slice(this.at).trim() !== "") throw this.wrong();
    this.at = match ? TOKEN.lastIndex : this.text.length;
    this.token = match ? (match[1] ?? match[2] ?? match[3] ?? "").replace(/^\[\s*\]$/, "[]") : "";
  }

  private wrong(): UsageError {
    return new UsageError(`'${this.text}' is not a type that a column can have`, { hint: HINT });
  }
}
