/*
 * Owns what the tests of file formats share: rows of CQL bytes put into DuckDB as an export does, and written by a format.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import duckdb from "@duckdb/node-bindings";
import { Arena, createColumn, typeToSql } from "../../src/base/column.ts";
import { ChunkFiller, logicalType } from "../../src/duckdb/chunk.ts";
import { type Connection, Engine, run } from "../../src/duckdb/engine.ts";
import type { FileColumn, Rows } from "../../src/formats/format.ts";
import type { Codec } from "../../src/types/codec.ts";
import { parseCqlType, type UserTypes } from "../../src/types/cql.ts";
import { type CodecOptions, codecFor } from "../../src/types/table.ts";
import { type Bytes, cellsOf } from "../types/bytes.ts";

export interface TestColumn extends FileColumn {
  readonly codec: Codec;
}

export function testColumn(
  name: string,
  text: string,
  udts: UserTypes = new Map(),
  options: Partial<CodecOptions> = {},
): TestColumn {
  const cql = parseCqlType(text, udts);
  const codec = codecFor(cql, { uuid: "text", empty: "error", ...options });
  return { name, type: codec.column, cql, codec };
}

export interface TestEngine {
  readonly directory: string;
  readonly connection: Connection;
  /** A table of these cells, by column; at most 2,048 rows. */
  table(columns: readonly TestColumn[], cells: readonly (readonly Bytes[])[]): Promise<Rows>;
  close(): Promise<void>;
}

let tables = 0;

export async function testEngine(): Promise<TestEngine> {
  const directory = await mkdtemp(join(tmpdir(), "cqlduck-formats-"));
  const engine = await Engine.open({ memoryBytes: 500e6, threads: 2, tempDirectory: join(directory, "spill") });
  const connection = await engine.connect();
  return {
    directory,
    connection,
    async table(columns, cells) {
      const name = `t${tables++}`;
      const types = columns.map(({ type }) => type);
      const list = types.map((type, i) => `c${i} ${typeToSql(type)}`).join(", ");
      await run(connection, `CREATE TABLE ${name} (${list})`, "making a table");
      const arena = new Arena();
      const buffers = types.map((type) => createColumn(type, arena));
      const rows = cells[0]?.length ?? 0;
      columns.forEach(({ codec }, i) => {
        codec.decode(cellsOf(cells[i]!, arena), 0, rows, buffers[i]!);
      });
      const chunk = duckdb.create_data_chunk(types.map(logicalType));
      new ChunkFiller().fill(chunk, { columns: buffers, arena }, rows);
      const appender = duckdb.appender_create(connection, null, name);
      duckdb.append_data_chunk(appender, chunk);
      duckdb.appender_close_sync(appender);
      return { from: name, expressions: types.map((_, i) => `c${i}`), exactFloats: true };
    },
    async close() {
      engine.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
