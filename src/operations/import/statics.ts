/*
 * Owns which rows of an import write static values that may be written only once: exports repeat them in each row of a
 * partition. A counter that is added twice counts twice, and a list that is written twice with one timestamp has its
 * elements twice. Which statement a row needs is in sending.ts.
 */
import { createHash } from "node:crypto";
import { DataError } from "../../base/errors.ts";
import type { ParameterCells } from "../../cassandra/rowblock.ts";

/** Partitions of one import, by what memory they take: some hundred bytes each. */
const MOST_PARTITIONS = 1_000_000;

export class CounterStatics {
  readonly #added = new Map<string, string>();

  /**
   * What is to be done with a row's static counters, in whatever order and file the rows of its partition come.
   * @param key the cells of the partition key
   * @param values those of the static columns
   * @throws DataError where there are too many partitions to remember
   */
  decide(key: readonly ParameterCells[], values: readonly ParameterCells[], row: number): "add" | "added" | "differ" {
    if (values.every(({ index }) => index[row * 2 + 1]! < 0)) return "added";
    const [partition, counts] = [textOf(key, row), textOf(values, row)];
    const before = this.#added.get(partition);
    if (before !== undefined) return before === counts ? "added" : "differ";
    if (this.#added.size === MOST_PARTITIONS) {
      throw new DataError(
        `static counters of more than ${MOST_PARTITIONS} partitions: they are remembered, to add each once`,
        {
          hint: 'import the others by --columns, and the static ones by --sql "SELECT DISTINCT <partition key, static columns> FROM rows"',
        },
      );
    }
    this.#added.set(partition, counts);
    return "add";
  }
}

export class StaticLists {
  readonly #written = new Set<string>();

  /**
   * Whether a row's static values are not written yet, in whatever order and file the rows of its partition come.
   * @param cells of the partition key, the static columns and their timestamps
   * @throws DataError where there are too many partitions to remember
   */
  isNew(cells: readonly ParameterCells[], row: number): boolean {
    const hash = createHash("sha256").update(textOf(cells, row), "latin1").digest("base64");
    if (this.#written.has(hash)) return false;
    if (this.#written.size === MOST_PARTITIONS) {
      throw new DataError(
        `static lists of more than ${MOST_PARTITIONS} partitions: they are remembered, to write each once`,
        { hint: "import the others by --columns, and the static ones without --preserve and --timestamp" },
      );
    }
    this.#written.add(hash);
    return true;
  }
}

/** Cells of a row, with their lengths, as a text of a character a byte. */
function textOf(cells: readonly ParameterCells[], row: number): string {
  return cells
    .map(({ bytes, index }) => {
      const [at, size] = [index[row * 2]!, index[row * 2 + 1]!];
      return size < 0 ? "-" : `${size}:${Buffer.from(bytes.buffer, bytes.byteOffset + at, size).toString("latin1")}`;
    })
    .join("");
}
