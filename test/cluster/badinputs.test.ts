/*
 * Bad values, keys and lines, and sources that don't fit, of every kind: for each the exit code, what is said of it, and that
 * nothing else is lost; rejected rows can be repaired and imported again. Damaged files are in badfiles.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EXIT_DONE, EXIT_REJECTED } from "../../src/cli/faults.ts";
import { Importing } from "./importing.ts";

let world: Importing;

beforeAll(async () => {
  world = await Importing.open(
    "badinputs",
    `CREATE TABLE $ks.t (p int, c int, i int, ti tinyint, n double, d decimal, x varint, o boolean, u uuid, tu timeuuid,
       a ascii, ts timestamp, da date, tm time, du duration, b blob, ip inet, l frozen<list<int>>, m map<text, int>,
       v text, PRIMARY KEY (p, c))`,
    "CREATE TABLE $ks.k (k text, c text, v blob, PRIMARY KEY (k, c))",
  );
});

afterAll(() => world.close());

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A column, a text that is no value of its type, what is said of it, and a text that is one. */
const VALUES: readonly (readonly [column: string, text: string, reason: RegExp, good: string])[] = [
  ["i", "x", /'x' is no int/, "1"],
  ["i", "2147483648", /2147483648/, "1"],
  ["i", "1.5", /1\.5/, "1"],
  ["ti", "128", /128/, "1"],
  ["n", "1e999", /1e999/, "1e99"],
  ["n", "one", /one/, "1"],
  ["d", "1,5", /1,5/, "1.5"],
  ["x", "1.5", /1\.5/, "1"],
  ["o", "maybe", /maybe/, "true"],
  ["u", "1234", /1234/, "00000000-0000-4000-8000-000000000000"],
  ["tu", "00000000-0000-4000-8000-000000000000", /00000000/, "00000000-0000-1000-8000-000000000000"],
  ["a", "é", /is no ascii/, "e"],
  ["ts", "2024-02-30T00:00:00Z", /2024-02-30/, "2024-02-28T00:00:00Z"],
  ["ts", "2024-01-01T00:00:00.000001Z", /2024-01-01/, "2024-01-01T00:00:00.001Z"],
  ["da", "2024-13-01", /2024-13-01/, "2024-12-01"],
  ["tm", "24:00:01", /24:00:01/, "23:00:01"],
  ["du", "1x", /1x/, "1h"],
  ["b", "0xabc", /0xabc/, "0xab"],
  ["ip", "1.2.3.256", /1\.2\.3\.256/, "1.2.3.4"],
  ["l", "[1, null]", /null|NULL|list/, "[1]"],
  ["l", "[1", /JSON/, "[1]"],
  ["m", '{"a": "b"}', /b|JSON/, '{"a": 1}'],
];

describe("a value that is none of its type costs its row only", () => {
  const columns = [...new Set(VALUES.map(([column]) => column))];
  const allKeys = VALUES.flatMap((_, i) => [`${i}:0`, `${i}:1`]);

  async function check(path: string, texts: (column: string, text: string) => unknown): Promise<void> {
    await world.empty();
    const { code, report, bad } = await world.import(path);
    expect(await world.keys()).toEqual(VALUES.map((_, i) => `${i}:0`));
    expect([code, report?.rows, report?.rejected]).toEqual([EXIT_REJECTED, VALUES.length, VALUES.length]);
    for (const [i, [column, text, reason]] of VALUES.entries()) {
      expect(bad[i]).toMatchObject({ file: path, row: 2 * i + 2, column, reason: expect.stringMatching(reason) });
      expect((bad[i]!["values"] as Record<string, unknown>)[column]).toEqual(texts(column, text));
    }
    const repaired = bad.map((line, i) => {
      const [column, , , good] = VALUES[i]!;
      const value = column === "l" || column === "m" ? JSON.parse(good) : good;
      return JSON.stringify({ ...line, values: { ...(line["values"] as object), [column]: value } });
    });
    const again = await world.import(await world.file("repaired.jsonl", repaired.join("\n")));
    expect([again.code, again.bad, await world.keys()]).toEqual([EXIT_DONE, [], allKeys]);
  }

  it("in CSV", async () => {
    const lines = VALUES.flatMap(([column, text], i) => [
      `${i},0${",".repeat(columns.length)}`,
      [i, 1, ...columns.map((name) => (name === column ? quoted(text) : ""))].join(","),
    ]);
    const path = await world.file("values.csv", ["p,c".concat(`,${columns.join(",")}`), ...lines, ""].join("\n"));
    const json = (column: string, text: string) =>
      (column === "l" || column === "m") && text !== "[1" ? JSON.parse(text) : text;
    await check(path, json);
  });

  it("in JSON lines", async () => {
    const lines = VALUES.flatMap(([column, text], i) => [
      JSON.stringify({ p: i, c: 0 }),
      JSON.stringify({ p: i, c: 1, [column]: text }),
    ]);
    await check(await world.file("values.jsonl", lines.join("\n")), (_, text) => text);
  });

  it.each<[string, string, string, RegExp]>([
    ["a fraction", "CASE i WHEN 1 THEN 1.5 ELSE 1 END::DOUBLE AS i", "i", /can't be kept exactly as int/],
    ["a number that is too big", "CASE i WHEN 1 THEN 3000000000 ELSE 1 END::BIGINT AS i", "i", /exactly as int/],
    ["-0.0 for a whole number", "CASE i WHEN 1 THEN '-0.0'::DOUBLE ELSE 1 END AS i", "i", /exactly as int/],
    ["a decimal with a fraction", "CASE i WHEN 1 THEN 1.5 ELSE 1 END::DECIMAL(9,2) AS x", "x", /exactly as varint/],
    [
      "a DOUBLE for a float",
      "CASE i WHEN 1 THEN NULL ELSE 1 END::DOUBLE AS n, CASE i WHEN 1 THEN 256 ELSE 1 END AS ti",
      "ti",
      /tinyint/,
    ],
    [
      "microseconds",
      "TIMESTAMP '2024-01-01' + INTERVAL (CASE i WHEN 1 THEN 1 ELSE 0 END) MICROSECOND AS ts",
      "ts",
      /ms|milli|exactly/,
    ],
    ["bytes for a text", "CASE i WHEN 1 THEN '\\xFF'::BLOB ELSE 'a'::BLOB END AS v", "v", /exactly as text/],
    ["NULL in a list", "CASE i WHEN 1 THEN [1, NULL] ELSE [1] END AS l", "l", /NULL|null/],
    ["a wrong text", "CASE i WHEN 1 THEN 'x' ELSE '1' END AS i", "i", /'x' is no int/],
  ])("in Parquet: %s", async (_, select, column, reason) => {
    await world.empty();
    const path = await world.parquet("value.parquet", `SELECT 0 AS p, i::INT AS c, ${select} FROM range(3) r(i)`);
    const { code, bad } = await world.import(path);
    expect([code, await world.keys()]).toEqual([EXIT_REJECTED, ["0:0", "0:2"]]);
    expect(bad).toMatchObject([{ file: path, row: 2, column, reason: expect.stringMatching(reason) }]);
  });
});

describe("a key that can't be one costs its row only", () => {
  it.each<[string, string, string, RegExp]>([
    ["NULL in the partition key", "NULL", "'c'", /NULL in the primary key/],
    ["NULL in the clustering key", "'k'", "NULL", /NULL in the primary key/],
    ["an empty partition key", "''", "'c'", /[Ee]mpty/],
    ["a partition key of 65 KB", "repeat('k', 65_536)", "'c'", /65536 bytes; 65535/],
    ["a clustering key of 65 KB", "'k'", "repeat('c', 65_536)", /65535/],
    ["a value beyond what a mutation may be", "'k'", "'c'", /./],
  ])("%s", async (what, k, c, reason) => {
    await world.empty("k");
    const v = what.includes("mutation") ? "repeat('v', 20_000_000)::BLOB" : "'v'::BLOB";
    const rows = `SELECT 'g1' AS k, 'c' AS c, 'v'::BLOB AS v UNION ALL SELECT ${k}, ${c}, ${v} UNION ALL SELECT 'g2', 'c', 'v'::BLOB`;
    const { code, bad } = await world.import(await world.parquet("key.parquet", rows), "k");
    expect([code, await world.keys("k", "k, c")]).toEqual([EXIT_REJECTED, ["g1:c", "g2:c"]]);
    expect(bad).toMatchObject([{ row: 2, reason: expect.stringMatching(reason) }]);
  });
});

describe("a line that is none costs that line only", () => {
  const BYTES = Buffer.concat([Buffer.from("1,2,"), Buffer.from([0xff, 0xfe])]);

  it.each<[string, string | Buffer, RegExp]>([
    ["with too few fields", "1,2", /2 fields instead of 3/],
    ["with too many fields", "1,2,x,y", /4 fields instead of 3/],
    ["with text behind a quote", '1,2,"x"y', /a quote is not closed/],
    ["with bytes that are not UTF-8", BYTES, /not UTF-8/],
  ])("in CSV: %s", async (_, line, reason) => {
    await world.empty();
    const content = Buffer.concat([Buffer.from("p,c,v\n1,1,a\n"), Buffer.from(line), Buffer.from("\n1,3,c\n")]);
    const path = await world.file("line.csv", content);
    const { code, bad, report } = await world.import(path);
    expect([code, report?.rows, report?.rejected, await world.keys()]).toEqual([EXIT_REJECTED, 2, 1, ["1:1", "1:3"]]);
    expect(bad).toMatchObject([{ file: path, line: 3, column: null, reason: expect.stringMatching(reason) }]);
    expect(bad[0]!["values"]).toEqual(expect.stringContaining("1,2"));
  });

  it("in CSV: a quote that is never closed takes the lines behind it", async () => {
    await world.empty();
    const { code, bad } = await world.import(await world.file("open.csv", 'p,c,v\n1,1,a\n1,2,"b\n1,3,c\n'));
    expect([code, await world.keys()]).toEqual([EXIT_REJECTED, ["1:1"]]);
    expect(bad).toMatchObject([
      { line: 3, reason: expect.stringMatching(/quote/), values: expect.stringMatching(/1,3,c/) },
    ]);
  });

  it.each<[string, string | Buffer, RegExp]>([
    ["that is no JSON", '{"p":1,"c":2', /./],
    ["that is no object", "[1, 2]", /./],
    ["without the key", '{"p":1}', /NULL in the primary key/],
    ["with half of a surrogate pair", '{"p":1,"c":2,"v":"\\ud800"}', /./],
    [
      "with bytes that are not UTF-8",
      Buffer.concat([Buffer.from('{"p":1,"c":2,"v":"'), Buffer.from([0xff]), Buffer.from('"}')]),
      /not UTF-8/,
    ],
  ])("in JSON lines: %s", async (_, line, reason) => {
    await world.empty();
    const content = Buffer.concat([
      Buffer.from('{"p":1,"c":1}\n'),
      Buffer.from(line),
      Buffer.from('\n{"p":1,"c":3}\n'),
    ]);
    const { code, bad } = await world.import(await world.file("line.jsonl", content));
    expect([code, await world.keys()]).toEqual([EXIT_REJECTED, ["1:1", "1:3"]]);
    expect(bad).toMatchObject([{ reason: expect.stringMatching(reason) }]);
    expect(bad[0]!["row"] ?? bad[0]!["line"]).toBe(2);
  });

  it("unless there are too many: then none of them is rejected, and going on finds them all", async () => {
    await world.empty();
    const path = await world.file("many.csv", `p,c,v\n${"1,1,a\n1,2\n".repeat(5)}1,3,c\n`);
    const jobDirectory = world.newJob();
    const first = await world.import(path, "t", { jobDirectory, maxErrors: 2 });
    expect([first.code, first.message]).toEqual([
      3,
      expect.stringMatching(/too many lines .*--max-errors.* line 3: 2 fields instead of 3/),
    ]);
    expect(await world.keys()).toEqual(["1:1", "1:3"]);
    const second = await world.import(path, "t", { jobDirectory, maxErrors: -1, resume: true });
    expect([second.code, second.report?.rows, second.report?.rejected]).toEqual([EXIT_REJECTED, 6, 5]);
    expect(second.bad.map((line) => line["line"])).toEqual([3, 5, 7, 9, 11]);
  });
});

describe("what looks odd in CSV is what it is", () => {
  it.each<[string, string, readonly string[]]>([
    ["a # at the beginning of a line", "v,p,c\n#a,1,1\n#b,1,2\n", ["1:1", "1:2"]],
    ["a byte order mark, and CRLF", "\ufeffp,c,v\r\n1,1,a\r\n1,2,b\r\n", ["1:1", "1:2"]],
    [
      "line ends in quotes, of another kind than the file's",
      'p,c,v\n1,1,"x\r\ny"\n1,2,b\n1,3,c\n',
      ["1:1", "1:2", "1:3"],
    ],
    ["line ends in quotes, in a file of CRLF", 'p,c,v\r\n1,1,"x\ny"\r\n1,2,b\r\n', ["1:1", "1:2"]],
    ["names in quotes", '"p","c"\n1,1\n', ["1:1"]],
    ["no line break at the end", "p,c\n1,1\n1,2", ["1:1", "1:2"]],
    ["empty lines", "\np,c\n1,1\n\n1,2\n\n", ["1:1", "1:2"]],
  ])("%s", async (_, content, expected) => {
    await world.empty();
    const { code } = await world.import(await world.file("odd.csv", content));
    expect([code, await world.keys()]).toEqual([EXIT_DONE, expected]);
  });

  it("a title above the names is no row, and not left out either", async () => {
    const { code, message } = await world.import(await world.file("title.csv", "Figures of May\n\np,c\n1,1\n"));
    expect([code, message]).toEqual([2, expect.stringMatching(/Figures of May: the table has no such column/)]);
  });
});

describe("a source that does not fit is refused before a row is written", () => {
  it.each<[string, string, string, RegExp]>([
    ["a column that the table lacks", "x.csv", "p,c,nope\n1,1,1\n", /nope: the table has no such column/],
    [
      "a key of JSON that the table lacks",
      "nope.jsonl",
      '{"p":1,"c":2}\n{"p":1,"c":3,"nope":1}',
      /nope: the table has no such column/,
    ],
    ["no column of the key", "y.csv", "p,v\n1,1\n", /goes into c, which is in the primary key/],
    ["a column that is there twice", "z.csv", "p,c,v,v\n1,1,a,b\n", /v_1: the table has no such column/],
    ["nothing at all", "empty.csv", "", /which is in the primary key/],
    ["a format that nobody knows", "x.bin", "\0\0\0", /can't be told/],
  ])("%s", async (_, name, content, reason) => {
    await world.empty();
    const { code, message } = await world.import(await world.file(name, content));
    expect([code, message, await world.keys()]).toEqual([2, expect.stringMatching(reason), []]);
  });

  it("a type that can't become the column's", async () => {
    const path = await world.parquet("type.parquet", "SELECT 1 AS p, 1 AS c, [1] AS i");
    expect(await world.import(path)).toMatchObject({
      code: 2,
      message: expect.stringMatching(/i: INTEGER\[\] can't become int/),
    });
  });
});
