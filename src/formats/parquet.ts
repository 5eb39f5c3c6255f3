/*
 * Owns Parquet as an output: DuckDB writes each piece as a file of its own, and finished row groups are put together
 * under one footer without decoding a page.
 */
import { assert } from "../base/errors.ts";
import { copyRows, quoteName, quoteText } from "../duckdb/copy.ts";
import type { Connection } from "../duckdb/engine.ts";
import { ParquetConcat } from "../parquet/concat.ts";
import { readFooterSummary } from "../parquet/footer.ts";
import type { Compression, FileColumn, FileFormat, Piece, Rows } from "./format.ts";

/** DuckDB's vectors: row groups are written in whole ones. */
const VECTOR_ROWS = 2048;

/** DuckDB holds a row group several times over while it writes it (measured: 110 MB less than for groups of 13 MB). */
const BIG_ROW_GROUP_BYTES = 4_000_000;

/**
 * Codecs that find what repeats far away by themselves. Where values are that many, a dictionary is mostly in their way: files of
 * them got smaller, or larger by a twentieth at the most, and most of the time of a lookup is waiting for memory.
 */
const FAR_SIGHTED: readonly Compression["codec"][] = ["zstd", "brotli"];
/** Values of a dictionary at the most under such a codec: DuckDB looks them up in 24 bytes each, which the processor keeps at hand. */
const FEW_VALUES = 8192;

/** DuckDB's names for codecs that are called otherwise elsewhere. */
const CODEC_NAMES: Partial<Record<Compression["codec"], string>> = { lz4: "lz4_raw", none: "uncompressed" };

export interface ParquetOptions {
  /** Of the pages. */
  readonly compression: Compression;
  /** Rounded up to a multiple of DuckDB's 2,048 rows; DuckDB's own 122,880 where it is absent. */
  readonly rowGroupRows?: number | undefined;
  /** The file's key-value metadata. */
  readonly keyValues: Readonly<Record<string, string>>;
}

/** Parquet files of these columns. */
export function parquetFormat(columns: readonly FileColumn[], options: ParquetOptions): FileFormat {
  return {
    extension: ".parquet",
    piecesAreFiles: true,
    hasDictionaries: true,
    writePiece: (connection, rows, path) => writePiece(connection, columns, rows, options, path),
    join,
  };
}

function writePiece(
  connection: Connection,
  columns: readonly FileColumn[],
  rows: Rows,
  options: ParquetOptions,
  path: string,
): Promise<number> {
  const list = columns.map(({ name }, i) => `${rows.expressions[i]} AS ${quoteName(name)}`).join(", ");
  return copyRows(connection, `SELECT ${list} FROM ${rows.from}`, path, copyOptions(options, rows));
}

function copyOptions({ compression, rowGroupRows, keyValues }: ParquetOptions, rows: Rows): string[] {
  const said = { ...keyValues, ...rows.keyValues };
  const pairs = Object.entries(said).map(([key, value]) => `${quoteName(key)}: ${quoteText(value)}`);
  return [
    "FORMAT parquet",
    `COMPRESSION ${CODEC_NAMES[compression.codec] ?? compression.codec}`,
    ...(compression.level === undefined ? [] : [`COMPRESSION_LEVEL ${compression.level}`]),
    ...(rowGroupRows === undefined ? [] : [`ROW_GROUP_SIZE ${wholeVectors(rowGroupRows)}`]),
    ...(rows.big ? [`ROW_GROUP_SIZE_BYTES ${BIG_ROW_GROUP_BYTES}`] : []),
    ...dictionaryLimit(compression, rowGroupRows, rows.exactFloats),
    ...(pairs.length ? [`KV_METADATA {${pairs.join(", ")}}`] : []),
  ];
}

/** DuckDB's own grows with the row groups: where their size is said, it stays. */
function dictionaryLimit({ codec }: Compression, rowGroupRows: number | undefined, exactFloats: boolean): string[] {
  // Dictionaries would merge 0.0 with -0.0 and NaNs with each other.
  if (exactFloats) return ["DICTIONARY_SIZE_LIMIT 0"];
  return FAR_SIGHTED.includes(codec) && rowGroupRows === undefined ? [`DICTIONARY_SIZE_LIMIT ${FEW_VALUES}`] : [];
}

/** DuckDB writes whole vectors: said here, the size does not depend on how it rounds. */
function wholeVectors(rows: number): number {
  return Math.ceil(rows / VECTOR_ROWS) * VECTOR_ROWS;
}

async function join(
  pieces: readonly Piece[],
  path: string,
  signal: AbortSignal,
  joined?: (piece: Piece) => void,
): Promise<void> {
  const concat = await ParquetConcat.create(path);
  try {
    for (const piece of pieces) {
      signal.throwIfAborted();
      await concat.append(piece.path);
      joined?.(piece);
    }
    await concat.finish();
  } finally {
    await concat.close();
  }
  const rows = pieces.reduce((sum, piece) => sum + piece.rows, 0);
  const written = await readFooterSummary(path);
  assert(written.rows === rows, `${path} has ${written.rows} rows of the ${rows} in its segments`);
}
