/*
 * Owns finding the writetimes and TTLs of JSON rows, which stand below each other in an object beside the columns:
 * `"_metadata": {"writetime": {"v": 1705325400000000}, "ttl": {"v": 86400}}`.
 */
import type { Arena, ColumnBuffer } from "../../base/column.ts";
import type { ValueError } from "../../types/codec.ts";
import { JsonRows } from "../../types/json-rows.ts";
import type { FileColumn } from "./source.ts";

/** The columns of one kind: `writetime`, `ttl`. */
interface Kind {
  readonly metadata: string;
  readonly kind: string;
  readonly keys: readonly string[];
  readonly rows: JsonRows;
}

/** Reads the columns of times out of rows that were taken apart. */
export class NestedTimes {
  readonly #columns: readonly FileColumn[];
  readonly #metadata: ReadonlyMap<string, JsonRows>;
  readonly #kinds: readonly Kind[];

  /** @param arena that of the rows' texts */
  constructor(columns: readonly FileColumn[], arena: Arena) {
    this.#columns = columns;
    const paths = columns.flatMap(({ inside }) => (inside ? [inside] : []));
    const names = [...new Set(paths.map(([metadata]) => metadata))];
    const kindsOf = (name: string) => [...new Set(paths.filter(([of]) => of === name).map(([, kind]) => kind))];
    this.#metadata = new Map(names.map((name) => [name, new JsonRows(kindsOf(name), arena)]));
    this.#kinds = names.flatMap((metadata) =>
      kindsOf(metadata).map((kind) => {
        const keys = [
          ...new Set(paths.filter(([of, within]) => of === metadata && within === kind).map(([, , key]) => key)),
        ];
        return { metadata, kind, keys, rows: new JsonRows(keys, arena) };
      }),
    );
  }

  /**
   * The columns in their order; good until the next rows are read.
   * @param find gives the texts of the rows' own members
   */
  read(
    find: (name: string) => ColumnBuffer,
    rows: number,
    refuse: (error: ValueError) => void,
  ): readonly ColumnBuffer[] {
    const others = () => undefined;
    for (const [name, kinds] of this.#metadata) kinds.read(find(name), rows, others, refuse);
    const found = new Map<string, ColumnBuffer>();
    for (const { metadata, kind, keys, rows: cells } of this.#kinds) {
      cells.read(this.#kindColumn(metadata, kind), rows, others, refuse);
      for (const [i, key] of keys.entries()) found.set(JSON.stringify([metadata, kind, key]), cells.columns[i]!);
    }
    return this.#columns.map(({ name, inside }) => (inside ? found.get(JSON.stringify(inside))! : find(name)));
  }

  #kindColumn(metadata: string, kind: string): ColumnBuffer {
    const place = this.#kinds.filter((one) => one.metadata === metadata).findIndex((one) => one.kind === kind);
    return this.#metadata.get(metadata)!.columns[place]!;
  }
}
