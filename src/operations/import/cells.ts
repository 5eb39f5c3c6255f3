/*
 * Owns the writing of rows whose cells have times of their own: the cells of a row are grouped by timestamp and TTL, and
 * each group is a write. Which rows there are, and their bytes, is for sending.ts to say. No object is made per row.
 */
import type { CellForm } from "../../cassandra/cellwrites.ts";
import { UNSET } from "../../cassandra/rowblock.ts";
import type { TableColumn } from "../../cassandra/schema.ts";
import type { RowWriter } from "../../cassandra/writer.ts";
import { joinElements, Spans, splitElements, splitFields } from "../../types/elements.ts";
import { CellBlock, type PreparedCells } from "./cellblock.ts";
import { CellGroups, isLater, lifeOf, NO_GROUP, NO_TTL, ROW_ONLY, SEVERAL, SINGLE } from "./cellgroups.ts";
import { type CellClock, EXPIRED } from "./celltimes.ts";
import type { MatchedColumn } from "./match.ts";
import { type ColumnCells, LEFT_OUT, type Refuse, ROWS, STATICS } from "./rows.ts";
import type { RowFates } from "./segments.ts";

/** Prepared statements for the cells of rows, or for static ones: see CellShapes. */
export interface CellStatements {
  readonly row: PreparedCells | undefined;
  readonly cells: PreparedCells | undefined;
  readonly wholes: ReadonlyMap<TableColumn, PreparedCells>;
  readonly nulls: PreparedCells | undefined;
}

export interface CellSenderOptions {
  readonly part: number;
  readonly columns: readonly MatchedColumn[];
  /** What the columns' values are made of. */
  readonly forms: readonly CellForm[];
  /** The columns' values in the chunk at hand. */
  readonly values: readonly ColumnCells[];
  readonly clock: CellClock;
  readonly rows: CellStatements;
  readonly statics: CellStatements;
  /** Added to the timestamps of lists, since a repeated write would double their elements. */
  readonly attempt: number;
  readonly writer: RowWriter;
  readonly segments: RowFates;
}

/** The columns that are written together, and the rows that are to be sent of each statement. */
interface Half {
  readonly places: readonly number[];
  readonly row: CellBlock | undefined;
  readonly cells: CellBlock | undefined;
  readonly wholes: ReadonlyMap<number, CellBlock>;
  readonly nulls: CellBlock | undefined;
}

/** Instead of a group: the value is to be deleted, or its elements are in several. */
const DELETED = -2;
const MIXED = -3;
/** So many parameters of rows are put together before they are sent. */
const MOST_PARAMETERS = 500_000;
const LOW_MOST = 0xffff_ffff;

export class CellSender {
  readonly #options: CellSenderOptions;
  readonly #rows: Half;
  readonly #statics: Half;
  readonly #groups = new CellGroups();
  /** The group of each column's value. */
  readonly #groupOf: Int32Array;
  /** The first of each column's elements, and how many there are, in `#elements`. */
  readonly #from: Int32Array;
  readonly #count: Int32Array;
  /** Elements and fields of one row. */
  readonly #elements = new Spans();
  #groupOfElement = new Int32Array(64);
  /** For each element, the next one of its group and column. */
  #next = new Int32Array(64);
  /** For each group: its row in the block of cells. */
  #target = new Int32Array(8);
  /** For each group: the first of a column's elements in it. */
  #head = new Int32Array(8);
  /** The group that the row itself comes with, and its row in the block of rows. */
  #rowGroup = NO_GROUP;
  #inserted = 0;
  /** Cells, and rows all of whose cells, have expired. */
  #expired = 0;
  #gone = 0;

  constructor(options: CellSenderOptions) {
    this.#options = options;
    const { columns, rows, statics } = options;
    this.#rows = this.#half(rows, "regular");
    this.#statics = this.#half(statics, "static");
    this.#groupOf = new Int32Array(columns.length);
    this.#from = new Int32Array(columns.length);
    this.#count = new Int32Array(columns.length);
  }

  #half(statements: CellStatements, kind: TableColumn["kind"]): Half {
    const { columns, values } = this.#options;
    const block = (prepared: PreparedCells | undefined) => prepared && new CellBlock(prepared, columns, values);
    const places = columns.flatMap(({ target }, place) => (target.kind === kind ? [place] : []));
    const wholes = places.flatMap((place) => {
      const whole = block(statements.wholes.get(columns[place]!.target));
      return whole ? [[place, whole] as const] : [];
    });
    const { row, cells, nulls } = statements;
    return { places, row: block(row), cells: block(cells), wholes: new Map(wholes), nulls: block(nulls) };
  }

  /** Refuses rows whose times can't be those of their cells. */
  check(rows: number, refuse: Refuse): void {
    const { columns, forms, values, clock } = this.#options;
    for (const [place] of columns.entries()) {
      clock.checkCounts(place, forms[place]!, values[place]!.cells, rows, refuse);
    }
  }

  /**
   * Hands the rows of a chunk to the writer.
   * @param kinds what each row needs
   * @param first the place of the chunk's first row in the part
   */
  async send(kinds: Uint8Array, rows: number, first: number): Promise<void> {
    const { clock, writer } = this.#options;
    let begun = 0;
    for (let row = 0; row < rows; row++) {
      const kind = kinds[row];
      clock.beginRow(row);
      if (kind !== ROWS && kind !== LEFT_OUT) begun += this.#send(this.#statics, row);
      if (kind !== STATICS && kind !== LEFT_OUT) begun += this.#send(this.#rows, row);
      if (begun < MOST_PARAMETERS) continue;
      // A row may be many writes, and a write have many parameters.
      this.#flush(first);
      await writer.room();
      begun = 0;
    }
    this.#flush(first);
  }

  #flush(first: number): void {
    const { clock, writer, segments, part } = this.#options;
    for (const half of [this.#statics, this.#rows]) {
      for (const block of [half.row, half.cells, ...half.wholes.values(), half.nulls]) {
        block?.flush(writer, segments, part, first, clock.now);
      }
    }
    segments.expired(this.#expired, this.#gone);
    this.#expired = 0;
    this.#gone = 0;
  }

  /** @returns about how many parameters its writes have */
  #send(half: Half, row: number): number {
    this.#groups.clear();
    this.#elements.count = 0;
    const expired = this.#expired;
    let deleted = false;
    for (const place of half.places) {
      this.#collect(half, place, row);
      deleted ||= this.#groupOf[place] === DELETED;
    }
    this.#begin(half, row, this.#expired > expired);
    for (const place of half.places) this.#give(half, place, row);
    if (deleted) this.#delete(half, row);
    return (1 + this.#groups.count) * (half.places.length + 4);
  }

  /** Finds the groups of a value's cells. */
  #collect(half: Half, place: number, row: number): void {
    const { values, forms, clock } = this.#options;
    const { index } = values[place]!.cells;
    const size = index[row * 2 + 1]!;
    this.#groupOf[place] = size === -1 && half.nulls ? DELETED : NO_GROUP;
    if (size === UNSET || size === -1) return;
    const form = forms[place]!;
    if (form === "single") {
      clock.tell(place, row, 1);
      this.#groupOf[place] = this.#groupAt(0, SINGLE);
      return;
    }
    const count = this.#split(place, index[row * 2]!, size);
    clock.tell(place, row, count);
    if (form === "list") this.#list(half, place, row, count);
    else this.#groupElements(place, count, half.wholes.has(place) ? ROW_ONLY : SEVERAL);
  }

  /** The group of a cell of the value that the clock was asked for. */
  #groupAt(cell: number, use: number): number {
    const { high, low, ttls } = this.#options.clock;
    if (ttls[cell] !== EXPIRED) return this.#groups.of(high[cell]!, low[cell]!, ttls[cell]!, use);
    this.#expired++;
    return NO_GROUP;
  }

  #split(place: number, offset: number, size: number): number {
    const { values, forms, columns } = this.#options;
    const { cells } = values[place]!;
    const { cql } = columns[place]!;
    this.#from[place] = this.#elements.count;
    const count =
      forms[place] === "fields"
        ? splitFields(cells, offset, size, cql.of.length, this.#elements)
        : splitElements(cells, offset, cql.name === "map" ? 2 : 1, this.#elements);
    this.#count[place] = count;
    if (this.#groupOfElement.length < this.#elements.count) {
      const grown = new Int32Array(this.#elements.count * 2);
      grown.set(this.#groupOfElement);
      this.#groupOfElement = grown;
      this.#next = new Int32Array(grown.length);
    }
    return count;
  }

  /** @param use what a group that all are in is used for */
  #groupElements(place: number, count: number, use: number): void {
    const from = this.#from[place]!;
    let group = NO_GROUP;
    let seen = 0;
    for (let i = 0; i < count; i++) {
      const isThere = this.#elements.at[(from + i) * 2 + 1]! >= 0;
      const found = isThere ? this.#groupAt(i, use) : NO_GROUP;
      this.#groupOfElement[from + i] = found;
      if (isThere) group = seen++ === 0 || found === group ? found : MIXED;
    }
    this.#groupOf[place] = group;
    if (group !== MIXED) return;
    for (let i = from; i < from + count; i++) {
      const found = this.#groupOfElement[i]!;
      if (found !== NO_GROUP) this.#groups.uses[found]! |= SEVERAL;
    }
  }

  /** A list is written at once, with the latest timestamp and the longest TTL of those elements that still live. */
  #list(half: Half, place: number, row: number, count: number): void {
    const { values, clock, attempt } = this.#options;
    const from = this.#from[place]!;
    let kept = 0;
    let latest = 0;
    let longest = 0;
    let chain = -1;
    for (let i = count - 1; i >= 0; i--) {
      if (clock.ttls[i] === EXPIRED) continue;
      if (kept === 0 || isLater(clock.high[i]!, clock.low[i]!, clock.high[latest]!, clock.low[latest]!)) latest = i;
      if (kept === 0 || lifeOf(clock.ttls[i]!) > lifeOf(clock.ttls[longest]!)) longest = i;
      kept++;
      this.#next[from + i] = chain;
      chain = from + i;
    }
    this.#expired += count - kept;
    if (kept === 0) return;
    const { cells } = values[place]!;
    const [high, low, ttl] = [clock.high[latest]!, clock.low[latest]!, clock.ttls[longest]!];
    this.#groups.of(high, low, ttl, ROW_ONLY);
    const carry = (low >>> 0) + attempt > LOW_MOST ? 1 : 0;
    const block = half.wholes.get(place)!;
    const at = block.begin(row, high + carry, low + attempt, ttl);
    if (kept === count) block.set(at, place, 0, cells.index[row * 2]!, cells.index[row * 2 + 1]!);
    else {
      const offset = joinElements(cells, this.#elements, chain, this.#next);
      block.set(at, place, 0, offset, cells.length - offset);
    }
  }

  /** Begins a write for each group. The row itself comes with one of them, or alone where it has no value. */
  #begin(half: Half, row: number, hasExpired: boolean): void {
    const { clock } = this.#options;
    const groups = this.#groups;
    const { count, high, low, ttls, uses } = groups;
    this.#rowGroup = half.row ? groups.ofRow() : NO_GROUP;
    if (half.row && count === 0) {
      if (hasExpired) this.#gone++;
      else half.row.begin(row, clock.rowHigh, clock.rowLow, clock.emptyRowTtl);
      return;
    }
    if (this.#target.length < count) this.#target = new Int32Array(count * 2);
    for (let group = 0; group < count; group++) {
      const isRow = group === this.#rowGroup;
      if (isRow) this.#inserted = half.row!.begin(row, high[group]!, low[group]!, ttls[group]!);
      const apart = isRow ? SEVERAL : SEVERAL | SINGLE;
      if (!(uses[group]! & apart)) continue;
      this.#target[group] = half.cells!.begin(row, high[group]!, low[group]!, ttls[group]!);
    }
  }

  /** Gives a value's cells to the writes of their groups. */
  #give(half: Half, place: number, row: number): void {
    const { values, forms } = this.#options;
    const group = this.#groupOf[place]!;
    if (group === NO_GROUP || group === DELETED) return;
    const { index } = values[place]!.cells;
    const [offset, size] = [index[row * 2]!, index[row * 2 + 1]!];
    const whole = group === MIXED ? undefined : half.wholes.get(place);
    if (whole) whole.set(this.#beginWhole(whole, row, group), place, 0, offset, size);
    else if (forms[place] === "fields") this.#giveFields(half, place);
    else if (group === MIXED) this.#giveElements(half, place);
    else if (forms[place] === "single" && group === this.#rowGroup)
      half.row!.set(this.#inserted, place, 0, offset, size);
    else half.cells!.set(this.#target[group]!, place, 0, offset, size);
  }

  #beginWhole(block: CellBlock, row: number, group: number): number {
    const { high, low, ttls } = this.#groups;
    return block.begin(row, high[group]!, low[group]!, ttls[group]!);
  }

  #giveFields(half: Half, place: number): void {
    const from = this.#from[place]!;
    const { at } = this.#elements;
    for (let field = 0; field < this.#count[place]!; field++) {
      const group = this.#groupOfElement[from + field]!;
      if (group === NO_GROUP) continue;
      half.cells!.set(this.#target[group]!, place, field, at[(from + field) * 2]!, at[(from + field) * 2 + 1]!);
    }
  }

  #giveElements(half: Half, place: number): void {
    const { cells } = this.#options.values[place]!;
    const from = this.#from[place]!;
    const end = from + this.#count[place]!;
    if (this.#head.length < this.#groups.count) this.#head = new Int32Array(this.#groups.count * 2);
    this.#head.fill(-1);
    for (let i = end - 1; i >= from; i--) {
      const group = this.#groupOfElement[i]!;
      if (group === NO_GROUP) continue;
      this.#next[i] = this.#head[group]!;
      this.#head[group] = i;
    }
    for (let i = from; i < end; i++) {
      const group = this.#groupOfElement[i]!;
      if (group === NO_GROUP || this.#head[group] !== i) continue;
      const offset = joinElements(cells, this.#elements, i, this.#next);
      half.cells!.set(this.#target[group]!, place, 0, offset, cells.length - offset);
    }
  }

  #delete(half: Half, row: number): void {
    const { rowHigh, rowLow } = this.#options.clock;
    const at = half.nulls!.begin(row, rowHigh, rowLow, NO_TTL);
    for (const place of half.places) if (this.#groupOf[place] === DELETED) half.nulls!.set(at, place, 0, 0, -1);
  }
}
