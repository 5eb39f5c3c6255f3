/*
 * Owns what an import may take of memory: DuckDB's share of it, how much more some sources need, and what is said where it
 * was too little. What the process really takes is measured elsewhere.
 */
import { messageOf, StorageError } from "../../base/errors.ts";
import { formatSize } from "../../base/units.ts";
import { type Connection, isOutOfMemory, run } from "../../duckdb/engine.ts";
import { readRowGroups } from "../../parquet/footer.ts";
import { DEFAULT_MEMORY, type ImportOptions } from "./options.ts";
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

/** A page is in memory as it is in the file and decompressed, each in a buffer of up to twice the size. */
const BYTES_PER_BYTE = 4;
const STEP = 100e6;

/**
 * What reading a part failed with; where memory was short, with the memory that its biggest row group needs at the most.
 * A page is decompressed as a whole, whatever is wanted of it, and pages can be as big as row groups.
 */
export async function withNeededMemory({ path, file }: SourcePart, error: unknown): Promise<unknown> {
  if (!isOutOfMemory(error) || file?.format !== "parquet") return error;
  const sizes = (await readRowGroups(file.content)).map(({ uncompressedBytes }) => uncompressedBytes);
  const most = Math.max(0, ...sizes);
  const enough = Math.ceil((most * BYTES_PER_BYTE) / ENGINE_SHARE / STEP) * (STEP / 1e6);
  return new StorageError(messageOf(error), {
    cause: error,
    hint: `row group ${sizes.indexOf(most) + 1} of ${path} has ${formatSize(most)} of values, which may all have to be in memory at once: --memory ${enough}MB is enough for it; smaller row groups or pages need less`,
  });
}
