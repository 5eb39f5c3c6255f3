/*
 * Owns the writetimes and TTLs of an import's cells, value by value, out of the columns that have them: TTLs become the
 * seconds that are left. Where they come from was decided in times.ts.
 */
import type { CellForm } from "../../cassandra/cellwrites.ts";
import type { ParameterCells } from "../../cassandra/rowblock.ts";
import type { ScanChunk } from "../../duckdb/scan.ts";
import type { CellWriter } from "../../types/codec.ts";
import { elementCount } from "../../types/elements.ts";
import { NO_TTL, TABLE_TTL } from "./cellgroups.ts";
import { ColumnCells, type Refuse, trueRows } from "./rows.ts";
import type { CellTimes, TimeSource } from "./times.ts";

/** A TTL that has run out. */
export const EXPIRED = -2;
const LONGEST = 0x7fff_ffff;

/** The times of the cells of one value at a time. */
export class CellClock {
  /** Of the cells of the value that was asked for last: the halves of their timestamps, and their TTLs. */
  high = new Int32Array(16);
  low = new Int32Array(16);
  ttls = new Int32Array(16);
  /** Of the row at hand, for cells that have none of their own. */
  rowHigh = 0;
  rowLow = 0;
  rowTtl = TABLE_TTL;
  /** The second that the TTLs are left in. */
  now = 0;
  readonly #times: CellTimes;
  readonly #startedAt: number;
  readonly #cells: readonly ColumnCells[];
  #rowTimestamps: DataView = new DataView(new ArrayBuffer(0));
  #rowTimestampIndex: Int32Array = new Int32Array(0);
  #rowTtls: ParameterCells | undefined;

  /** @param startedAt the import's first second, of those since 1970 */
  constructor(times: CellTimes, startedAt: number) {
    this.#times = times;
    this.#startedAt = startedAt;
    this.#cells = times.columns.map(({ conversion }) => new ColumnCells(conversion.encode));
  }

  /** The TTL of rows without a value: TTLs that are not there say that something stays. */
  get emptyRowTtl(): number {
    const knows = this.#times.ttls.some((source) => source !== undefined);
    return this.rowTtl === TABLE_TTL && knows ? NO_TTL : this.rowTtl;
  }

  /** The columns' cells, for those who compare rows. */
  cellsOf(place: number): readonly ParameterCells[] {
    return [...this.writetimesOf(place), ...this.#said(this.#times.ttls[place])];
  }

  /** The same without TTLs, which may differ by a second between rows of one partition. */
  writetimesOf(place: number): readonly ParameterCells[] {
    return this.#said(this.#times.writetimes[place]);
  }

  #said(source: CellTimes["writetimes"][number]): readonly ParameterCells[] {
    return source && "place" in source ? [this.#cells[source.place]!.cells] : [];
  }

  /** Reads the columns of a chunk, of which the first is at `at`; their checks stand behind all of them. */
  read(chunk: ScanChunk, at: number, refuse: Refuse): void {
    this.now = Math.floor(Date.now() / 1000);
    const { columns } = this.#times;
    let check = at + columns.length;
    for (const [i, { file, conversion }] of columns.entries()) {
      this.#cells[i]!.read(chunk.columns[at + i]!, chunk.rows, (error) => refuse(error.row, file.name, error.message));
      if (conversion.check === undefined) continue;
      trueRows(chunk.columns[check++]!, chunk.rows, (row) => refuse(row, file.name, "it is no whole number"));
    }
    for (const source of new Set(this.#times.ttls)) {
      if (source && "place" in source && source.since === undefined) this.#checkTtls(source.place, chunk.rows, refuse);
    }
  }

  #checkTtls(place: number, rows: number, refuse: Refuse): void {
    const { file, several } = this.#times.columns[place]!;
    const { index, view } = this.#cells[place]!.cells;
    if (several) return;
    for (let row = 0; row < rows; row++) {
      if (index[row * 2 + 1] !== 4) continue;
      const ttl = view.getInt32(index[row * 2]!);
      if (ttl < 0) refuse(row, file.name, `a TTL of ${ttl} seconds`);
    }
  }

  /** Refuses rows that have another number of times than cells. */
  checkCounts(place: number, form: CellForm, values: CellWriter, rows: number, refuse: Refuse): void {
    if (form === "fields" || form === "single") return;
    for (const source of [this.#times.writetimes[place], this.#times.ttls[place]]) {
      if (!source || !("place" in source) || !this.#times.columns[source.place]!.several) continue;
      const { cells } = this.#cells[source.place]!;
      for (let row = 0; row < rows; row++) {
        if (values.index[row * 2 + 1]! < 4 || cells.index[row * 2 + 1]! < 4) continue;
        const there = elementCount(values, values.index[row * 2]!);
        const told = elementCount(cells, cells.index[row * 2]!);
        if (told === there) continue;
        const { file, kind } = this.#times.columns[source.place]!;
        refuse(row, file.name, `${told} ${kind === "ttl" ? "TTLs" : "writetimes"} for ${there} elements`);
      }
    }
  }

  /** Says what rows have for cells without times of their own. */
  rowsHave(timestamps: ParameterCells, ttls: ParameterCells | undefined): void {
    const { bytes, index } = timestamps;
    this.#rowTimestamps = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#rowTimestampIndex = index;
    this.#rowTtls = ttls;
  }

  beginRow(row: number): void {
    const at = this.#rowTimestampIndex[row * 2]!;
    this.rowHigh = this.#rowTimestamps.getInt32(at);
    this.rowLow = this.#rowTimestamps.getInt32(at + 4);
    this.rowTtl = TABLE_TTL;
    if (!this.#rowTtls) return;
    const { bytes, index } = this.#rowTtls;
    if (index[row * 2 + 1] !== 4) return;
    this.rowTtl = new DataView(bytes.buffer, bytes.byteOffset + index[row * 2]!, 4).getInt32(0);
  }

  /** Finds the times of the `count` cells of a row's value. */
  tell(place: number, row: number, count: number): void {
    if (this.high.length < count) {
      const length = Math.max(count, this.high.length * 2);
      this.high = new Int32Array(length);
      this.low = new Int32Array(length);
      this.ttls = new Int32Array(length);
    }
    this.#tellWritetimes(this.#times.writetimes[place], row, count);
    this.#tellTtls(this.#times.ttls[place], row, count);
  }

  #tellWritetimes(source: TimeSource | undefined, row: number, count: number): void {
    const { high, low } = this;
    if (source && "value" in source) {
      high.fill(Number(source.value >> 32n), 0, count);
      low.fill(Number(BigInt.asIntN(32, source.value)), 0, count);
      return;
    }
    high.fill(this.rowHigh, 0, count);
    low.fill(this.rowLow, 0, count);
    if (!source) return;
    const { view, index } = this.#cells[source.place]!.cells;
    const at = index[row * 2]!;
    const size = index[row * 2 + 1]!;
    if (size < 0) return;
    if (!this.#times.columns[source.place]!.several) {
      high.fill(view.getInt32(at), 0, count);
      low.fill(view.getInt32(at + 4), 0, count);
      return;
    }
    for (let i = 0, from = at + 4, told = Math.min(count, view.getInt32(at)); i < told; i++) {
      const length = view.getInt32(from);
      from += 4;
      if (length !== 8) continue;
      high[i] = view.getInt32(from);
      low[i] = view.getInt32(from + 4);
      from += 8;
    }
  }

  #tellTtls(source: TimeSource | undefined, row: number, count: number): void {
    const { ttls } = this;
    if (!source) {
      ttls.fill(this.rowTtl, 0, count);
      return;
    }
    if ("value" in source) {
      ttls.fill(this.#left(Number(source.value), this.#startedAt), 0, count);
      return;
    }
    ttls.fill(NO_TTL, 0, count);
    const since = source.since ?? this.#startedAt;
    const { view, index } = this.#cells[source.place]!.cells;
    const at = index[row * 2]!;
    const size = index[row * 2 + 1]!;
    if (size < 0) return;
    if (!this.#times.columns[source.place]!.several) {
      ttls.fill(this.#left(view.getInt32(at), since), 0, count);
      return;
    }
    for (let i = 0, from = at + 4, told = Math.min(count, view.getInt32(at)); i < told; i++) {
      const length = view.getInt32(from);
      from += 4;
      if (length !== 4) continue;
      ttls[i] = this.#left(view.getInt32(from), since);
      from += 4;
    }
  }

  /** The seconds that are left of a TTL which counts from a second. */
  #left(ttl: number, since: number): number {
    if (ttl === 0) return NO_TTL;
    const left = since + ttl - this.now;
    return left <= 0 ? EXPIRED : Math.min(left, LONGEST);
  }
}
