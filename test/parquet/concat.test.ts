import { copyFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { StorageError } from "../../src/base/errors.ts";
import { ParquetConcat } from "../../src/parquet/concat.ts";
import { CannotConcat, readFooterSummary } from "../../src/parquet/footer.ts";
import { Judge } from "./duckdb.ts";
import { pagesIn } from "./pages.ts";

vi.setConfig({ testTimeout: 120_000 });

let judge: Judge;
let home: string;
beforeAll(async () => {
  judge = await Judge.start();
});
afterAll(() => judge.close());
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "cqlduck-parquet-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const at = (name: string) => join(home, name);

async function concatenate(
  sources: readonly string[],
  target = at("all.parquet"),
  keyValues?: Map<string, string>,
): Promise<string> {
  const concat = await ParquetConcat.create(target);
  try {
    for (const source of sources) await concat.append(source);
    await concat.finish(keyValues);
  } finally {
    await concat.close();
  }
  return target;
}

/** The concatenation must hold the rows of its sources in order, to the bit, and say how many. */
async function expectUnion(all: string, sources: readonly string[]): Promise<void> {
  expect(await judge.read(all)).toEqual(await judge.read(...sources));
  const rows = Number(
    await judge.one(`SELECT sum(num_rows) FROM parquet_file_metadata([${sources.map((s) => `'${s}'`)}])`),
  );
  expect(Number(await judge.one(`SELECT count(*) FROM read_parquet('${all}')`))).toBe(rows);
  const summary = await readFooterSummary(all);
  expect(summary.rows).toBe(rows);
  const groups = `SELECT sum(num_row_groups) FROM parquet_file_metadata([${sources.map((s) => `'${s}'`)}])`;
  expect(summary.rowGroups).toBe(Number(await judge.one(groups)));
}

const EVERYTHING = (from: number, to: number) => `
  SELECT i::BIGINT AS id, 'text ' || (i % 7) AS few, 'only once ' || i AS many, (i % 3 = 0) AS b, (i % 100)::TINYINT AS t8,
    CASE WHEN i % 5 = 0 THEN NULL ELSE i / 3.0::DOUBLE END AS d, (-0.0)::DOUBLE AS zero, 'NaN'::FLOAT AS f,
    (i * 1.25)::DECIMAL(18, 4) AS dec, (i * 1.25)::DECIMAL(38, 10) AS wide, uuid() AS u, ('2024-01-01'::DATE + i::INT) AS day,
    make_timestamptz(i * 1000003) AS ts, ('\\x00\\xFF' || i::VARCHAR)::BLOB AS blob, NULL::INTEGER AS never,
    CASE WHEN i % 4 = 0 THEN NULL WHEN i % 4 = 1 THEN [] ELSE [i, NULL, i + 1] END AS list,
    MAP {'k' || (i % 2): [i::VARCHAR]} AS map,
    CASE WHEN i % 3 = 0 THEN NULL ELSE {'x': i, 'y': {'z': [{'w': i % 9}]}} END AS nested
  FROM range(${from}, ${to}) r(i)`;

describe("rows of the sources, in order", () => {
  test.each(["snappy", "zstd", "gzip", "brotli", "lz4_raw", "uncompressed"])(
    "%s, every type, several row groups",
    async (codec) => {
      const sources = [
        await judge.write(at("a"), EVERYTHING(0, 3_000), `COMPRESSION ${codec}, ROW_GROUP_SIZE 2048`),
        await judge.write(at("b"), EVERYTHING(3_000, 3_001), `COMPRESSION ${codec}`),
        await judge.write(at("c"), EVERYTHING(3_001, 5_100), `COMPRESSION ${codec}, ROW_GROUP_SIZE 2048`),
      ];
      const all = await concatenate(sources);
      await expectUnion(all, sources);
      expect((await readFooterSummary(all)).rowGroups).toBe(5);
      expect(
        Number(await judge.one(`SELECT count(*) FROM read_parquet('${all}') WHERE id >= 2999 AND id < 3003`)),
      ).toBe(4);
    },
  );

  test.each(["V1", "V2"])("page format %s, with and without dictionaries", async (version) => {
    const sources = [
      await judge.write(at("a"), EVERYTHING(0, 3_000), `PARQUET_VERSION ${version}`),
      await judge.write(at("b"), EVERYTHING(3_000, 4_000), `PARQUET_VERSION ${version}, DICTIONARY_SIZE_LIMIT 0`),
    ];
    await expectUnion(await concatenate(sources), sources);
  });

  test("zero rows and all NULL, first, between and last", async () => {
    const select = (from: number, to: number) =>
      `SELECT i::INTEGER AS id, 'v' || i AS v, [i] AS l FROM range(${from}, ${to}) r(i)`;
    const nothing = await judge.write(at("nothing"), select(0, 0));
    const some = await judge.write(at("some"), select(0, 10));
    const nulls = await judge.write(
      at("nulls"),
      "SELECT NULL::INTEGER AS id, NULL::VARCHAR AS v, NULL::BIGINT[] AS l FROM range(5)",
    );
    const sources = [nothing, some, nothing, nulls, nothing];
    await expectUnion(await concatenate(sources), sources);
    await expectUnion(await concatenate([nothing, nothing], at("none.parquet")), [nothing]);
  });

  test("one source gives a file with the same rows", async () => {
    const source = await judge.write(at("a"), EVERYTHING(0, 100));
    await expectUnion(await concatenate([source]), [source]);
  });

  test("a concatenation can be a source", async () => {
    const a = await judge.write(at("a"), EVERYTHING(0, 3_000), "ROW_GROUP_SIZE 2048");
    const ab = await concatenate([a, a], at("ab"));
    await expectUnion(await concatenate([ab, a, ab], at("abaab")), [a, a, a, a, a]);
  });

  test("Bloom filters stay in place and are used", async () => {
    const options = "ROW_GROUP_SIZE 4096, WRITE_BLOOM_FILTER true";
    const select = (from: number) => `SELECT 2 * (i % 100 + ${from}) AS few FROM range(8192) r(i)`;
    const sources = [
      await judge.write(at("a"), select(0), options),
      await judge.write(at("b"), select(1_000), options),
    ];
    const all = await concatenate(sources);
    await expectUnion(all, sources);
    const offsets = await judge.rows(`SELECT bloom_filter_offset FROM parquet_metadata('${all}')`);
    expect(offsets.flat().filter((offset) => Number(offset) > 0)).toHaveLength(4);
    const excluded = (value: number) =>
      `SELECT list(bloom_filter_excludes ORDER BY row_group_id) FROM parquet_bloom_probe('${all}', 'few', ${value})`;
    expect(await judge.one(excluded(101))).toEqual([true, true, true, true]);
    expect(await judge.one(excluded(2_002))).toEqual([true, true, false, false]);
    expect(await judge.one(excluded(42))).toEqual([false, false, true, true]);
  });

  test("hundreds of row groups", async () => {
    const sources: string[] = [];
    for (let i = 0; i < 40; i++)
      sources.push(
        await judge.write(
          at(`s${i}`),
          `SELECT i FROM range(${i * 9000}, ${(i + 1) * 9000}) r(i)`,
          "ROW_GROUP_SIZE 2048",
        ),
      );
    const all = await concatenate(sources);
    expect((await readFooterSummary(all)).rowGroups).toBe(200);
    expect(
      await judge.rows(`SELECT count(*)::INT, sum(i)::BIGINT, min(i), max(i) FROM read_parquet('${all}')`),
    ).toEqual([[360_000, "64799820000", "0", "359999"]]);
  });

  test("statistics are those of the sources", async () => {
    const sources = [
      await judge.write(at("a"), EVERYTHING(0, 3_000)),
      await judge.write(at("b"), EVERYTHING(3_000, 5_000)),
    ];
    const all = await concatenate(sources);
    const statistics = (path: string) =>
      judge.rows(
        `SELECT path_in_schema, num_values, stats_min_value, stats_max_value, stats_null_count, total_compressed_size FROM parquet_metadata('${path}')`,
      );
    expect(await statistics(all)).toEqual([...(await statistics(sources[0]!)), ...(await statistics(sources[1]!))]);
  });

  test("any split of rows over files", async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(0, 1, 2, 100, 2047, 2048, 2049, 4100), { minLength: 1, maxLength: 6 }),
        async (sizes) => {
          const sources: string[] = [];
          let from = 0;
          for (const [i, size] of sizes.entries()) {
            sources.push(await judge.write(at(`${run}-${i}`), EVERYTHING(from, from + size), "ROW_GROUP_SIZE 2048"));
            from += size;
          }
          await expectUnion(await concatenate(sources, at(`all-${run++}`)), sources);
        },
      ),
      { numRuns: 6 },
    );
  });
});

describe("key-value metadata", () => {
  const keyValues = (value: string) => `KV_METADATA {'cqlduck.source': '${value}', 'grün': '€ 𝄞', 'empty': ''}`;

  test("the sources' are kept where they are the same", async () => {
    const sources = [
      await judge.write(at("a"), "SELECT 1 AS i", keyValues("ks.t")),
      await judge.write(at("b"), "SELECT 2 AS i", keyValues("ks.t")),
    ];
    const { keyValues: found } = await readFooterSummary(await concatenate(sources));
    expect(Object.fromEntries(found)).toEqual({ "cqlduck.source": "ks.t", grün: "€ 𝄞", empty: "" });
    expect(await readFooterSummary(sources[0]!)).toMatchObject({ rows: 1, rowGroups: 1 });
  });

  test("given ones replace them, and DuckDB reads them", async () => {
    const sources = [
      await judge.write(at("a"), "SELECT 1 AS i", keyValues("x")),
      await judge.write(at("b"), "SELECT 2 AS i"),
    ];
    const long = "x".repeat(100_000);
    const all = await concatenate(
      sources,
      at("all"),
      new Map([
        ["cqlduck.schema", long],
        ["größe", "ü"],
      ]),
    );
    const pairs = `SELECT decode(key), decode(value) FROM parquet_kv_metadata('${all}')`;
    expect(await judge.rows(pairs)).toEqual([
      ["cqlduck.schema", long],
      ["größe", "ü"],
    ]);
    await expectUnion(all, sources);
  });

  test("none is none", async () => {
    const { keyValues: found } = await readFooterSummary(await judge.write(at("a"), "SELECT 1 AS i"));
    expect(found.size).toBe(0);
  });

  test("different ones without a word on which are a mistake of the caller", async () => {
    const sources = [
      await judge.write(at("a"), "SELECT 1 AS i", keyValues("x")),
      await judge.write(at("b"), "SELECT 2 AS i", keyValues("y")),
    ];
    await expect(concatenate(sources)).rejects.toThrow("same key-value metadata");
  });
});

describe("what is refused", () => {
  test.each([
    ["another name", "SELECT 1::BIGINT AS other, 'a' AS v"],
    ["another type", "SELECT 1::INTEGER AS id, 'a' AS v"],
    ["another logical type", "SELECT 1::BIGINT AS id, 'a'::BLOB AS v"],
    ["another order", "SELECT 'a' AS v, 1::BIGINT AS id"],
    ["a column more", "SELECT 1::BIGINT AS id, 'a' AS v, 2 AS w"],
    ["a column less", "SELECT 1::BIGINT AS id"],
  ])("%s, with nothing written and the concatenation still good", async (_, select) => {
    const good = await judge.write(at("good"), "SELECT i AS id, 'v' || i AS v FROM range(100) r(i)");
    const bad = await judge.write(at("bad"), select);
    const concat = await ParquetConcat.create(at("all"));
    await concat.append(good);
    const { size } = await stat(at("all"));
    await expect(concat.append(bad)).rejects.toThrow(CannotConcat);
    await expect(concat.append(bad)).rejects.toThrow(`${bad}: its schema is not that of the first file`);
    expect((await stat(at("all"))).size).toBe(size);
    await concat.append(good);
    await concat.finish();
    await expectUnion(at("all"), [good, good]);
  });

  test("a file cut at any place", async () => {
    const good = await judge.write(at("good"), EVERYTHING(0, 10));
    const { size } = await stat(good);
    const concat = await ParquetConcat.create(at("all"));
    await concat.append(good);
    for (const length of [0, 3, 4, 8, 11, 12, 100, Math.floor(size / 2), size - 9, size - 8, size - 4, size - 1]) {
      await copyFile(good, at("cut"));
      await truncate(at("cut"), length);
      await expect(concat.append(at("cut"))).rejects.toThrow(CannotConcat);
      await expect(readFooterSummary(at("cut"))).rejects.toThrow(CannotConcat);
    }
    await concat.finish();
    await expectUnion(at("all"), [good]);
  });

  test("no Parquet file, an encrypted one, and none at all", async () => {
    await writeFile(at("text"), "this is no Parquet file, however long it may be");
    await writeFile(at("sealed"), `PARE${"x".repeat(40)}PARE`);
    const concat = await ParquetConcat.create(at("all"));
    await expect(concat.append(at("text"))).rejects.toThrow("not a whole Parquet file");
    await expect(concat.append(at("sealed"))).rejects.toThrow("encrypted");
    await expect(concat.append(at("nowhere"))).rejects.toThrow(StorageError);
    await expect(concat.append(at("nowhere"))).rejects.toThrow(at("nowhere"));
    await concat.close();
  });

  test("a target that exists is not touched", async () => {
    await writeFile(at("mine"), "mine");
    await expect(ParquetConcat.create(at("mine"))).rejects.toThrow(StorageError);
    expect(await readFile(at("mine"), "utf8")).toBe("mine");
  });

  test("a failure half-way through a body leaves no trace in what comes after", async () => {
    const big = await judge.write(at("big"), "SELECT random() AS r FROM range(4000000)", "COMPRESSION uncompressed");
    const small = await judge.write(at("small"), "SELECT random() AS r FROM range(10)", "COMPRESSION uncompressed");
    const concat = await ParquetConcat.create(at("all"));
    await concat.append(small);
    const refused = expect(concat.append(big)).rejects.toThrow("it became shorter while it was copied");
    // The footer is read before the first wait for the copy; then most of the body is gone.
    while ((await stat(at("all"))).size < 1e6) await new Promise((resolve) => setImmediate(resolve));
    await truncate(big, 100);
    await refused;
    await concat.append(small);
    await concat.finish();
    await expectUnion(at("all"), [small, small]);
  });

  test("a file that isn't finished is no Parquet file", async () => {
    const concat = await ParquetConcat.create(at("all"));
    await concat.append(await judge.write(at("a"), "SELECT 1 AS i"));
    await concat.close();
    await concat.close();
    await expect(readFooterSummary(at("all"))).rejects.toThrow(CannotConcat);
  });
});

describe("a footer with a flipped bit", () => {
  type Outcome = "refused" | "unreadable" | "same" | "wrong";

  /** What becomes of a damaged file put behind (or before) a good one. */
  async function outcome(damaged: string, good: string, expected: string, first: boolean): Promise<Outcome> {
    const all = at("flipped-all");
    await rm(all, { force: true });
    try {
      await concatenate(first ? [damaged, good] : [good, damaged], all, new Map());
    } catch (error) {
      if (error instanceof CannotConcat) return "refused";
      throw error;
    }
    try {
      return JSON.stringify(await judge.read(all)) === expected ? "same" : "wrong";
    } catch {
      return "unreadable"; // DuckDB refuses it
    }
  }

  test.each([
    ["behind a good file", false],
    ["before a good file", true],
  ] as const)("%s: refused, unreadable or without effect", async (_, first) => {
    const select = "SELECT i AS id, 'v' || (i % 5) AS v, CASE WHEN i % 2 = 0 THEN [i] END AS l FROM range(3000) r(i)";
    const good = await judge.write(at("good"), select, "ROW_GROUP_SIZE 2048");
    const expected = JSON.stringify(await judge.read(good, good));
    const bytes = await readFile(good);
    const footer = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
    const outcomes: Record<Outcome, number> = { refused: 0, unreadable: 0, same: 0, wrong: 0 };
    const wrong: number[] = [];
    for (let place = footer; place < bytes.length; place++) {
      const flipped = Buffer.from(bytes);
      flipped[place]! ^= 1 << ((place * 7) % 8);
      await writeFile(at("flipped"), flipped);
      const result = await outcome(at("flipped"), good, expected, first);
      outcomes[result]++;
      if (result === "wrong") wrong.push(place - footer);
    }
    expect(wrong).toEqual([]);
    expect(outcomes.refused).toBeGreaterThan(outcomes.same);
  });
});

test("page indexes point at the pages of their new place", async () => {
  // Written by pyarrow 26 (DuckDB writes no page indexes): 400 rows, 2 row groups, many pages.
  const source = join(import.meta.dirname, "page-index.parquet");
  const all = await concatenate([source, await concatenate([source, source], at("two")), source]);
  await expectUnion(all, [source, source, source, source]);
  const one = await pagesIn(source);
  const found = await pagesIn(all);
  expect(one.length).toBeGreaterThan(10);
  expect(found).toHaveLength(4 * one.length);
  // The first bytes of a page header: field 1 is an I32, the page type, here that of a data page.
  for (const { header } of found) expect(header).toEqual([0x15, 0x00]);
  expect(new Set(found.map(({ offset }) => offset)).size).toBe(found.length);
});

test("nothing but the target is made", async () => {
  const a = await judge.write(at("a"), "SELECT 1 AS i");
  await concatenate([a, a]);
  expect((await readdir(home)).sort()).toEqual(["a", "all.parquet"]);
});
