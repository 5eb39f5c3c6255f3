/*
 * Owns Arrow's IPC stream as an output: a piece is record batches, the file's head the schema, its tail the end of the
 * stream. DuckDB has no COPY for it, so rows are read back from DuckDB and written here.
 */
import { type FileHandle, open } from "node:fs/promises";
import { type ColumnBuffer, typeToSql } from "../base/column.ts";
import { assert } from "../base/errors.ts";
import { attempt } from "../base/filefailure.ts";
import type { Connection } from "../duckdb/engine.ts";
import { Scan } from "../duckdb/scan.ts";
import { type ArrayBuilder, arrayBuilder } from "./arrowarrays.ts";
import { END_OF_STREAM, recordBatchMessage, schemaMessage } from "./arrowmessage.ts";
import type { FileColumn, FileFormat, Frame, Rows } from "./format.ts";
import { joinFramed, writeAll } from "./framed.ts";

/** A record batch is written when it has so many rows or bytes. */
const BATCH_ROWS = 65_536;
const BATCH_BYTES = 8 << 20;

/** Streams of these columns. `keyValues` are the schema's metadata. */
export function arrowFormat(columns: readonly FileColumn[], keyValues: Readonly<Record<string, string>>): FileFormat {
  const frame: Frame = {
    head: schemaMessage(columns, keyValues),
    between: new Uint8Array(),
    tail: END_OF_STREAM,
  };
  // One for all pieces, which are written one after the other: fresh memory for each would pile up faster than it is collected.
  const batches = new BatchWriter(columns);
  return {
    extension: ".arrows",
    piecesAreFiles: false,
    frame,
    writePiece: (connection, rows, path) => writePiece(connection, columns, rows, path, batches),
    join: (pieces, path, signal, joined) => joinFramed(frame, pieces, path, signal, joined),
  };
}

async function writePiece(
  connection: Connection,
  columns: readonly FileColumn[],
  rows: Rows,
  path: string,
  batches: BatchWriter,
): Promise<number> {
  const doing = `writing ${path}`;
  const list = rows.expressions.map((expression, i) => `${expression} AS v${i}`).join(", ");
  const scan = await Scan.open(connection, `SELECT ${list} FROM ${rows.from}`, doing);
  columns.forEach(({ name, type }, i) => {
    const read = scan.columns[i];
    assert(read && typeToSql(read.type) === typeToSql(type), `column ${name} is read as ${typeToSql(type)}`);
  });
  try {
    const out = await attempt("make", path, () => open(path, "wx"));
    try {
      batches.begin({ out, path, keyValues: rows.keyValues });
      for (let chunk = await scan.next(); chunk; chunk = await scan.next()) {
        await batches.append(chunk.columns, chunk.rows);
      }
      await batches.flush();
      return batches.rows;
    } finally {
      await out.close();
    }
  } catch (error) {
    await drain(scan);
    throw error;
  }
}

/**
 * Reads a scan to its end, whatever that is. DuckDB's threads go on asking for rows (duckdb/feed.ts) until then, and would
 * wait for them for ever if the engine were closed meanwhile.
 */
async function drain(scan: Scan): Promise<void> {
  try {
    while (await scan.next());
  } catch {
    // The error that ended the writing is the one to tell.
  }
}

/** Where record batches go. */
interface Piece {
  readonly out: FileHandle;
  readonly path: string;
  /** Said of every batch: the schema, which all files share, has no place for what is said of a piece. */
  readonly keyValues: Rows["keyValues"];
}

/** Cuts rows into record batches. Its memory is used again for each batch and each piece. */
class BatchWriter {
  /** Of all that was appended to the piece. */
  rows = 0;
  readonly #arrays: readonly ArrayBuilder[];
  #piece: Piece | undefined;
  #message: Uint8Array | undefined;
  #rowsInBatch = 0;

  constructor(columns: readonly FileColumn[]) {
    this.#arrays = columns.map(({ type }) => arrayBuilder(type));
  }

  /** Forgets what a piece before left unwritten. */
  begin(piece: Piece): void {
    for (const array of this.#arrays) array.clear();
    this.#piece = piece;
    this.rows = 0;
    this.#rowsInBatch = 0;
  }

  async append(columns: readonly ColumnBuffer[], rows: number): Promise<void> {
    const bytes = bytesOf(columns);
    if (this.#bytesInBatch() + bytes > BATCH_BYTES) await this.flush();
    // Of a chunk that alone is more than a batch may be, every row can be the one that fills it.
    const step = bytes > BATCH_BYTES ? 1 : rows;
    for (let first = 0; first < rows; first += step) {
      this.#arrays.forEach((array, i) => {
        array.append(columns[i]!, first, step);
      });
      this.#rowsInBatch += step;
      const isFull = this.#rowsInBatch + rows > BATCH_ROWS || this.#bytesInBatch() > BATCH_BYTES;
      if (isFull) await this.flush();
    }
  }

  /** Writes the rows that are not written yet, if there are any. */
  async flush(): Promise<void> {
    if (this.#rowsInBatch === 0 || !this.#piece) return;
    const { out, path, keyValues } = this.#piece;
    const nodes: number[] = [];
    const buffers: Uint8Array[] = [];
    for (const array of this.#arrays) array.collect(nodes, buffers);
    const message = recordBatchMessage(this.#rowsInBatch, nodes, buffers, keyValues, this.#message);
    this.#message = message;
    await attempt("write", path, () => writeAll(out, message));
    for (const array of this.#arrays) array.clear();
    this.rows += this.#rowsInBatch;
    this.#rowsInBatch = 0;
  }

  #bytesInBatch(): number {
    return this.#arrays.reduce((sum, array) => sum + array.bytes, 0);
  }
}

/** About what the values of a chunk take. Its columns share an arena. */
function bytesOf(columns: readonly ColumnBuffer[]): number {
  const fixed = (column: ColumnBuffer): number => {
    return column.children.reduce((sum, child) => sum + fixed(child), column.rows * column.width);
  };
  return columns.reduce((sum, column) => sum + fixed(column), columns[0]?.arena.length ?? 0);
}
