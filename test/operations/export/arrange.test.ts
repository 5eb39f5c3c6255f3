/*
 * What becomes of staged rows: partitions, sizes, order and SQL, judged by DuckDB on the published files, and the same
 * after a kill at each step. Segments are made here; a cluster is in test/cluster.
 */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError, UsageError } from "../../../src/base/errors.ts";
import { ArrangingMeter } from "../../../src/jobs/progress.ts";
import { type Arrangement, arrangeParts } from "../../../src/operations/export/arrange.ts";
import { ask } from "../../cluster/parquet.ts";
import { start } from "../../jobs/child.ts";
import { type ArrangeOptions, arrangeTable, type StagedTable } from "./stagedjob.ts";

let home: string;
let made = 0;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "cqlduck-arrange-"));
});
afterAll(() => rm(home, { recursive: true, force: true }));

const TIMEOUT = { timeout: 120_000 };

async function arranged(table: StagedTable, options: ArrangeOptions) {
  const directory = join(home, `out-${made++}`);
  const files = await arrangeTable(directory, table, options);
  return { directory, files, names: files.map(({ path }) => path.slice(directory.length + 1)) };
}

/** Texts as SQL has them. */
const sqlText = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** The values that files say all their rows have, by the file's name. */
async function partitionsOf(directory: string): Promise<Map<string, Record<string, string | null>>> {
  const found = await ask(
    `SELECT file_name AS f, decode(value) AS v FROM parquet_kv_metadata('${directory}/**/*.parquet')
    WHERE decode(key) = 'cqlduck.partition'`,
  );
  return new Map(found.map(({ f, v }) => [f as string, JSON.parse(v as string)]));
}

const ODD: readonly (string | null)[] = [
  ...[
    null,
    "",
    "__HIVE_DEFAULT_PARTITION__",
    "NULL",
    "null",
    "/",
    "=",
    "%",
    ":",
    "\\",
    "a",
    "A",
    "\u00e4",
    "a\u0308",
    "日本",
  ],
  ...["..", ".", " ", "a/b=c%2F", "%5F_HIVE_DEFAULT_PARTITION__", "x\u0001\n", "*?[a]", "'\"", "_x", "😀".repeat(20)],
];

function odd(segments: number): StagedTable {
  const values = ODD.map((text, i) => `(${i}, ${text === null ? "NULL" : sqlText(text)})`).join(", ");
  const rows = (segment: number) =>
    `SELECT r * 1000 + v + ${segment * 100_000}, v, t FROM (VALUES ${values}) x(v, t), range(20) y(r)`;
  return { columns: { id: "int", v: "int", t: "text" }, segments: Array.from({ length: segments }, (_, i) => rows(i)) };
}

describe("directories", () => {
  it("keep every text apart from every other, and say it exactly", TIMEOUT, async () => {
    const { directory, names } = await arranged(odd(3), { partitionBy: [{ column: "t" }] });
    expect(names).toHaveLength(ODD.length);
    expect(names).toEqual(
      expect.arrayContaining([
        "t=/part-00000.parquet",
        "t=__HIVE_DEFAULT_PARTITION__/part-00000.parquet",
        "t=%5F_HIVE_DEFAULT_PARTITION__/part-00000.parquet",
        "t=%255F_HIVE_DEFAULT_PARTITION__/part-00000.parquet",
        "t=A/part-00000.parquet",
        "t=%2F/part-00000.parquet",
        "t=%E6%97%A5%E6%9C%AC/part-00000.parquet",
      ]),
    );
    const said = await partitionsOf(directory);
    const rows = await ask(
      `SELECT filename AS f, count(*)::INT AS n, count(DISTINCT id)::INT AS ids, min(v) AS low, max(v) AS high
      FROM read_parquet('${directory}/**/*.parquet', filename = true, hive_partitioning = false) GROUP BY f`,
    );
    for (const { f, n, ids, low, high } of rows) {
      expect([n, ids, high]).toEqual([60, 60, low]);
      expect(said.get(f as string)).toEqual({ t: ODD[low as number] });
    }
  });

  it("are refused by name where they are too long, and nothing is published", TIMEOUT, async () => {
    const long = { columns: { id: "int", t: "text" }, segments: [`SELECT 7, repeat('é', 50)`] };
    const error = await arranged(long, { partitionBy: [{ column: "t" }] }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toMatch(/column t, the row with id = 7: its value "é+…" .* 302 bytes.* 255/);
    expect(await readdir(join(home, `out-${made - 1}`))).toEqual(["_cqlduck"]);
    const fits = { ...long, segments: [`SELECT 7, repeat('x', 253)`] };
    expect((await arranged(fits, { partitionBy: [{ column: "t" }] })).names).toHaveLength(1);
  });

  it.each(["double", "float", "blob", "list<int>", "map<int, int>", "tuple<int>", "duration"])(
    "can't be of a column of type %s",
    async (type) => {
      const table = { columns: { id: "int", x: type }, segments: [] };
      await expect(arranged(table, { partitionBy: [{ column: "x" }] })).rejects.toThrow(UsageError);
    },
  );

  it("hold the other columns, and at least one", TIMEOUT, async () => {
    const table = { columns: { id: "int", n: "int" }, segments: ["SELECT 1, 2"] };
    const { files } = await arranged(table, { partitionBy: [{ column: "n" }] });
    expect((await ask(`DESCRIBE FROM read_parquet('${files[0]!.path}', hive_partitioning = false)`)).length).toBe(1);
    await expect(arranged(table, { partitionBy: [{ column: "n" }, { column: "id" }] })).rejects.toThrow(/every column/);
  });

  it("of a table without rows are none: there is one file, without rows", TIMEOUT, async () => {
    const table = { columns: { id: "int", n: "int" }, segments: ["SELECT 1, 2 LIMIT 0"] };
    const { names, files } = await arranged(table, { partitionBy: [{ column: "n" }] });
    expect([names, files[0]!.rows]).toEqual([["part-00000.parquet"], 0]);
  });
});

/** A timeuuid of an instant, as texts have it. */
function timeuuid(ms: number): string {
  const ticks = (BigInt(ms) + 12_219_292_800_000n) * 10_000n;
  const hex = ticks.toString(16).padStart(15, "0");
  return `${hex.slice(7)}-${hex.slice(3, 7)}-1${hex.slice(0, 3)}-8000-000000000001`;
}

describe("parts of times", () => {
  const INSTANTS = [
    0, -1, 1, 951_782_399_999, 951_868_800_000, -12_219_292_800_000, -62_135_596_800_001, 253_402_300_800_000,
  ];
  const PARTS = ["year", "month", "day", "hour", "date"] as const;
  const two = (n: number) => String(n).padStart(2, "0");

  /** As JavaScript's own calendar has them. */
  function expected(ms: number): Record<string, string> {
    const [date] = new Date(ms).toISOString().split("T") as [string];
    const time = new Date(ms);
    const year = time.getUTCFullYear();
    const shortened = date.replace(/^([+-])00?(\d{4,5})/, (_, sign, y) => `${sign}${y.replace(/^0(?=\d{4})/, "")}`);
    return {
      year: String(year),
      month: two(time.getUTCMonth() + 1),
      day: two(time.getUTCDate()),
      hour: two(time.getUTCHours()),
      date: shortened,
    };
  }

  it.each([
    ["timestamp", (ms: number) => `epoch_ms(${ms}) AT TIME ZONE 'UTC'`, PARTS],
    ["timeuuid", (ms: number) => sqlText(timeuuid(ms)), PARTS],
    ["date", (ms: number) => `(DATE '1970-01-01' + ${Math.floor(ms / 86_400_000)})`, ["year", "month", "day", "date"]],
  ] as const)("of a %s are those of the calendar in UTC", TIMEOUT, async (type, value, parts) => {
    const instants = type === "timeuuid" ? INSTANTS.filter((ms) => Math.abs(ms) <= 12_219_292_800_000) : INSTANTS;
    const rows = instants.map((ms, i) => `SELECT ${i}, ${value(ms)}`).join(" UNION ALL ");
    const table = { columns: { id: "int", x: type }, segments: [rows] };
    const { directory } = await arranged(table, { partitionBy: parts.map((part) => ({ column: "x", part })) });
    const said = await partitionsOf(directory);
    for (const [file, values] of said) {
      const ids = await ask(`SELECT id FROM read_parquet('${file}', hive_partitioning = false)`);
      for (const { id } of ids) {
        const want = expected(instants[id as number]!);
        expect(values).toEqual(Object.fromEntries(parts.map((part) => [`x.${part}`, want[part]])));
      }
    }
    expect([...said.keys()].length).toBeGreaterThan(3);
  });

  it("are not had by other columns", async () => {
    const table = { columns: { id: "int", d: "date" }, segments: [] };
    await expect(arranged(table, { partitionBy: [{ column: "id", part: "year" }] })).rejects.toThrow(
      /id \(int\) has no year/,
    );
    await expect(arranged(table, { partitionBy: [{ column: "d", part: "hour" }] })).rejects.toThrow(
      /d \(date\) has no hour/,
    );
  });
});

/** 60,000 rows in three segments, in partitions of very different sizes; v takes about 60 bytes that don't compress. */
const UNEVEN: StagedTable = {
  columns: { id: "int", p: "int", v: "text" },
  segments: [0, 20_000, 40_000].map(
    (
      from,
    ) => `SELECT i, CASE WHEN i % 10 < 8 THEN 0 WHEN i % 10 = 8 THEN i % 1000 ELSE 1 END, md5(i::VARCHAR) || md5((-i)::VARCHAR)
    FROM range(${from}, ${from + 20_000}) t(i)`,
  ),
};

async function expectUneven(directory: string): Promise<void> {
  const [all] = await ask(
    `SELECT count(*)::INT AS n, count(DISTINCT id)::INT AS ids, sum(id)::BIGINT::VARCHAR AS s,
      bool_and(v = md5(id::VARCHAR) || md5((-id)::VARCHAR)) AS same
    FROM read_parquet('${directory}/**/*.parquet', hive_partitioning = false)`,
  );
  expect(all).toEqual({ n: 60_000, ids: 60_000, s: "1799970000", same: true });
}

describe("sizes", () => {
  it.each([100_000, 300_000, 1_000_000])("of files keep to %s bytes by a tenth", TIMEOUT, async (maxFileSize) => {
    const { directory, files } = await arranged(UNEVEN, { maxFileSize });
    await expectUneven(directory);
    expect(files.length).toBeGreaterThan(3);
    for (const { bytes } of files) expect(bytes).toBeLessThanOrEqual(maxFileSize * 1.1);
    for (const { bytes } of files.slice(0, -1)) expect(bytes).toBeGreaterThanOrEqual(maxFileSize * 0.9);
    const [groups] = await ask(`SELECT max(row_group_id)::INT AS last FROM parquet_metadata('${directory}/*.parquet')`);
    expect(groups!.last).toBeLessThan(6);
  });

  it.each(["none", "zstd"] as const)("do so with %s", TIMEOUT, async (codec) => {
    const { files } = await arranged(UNEVEN, { maxFileSize: 200_000, compression: { codec } });
    for (const { bytes } of files.slice(0, -1)) expect(Math.abs(bytes - 200_000)).toBeLessThanOrEqual(20_000);
  });

  it("of files and their rows hold in each partition", TIMEOUT, async () => {
    const options = { partitionBy: [{ column: "p" }], maxFileSize: 200_000, rowsPerFile: 2500 };
    const { directory, files, names } = await arranged(UNEVEN, options);
    await expectUneven(directory);
    expect(names.filter((name) => name.startsWith("p=0/")).length).toBeGreaterThan(5);
    for (const partition of new Set(names.map((name) => name.split("/")[0]))) {
      const own = names.filter((name) => name.startsWith(`${partition}/`));
      expect(own).toEqual(own.map((_, i) => `${partition}/part-${String(i).padStart(5, "0")}.parquet`));
    }
    for (const { rows, bytes } of files) {
      expect(rows).toBeLessThanOrEqual(2500);
      expect(bytes).toBeLessThanOrEqual(220_000);
    }
  });

  it("of rows that are too big by themselves are those of files with one row", TIMEOUT, async () => {
    const segments = ["SELECT i, repeat(md5(i::VARCHAR), 1 + (i % 2) * 20_000) FROM range(8) t(i)"];
    const table = { columns: { id: "int", v: "text" }, segments };
    const { files } = await arranged(table, { maxFileSize: 20_000, compression: { codec: "none" } });
    expect(files.reduce((sum, file) => sum + file.rows, 0)).toBe(8);
    for (const { rows, bytes } of files) if (bytes > 22_000) expect(rows).toBe(1);
    expect(files.filter(({ bytes }) => bytes > 500_000)).toHaveLength(4);
  });
});

describe("whole segments", () => {
  /** How many segments each file is of. */
  async function packed(sizes: readonly number[], maxFileSize: number): Promise<number[]> {
    const records = sizes.map((bytes, i) => ({ segment: i, file: `segment-${i}`, rows: 1, bytes }));
    const job = { records, arranged: [], path: (name: string) => join(home, name), appendOutput: async () => {} };
    const format = { join: async () => {} };
    const meter = new ArrangingMeter(() => undefined);
    const arrangement = { job, format, signal: new AbortController().signal, meter } as unknown as Arrangement;
    const files = await arrangeParts(arrangement, (part) => `part-${part}`, { maxFileSize });
    return files.map(({ rows }) => rows);
  }

  it("make files as near to the size as they can, which is a tenth where they are small", async () => {
    const sizes = Array.from({ length: 200 }, (_, i) => 4e6 + ((i * 7919) % 100) * 1e5);
    const counts = await packed(sizes, 100e6);
    expect(counts.reduce((sum, count) => sum + count)).toBe(200);
    let at = 0;
    for (const count of counts.slice(0, -1)) {
      const bytes = sizes.slice(at, at + count).reduce((sum, size) => sum + size);
      expect(Math.abs(bytes - 100e6)).toBeLessThanOrEqual(10e6);
      at += count;
    }
    expect(await packed([300e6, 10e6, 80e6, 30e6], 100e6)).toEqual([1, 2, 1]);
    expect(await packed([60e6, 60e6], 100e6)).toEqual([1, 1]);
  });
});

describe("order", () => {
  it("is that of the columns, within each partition, and NULLs are last", TIMEOUT, async () => {
    const segments = [1, 2].map(
      (k) =>
        `SELECT ${k} * 100000 + i, i % 3, CASE WHEN i % 7 = 0 THEN NULL ELSE (hash(i) % 1000)::VARCHAR END FROM range(20000) t(i)`,
    );
    const table = { columns: { id: "int", p: "int", n: "varint" }, segments };
    const sortBy = [
      { column: "n", descending: true },
      { column: "id", descending: false },
    ];
    const { files } = await arranged(table, { partitionBy: [{ column: "p" }], sortBy, rowsPerFile: 5000 });
    expect(files).toHaveLength(9);
    for (const p of [0, 1, 2]) {
      const list = files.filter(({ path }) => path.includes(`p=${p}/`)).map(({ path }) => `'${path}'`);
      const rows = await ask(`SELECT id, n FROM read_parquet([${list.join(", ")}])`);
      const sorted = rows.toSorted((a, b) => rank(b.n) - rank(a.n) || Number(a.id) - Number(b.id));
      expect(rows).toEqual(sorted);
    }
    function rank(n: unknown): number {
      return n === null ? -1 : Number(n);
    }
  });

  it("is that of the user's SQL", TIMEOUT, async () => {
    const sql = "SELECT id, p FROM ks.rows WHERE id % 2 = 0 ORDER BY hash(id)";
    const { files } = await arranged(UNEVEN, { sql, rowsPerFile: 7000 });
    expect(files.map(({ rows }) => rows)).toEqual([7000, 7000, 7000, 7000, 2000]);
    const list = files.map(({ path }) => `'${path}'`).join(", ");
    const [wrong] = await ask(
      `SELECT count(*)::INT AS n FROM (SELECT hash(id) AS h, lag(hash(id)) OVER () AS l FROM read_parquet([${list}])) WHERE h < l`,
    );
    expect(wrong).toEqual({ n: 0 });
  });
});

describe("SQL", () => {
  it("keeps what Parquet would change, and says what the columns are", TIMEOUT, async () => {
    const sql = `SELECT p, sum(id) AS total, 170141183460469231731687303715884105727::HUGEINT // 10 AS huge, [1::UBIGINT] AS big,
      INTERVAL 1 DAY + INTERVAL 1 MICROSECOND AS i, -0.0::DOUBLE AS zero, TIMESTAMP '2024-01-02 03:04:05' AS at,
      {'time': TIME '01:02:03.000004', 'h': 1::HUGEINT} AS s FROM rows WHERE p < 2 GROUP BY p ORDER BY p`;
    const { files } = await arranged(UNEVEN, { sql });
    const file = files[0]!.path;
    const [row] = await ask(`SELECT *, (1 / zero)::VARCHAR AS sign FROM '${file}'`);
    expect(row).toMatchObject({
      p: 0,
      huge: "17014118346046923173168730371588410572",
      big: ["1"],
      i: "1 day 00:00:00.000001",
      sign: "-inf",
      at: "2024-01-02 03:04:05+00",
      s: { time: "01:02:03.000004", h: "1" },
    });
    const [columns] = await ask(
      `SELECT decode(value) AS v FROM parquet_kv_metadata('${file}') WHERE decode(key) = 'cqlduck.columns'`,
    );
    const types = JSON.parse(columns!.v as string).map(({ type }: { type: string }) => type);
    expect(types).toEqual([
      "int",
      "varint",
      "varint",
      "list<varint>",
      "text",
      "double",
      "timestamp",
      "tuple<time, varint>",
    ]);
  });

  it.each([
    ["SELECT nope FROM rows", /nope/],
    ["DROP TABLE rows", /no SELECT/],
    ["SELECT 1; SELECT 2", /not one SELECT/],
    ["SELEC 1", /syntax error/],
    ["SELECT * FROM read_csv('/etc/passwd')", /disabled by configuration/],
    ["SELECT 1) TO '/tmp/cqlduck-escaped.csv' --", /syntax error/],
  ])("%s is refused before anything is read", async (sql, says) => {
    const error = await arranged(UNEVEN, { sql }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(says);
    expect(existsSync(join(home, `out-${made - 1}`))).toBe(false);
  });

  it("that fails on a value says so", TIMEOUT, async () => {
    const sql = "SELECT (CASE WHEN id = 50000 THEN 'x' ELSE '1' END)::INT AS n FROM rows";
    await expect(arranged(UNEVEN, { sql })).rejects.toThrow(/^--sql: Conversion Error: Could not convert string 'x'/);
  });
});

describe("a kill", () => {
  const CASES = [
    { partitionBy: [{ column: "p" }], rowsPerFile: 9000 },
    { sql: "SELECT * FROM rows ORDER BY v", partitionBy: [{ column: "p" }], maxFileSize: 400_000 },
    { sortBy: [{ column: "v", descending: false }], rowsPerFile: 25_000 },
  ] as const;
  const POINTS = [
    ["piece-written:2", 0],
    ["output-durable:1", 0],
    ["output-durable:2", 1],
    ["output-written:1", 1],
    ["output-written:2", 2],
    ["renamed:2", 0],
  ] as const;

  it.each(POINTS)(
    "at %s of case %i, and at the same of its going on, loses no row and repeats none",
    TIMEOUT,
    async (point, number) => {
      const options = CASES[number];
      const directory = join(home, `killed-${made++}`);
      const go = (env: Record<string, string>) =>
        start(
          "../operations/export/arrange-process.ts",
          [directory, JSON.stringify(UNEVEN), JSON.stringify(options)],
          env,
        ).ended;
      expect((await go({ CQLDUCK_FAULT: point })).signal).toBe("SIGKILL");
      if (!point.startsWith("renamed")) {
        expect((await readdir(directory)).filter((name) => name !== "_cqlduck")).toEqual([]);
        await go({ CQLDUCK_FAULT: point });
      }
      expect(await go({})).toMatchObject({ code: 0, errors: "" });
      await expectUneven(directory);
      expect(await readdir(join(directory, "_cqlduck"))).toEqual(["manifest.json"]);
    },
  );
});
