/*
 * Owns what an import may take of memory: DuckDB's share of it, how much more some sources need, and what is said where it
 * was too little. What the process really takes is measured elsewhere.
 */
import { messageOf, StorageError } from "../../base/errors.ts";
import { formatSize } from "../../base/units.ts";
import { type Connection, isOutOfMemory, run } from "../../duckdb/engine.ts";
import { readRows } from "../../duckdb/reader.ts";
import { DEFAULT_MEMORY, type ImportOptions } from "./options.ts";
import { pathLiteral } from "./ownfiles.ts";
import { columnsRead, type ImportPart } from "./parts.ts";
import type { SourcePart } from "./source.ts";

/** What DuckDB may take of the memory: the rest is for cells and frames. */
const ENGINE_SHARE = 0.4;
/** What DuckDB counts for each column that it reads, most of which is never touched. */
const COUNTED_BYTES_PER_COLUMN = 256 * 1024;
/** Of the memory, what may be resident before what DuckDB is done with is given back. */
const KEPT_SHARE = 0.5;

type MemoryOptions = Pick<ImportOptions, "memoryBytes">;

/** The limit to give DuckDB (bytes), as long as nothing is known of the source. */
export function engineMemory({ memoryBytes = DEFAULT_MEMORY }: MemoryOptions): number {
  return Math.round(memoryBytes * ENGINE_SHARE);
}

/** What the process may keep of memory that DuckDB is done with (bytes). */
export function keptMemory({ memoryBytes = DEFAULT_MEMORY }: MemoryOptions): number {
  return memoryBytes * KEPT_SHARE;
}

/** The limit for reading these parts (bytes): above that of the options where DuckDB would refuse so many columns. */
export function partsMemory(parts: readonly ImportPart[], options: MemoryOptions): number {
  const columns = Math.max(0, ...parts.map(columnsRead));
  return Math.max(engineMemory(options), columns * COUNTED_BYTES_PER_COLUMN);
}

/** Has the connection's engine take what these parts need. */
export async function allowColumns(connection: Connection, bytes: number): Promise<void> {
  await run(connection, `SET memory_limit = '${bytes}B'`, "preparing");
}

/** DuckDB's allocator takes up to twice the size of a big buffer. */
const ROUNDING = 2;
const STEP = 100e6;

/**
 * What reading a part failed with; where memory was short, with the memory that its biggest row group needs at the most.
 * A page is decompressed as a whole, whatever is wanted of it, and pages can be as big as row groups.
 */
export async function withNeededMemory(connection: Connection, source: SourcePart, error: unknown): Promise<unknown> {
  if (!isOutOfMemory(error) || source.file?.format !== "parquet") return error;
  const [most] = await readRows<{ number: number; raw: number; packed: number }>(
    connection,
    `SELECT row_group_id + 1 AS number, sum(total_uncompressed_size)::DOUBLE AS raw,
       max(total_compressed_size)::DOUBLE AS packed
     FROM parquet_metadata(${pathLiteral(source.file.content)}) GROUP BY ALL ORDER BY raw + packed DESC LIMIT 1`,
    `reading ${source.path}`,
  );
  if (!most) return error;
  const needed = ((most.raw + most.packed) * ROUNDING) / ENGINE_SHARE;
  const enough = Math.ceil(needed / STEP) * (STEP / 1e6);
  return new StorageError(messageOf(error), {
    cause: error,
    hint: `row group ${most.number} has ${formatSize(most.raw)} of values, which may have to be in memory at once: --memory ${enough}MB is enough for it; smaller row groups or pages need less`,
  });
}
