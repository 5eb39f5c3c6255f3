/*
 * Owns which staged rows belong to which partition and where they are: by the places of rows in their files where a
 * partition has many of them, by loading several partitions into memory where they are small.
 */
import { assert } from "../../base/errors.ts";
import { quoteText } from "../../duckdb/copy.ts";
import { type Connection, run } from "../../duckdb/engine.ts";
import { readRows } from "../../duckdb/reader.ts";
import type { Trimmer } from "../../duckdb/trim.ts";
import { readRowGroups } from "../../parquet/footer.ts";
import type { RowRun } from "./cutter.ts";
import { stagedRows } from "./staging.ts";

/** A staged file and its rows. */
export interface StagedFile {
  readonly path: string;
  readonly rows: number;
}

/** The rows of a partition in one file, which stand there together. */
interface Stretch {
  readonly path: string;
  readonly first: number;
  readonly rows: number;
}

interface Partition {
  readonly p: string;
  readonly rows: number;
  /** Where its rows are, by the files' numbers; null where it is to be loaded. */
  readonly places:
    | readonly { readonly file: number; readonly first: number; readonly last: number; readonly rows: number }[]
    | null;
}

/** Partitions that are made to files one after the other. */
export interface Group {
  readonly partitions: readonly Partition[];
  /** Their rows are loaded together; else there is one, which is read where it is. */
  readonly loaded: boolean;
}

/** With fewer rows in each file a partition is loaded: reading them where they are would decode much else. */
const MANY_ROWS_A_FILE = 4096;

/** The partitions in the order of their paths, the small ones next to each other in groups of at most so many rows. */
export async function groupPartitions(
  connection: Connection,
  files: readonly string[],
  mostRows: number,
): Promise<Group[]> {
  const partitions = await readRows<Partition>(
    connection,
    `SELECT p, sum(rows)::BIGINT AS rows,
      CASE WHEN sum(rows) > ${mostRows} OR avg(rows) >= ${MANY_ROWS_A_FILE} THEN list(place ORDER BY file) END AS places
    FROM (
      SELECT p, file_index AS file, count(*) AS rows, struct_pack(file := file_index,
        first := min(file_row_number), last := max(file_row_number), rows := count(*)) AS place
      FROM ${stagedRows(files)} GROUP BY p, file_index
    ) GROUP BY p`,
    "listing the partitions",
  );
  // Paths are ASCII: the same order as DuckDB's.
  partitions.sort((a, b) => (a.p < b.p ? -1 : 1));
  const groups: Group[] = [];
  let together: Partition[] = [];
  let rows = 0;
  const close = () => {
    if (together.length > 0) groups.push({ partitions: together, loaded: true });
    together = [];
    rows = 0;
  };
  for (const partition of partitions) {
    if (partition.places !== null) {
      close();
      groups.push({ partitions: [partition], loaded: false });
      continue;
    }
    if (rows + partition.rows > mostRows) close();
    together.push(partition);
    rows += partition.rows;
  }
  close();
  return groups;
}

type KeyValues = (partition: string) => Readonly<Record<string, string>>;

/** A partition's rows, read where they are. */
export function partitionInFiles(
  files: readonly string[],
  { p, rows, places }: Partition,
  keyValues: KeyValues,
): RowRun {
  const stretches = (places ?? []).map(({ file, first, last, rows }) => {
    assert(last - first + 1 === rows, `the rows of ${p} stand together`);
    return { path: files[file]!, first, rows };
  });
  return { rows, from: (at, count) => fromStretches(stretches, at, count), partition: p, keyValues: keyValues(p) };
}

/** All rows of the files, one after the other. */
export function allRows(files: readonly StagedFile[]): RowRun {
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  const stretches = files.map(({ path, rows }) => ({ path, first: 0, rows }));
  return {
    rows,
    from: (at, count) => fromStretches(stretches, at, count),
    partition: undefined,
    keyValues: undefined,
  };
}

/** The rows from a place on, counted through all stretches. */
function fromStretches(stretches: readonly Stretch[], at: number, count: number): string {
  const selects: string[] = [];
  let skip = at;
  let left = count;
  for (const { path, first, rows } of stretches) {
    const from = Math.min(skip, rows);
    const taken = Math.min(rows - from, left);
    skip -= from;
    left -= taken;
    if (taken === 0 && !(count === 0 && selects.length === 0)) continue;
    const begin = first + from;
    selects.push(
      `SELECT * FROM ${stagedRows([path])} WHERE file_row_number >= ${begin} AND file_row_number < ${begin + taken}`,
    );
  }
  return `(${selects.join(" UNION ALL ")})`;
}

const TABLE = "loaded";

/** Loads partitions into memory and gives each; they are gone with the next call. */
export async function loadPartitions(
  connection: Connection,
  trimmer: Trimmer,
  files: readonly string[],
  partitions: readonly Partition[],
  keyValues: KeyValues,
): Promise<RowRun[]> {
  const [first, last] = [partitions[0]!.p, partitions.at(-1)!.p];
  await run(connection, `DROP TABLE IF EXISTS ${TABLE}`, "dropping loaded rows");
  await trimmer.trimBefore();
  await run(
    connection,
    `CREATE TABLE ${TABLE} AS SELECT * FROM ${stagedRows(files)}
    WHERE p >= ${quoteText(first)} AND p <= ${quoteText(last)} ORDER BY p, file_index, file_row_number`,
    `loading ${first} to ${last}`,
  );
  await trimmer.trim();
  const [loaded] = await readRows<{ rows: number }>(connection, `SELECT count(*) AS rows FROM ${TABLE}`, "counting");
  const rows = partitions.reduce((sum, partition) => sum + partition.rows, 0);
  assert(loaded?.rows === rows, `${loaded?.rows} rows were loaded of ${rows}`);
  let end = 0;
  return partitions.map(({ p, rows }) => {
    const begin = end;
    end += rows;
    return {
      rows,
      from: (at, count) => `(FROM ${TABLE} WHERE rowid >= ${begin + at} AND rowid < ${begin + at + count})`,
      partition: p,
      keyValues: keyValues(p),
    };
  });
}

/** What a row of the files takes on average (bytes), as values without dictionaries. */
export async function averageRowBytes(files: readonly StagedFile[]): Promise<number> {
  let bytes = 0;
  for (const { path } of files) {
    for (const group of await readRowGroups(path)) bytes += group.uncompressedBytes;
  }
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  return rows > 0 ? Math.max(1, bytes / rows) : 1;
}
