import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Connection, Engine } from "../../src/duckdb/engine.ts";
import { readRows } from "../../src/duckdb/reader.ts";
import type { FileColumn } from "../../src/formats/format.ts";
import { type ParquetOptions, parquetFormat } from "../../src/formats/parquet.ts";

let engine: Engine;
let connection: Connection;
const directory = mkdtempSync(join(tmpdir(), "cqlduck-parquet-"));

beforeAll(async () => {
  engine = await Engine.open({ memoryBytes: 512e6, threads: 1, tempDirectory: join(directory, "spill") });
  connection = await engine.connect();
});

afterAll(() => {
  engine.close();
  rmSync(directory, { recursive: true, force: true });
});

const text = (name: string): FileColumn => ({ name, type: { kind: "VARCHAR" }, cql: { name: "text", of: [] } });

/** Which columns have dictionaries: one of 100 values and one of 12,000, six times each. */
async function dictionaries(options: Omit<ParquetOptions, "keyValues">, exactFloats = false) {
  const path = join(directory, "piece.parquet");
  const format = parquetFormat([text("few"), text("many")], { ...options, keyValues: {} });
  const from = "(SELECT (i % 100)::TEXT AS c0, (i % 12000)::TEXT AS c1 FROM range(72000) AS r(i))";
  await format.writePiece(connection, { from, expressions: ["c0", "c1"], exactFloats, big: false }, path);
  const found = await readRows<{ name: string; has: boolean }>(
    connection,
    `SELECT path_in_schema AS name, bool_and(dictionary_page_offset IS NOT NULL) AS has
     FROM parquet_metadata('${path}') GROUP BY 1 ORDER BY 1`,
    "reading it",
  );
  return Object.fromEntries(found.map(({ name, has }) => [name, has]));
}

test("where the codec finds by itself what repeats, many values have no dictionary", async () => {
  expect(await dictionaries({ compression: { codec: "snappy" } })).toEqual({ few: true, many: true });
  expect(await dictionaries({ compression: { codec: "zstd" } })).toEqual({ few: true, many: false });
});

test("with a size of row groups DuckDB's own limit holds", async () => {
  const options = { compression: { codec: "zstd" }, rowGroupRows: 122_880 } as const;
  expect(await dictionaries(options)).toEqual({ few: true, many: true });
});

test("exact floats have none", async () => {
  expect(await dictionaries({ compression: { codec: "zstd" } }, true)).toEqual({ few: false, many: false });
});
