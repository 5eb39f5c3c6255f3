import duckdb from "@duckdb/node-bindings";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Arena, type ColumnBuffer, clearColumn, createColumn, setNull } from "../../src/base/column.ts";
import { type Connection, Engine, run } from "../../src/duckdb/engine.ts";
import { type ChunkSource, RowFeed } from "../../src/duckdb/feed.ts";

const CHUNK = 2048;
const types = [{ kind: "INTEGER" }, { kind: "VARCHAR" }] as const;

/** Rows of their number and a text, long and short in turn, of which every seventh is NULL. */
class Numbers implements ChunkSource {
  readonly arena = new Arena();
  readonly columns: readonly ColumnBuffer[] = types.map((type) => createColumn(type, this.arena));
  readonly #rows: number;
  #next = 0;
  failsAt = Number.POSITIVE_INFINITY;

  constructor(rows: number) {
    this.#rows = rows;
  }

  rewind(): void {
    this.#next = 0;
  }

  next(): number {
    const [numbers, texts] = this.columns as [ColumnBuffer, ColumnBuffer];
    for (const column of this.columns) clearColumn(column);
    this.arena.length = 0;
    const count = Math.min(CHUNK, this.#rows - this.#next);
    for (let row = 0; row < count; row++, this.#next++) {
      if (this.#next === this.failsAt) throw new RangeError(`row ${this.#next} is odd`);
      numbers.i32[row] = this.#next;
      this.#put(texts, row, Buffer.from(textOf(this.#next)));
      if (this.#next % 7 === 0) setNull(texts, row);
    }
    for (const column of this.columns) column.rows = count;
    return count;
  }

  #put(texts: ColumnBuffer, row: number, text: Uint8Array): void {
    texts.i32.fill(0, row * 4, row * 4 + 4);
    texts.i32[row * 4] = text.length;
    texts.bytes.set(text.subarray(0, text.length > 12 ? 4 : 12), row * 16 + 4);
    if (text.length > 12) texts.i32[row * 4 + 2] = this.arena.append(text);
  }
}

const textOf = (row: number) => (row % 2 ? `t${row}` : `the long text of row ${row}`);

describe("rows that statements ask for", () => {
  let engine: Engine;
  let connection: Connection;
  let feed: RowFeed;

  beforeAll(async () => {
    engine = await Engine.open({ memoryBytes: 1e8, threads: 1, tempDirectory: "/nowhere" });
    connection = await engine.connect();
    feed = new RowFeed(connection, types);
  });
  afterAll(() => engine.close());

  const ask = async (sql: string): Promise<unknown> => {
    const result = await run(connection, sql, "asking");
    const chunk = await duckdb.fetch_chunk(result);
    const data = duckdb.vector_get_data(duckdb.data_chunk_get_vector(chunk!, 0), 8);
    return Number(new DataView(data.buffer, data.byteOffset, 8).getBigInt64(0, true));
  };
  const expected = `CASE WHEN c0 % 7 = 0 THEN NULL WHEN c0 % 2 = 1 THEN 't' || c0 ELSE 'the long text of row ' || c0 END`;

  it("come whole and in order, each time a statement reads them", async () => {
    const rows = 3 * CHUNK + 5;
    const right = `SELECT count(*) FILTER (c1 IS NOT DISTINCT FROM ${expected}) + max(c0) FROM ${feed.from}`;
    const source = new Numbers(rows);
    const answers = await feed.serve(source, async () => [await ask(right), await ask(right)]);
    expect(answers).toEqual([rows + rows - 1, rows + rows - 1]);
    expect(await feed.serve(new Numbers(0), () => ask(`SELECT count(*) FROM ${feed.from}`))).toBe(0);
  });

  it("fail with the source's own error, and others can be read after it", async () => {
    const source = new Numbers(2 * CHUNK);
    source.failsAt = CHUNK + 1;
    const count = () => ask(`SELECT count(*) FROM ${feed.from}`);
    await expect(feed.serve(source, count)).rejects.toThrow(new RangeError(`row ${CHUNK + 1} is odd`));
    expect(await feed.serve(new Numbers(9), count)).toBe(9);
  });

  it("are an error when nobody serves them, not an empty table", async () => {
    await expect(ask(`SELECT count(*) FROM ${feed.from}`)).rejects.toThrow("no rows to give");
  });
});
