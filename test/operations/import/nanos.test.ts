import { expect, it } from "vitest";
import type { FileType } from "../../../src/duckdb/filetypes.ts";
import { nanosJson, ofInt96 } from "../../../src/operations/import/nanos.ts";
import { ask } from "../../cluster/parquet.ts";

const BYTES: FileType = { kind: "SIMPLE", name: "BLOB" };
const NANOS: FileType = { kind: "SIMPLE", name: "TIMESTAMP_NS" };
const JULIAN_DAY_OF_1970 = 2_440_588;

/** As SQL. */
function int96(day: number, nanosOfDay: bigint): string {
  const bytes = Buffer.alloc(12);
  bytes.writeBigInt64LE(nanosOfDay);
  bytes.writeUInt32LE(day, 8);
  return `from_hex('${bytes.toString("hex")}')`;
}

it.each<[what: string, day: number, nanos: bigint, value: string | null, isBad: boolean, json: string | null]>([
  ["1970", JULIAN_DAY_OF_1970, 0n, "1970-01-01 00:00:00", false, '"1970-01-01 00:00:00.000000000Z"'],
  [
    "a microsecond",
    JULIAN_DAY_OF_1970,
    86_399_999_999_000n,
    "1970-01-01 23:59:59.999999",
    false,
    '"1970-01-01 23:59:59.999999000Z"',
  ],
  ["a nanosecond", JULIAN_DAY_OF_1970, 1n, "1970-01-01 00:00:00", true, '"1970-01-01 00:00:00.000000001Z"'],
  [
    "nanoseconds before a day",
    JULIAN_DAY_OF_1970,
    -1000n,
    "1969-12-31 23:59:59.999999",
    false,
    '"1969-12-31 23:59:59.999999000Z"',
  ],
  ["9999", 5_373_484, 0n, "9999-12-31 00:00:00", false, '"9999-12-31 00:00:00.000000000Z"'],
  ["the year 1", 1_721_426, 0n, "0001-01-01 00:00:00", false, '"0001-01-01 00:00:00.000000000Z"'],
  ["a day that no timestamp has", 0xffff_ffff, 0n, null, true, null],
])("INT96: %s", async (_, day, nanos, value, isBad, json) => {
  for (const [type, make] of [
    [BYTES, (sql: string) => sql],
    [{ kind: "LIST", child: BYTES }, (sql: string) => `[${sql}, NULL]`],
  ] as const) {
    const { sql, check, json: jsonOf } = ofInt96("x", type, ["INT96"])!;
    const [found] = await ask(
      `SELECT (${sql})::VARCHAR AS value, ${check.sql} AS bad, ${jsonOf} AS json FROM (SELECT ${make(int96(day, nanos))} AS x)`,
    );
    const inList = { value: value ? `['${value}', NULL]` : "[NULL, NULL]", bad: isBad, json: `[${json},null]` };
    expect(found).toEqual(type.kind === "LIST" ? inList : { value, bad: isBad, json });
  }
});

it("INT96 that is missing is no bad value", async () => {
  const { sql, check } = ofInt96("x", BYTES, ["INT96"])!;
  expect(await ask(`SELECT ${sql} AS value, ${check.sql} AS bad FROM (SELECT NULL::BLOB AS x)`)).toEqual([
    { value: null, bad: false },
  ]);
});

it("bytes that are no INT96 stay bytes", () => {
  expect(ofInt96("x", BYTES, ["BYTE_ARRAY"])).toBeUndefined();
});

it("nanoseconds beside what JSON would change are one text", async () => {
  const of = (name: string): FileType => ({
    kind: "STRUCT",
    fields: [
      { name: "at", type: NANOS },
      { name: "b", type: { kind: "SIMPLE", name } },
    ],
  });
  const row = (value: string) => `FROM (SELECT {'at': make_timestamp_ns(1), 'b': ${value}} AS x)`;
  const [[whole], [bytes]] = await Promise.all([
    ask(`SELECT ${nanosJson("x", of("INTEGER"))} AS json ${row("7")}`),
    ask(`SELECT ${nanosJson("x", of("BLOB"))} AS json ${row("'0xab'::BLOB")}`),
  ]);
  expect(JSON.parse(String(whole?.json))).toEqual({ at: "1970-01-01 00:00:00.000000001Z", b: 7 });
  expect(JSON.parse(String(bytes?.json))).toEqual(expect.any(String));
});
