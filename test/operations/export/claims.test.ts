/*
 * Which values of a user's SQL pass for those of a CQL type, judged by DuckDB.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Connection, Engine } from "../../../src/duckdb/engine.ts";
import { readRows } from "../../../src/duckdb/reader.ts";
import { claimed, valueOfNoType } from "../../../src/operations/export/claims.ts";
import { duckdbTypeFromText } from "../../../src/types/column-type.ts";
import { parseCqlType } from "../../../src/types/cql.ts";

let engine: Engine;
let connection: Connection;
beforeAll(async () => {
  engine = await Engine.open({ memoryBytes: 100e6, threads: 1, tempDirectory: "" });
  connection = await engine.connect();
});
afterAll(() => engine.close());

const UDTS = new Map([["u", { fields: ["n", "Note"], types: ["varint", "text"] }]]);

/** What becomes of a value: itself, or what its refusal says. */
async function claim(cqlText: string, duckdb: string, value: string): Promise<unknown> {
  const cql = parseCqlType(cqlText, UDTS);
  const column = { name: "v", file: "v", kind: "regular", cql, cqlText, type: duckdbTypeFromText(duckdb) };
  const query = `SELECT (${claimed(column, "v")})::VARCHAR AS v FROM (SELECT ${value}::${duckdb} AS v FROM range(2))`;
  try {
    const [row] = await readRows<{ v: unknown }>(connection, query, "claiming");
    return row?.v;
  } catch (error) {
    return valueOfNoType(error)?.message ?? error;
  }
}

describe("a value of the result", () => {
  it.each([
    ["decimal", "VARCHAR", "'-0.00'"],
    ["decimal", "VARCHAR", "'1.5E+3'"],
    ["decimal", "VARCHAR", "NULL"],
    ["varint", "VARCHAR", "'-100000000000000000000000000000000000000000'"],
    ["uuid", "VARCHAR", "'49741bbd-468a-4d84-9214-baa0a95fa67f'"],
    ["timeuuid", "VARCHAR", "'15d442a0-e5f0-11f1-8b7a-ed9d92bdaa17'"],
    ["inet", "VARCHAR", "'::ffff:1.2.3.4'"],
    ["ascii", "VARCHAR", "'a\n\tb'"],
    ["text", "VARCHAR", "'anything: é'"],
    ["list<decimal>", "VARCHAR[]", "['1', NULL, '0.10']"],
    ["list<decimal>", "VARCHAR[]", "NULL"],
    ["map<varint, text>", "MAP(VARCHAR, VARCHAR)", "MAP {'1': 'x'}"],
    ["u", 'STRUCT(n VARCHAR, "Note" VARCHAR)', "{'n': NULL, 'Note': 'x'}"],
  ])("of type %s as %s may be %s", async (cql, duckdb, value) => {
    const [before] = await readRows<{ v: unknown }>(connection, `SELECT (${value}::${duckdb})::VARCHAR AS v`, "asking");
    expect(await claim(cql, duckdb, value)).toEqual(before?.v);
  });

  it.each([
    ["decimal", "VARCHAR", "'n/a'", "n/a"],
    ["decimal", "VARCHAR", "''", ""],
    ["decimal", "VARCHAR", "'1,5'", "1,5"],
    ["decimal", "VARCHAR", "'1\n'", "1 "],
    ["varint", "VARCHAR", "'1.0'", "1.0"],
    ["varint", "VARCHAR", "'007'", "007"],
    ["uuid", "VARCHAR", "'x'", "x"],
    ["timeuuid", "VARCHAR", "'49741bbd-468a-4d84-9214-baa0a95fa67f'", "49741bbd-468a-4d84-9214-baa0a95fa67f"],
    ["inet", "VARCHAR", "'here'", "here"],
    ["ascii", "VARCHAR", "'é'", "é"],
    ["list<frozen<list<decimal>>>", "VARCHAR[][]", "[['1'], ['x']]", "[[1], [x]]"],
    ["map<varint, text>", "MAP(VARCHAR, VARCHAR)", "MAP {'x': '1'}", "{x=1}"],
    ["map<text, varint>", "MAP(VARCHAR, VARCHAR)", "MAP {'1': 'x'}", "{1=x}"],
    ["u", 'STRUCT(n VARCHAR, "Note" VARCHAR)', "{'n': 'x', 'Note': NULL}", "{'n': x, 'Note': NULL}"],
  ])("of type %s as %s can't be %s", async (cql, duckdb, value, shown) => {
    const message = await claim(cql, duckdb, value);
    expect(message).toContain(`--sql: column v is of type ${cql}, as in the table, and "${shown}" is no value of it`);
  });
});
