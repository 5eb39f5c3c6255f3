/*
 * Owns what is sent for the rows of a part: which statement each row needs, its timestamp, and which rows can't be
 * written at all. The bytes are made in rows.ts.
 */

import { assert } from "../../base/errors.ts";
import type { ParameterCells, WriteStatement } from "../../cassandra/rowblock.ts";
import type { TableColumn, TableSchema } from "../../cassandra/schema.ts";
import type { RowWriter } from "../../cassandra/writer.ts";
import type { WriteShape } from "../../cassandra/writes.ts";
import type { ScanChunk } from "../../duckdb/scan.ts";
import { CellWriter } from "../../types/codec.ts";
import { cqlTypeToText } from "../../types/cql-type.ts";
import type { CellSender } from "./cells.ts";
import type { CellClock } from "./celltimes.ts";
import type { MatchedColumn, TimeColumns } from "./match.ts";
import {
  APART,
  type ChunkReader,
  ColumnCells,
  constantCells,
  countingCells,
  FULL,
  LEFT_OUT,
  pick,
  type Refuse,
  ROWS,
  raiseCells,
  STATICS,
  sameCell,
  trueRows,
  unsetNulls,
} from "./rows.ts";
import type { RowFates } from "./segments.ts";
import type { CounterStatics, StaticLists } from "./statics.ts";

/** The server's bound on a partition key's bytes, and on each of its parts. */
const LONGEST_KEY = 65_535;

export interface Prepared {
  readonly shape: WriteShape;
  readonly statement: WriteStatement;
}

/** The statements that the rows of a part need. */
export interface PartStatements {
  /** All columns of the part. */
  readonly full: Prepared;
  /** All but the static ones, for rows behind the first of a partition; undefined where there are none. */
  readonly rows: Prepared | undefined;
  /** The partition key and the static ones. */
  readonly statics: Prepared | undefined;
}

/** Where the timestamps and TTLs of rows come from. */
export interface RowTimes {
  /** Microseconds of row 0 of the source, and from row to row. */
  readonly epoch: number;
  readonly step: number;
  /** Of all rows; undefined where rows are numbered or have a column for it. */
  readonly timestamp: Uint8Array | undefined;
  /** Microseconds to add to the timestamps of that column. */
  readonly later: number;
  readonly ttl: Uint8Array | undefined;
}

export interface SenderOptions {
  readonly schema: TableSchema;
  readonly part: number;
  readonly columns: readonly MatchedColumn[];
  readonly times: RowTimes;
  readonly timeColumns: TimeColumns;
  /** Undefined where `cells` sends the rows. */
  readonly statements?: PartStatements | undefined;
  /** Where cells have times of their own: what sends them, made of the columns' values. */
  readonly cells?: ((values: readonly ColumnCells[]) => CellSender) | undefined;
  readonly clock?: CellClock | undefined;
  readonly writeNulls: boolean;
  /** The server may leave a row as it is, and the static values that come with it. */
  readonly isConditional: boolean;
  /** Of a table of counters. */
  readonly counterStatics?: CounterStatics | undefined;
  /** Of a table with static lists, where writing them again would double their elements. */
  readonly staticLists?: StaticLists | undefined;
  readonly writer: RowWriter;
  readonly segments: RowFates;
}

/** Sends the chunks of one part. */
export class RowSender {
  readonly #options: SenderOptions;
  readonly #columns: readonly ColumnCells[];
  /** Places in the columns. */
  readonly #partitionKey: readonly number[];
  readonly #clustering: readonly number[];
  readonly #statics: readonly number[];
  readonly #regular: readonly number[];
  readonly #checks: readonly number[];
  readonly #timestamps = new CellWriter();
  readonly #rowTimes: ColumnCells | undefined;
  readonly #rowTtls: ColumnCells | undefined;
  readonly #cells: CellSender | undefined;
  #kinds = new Uint8Array(0);
  #list = new Int32Array(0);
  /** Of each row's partition key. */
  #keyBytes = new Int32Array(0);

  constructor(options: SenderOptions) {
    this.#options = options;
    const { columns, timeColumns } = options;
    const placesOf = (kind: TableColumn["kind"]) =>
      columns.flatMap(({ target }, i) => (target.kind === kind ? [i] : []));
    this.#columns = columns.map(({ conversion }) => new ColumnCells(conversion.encode));
    this.#partitionKey = placesOf("partition_key");
    this.#clustering = placesOf("clustering");
    this.#statics = placesOf("static");
    this.#regular = placesOf("regular");
    this.#checks = columns.flatMap(({ conversion }, i) => (conversion.check === undefined ? [] : [i]));
    this.#rowTimes = timeColumns.timestamp && new ColumnCells(timeColumns.timestamp.encode);
    this.#rowTtls = timeColumns.ttl && new ColumnCells(timeColumns.ttl.encode);
    this.#cells = options.cells?.(this.#columns);
  }

  /**
   * Hands the rows of a chunk to the writer; when it resolves the chunk's columns may be used again.
   * @param first the place of its first row in the part
   * @param number the same in the whole source
   * @param read makes the columns of it
   * @returns the bytes of its cells
   */
  async send(scanned: ScanChunk, first: number, number: number, read: ChunkReader): Promise<number> {
    const { rows } = scanned;
    if (this.#kinds.length < rows) {
      this.#kinds = new Uint8Array(rows);
      this.#list = new Int32Array(rows);
      this.#keyBytes = new Int32Array(rows);
    }
    this.#kinds.fill(FULL, 0, rows);
    const refuse: Refuse = (row, column, reason) => {
      if (this.#kinds[row] === LEFT_OUT || row >= rows) return;
      this.#kinds[row] = LEFT_OUT;
      if (reason === undefined) return this.#options.segments.blank();
      this.#options.segments.reject({ part: this.#options.part, row: first + row, column, reason });
    };
    const chunk = read(scanned, refuse);
    const bytes = this.#encode(chunk, refuse);
    this.#readTimes(chunk, number, refuse);
    this.#checkKeys(rows, refuse);
    this.#cells?.check(rows, refuse);
    if (this.#statics.length > 0 && this.#clustering.length > 0) {
      if (this.#options.counterStatics) this.#addStaticsOnce(this.#options.counterStatics, rows, refuse);
      else if (!this.#options.isConditional) this.#spareStatics(rows);
      if (this.#options.staticLists) this.#writeListsOnce(this.#options.staticLists, rows);
    }
    if (this.#cells) await this.#cells.send(this.#kinds, rows, first);
    else this.#writeAll(rows, first);
    return bytes;
  }

  #writeAll(rows: number, first: number): void {
    const { statements } = this.#options;
    assert(statements, "rows have statements");
    const { full, rows: withoutStatics, statics } = statements;
    this.#write(full, (kind) => kind === FULL, rows, first);
    if (withoutStatics) this.#write(withoutStatics, (kind) => kind === ROWS || kind === APART, rows, first);
    if (statics) this.#write(statics, (kind) => kind === STATICS || kind === APART, rows, first);
  }

  #encode(chunk: ScanChunk, refuse: Refuse): number {
    const { columns, writeNulls } = this.#options;
    const { rows } = chunk;
    let bytes = 0;
    for (const [i, { file, target }] of columns.entries()) {
      const cells = this.#columns[i]!;
      cells.read(chunk.columns[i]!, rows, (error) => refuse(error.row, file.name, error.message));
      bytes += cells.cells.length;
      if (!writeNulls && (target.kind === "regular" || target.kind === "static")) unsetNulls(cells.cells, rows);
    }
    for (const [k, i] of this.#checks.entries()) {
      const { file, cql } = columns[i]!;
      const reason = `the value can't be kept exactly as ${cqlTypeToText(cql)}`;
      trueRows(chunk.columns[columns.length + k]!, rows, (row) => refuse(row, file.name, reason));
    }
    return bytes;
  }

  #readTimes(chunk: ScanChunk, number: number, refuse: Refuse): void {
    const { times, timeColumns, columns } = this.#options;
    let at = columns.length + this.#checks.length;
    if (this.#rowTimes) {
      const { name } = timeColumns.timestamp!;
      this.#rowTimes.read(chunk.columns[at++]!, chunk.rows, (error) => refuse(error.row, name, error.message));
      const { index } = this.#rowTimes.cells;
      for (let row = 0; row < chunk.rows; row++) {
        if (index[row * 2 + 1]! < 0) refuse(row, name, "no timestamp: the column that has it is NULL");
      }
      if (times.later > 0) raiseCells(this.#rowTimes.cells, times.later, chunk.rows);
    } else if (times.timestamp === undefined) {
      countingCells(this.#timestamps, times.epoch + number * times.step, times.step, chunk.rows);
    }
    if (this.#rowTtls) {
      const { name } = timeColumns.ttl!;
      this.#rowTtls.read(chunk.columns[at++]!, chunk.rows, (error) => refuse(error.row, name, error.message));
      unsetNulls(this.#rowTtls.cells, chunk.rows);
    }
    this.#options.clock?.read(chunk, at, refuse);
    this.#options.clock?.rowsHave(this.#timeCells("timestamp", chunk.rows), this.#timeCells("ttl", chunk.rows));
  }

  /** A partition without rows comes with NULL for its clustering columns; any other NULL in a key is nobody's row. */
  #checkKeys(rows: number, refuse: Refuse): void {
    this.#checkPartitionKeys(rows, refuse);
    const { columns } = this.#options;
    const lengthOf = (column: number, row: number) => this.#columns[column]!.cells.index[row * 2 + 1]!;
    for (const column of this.#clustering) {
      const { index } = this.#columns[column]!.cells;
      for (let row = 0; row < rows; row++) {
        if (index[row * 2 + 1]! >= 0 || this.#kinds[row] !== FULL) continue;
        const isStatic =
          this.#clustering.every((place) => lengthOf(place, row) < 0) &&
          this.#regular.every((place) => lengthOf(place, row) < 0) &&
          this.#statics.some((place) => lengthOf(place, row) >= 0);
        if (isStatic) this.#kinds[row] = STATICS;
        else refuse(row, columns[column]!.file.name, "NULL in the primary key");
      }
    }
  }

  #checkPartitionKeys(rows: number, refuse: Refuse): void {
    const { columns } = this.#options;
    const nameOf = (column: number | undefined) => columns[column!]!.file.name;
    const totals = this.#keyBytes.fill(0, 0, rows);
    // What the server puts around each part of a key of several.
    const around = this.#partitionKey.length > 1 ? 3 : 0;
    for (const column of this.#partitionKey) {
      const { index } = this.#columns[column]!.cells;
      for (let row = 0; row < rows; row++) {
        const length = index[row * 2 + 1]!;
        if (length < 0) refuse(row, nameOf(column), "NULL in the primary key");
        totals[row]! += length + around;
      }
    }
    for (let row = 0; row < rows; row++) {
      if (totals[row]! <= LONGEST_KEY) continue;
      refuse(row, nameOf(this.#partitionKey[0]), `a partition key of ${totals[row]} bytes; ${LONGEST_KEY} are allowed`);
    }
  }

  /**
   * Static values are written with the first row that has them, and again only where they, their times or the partition
   * change. That row and they are then two writes, since the server may refuse the row, and other rows count on them.
   */
  #spareStatics(rows: number): void {
    const compared = [...this.#partitionKey, ...this.#statics].flatMap((column) => [
      this.#columns[column]!.cells,
      ...(this.#options.clock?.cellsOf(column) ?? []),
    ]);
    for (const times of [this.#rowTimes, this.#rowTtls]) if (times) compared.push(times.cells);
    let last = -1;
    for (let row = 0; row < rows; row++) {
      if (this.#kinds[row] === LEFT_OUT) continue;
      if (this.#kinds[row] === FULL && last >= 0 && compared.every((cells) => sameCell(cells, last, row))) {
        this.#kinds[row] = ROWS;
        if (this.#kinds[last] === FULL) this.#kinds[last] = APART;
      }
      last = row;
    }
  }

  #writeListsOnce(staticLists: StaticLists, rows: number): void {
    const places = [...this.#partitionKey, ...this.#statics];
    const cells = places.map((column) => this.#columns[column]!.cells);
    const times = places.flatMap((column) => this.#options.clock?.writetimesOf(column) ?? []);
    if (this.#rowTimes) times.push(this.#rowTimes.cells);
    for (let row = 0; row < rows; row++) {
      const kind = this.#kinds[row];
      if (kind === LEFT_OUT || kind === ROWS || staticLists.isNew([...cells, ...times], row)) continue;
      this.#kinds[row] = kind === STATICS ? LEFT_OUT : ROWS;
    }
  }

  #addStaticsOnce(counterStatics: CounterStatics, rows: number, refuse: Refuse): void {
    const cellsOf = (columns: readonly number[]) => columns.map((column) => this.#columns[column]!.cells);
    const [key, statics] = [cellsOf(this.#partitionKey), cellsOf(this.#statics)];
    for (let row = 0; row < rows; row++) {
      const kind = this.#kinds[row];
      if (kind === LEFT_OUT) continue;
      const decision = counterStatics.decide(key, statics, row);
      if (decision === "added") this.#kinds[row] = kind === STATICS ? LEFT_OUT : ROWS;
      if (decision !== "differ") continue;
      const { name } = this.#options.columns[this.#statics[0]!]!.file;
      refuse(row, name, "the partition's static counters were added already, with other values");
    }
  }

  #write({ shape, statement }: Prepared, takes: (kind: number) => boolean, rows: number, first: number): void {
    const { writer, segments, part, columns } = this.#options;
    let count = 0;
    for (let row = 0; row < rows; row++) if (takes(this.#kinds[row]!)) this.#list[count++] = row;
    if (count === 0) return;
    const list = this.#list.slice(0, count);
    const cells = shape.parameters.map((parameter) => {
      const all =
        typeof parameter === "string"
          ? this.#timeCells(parameter, rows)!
          : this.#columns[columns.findIndex(({ target }) => target === parameter)]!.cells;
      return count === rows ? all : pick(all, list, count);
    });
    const result = writer.write({ statement, rows: count, cells });
    segments.sent(result, part, (row) => first + list[row]!);
  }

  /** Undefined where TTLs are not said. */
  #timeCells<P extends "timestamp" | "ttl">(
    parameter: P,
    rows: number,
  ): ParameterCells | (P extends "ttl" ? undefined : never);
  #timeCells(parameter: "timestamp" | "ttl", rows: number): ParameterCells | undefined {
    const { times } = this.#options;
    if (parameter === "ttl") return this.#rowTtls?.cells ?? (times.ttl && constantCells(times.ttl, rows));
    if (times.timestamp) return constantCells(times.timestamp, rows);
    return this.#rowTimes?.cells ?? this.#timestamps;
  }
}
