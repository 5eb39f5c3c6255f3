/*
 * Owns the shape of what is written: rows as the cells of a statement's parameters, column by column. Where the cells
 * come from is not known here (src/types makes them).
 */

/** A parameter's value that stays as it is in the table: a length in ParameterCells (CQL native protocol v4, [value]). */
export const UNSET = -2;

/** The values of one parameter: two numbers a row in `index`, offset in `bytes` and length (-1: null, -2: unset). */
export interface ParameterCells {
  readonly bytes: Uint8Array;
  readonly index: Int32Array;
}

export type StatementKind = "insert" | "counter" | "conditional";

/** A prepared statement and how its rows are sent. */
export interface WriteStatement {
  readonly cql: string;
  readonly id: Uint8Array;
  readonly parameters: number;
  /** Which parameters are the partition key, in key order; empty where rows can't be routed. */
  readonly keys: readonly number[];
  /** `insert` stands for everything that may be repeated: INSERT, UPDATE and DELETE with a timestamp. */
  readonly kind: StatementKind;
  /** See RisingTimestamp; undefined where the same bytes may be sent again. */
  readonly rising: RisingTimestamp | undefined;
}

/**
 * For tables with lists that are not frozen: repeated with its timestamp a write would double the elements, repeated
 * with a later one it replaces them. So each attempt adds 1 µs.
 */
export interface RisingTimestamp {
  /** Which parameter is the TIMESTAMP. */
  readonly parameter: number;
  /** The attempts that a row's timestamp has room for, the first included. */
  readonly attempts: number;
  /** Called before attempt `number` (from 1: the first repetition) is used for the first time; sending waits for it. */
  begin(number: number): Promise<void>;
}

/** Rows of one statement. */
export interface RowBlock {
  readonly statement: WriteStatement;
  readonly rows: number;
  /** One for each parameter, in the statement's order. */
  readonly cells: readonly ParameterCells[];
  readonly countdown?: Countdown | undefined;
}

/** A parameter of TTLs that count from a second, of those since 1970: what is sent later has as much less. */
export interface Countdown {
  readonly parameter: number;
  readonly second: number;
}
