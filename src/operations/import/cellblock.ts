/*
 * Owns the rows of one statement that writes cells apart, until they go to the writer: a row is begun with its key,
 * timestamp and TTL, and gets those values that it has; all others stay as they are in the table.
 */
import type { CellParameter, CellShape } from "../../cassandra/cellwrites.ts";
import { type ParameterCells, UNSET, type WriteStatement } from "../../cassandra/rowblock.ts";
import type { RowWriter } from "../../cassandra/writer.ts";
import { CellWriter } from "../../types/codec.ts";
import { TABLE_TTL } from "./cellgroups.ts";
import { isKey, type MatchedColumn } from "./match.ts";
import type { ColumnCells } from "./rows.ts";
import type { RowFates } from "./segments.ts";

export interface PreparedCells {
  readonly shape: CellShape;
  readonly statement: WriteStatement;
}

export class CellBlock {
  readonly #statement: WriteStatement;
  readonly #parameters: readonly CellParameter[];
  readonly #values: readonly ColumnCells[];
  /** The place of each parameter's column; -1 of the others. */
  readonly #places: readonly number[];
  readonly #keys: readonly number[];
  /** The first parameter of each column, by its place. */
  readonly #first: readonly number[];
  readonly #timestamps = new CellWriter();
  readonly #ttls = new CellWriter();
  #indexes: Int32Array[];
  #rowOf = new Int32Array(64);
  #rows = 0;

  constructor({ shape, statement }: PreparedCells, columns: readonly MatchedColumn[], values: readonly ColumnCells[]) {
    this.#statement = statement;
    this.#values = values;
    const { parameters } = shape;
    this.#parameters = parameters;
    this.#places = parameters.map((parameter) =>
      typeof parameter === "string" ? -1 : columns.findIndex(({ target }) => target === parameter.column),
    );
    this.#keys = parameters.flatMap((parameter, i) =>
      typeof parameter === "object" && isKey(parameter.column) ? [i] : [],
    );
    this.#first = columns.map((_, place) => this.#places.indexOf(place));
    this.#indexes = parameters.map(() => new Int32Array(64 * 2));
  }

  /** Begins a row of the chunk's `row`. @returns its number in the block */
  begin(row: number, high: number, low: number, ttl: number): number {
    const at = this.#rows++;
    if (at === this.#rowOf.length) this.#grow();
    this.#rowOf[at] = row;
    for (const index of this.#indexes) index[at * 2 + 1] = UNSET;
    for (const parameter of this.#keys) {
      const { index } = this.#values[this.#places[parameter]!]!.cells;
      this.#put(parameter, at, index[row * 2]!, index[row * 2 + 1]!);
    }
    const timestamp = this.#append(this.#timestamps, 8);
    this.#timestamps.view.setInt32(timestamp, high);
    this.#timestamps.view.setInt32(timestamp + 4, low);
    this.#put(this.#parameters.indexOf("timestamp"), at, timestamp, 8);
    if (ttl === TABLE_TTL) return at;
    const seconds = this.#append(this.#ttls, 4);
    this.#ttls.view.setInt32(seconds, ttl);
    this.#put(this.#parameters.indexOf("ttl"), at, seconds, 4);
    return at;
  }

  /** Gives a row of the block a value of the column, or of one of its fields; a size of -1 is NULL. */
  set(at: number, place: number, field: number, offset: number, size: number): void {
    this.#put(this.#first[place]! + field, at, offset, size);
  }

  /** Hands the rows over. `second` is the one that their TTLs count from, `first` the chunk's first row in its part. */
  flush(writer: RowWriter, segments: RowFates, part: number, first: number, second: number): void {
    const rows = this.#rows;
    if (rows === 0) return;
    const cells = this.#parameters.map((parameter, i): ParameterCells => {
      const from = parameter === "timestamp" ? this.#timestamps : parameter === "ttl" ? this.#ttls : undefined;
      return { bytes: (from ?? this.#values[this.#places[i]!]!.cells).bytes, index: this.#indexes[i]! };
    });
    const rowOf = this.#rowOf.slice(0, rows);
    const countdown = { parameter: this.#parameters.indexOf("ttl"), second };
    const result = writer.write({ statement: this.#statement, rows, cells, countdown });
    segments.sent(result, part, (row) => first + rowOf[row]!);
    this.#rows = 0;
    this.#timestamps.clear();
    this.#ttls.clear();
  }

  #put(parameter: number, at: number, offset: number, size: number): void {
    const index = this.#indexes[parameter]!;
    index[at * 2] = offset;
    index[at * 2 + 1] = size;
  }

  #append(cells: CellWriter, size: number): number {
    cells.reserve(size);
    const at = cells.length;
    cells.length += size;
    return at;
  }

  #grow(): void {
    const doubled = (numbers: Int32Array) => {
      const bigger = new Int32Array(numbers.length * 2);
      bigger.set(numbers);
      return bigger;
    };
    this.#rowOf = doubled(this.#rowOf);
    this.#indexes = this.#indexes.map(doubled);
  }
}
