/*
 * Owns a table whose columns make partitions that readers may take amiss, its partitioned exports, and what the judge
 * compares each of them with: the server's cells, those of the columns in paths last.
 */
import { join } from "node:path";
import { type Client, types } from "cassandra-driver";
import { inject } from "vitest";
import { parsePartitionTerms } from "../../src/base/names.ts";
import { exportTable } from "../../src/operations/export.ts";
import type { TableName } from "../../src/operations/options.ts";
import type { JudgeCell, JudgeColumn } from "../readers/venv.ts";
import { judgeColumns } from "./judged.ts";
import { serverRows } from "./wire.ts";

export const HIVE_NULL = "__HIVE_DEFAULT_PARTITION__";

export const TEXTS: readonly (string | undefined)[] = [
  ...[
    undefined,
    "",
    HIVE_NULL,
    "NULL",
    "null",
    "None",
    "/",
    "=",
    "%",
    ":",
    "\\",
    "a",
    "A",
    "ä",
    "a\u0308",
    "日本",
    "😀",
  ],
  ...[
    "..",
    ".",
    " ",
    "a b",
    "+",
    "&#;",
    "a/b=c%2F",
    "%5F_HIVE_DEFAULT_PARTITION__",
    "x\u0001\n",
    "*?[a]",
    "{b}",
    "'\"",
  ],
  ...["_x", ".x", "1", "01", "1.5", "2024-01-31", "true", "NaN"],
];

/** The columns, with their types for readers that would guess others. */
const COLUMNS = { id: "int", t: "text", n: "int", g: "bigint", d: "date", b: "boolean", u: "uuid", m: "decimal" };
const VALUES = { at: "timestamp", v: "double", l: "list<text>" };

/** By what an export is partitioned. */
export const PARTITIONINGS = ["t", "n,g,d,b,u,m", "at.year,at.month,at.day,at.hour,at.date", "t,at.year"] as const;

/** Creates a table that has a row for each of the texts in its column `t`. */
export async function createHive(client: Client, { keyspace, table }: TableName, texts = TEXTS): Promise<void> {
  const all = Object.entries({ ...COLUMNS, ...VALUES });
  const columns = all.map(([name, type]) => `${name} ${type}`).join(", ");
  await client.execute(`CREATE TABLE ${keyspace}.${table} (${columns}, PRIMARY KEY (id))`);
  const names = all.map(([name]) => name).join(", ");
  const insert = `INSERT INTO ${keyspace}.${table} (${names}) VALUES (${all.map(() => "?").join(", ")})`;
  for (const [id, t] of texts.entries()) {
    const n = [undefined, -1, 0, 2_147_483_647][id % 4];
    const g = [undefined, types.Long.MIN_VALUE, types.Long.fromNumber(7)][id % 3];
    const d = [undefined, "0001-01-01", "2024-02-29"][id % 3];
    const b = [undefined, true, false][id % 3];
    const u = id % 2 ? "f0f1f2f3-f4f5-4000-8000-00000000000a" : undefined;
    const m = id % 2 ? types.BigDecimal.fromString("10.00") : undefined;
    const at = id % 5 ? new Date(Date.UTC(1969 + (id % 3), id % 12, 1 + (id % 28), id % 24, 59, 59, 999)) : undefined;
    const values = [id, t, n, g, d, b, u, m, at, id % 2 ? -0 : undefined, id % 2 ? ["", "x"] : undefined];
    await client.execute(insert, values, { prepare: true });
  }
}

export interface Partitioned {
  readonly directory: string;
  readonly columns: readonly JudgeColumn[];
  readonly rows: readonly (readonly JudgeCell[])[];
}

/** Exports the table below `home`, partitioned by `by`. */
export async function exportHive(client: Client, name: TableName, by: string, home: string): Promise<Partitioned> {
  const { host, port } = inject("cassandra");
  const { keyspace, table } = name;
  const directory = join(home, `${table} by ${by}`);
  const partitionBy = parsePartitionTerms(by);
  await exportTable({ connection: { hosts: [`${host}:${port}`] }, table: name, destination: directory, partitionBy });
  const inPaths = partitionBy.filter(({ part }) => !part).map(({ column }) => column);
  const all = (await serverRows(host, port, `SELECT * FROM ${keyspace}.${table} LIMIT 1`)).names;
  const inFiles = all.filter((name) => !inPaths.includes(name));
  const parts = partitionBy.flatMap(({ column, part }) => (part ? [{ column, part }] : []));
  const names = [...inFiles, ...inPaths];
  const server = await serverRows(host, port, `SELECT ${names.join(", ")} FROM ${keyspace}.${table}`);
  const plain = await judgeColumns(client, keyspace, table, names);
  const columns = [
    ...plain.map((column, i) => (i < inFiles.length ? column : { ...column, path: true as const })),
    ...parts.map(({ column, part }) => {
      const type = { name: part === "date" ? "date" : "int", of: [] };
      return { name: `${column}.${part}`, type, path: true as const };
    }),
  ];
  const rows = server.rows.map((row) => [
    ...row,
    ...parts.map(({ column, part }) => partCell(row[names.indexOf(column)]!, part)),
  ]);
  return { directory, columns, rows };
}

/** The part of a timestamp's bytes, as the bytes of an int or date. */
function partCell(timestamp: Buffer | null, part: string): Buffer | null {
  if (timestamp === null) return null;
  const ms = Number(timestamp.readBigInt64BE());
  const time = new Date(ms);
  const cell = Buffer.alloc(4);
  if (part === "date") cell.writeUInt32BE(Math.floor(ms / 86_400_000) + 2 ** 31);
  else if (part === "year") cell.writeInt32BE(time.getUTCFullYear());
  else if (part === "month") cell.writeInt32BE(time.getUTCMonth() + 1);
  else if (part === "day") cell.writeInt32BE(time.getUTCDate());
  else cell.writeInt32BE(time.getUTCHours());
  return cell;
}

/** The cells with the texts of column `t`, where it is in paths, as a reader has them that takes some for others. */
export function takenFor(
  { columns, rows }: Partitioned,
  texts: ReadonlyMap<string | null, string | null>,
): (readonly JudgeCell[])[] {
  const at = columns.findIndex(({ name, path }) => name === "t" && path);
  return rows.map((row) =>
    row.map((cell, i) => {
      if (i !== at) return cell;
      const text = cell === null ? null : Buffer.from(cell as Uint8Array).toString();
      const taken = texts.has(text) ? texts.get(text)! : text;
      return taken === null ? null : Buffer.from(taken);
    }),
  );
}
