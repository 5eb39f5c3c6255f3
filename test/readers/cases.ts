/*
 * Owns the values that the judge is tested with: of each CQL type SQL that makes a value, and the bytes that Cassandra
 * holds for it, spelled out by hand; and for each type one value that is nearly right.
 */
import type { CqlType } from "../../src/types/cql.ts";

export interface Case {
  /** Of the column, too. */
  readonly label: string;
  readonly type: CqlType;
  /** As system_schema writes it. */
  readonly text: string;
  /** DuckDB's type of the column. */
  readonly sql: string;
  /** SQL of a value and its CQL bytes in hex. */
  readonly values: readonly (readonly [sql: string, hex: string])[];
  /** SQL to stand in the file where `values[at]` belongs, and what the judge sees: hex, or text that is no value. */
  readonly wrong: { readonly at: number; readonly sql: string; readonly got: string | null };
}

export function cql(name: string, ...of: readonly CqlType[]): CqlType {
  return { name, of };
}

export function vector(dimension: number, element: CqlType): CqlType {
  return { name: "vector", of: [element], dimension };
}

export function udt(name: string, fields: Readonly<Record<string, CqlType>>): CqlType {
  return { name: "udt", of: Object.values(fields), udt: { name, fields: Object.keys(fields) } };
}

/** What the judge shows for text that is no value of the type. */
export function noValue(what: string): string {
  return Buffer.from(`<not ${what}>`).toString("hex");
}

const [int, text, uuid, float] = [cql("int"), cql("text"), cql("uuid"), cql("float")];
const number = (sql: string, ...values: [string, string][]) => values.map(([v, hex]) => [`${v}::${sql}`, hex] as const);
const DURATION = "STRUCT(months INTEGER, days INTEGER, nanos BIGINT)";
const duration = (months: string, days: string, nanos: string) =>
  `{'months': ${months}, 'days': ${days}, 'nanos': ${nanos}}::${DURATION}`;

function native(name: string, sql: string, values: Case["values"], wrong: Case["wrong"]): Case {
  return { label: `c_${name}`, type: cql(name), text: name, sql, values, wrong };
}

export const NUMBERS: readonly Case[] = [
  native("tinyint", "TINYINT", number("TINYINT", ["'-128'", "80"], ["127", "7f"], ["0", "00"]), {
    at: 0,
    sql: "-127",
    got: "81",
  }),
  native("smallint", "SMALLINT", number("SMALLINT", ["'-32768'", "8000"], ["32767", "7fff"], ["'-1'", "ffff"]), {
    at: 2,
    sql: "255",
    got: "00ff",
  }),
  native("int", "INTEGER", number("INTEGER", ["'-2147483648'", "80000000"], ["2147483647", "7fffffff"]), {
    at: 1,
    sql: "-1",
    got: "ffffffff",
  }),
  native(
    "bigint",
    "BIGINT",
    number(
      "BIGINT",
      ["'-9223372036854775808'", "8000000000000000"],
      ["9223372036854775807", "7fffffffffffffff"],
      ["9007199254740993", "0020000000000001"],
    ),
    { at: 2, sql: "9007199254740992", got: "0020000000000000" },
  ),
  native("counter", "BIGINT", [["42", "000000000000002a"]], { at: 0, sql: "NULL", got: null }),
  native(
    "boolean",
    "BOOLEAN",
    [
      ["true", "01"],
      ["false", "00"],
    ],
    { at: 1, sql: "NULL", got: null },
  ),
  native(
    "float",
    "FLOAT",
    number(
      "FLOAT",
      ["'-0.0'", "80000000"],
      ["'0.0'", "00000000"],
      ["'nan'", "7fc00000"],
      ["'-inf'", "ff800000"],
      ["3.4028235E38", "7f7fffff"],
      ["1e-45", "00000001"],
      ["'01111111110000010010001101000101'::BIT", "7fc12345"],
    ),
    { at: 6, sql: "'nan'::FLOAT", got: "7fc00000" },
  ),
  native(
    "double",
    "DOUBLE",
    number(
      "DOUBLE",
      ["'0.0'", "0000000000000000"],
      ["'-0.0'", "8000000000000000"],
      ["'inf'", "7ff0000000000000"],
      ["0.1", "3fb999999999999a"],
      ["4.9E-324", "0000000000000001"],
      [`'${"1".repeat(12)}${"0".repeat(51)}1'::BIT`, "fff0000000000001"],
    ),
    { at: 1, sql: "0.0", got: "0000000000000000" },
  ),
  native(
    "decimal",
    "VARCHAR",
    [
      ["'1E+3'", "fffffffd01"],
      ["'0.00'", "0000000200"],
      ["'12.340'", "000000033034"],
      ["'-1'", "00000000ff"],
      ["'170141183460469231731687303715884105728'", `0000000000${"80".padEnd(32, "0")}`],
      ["'1E-2147483647'", "7fffffff01"],
      ["'1E+2147483648'", "8000000001"],
      ["'0.000000100'", "0000000964"],
    ],
    { at: 2, sql: "'12.34'", got: "0000000204d2" },
  ),
  native(
    "varint",
    "VARCHAR",
    [
      ["'0'", "00"],
      ["'-1'", "ff"],
      ["'127'", "7f"],
      ["'128'", "0080"],
      ["'-128'", "80"],
      ["'-129'", "ff7f"],
      ["'18446744073709551616'", "010000000000000000"],
      [`'${"9".repeat(68)}'`, "03b58e88c75313ec9d329eaaa18fb92f75215b170fffffffffffffffff"],
    ],
    { at: 6, sql: "'1.8446744073709552E19'", got: noValue("a varint: 1.8446744073709552E19") },
  ),
];

export const SCALARS: readonly Case[] = [
  native("ascii", "VARCHAR", [["'a~'", "617e"]], { at: 0, sql: "'a~ '", got: "617e20" }),
  native(
    "text",
    "VARCHAR",
    [
      ["''", ""],
      ["'é😀'", "c3a9f09f9880"],
      ["chr(0)", "00"],
      ["'NULL'", "4e554c4c"],
      ["'0123456789abcdef'", "30313233343536373839616263646566"],
    ],
    { at: 0, sql: "NULL", got: null },
  ),
  native(
    "uuid",
    "VARCHAR",
    [
      ["'00000000-0000-0000-0000-000000000000'", "0".repeat(32)],
      ["'f0f1f2f3-f4f5-4000-8000-00000000000a'", "f0f1f2f3f4f54000800000000000000a"],
    ],
    {
      at: 1,
      sql: "'F0F1F2F3-F4F5-4000-8000-00000000000A'",
      got: noValue("a uuid: F0F1F2F3-F4F5-4000-8000-00000000000A"),
    },
  ),
  native("timeuuid", "VARCHAR", [["'50554d6e-29bb-11e5-b345-feff819cdc9f'", "50554d6e29bb11e5b345feff819cdc9f"]], {
    at: 0,
    sql: "'11e529bb-4d6e-5055-b345-feff819cdc9f'",
    got: "11e529bb4d6e5055b345feff819cdc9f",
  }),
  native(
    "timestamp",
    "TIMESTAMPTZ",
    [
      ["make_timestamptz(1709210096789000)", "0000018df4dc5495"],
      ["make_timestamptz(-1000)", "ffffffffffffffff"],
      ["make_timestamptz(9223372036854775000)", "0020c49ba5e353f7"],
      ["make_timestamptz(-9223372022400000000)", "ffdf3b645af93c00"],
    ],
    { at: 1, sql: "make_timestamptz(-1)", got: noValue("whole milliseconds: -1 us") },
  ),
  native(
    "date",
    "DATE",
    [
      ["make_date(-2147483648)", "00000000"],
      ["make_date(-2147483647)", "00000001"],
      ["make_date(2147483647)", "ffffffff"],
      ["make_date(0)", "80000000"],
      ["DATE '2024-02-29'", "80004d46"],
    ],
    { at: 2, sql: "make_date(2147483646)", got: "fffffffe" },
  ),
  native(
    "time",
    "TIME_NS",
    [
      ["TIME_NS '00:00:00'", "0000000000000000"],
      ["TIME_NS '23:59:59.999999999'", "00004e94914effff"],
      ["TIME_NS '12:34:56.789012345'", "000029327b04bf79"],
    ],
    { at: 2, sql: "TIME_NS '12:34:56.789012'", got: "000029327b04be20" },
  ),
  native(
    "duration",
    DURATION,
    [
      [duration("14", "3", "3723000000004"), "1c06fc06c5a82f5c08"],
      [duration("-1", "-2", "-3"), "010305"],
      [duration("0", "0", "0"), "000000"],
      [duration("2147483647", "2147483647", "9223372036854775807"), "f0fffffffef0fffffffefffffffffffffffffe"],
      [duration("'-2147483648'", "'-2147483648'", "'-9223372036854775808'"), "f0fffffffff0ffffffffffffffffffffffffff"],
    ],
    { at: 0, sql: duration("14", "3", "3723000000000"), got: "1c06fc06c5a82f5c00" },
  ),
  native(
    "inet",
    "VARCHAR",
    [
      ["'127.0.0.1'", "7f000001"],
      ["'::ffff:1.2.3.4'", "00000000000000000000ffff01020304"],
      ["'fe80::1'", "fe800000000000000000000000000001"],
      ["'::'", "0".repeat(32)],
    ],
    { at: 1, sql: "'1.2.3.4'", got: "01020304" },
  ),
  native(
    "blob",
    "BLOB",
    [
      ["''::BLOB", ""],
      ["'\\x00\\xFF'::BLOB", "00ff"],
    ],
    { at: 1, sql: "'\\x00\\xFE'::BLOB", got: "00fe" },
  ),
  {
    label: "c_custom",
    type: { name: "custom", of: [], className: "org.apache.cassandra.db.marshal.LexicalUUIDType" },
    text: "'org.apache.cassandra.db.marshal.LexicalUUIDType'",
    sql: "BLOB",
    values: [["'\\x01'::BLOB", "01"]],
    wrong: { at: 0, sql: "''::BLOB", got: "" },
  },
];

const ADDRESS = udt("addr Type", { street: text, "Zip code": int, tags: cql("set", text) });
const ADDRESS_SQL = 'STRUCT(street VARCHAR, "Zip code" INTEGER, tags VARCHAR[])';
const TUPLE_SQL = 'STRUCT("1" INTEGER, "2" VARCHAR, "3" FLOAT)';
const DEEP_SQL = 'MAP(VARCHAR, STRUCT("1" INTEGER, "2" MAP(VARCHAR, VARCHAR))[])';
const ID = "f0f1f2f3-f4f5-4000-8000-00000000000a";
// one entry, "a" to a list of 49 bytes: one tuple of 41 bytes: 1 and a map of 29 bytes, "u" to a uuid
const DEEP =
  "00000001" +
  "0000000161" +
  "00000031" +
  "00000001" +
  "00000029" +
  "0000000400000001" +
  "0000001d" +
  "00000001" +
  "0000000175" +
  "00000010" +
  "f0f1f2f3f4f54000800000000000000a";

export const NESTED: readonly Case[] = [
  {
    label: "c_list",
    type: cql("list", int),
    text: "frozen<list<int>>",
    sql: "INTEGER[]",
    values: [
      ["[3, 1]", "00000002000000040000000300000004" + "00000001"],
      ["[]", "00000000"],
      ["[NULL, 500]", "00000002ffffffff00000004000001f4"],
    ],
    wrong: { at: 0, sql: "[1, 3]", got: "00000002000000040000000100000004" + "00000003" },
  },
  {
    label: "c_set",
    type: cql("set", text),
    text: "frozen<set<text>>",
    sql: "VARCHAR[]",
    values: [
      ["['', 'b']", "00000002000000000000000162"],
      ["[]", "00000000"],
    ],
    wrong: { at: 1, sql: "NULL", got: null },
  },
  {
    label: "c_map",
    type: cql("map", text, int),
    text: "map<text, int>",
    sql: "MAP(VARCHAR, INTEGER)",
    values: [["MAP {'': -1, 'k1': 1}", "000000020000000000000004ffffffff000000026b310000000400000001"]],
    wrong: { at: 0, sql: "MAP {'': NULL, 'k1': 1}", got: "0000000200000000ffffffff000000026b310000000400000001" },
  },
  {
    label: "c_tuple",
    type: cql("tuple", int, text, float),
    text: "frozen<tuple<int, text, float>>",
    sql: TUPLE_SQL,
    values: [
      ["(1, '', '-0.0'::FLOAT)", "00000004000000010000000000000004" + "80000000"],
      ["(NULL, NULL, NULL)", "ffffffffffffffffffffffff"],
    ],
    wrong: { at: 0, sql: "(1, NULL, '-0.0'::FLOAT)", got: "0000000400000001ffffffff0000000480000000" },
  },
  {
    label: "c_udt",
    type: ADDRESS,
    text: 'frozen<"addr Type">',
    sql: ADDRESS_SQL,
    values: [
      ["('s', 1, ['x'])", "0000000173000000040000000100000009000000010000000178"],
      ["(NULL, NULL, [])", "ffffffffffffffff0000000400000000"],
      ["(NULL, NULL, NULL)", "ffffffffffffffffffffffff"],
    ],
    wrong: { at: 2, sql: "NULL", got: null },
  },
  {
    label: "c_deep",
    type: cql("map", text, cql("list", cql("tuple", int, cql("map", text, uuid)))),
    text: "map<text, frozen<list<frozen<tuple<int, frozen<map<text, uuid>>>>>>>",
    sql: DEEP_SQL,
    values: [
      [`MAP {'a': [(1, MAP {'u': '${ID}'})]}`, DEEP],
      ["MAP {}", "00000000"],
    ],
    wrong: { at: 0, sql: `MAP {'a': [(1, MAP {'u': '${ID.slice(0, -1)}b'})]}`, got: DEEP.replace(/a$/, "b") },
  },
];

export const VECTORS: readonly Case[] = [
  {
    label: "c_vfloat",
    type: vector(3, float),
    text: "vector<float, 3>",
    sql: "FLOAT[]",
    values: [["[1.5, '-0.0'::FLOAT, 'nan'::FLOAT]", "3fc00000800000007fc00000"]],
    wrong: { at: 0, sql: "[1.5, 0.0, 'nan'::FLOAT]", got: "3fc00000000000007fc00000" },
  },
  {
    label: "c_vtext",
    type: vector(2, text),
    text: "vector<text, 2>",
    sql: "VARCHAR[]",
    values: [
      ["['', 'b']", "000162"],
      ["[repeat('a', 200), 'b']", `80c8${"61".repeat(200)}0162`],
    ],
    wrong: { at: 0, sql: "['b', '']", got: "016200" },
  },
  {
    label: "c_vsmallint",
    type: vector(2, cql("smallint")),
    text: "vector<smallint, 2>",
    sql: "SMALLINT[]",
    values: [["[1, -2]", "02000102fffe"]],
    wrong: { at: 0, sql: "[1, -3]", got: "02000102fffd" },
  },
  {
    label: "c_vdate",
    type: vector(2, cql("date")),
    text: "vector<date, 2>",
    sql: "DATE[]",
    values: [["[make_date(-2147483648), make_date(2147483647)]", "040000000004ffffffff"]],
    wrong: { at: 0, sql: "[make_date(-2147483648)]", got: noValue("2 elements: 1") },
  },
  {
    label: "c_vvector",
    type: vector(2, vector(2, int)),
    text: "vector<vector<int, 2>, 2>",
    sql: "INTEGER[][]",
    values: [["[[1, 2], [3, -1]]", "000000010000000200000003ffffffff"]],
    wrong: { at: 0, sql: "[[3, -1], [1, 2]]", got: "00000003ffffffff0000000100000002" },
  },
  {
    label: "c_vlist",
    type: vector(2, cql("list", int)),
    text: "vector<frozen<list<int>>, 2>",
    sql: "INTEGER[][]",
    values: [["[[1], []]", "0c0000000100000004000000010400000000"]],
    wrong: { at: 0, sql: "[[], [1]]", got: "04000000000c000000010000000400000001" },
  },
];
