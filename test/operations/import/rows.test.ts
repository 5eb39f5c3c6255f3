import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Connection, Engine } from "../../../src/duckdb/engine.ts";
import { Scan, type ScanChunk } from "../../../src/duckdb/scan.ts";
import { piecesOf } from "../../../src/operations/import/rows.ts";
import { CellWriter } from "../../../src/types/codec.ts";
import { parseCqlType } from "../../../src/types/cql.ts";
import { codecFor } from "../../../src/types/table.ts";

let engine: Engine;
let connection: Connection;

beforeAll(async () => {
  engine = await Engine.open({ memoryBytes: 512e6, threads: 1, tempDirectory: "", keepOrder: true });
  connection = await engine.connect();
});

afterAll(() => engine.close());

const FIELDS: Readonly<Record<string, string>> = {
  int: "i::INTEGER",
  smallint: "i::SMALLINT",
  bigint: "i * 10000000000",
  boolean: "i % 3 = 0",
  timestamp: "make_timestamptz(i * 1000)",
  text: "repeat(chr(97 + (i % 26)::INTEGER), (i % 200)::INTEGER)",
  blob: "encode(repeat('b', (i % 97 * 100)::INTEGER))",
  "list<text>": "[i::VARCHAR, 'an element of some length ' || i]",
  "map<int, text>": "MAP {i::INTEGER: 'one', i::INTEGER + 1: 'another of some length'}",
  "tuple<int, text>": "{'1': i::INTEGER, '2': 'a field of some length ' || i}",
};
const ROWS = 2001;

/** The cells of a chunk's columns: texts, null where there is none. */
function cellsOf({ columns, rows }: ScanChunk): (string | null)[][] {
  return Object.keys(FIELDS).map((type, i) => {
    const column = columns[i]!;
    const cells = new CellWriter();
    codecFor(parseCqlType(type, new Map()), { want: column.type, uuid: "text", empty: "error" }).encode(
      column,
      0,
      rows,
      cells,
    );
    expect(cells.cells).toBe(rows);
    return Array.from({ length: rows }, (_, row) => {
      const [at, length] = [cells.index[row * 2]!, cells.index[row * 2 + 1]!];
      return length < 0 ? null : Buffer.from(cells.bytes.subarray(at, at + length)).toString("hex");
    });
  });
}

/** The first chunk of a query; the connection is free again. */
async function scan(sql: string): Promise<ScanChunk> {
  const open = await Scan.open(connection, sql, "reading");
  const chunk = await open.next();
  await open.settle();
  return chunk!;
}

const select = (fields: readonly string[]) => `SELECT ${fields.join(", ")} FROM range(${ROWS}) r(i)`;

describe("a chunk in pieces", () => {
  it.each([
    ["all rows have", (sql: string) => sql],
    ["some rows have", (sql: string, i: number) => `CASE WHEN (i + ${i}) % 7 > 2 THEN ${sql} END`],
  ])("gives the cells of the whole, of values that %s", async (_, sqlOf) => {
    const chunk = await scan(select(Object.values(FIELDS).map(sqlOf)));
    const pieces = [...piecesOf(chunk)];
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.map(({ rows }) => rows).reduce((sum, rows) => sum + rows)).toBe(ROWS);
    const together = pieces.map(cellsOf);
    const whole = cellsOf(chunk);
    expect(whole.map((_cells, i) => together.flatMap((piece) => piece[i]!))).toEqual(whole);
  });

  it("is one piece where its rows are short", async () => {
    const chunk = await scan(select([FIELDS.int!, FIELDS.text!]));
    expect([...piecesOf(chunk)]).toEqual([chunk]);
  });

  it("has pieces of eight rows where these are long", async () => {
    const chunk = await scan("SELECT encode(repeat('b', 1000000)) AS b FROM range(20)");
    const sizes = [...piecesOf(chunk)].map(({ rows }) => rows);
    expect(sizes).toEqual([8, 8, 4]);
  });
});
