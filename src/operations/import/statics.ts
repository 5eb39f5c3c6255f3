/*
 * Owns which rows of an import write static values that may be written only once: exports repeat them in each row of a
 * partition. A counter that is added twice counts twice, and a list that is written twice with one timestamp has its
 * elements twice. Which statement a row needs is in sending.ts.
 */
import { createHash } from "node:crypto";
import { DataError, UsageError } from "../../base/errors.ts";
import type { ParameterCells } from "../../cassandra/rowblock.ts";
import type { Connection } from "../../duckdb/engine.ts";
import { readRows } from "../../duckdb/reader.ts";
import { DEFAULT_MEMORY, type ImportOptions } from "./options.ts";
import type { ImportPart } from "./parts.ts";

/** What a partition takes that is remembered, and what of the memory is theirs. */
const PARTITION_BYTES = 128;
const MEMORY_SHARE = 0.25;

/** How many partitions an import remembers. */
export function mostPartitions({ memoryBytes = DEFAULT_MEMORY }: Pick<ImportOptions, "memoryBytes">): number {
  return Math.floor((memoryBytes * MEMORY_SHARE) / PARTITION_BYTES);
}

/** The --memory that so many partitions need, with some room. */
function memoryFor(partitions: number): string {
  return `${Math.ceil((1.2 * partitions * PARTITION_BYTES) / MEMORY_SHARE / 1e9)}GB`;
}

/**
 * What counts twice when it is repeated is not begun where it could not come to its end. JSON is not looked into before.
 * @param most partitions that can be remembered
 * @throws UsageError where static counters are in more partitions
 */
export async function checkCounterStatics(
  connection: Connection,
  parts: readonly ImportPart[],
  most: number,
): Promise<void> {
  let partitions = 0;
  for (const { source, match } of parts) {
    const sqlOf = (kind: string) =>
      match.columns.filter(({ target }) => target.kind === kind).map(({ conversion }) => conversion.sql);
    if (source.json || (source.rows ?? most + 1) <= most - partitions) {
      partitions += source.rows ?? 0;
      continue;
    }
    const hasStatics = sqlOf("static").map((sql) => `${sql} IS NOT NULL`);
    const [found] = await readRows<{ n: number }>(
      connection,
      `SELECT approx_count_distinct(hash(${sqlOf("partition_key").join(", ")})) AS n FROM ${source.relation}
       WHERE ${hasStatics.join(" OR ")}`,
      `reading ${source.path}`,
    );
    partitions += found?.n ?? 0;
  }
  if (partitions <= most) return;
  throw new UsageError(
    `static counters of about ${partitions} partitions: they are remembered, to add each once, and memory is for ${most}`,
    { hint: `say more: --memory ${memoryFor(partitions)}` },
  );
}

export class CounterStatics {
  readonly #added = new Map<string, string>();
  readonly #most: number;

  /** @param most partitions that can be remembered */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * What is to be done with a row's static counters, in whatever order and file the rows of its partition come.
   * @param key the cells of the partition key
   * @param values those of the static columns
   * @throws DataError where there are too many partitions to remember
   */
  decide(key: readonly ParameterCells[], values: readonly ParameterCells[], row: number): "add" | "added" | "differ" {
    if (values.every(({ index }) => index[row * 2 + 1]! < 0)) return "added";
    const [partition, counts] = [digestOf(key, row), digestOf(values, row)];
    const before = this.#added.get(partition);
    if (before !== undefined) return before === counts ? "added" : "differ";
    if (this.#added.size === this.#most) {
      throw new DataError(
        `static counters of more than ${this.#most} partitions: they are remembered, to add each once`,
        {
          hint: `begin again, on an empty table, with more memory than now: --memory ${memoryFor(2 * this.#most)} or more`,
        },
      );
    }
    this.#added.set(partition, counts);
    return "add";
  }
}

export class StaticLists {
  readonly #written = new Set<string>();
  readonly #most: number;

  /** @param most partitions that can be remembered */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Whether a row's static values are not written yet, in whatever order and file the rows of its partition come.
   * @param cells of the partition key, the static columns and their timestamps
   * @throws DataError where there are too many partitions to remember
   */
  isNew(cells: readonly ParameterCells[], row: number): boolean {
    const digest = digestOf(cells, row);
    if (this.#written.has(digest)) return false;
    if (this.#written.size === this.#most) {
      throw new DataError(
        `static lists of more than ${this.#most} partitions: they are remembered, to write each once`,
        {
          hint: `go on with more memory: --memory ${memoryFor(2 * this.#most)} or more`,
        },
      );
    }
    this.#written.add(digest);
    return true;
  }
}

/** What no other cells have: 128 bits of SHA-256, a character a byte. */
function digestOf(cells: readonly ParameterCells[], row: number): string {
  return createHash("sha256").update(textOf(cells, row), "latin1").digest().toString("latin1", 0, 16);
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
