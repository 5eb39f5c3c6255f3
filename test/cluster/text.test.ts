/* The server's own texts, as SELECT JSON writes them, are read as the bytes that the server holds. */
import { beforeAll, describe, expect, inject, test } from "vitest";
import { parseCqlType, type UserTypes } from "../../src/types/cql.ts";
import { textEncoder } from "../../src/types/table.ts";
import { encodeWith, toHex } from "../types/bytes.ts";
import { textColumn } from "../types/texts.ts";
import { testClient, testKeyspace } from "./support.ts";
import { serverRows } from "./wire.ts";

const UDTS: UserTypes = new Map([["place", { fields: ["x", "label"], types: ["double", "text"] }]]);

/** Type, and CQL literals of it. */
const LITERALS: [string, string[]][] = [
  ["ascii", ["'~'", "''", "'\"\\'"]],
  ["bigint", ["9223372036854775807", "-9223372036854775808"]],
  ["blob", ["0xCAFE", "0x"]],
  ["boolean", ["true", "false"]],
  ["date", ["'2024-02-29'", "'1900-01-01'", "'9999-12-31'", "'0001-01-01'"]],
  ["decimal", ["1.10", "0.00", "-12345678901234567890.123456789", "1.5e20", "1E-9"]],
  ["double", ["0.1", "-0.0", "1e300", "5e-324", "123456789.5"]],
  ["duration", ["1y2mo3d4h5m6s7ms8us9ns", "-1mo2d", "0d"]],
  ["float", ["0.1", "-0.0", "16777216", "3.4028235e38", "1e-45"]],
  ["inet", ["'10.0.0.1'", "'2001:db8::a'", "'::'"]],
  ["int", ["-2147483648", "42"]],
  ["smallint", ["-32768"]],
  ["text", ["'é 日本 😀'", "''", "'line\nbreak, \"quoted\", tab\t'"]],
  ["time", ["'12:34:56.123456789'", "'00:00:00'"]],
  ["timestamp", ["'2024-01-15 10:00:00.123+0000'", "'1969-12-31 23:59:59.999+0100'", "0"]],
  ["timeuuid", ["d2177dd0-eaa2-11de-a572-001b779c76e3"]],
  ["tinyint", ["-128"]],
  ["uuid", ["550E8400-e29b-41d4-a716-446655440000"]],
  ["varint", ["-170141183460469231731687303715884105729", "0"]],
  ["list<timestamp>", ["['2024-01-15 10:00:00.123+0000', 0]"]],
  ["set<frozen<tuple<int, text>>>", ["{(1, 'a'), (2, null)}"]],
  ["map<int, text>", ["{1: 'a', -2: 'b'}"]],
  ["map<text, frozen<list<decimal>>>", ["{'k': [1.0, 2.00], '': []}"]],
  ["map<frozen<list<int>>, double>", ["{[1, 2]: 0.5}"]],
  ["tuple<uuid, inet>", ["(550e8400-e29b-41d4-a716-446655440000, null)"]],
  ["frozen<place>", ["{x: 1.5, label: 'here'}", "{label: 'nowhere'}"]],
];

describe("texts of the server", () => {
  let keyspace: string;
  const port = inject("cassandra");
  const columns = LITERALS.map(([type, literals], i) => ({ type, literals, name: `c${i}` }));

  beforeAll(async () => {
    const client = await testClient();
    keyspace = await testKeyspace(client, "text");
    await client.execute(`CREATE TYPE ${keyspace}.place (x double, label text)`);
    const definitions = columns.map(({ name, type }) => `${name} ${type}`).join(", ");
    await client.execute(`CREATE TABLE ${keyspace}.t (k int PRIMARY KEY, ${definitions})`);
    for (let row = 0; row < 5; row++) {
      const there = columns.filter(({ literals }) => literals[row] !== undefined);
      const values = there.map(({ literals }) => literals[row]).join(", ");
      const names = there.map(({ name }) => name).join(", ");
      await client.execute(`INSERT INTO ${keyspace}.t (k, ${names}) VALUES (${row}, ${values})`);
    }
  });

  test.each(columns)("$type", async ({ type, name, literals }) => {
    const text = await serverRows(port.host, port.port, `SELECT toJson(${name}) FROM ${keyspace}.t`);
    const held = await serverRows(port.host, port.port, `SELECT ${name} FROM ${keyspace}.t`);
    const encode = textEncoder(parseCqlType(type, UDTS), "json", { truncateTimes: false });
    const cells = encodeWith(encode, textColumn(text.rows.map(([cell]) => cell ?? null)));
    expect(cells.map(toHex)).toEqual(held.rows.map(([cell]) => cell?.toString("hex") ?? null));
    expect(cells.filter((cell) => cell !== null)).toHaveLength(literals.length);
  });
});
