/*
 * Owns what DuckDB knows of Parquet files without reading their rows: row groups, sizes, types, statistics.
 */
import { normalize } from "node:path";
import type { Connection } from "@duckdb/node-bindings";
import { fileList } from "./copy.ts";
import { run } from "./engine.ts";
import { readRows } from "./reader.ts";

/** A file to look at. */
export interface LookedAt {
  readonly path: string;
  /** What its statistics are read from: itself, or a file with a footer like its own. */
  readonly footer: string;
}

export interface FileFacts extends LookedAt {
  readonly rows: number;
  readonly rowGroups: number;
  /** The program that wrote the file, in its own words. */
  readonly createdBy: string | null;
  /** Equal for files of the same columns and types. */
  readonly signature: string;
  readonly compressedBytes: number;
  readonly uncompressedBytes: number;
  readonly codecs: readonly string[];
}

/** A column of some files of one schema. */
export interface ColumnFacts {
  readonly name: string;
  /** As DuckDB reads it. */
  readonly duckdb: string;
  /** Parquet's own type with its annotation. */
  readonly parquet: string;
  readonly compressedBytes: number;
  readonly uncompressedBytes: number;
  readonly codecs: readonly string[];
  /** Of a column that isn't nested, as far as all row groups say it. */
  readonly statistics: ColumnStatistics | null;
}

export interface ColumnStatistics {
  readonly nulls: number | null;
  /** DuckDB's text of the value; a bound that some row group cut short is not exact. */
  readonly min: string | null;
  readonly max: string | null;
  readonly exact: boolean;
}

/** One element of a Parquet schema, in the order of a walk through its tree. */
interface Element {
  readonly name: string;
  readonly type: string | null;
  readonly type_length: string | null;
  readonly num_children: number | null;
  readonly converted_type: string | null;
  readonly scale: number | null;
  readonly precision: number | null;
  readonly logical_type: string | null;
}

/** The files one by one, in the order that they are given in. */
export async function readFileFacts(
  connection: Connection,
  files: readonly LookedAt[],
  doing: string,
): Promise<FileFacts[]> {
  const list = fileList(files.map(({ path }) => path));
  const sql = `
    SELECT f.file_name AS path, num_rows AS rows, num_row_groups AS "rowGroups", created_by AS "createdBy", signature
    FROM parquet_file_metadata(${list}) f
    JOIN (
      SELECT file_name, md5(string_agg(to_json([if(column_id = 0, '', name), type, type_length, num_children::VARCHAR,
        converted_type, scale::VARCHAR, precision::VARCHAR, logical_type])::VARCHAR, ',' ORDER BY column_id)) AS signature
      FROM parquet_schema(${list}) GROUP BY file_name
    ) s ON s.file_name = f.file_name`;
  const sizes = `
    SELECT file_name AS path, sum(total_compressed_size) AS "compressedBytes",
      sum(total_uncompressed_size) AS "uncompressedBytes", list_sort(list(DISTINCT compression)) AS codecs
    FROM parquet_metadata(${fileList(files.map(({ footer }) => footer))}) GROUP BY file_name`;
  const found = byPath(await readRows<Described>(connection, sql, doing));
  const sized = byPath(await readRows<Sized>(connection, sizes, doing));
  return files.map((file) => ({
    ...(sized.get(normalize(file.footer)) ?? NO_CHUNKS),
    ...found.get(normalize(file.path))!,
    ...file,
  }));
}

type Sized = Pick<FileFacts, "path" | "compressedBytes" | "uncompressedBytes" | "codecs">;
type Described = Omit<FileFacts, keyof Sized | "footer"> & Pick<FileFacts, "path">;
const NO_CHUNKS = { compressedBytes: 0, uncompressedBytes: 0, codecs: [] };

function byPath<T extends { readonly path: string }>(files: readonly T[]): Map<string, T> {
  return new Map(files.map((file) => [normalize(file.path), file]));
}

/** The columns of files that have the same signature. */
export async function readColumnFacts(
  connection: Connection,
  files: readonly LookedAt[],
  doing: string,
): Promise<ColumnFacts[]> {
  // Statistics of timestamps are texts with an offset.
  await run(connection, "SET TimeZone = 'UTC'", doing);
  const first = fileList(files.slice(0, 1).map(({ path }) => path));
  const elements = await readRows<Element>(
    connection,
    `SELECT * EXCLUDE (file_name) FROM parquet_schema(${first}) ORDER BY column_id`,
    doing,
  );
  const described = await readRows<{ column_type: string }>(
    connection,
    `DESCRIBE SELECT * FROM read_parquet(${first}, hive_partitioning = false)`,
    doing,
  );
  const tops = topColumns(elements);
  await run(
    connection,
    `CREATE OR REPLACE TEMP TABLE chunks AS SELECT column_id, compression, total_compressed_size,
      total_uncompressed_size, num_values, stats_null_count, min_is_exact AND max_is_exact AS exact,
      coalesce(stats_min_value, stats_min) AS low, coalesce(stats_max_value, stats_max) AS high
    FROM parquet_metadata(${fileList(files.map(({ footer }) => footer))})`,
    doing,
  );
  const sizes = await readRows<{ leaf: number; compressed: number; uncompressed: number; codecs: string[] }>(
    connection,
    `SELECT column_id AS leaf, sum(total_compressed_size) AS compressed, sum(total_uncompressed_size) AS uncompressed,
      list_sort(list(DISTINCT compression)) AS codecs FROM chunks GROUP BY column_id`,
    doing,
  );
  const types = new Map(
    tops.map((top, i) => [top.firstLeaf, top.leaves === 1 && !top.nested ? described[i]!.column_type : ""]),
  );
  const statistics = await readStatistics(connection, types, doing);
  return tops.map(({ element, firstLeaf, leaves, nested }, i) => {
    const own = sizes.filter(({ leaf }) => leaf >= firstLeaf && leaf < firstLeaf + leaves);
    return {
      name: element.name,
      duckdb: described[i]!.column_type,
      parquet: parquetType(element),
      compressedBytes: own.reduce((sum, { compressed }) => sum + compressed, 0),
      uncompressedBytes: own.reduce((sum, { uncompressed }) => sum + uncompressed, 0),
      codecs: [...new Set(own.flatMap(({ codecs }) => codecs))],
      statistics: nested ? null : (statistics.get(firstLeaf) ?? null),
    };
  });
}

/** Least and greatest value of each leaf that has a type here: compared as that type, since the statistics are texts. */
async function readStatistics(
  connection: Connection,
  types: ReadonlyMap<number, string>,
  doing: string,
): Promise<Map<number, ColumnStatistics>> {
  const leaves = new Map<string, number[]>();
  for (const [leaf, type] of types) if (type) leaves.set(type, [...(leaves.get(type) ?? []), leaf]);
  const found = new Map<number, ColumnStatistics>();
  for (const [type, ids] of leaves) {
    // A row group of NULLs only has no bounds and needs none; any other without them makes the whole unknown.
    const known = (bound: string) =>
      `bool_and(try_cast(${bound} AS ${type}) IS NOT NULL OR coalesce(stats_null_count = num_values, false))`;
    const bound = (side: "min" | "max", text: string) =>
      `if(${known(text)}, ${side}(try_cast(${text} AS ${type}))::VARCHAR, NULL) AS "${side}"`;
    const rows = await readRows<ColumnStatistics & { leaf: number }>(
      connection,
      `SELECT column_id AS leaf, if(count(*) = count(stats_null_count), sum(stats_null_count), NULL) AS nulls,
        ${bound("min", "low")}, ${bound("max", "high")}, coalesce(bool_and(exact), true) AS exact
      FROM chunks WHERE column_id IN (${ids.join(", ")}) GROUP BY column_id`,
      doing,
    );
    for (const { leaf, ...statistics } of rows) found.set(leaf, statistics);
  }
  return found;
}

interface TopColumn {
  readonly element: Element;
  /** Leaves are numbered through the whole schema, as row groups have them. */
  readonly firstLeaf: number;
  readonly leaves: number;
  readonly nested: boolean;
}

function topColumns(elements: readonly Element[]): TopColumn[] {
  let at = 1;
  let leaf = 0;
  const walk = () => {
    const { num_children } = elements[at++]!;
    if (!num_children) leaf++;
    for (let i = 0; i < (num_children ?? 0); i++) walk();
  };
  return Array.from({ length: elements[0]?.num_children ?? 0 }, () => {
    const element = elements[at]!;
    const firstLeaf = leaf;
    walk();
    return { element, firstLeaf, leaves: leaf - firstLeaf, nested: Boolean(element.num_children) };
  });
}

/** `INT64 TIMESTAMP(MICROS, UTC)`, `BYTE_ARRAY UTF8`, `LIST`. */
function parquetType(element: Element): string {
  const { type, type_length, converted_type, logical_type, scale, precision } = element;
  const physical = type === null ? [] : [type_length === null ? type : `${type}(${type_length})`];
  return [...physical, ...annotationOf()].join(" ") || "group";

  function annotationOf(): string[] {
    const logical = /^(\w+?)Type\(/.exec(logical_type ?? "")?.[1]?.toUpperCase();
    if (logical === "TIMESTAMP" || logical === "TIME") {
      const unit = /(MILLIS|MICROS|NANOS)=(?!<null>)/.exec(logical_type!)?.[1] ?? "";
      return [`${logical}(${unit}${logical_type!.includes("isAdjustedToUTC=1") ? ", UTC" : ""})`];
    }
    if (converted_type === "DECIMAL" || logical === "DECIMAL") return [`DECIMAL(${precision},${scale})`];
    if (converted_type !== null) return [converted_type];
    return logical === undefined ? [] : [logical];
  }
}
