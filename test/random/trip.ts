/*
 * Owns the way of a random table through files and back: out in a form that the seed chooses, the table emptied, in again,
 * and what the server then holds compared with what it held. A failure names the seed, the schema and the first cell that differs.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { exportTable, type ImportOptions, importTable } from "../../src/index.ts";
import type { ExportOptions } from "../../src/operations/options.ts";
import { serverRows } from "../cluster/wire.ts";
import { Dice, quoted, type RandomColumn, type RandomTable, randomTable } from "./tables.ts";

export interface TripPlace {
  readonly client: Client;
  readonly host: string;
  readonly port: number;
  readonly keyspace: string;
  readonly directory: string;
  readonly hasVectors: boolean;
}

type Cells = (string | null)[][];

/** Sends the table of a seed there and back; how many rows it has. @throws Error that says all that is needed to repeat it */
export async function randomTrip(place: TripPlace, seed: number): Promise<number> {
  const dice = new Dice(seed);
  const table = randomTable(seed, dice, place.hasVectors);
  const form = randomForm(dice, table);
  const { client, keyspace, directory, host, port } = place;
  const ours = `${keyspace}.${quoted(table.name)}`;
  const destination = join(directory, `${seed}${form.ending}`);
  const more: Partial<ImportOptions> = {
    batchRows: dice.pick([undefined, 1, 7]),
    concurrency: dice.pick([undefined, 1]),
    nulls: table.isCounter ? "unset" : dice.pick(["unset", "write"]),
    preserve: form.options.writetime !== undefined,
  };
  const look = () => held(place, table, more.preserve === true && place.hasVectors);
  try {
    await create(place, table);
    const before = await look();
    const connection = { hosts: [`${host}:${port}`] };
    const target = { keyspace, table: table.name };
    await exportTable({ connection, table: target, destination, ...form.options });
    await client.execute(`TRUNCATE ${ours}`);
    const jobDirectory = join(directory, `job-${seed}`);
    await importTable({ connection, table: target, sources: [destination], jobDirectory, maxErrors: 0, ...more });
    const difference = firstDifference(table, before, await look());
    if (difference) throw new Error(difference);
    await client.execute(`DROP TABLE ${ours}`);
    await rm(destination, { recursive: true, force: true });
    return before.length;
  } catch (error) {
    const said = JSON.stringify({ ...form, ...more });
    throw new Error([`seed ${seed}: ${String(error)}`, ...table.statements, said].join("\n"), { cause: error });
  }
}

async function create({ client, keyspace }: TripPlace, table: RandomTable): Promise<void> {
  await client.execute(`USE ${keyspace}`);
  for (const statement of table.statements)
    await client.execute(statement.replace(/^(CREATE \w+) /, `$1 ${keyspace}.`));
  for (const row of table.rows) await insert(client, `${keyspace}.${quoted(table.name)}`, table, row);
}

async function insert(
  client: Client,
  name: string,
  { columns, isCounter }: RandomTable,
  row: RandomTable["rows"][number],
): Promise<void> {
  const cells = columns.flatMap(({ name, kind }, i) =>
    row[i]
      ? [
          {
            name: quoted(name),
            isKey: kind === "partition_key" || kind === "clustering",
            isClustering: kind === "clustering",
            isStatic: kind === "static",
            value: Buffer.from(row[i]),
          },
        ]
      : [],
  );
  const values = cells.filter(({ isKey }) => !isKey);
  const ofRow = values.some(({ isStatic }) => !isStatic);
  // An UPDATE of static columns names no row.
  const keys = cells.filter(({ isKey, isClustering }) => isKey && (ofRow || !isClustering));
  const lacksClustering = columns.some(({ kind }, i) => kind === "clustering" && !row[i]);
  if (values.length === 0 && (isCounter || lacksClustering)) return;
  const insert = `INSERT INTO ${name} (${cells.map((cell) => cell.name).join(", ")}) VALUES (${cells.map(() => "?").join(", ")})`;
  const add = values.map((cell) => `${cell.name} = ${cell.name} + ?`).join(", ");
  const update = `UPDATE ${name} SET ${add} WHERE ${keys.map((cell) => `${cell.name} = ?`).join(" AND ")}`;
  const bound = isCounter ? [...values, ...keys] : cells;
  // Bound as blob a value reaches the server as it is; the server reads it as the column's type.
  await client.execute(
    isCounter ? update : insert,
    bound.map(({ value }) => value),
    { hints: bound.map(() => "blob") },
  );
}

/** The cells of all rows in hex, sorted, columns as in the table; behind them, if wanted, when they were written. */
async function held(
  { host, port, keyspace }: TripPlace,
  { name, columns }: RandomTable,
  withTimes: boolean,
): Promise<Cells> {
  const values = columns.filter(({ kind }) => kind === "static" || kind === "regular");
  const times = withTimes ? values.map((column) => `WRITETIME(${quoted(column.name)})`) : [];
  const list = [...columns.map((column) => quoted(column.name)), ...times].join(", ");
  const { rows } = await serverRows(host, port, `SELECT ${list} FROM ${keyspace}.${quoted(name)}`);
  return rows
    .map((row) => row.map((cell) => cell?.toString("hex") ?? null))
    .sort((a, b) => (a.join() < b.join() ? -1 : 1));
}

const MOST_SHOWN = 400;

function firstDifference({ columns }: RandomTable, before: Cells, after: Cells): string | undefined {
  const row = before.findIndex((cells, i) => cells.join() !== after[i]?.join());
  if (row < 0 && before.length === after.length) return undefined;
  const at = row < 0 ? before.length : row;
  const column = columns.findIndex((_, i) => before[at]?.[i] !== after[at]?.[i]);
  const text = (cells: Cells) => String(cells[at]?.[column]).slice(0, MOST_SHOWN);
  return [
    `${before.length} rows before, ${after.length} after; row ${at} of them in order, column ${columns[column]?.name}`,
    `before: ${text(before)}`,
    `after:  ${text(after)}`,
  ].join("\n");
}

interface Form {
  readonly ending: string;
  readonly options: Partial<ExportOptions>;
}

function randomForm(dice: Dice, table: RandomTable): Form {
  const ending = dice.pick([
    ".parquet",
    ".parquet",
    ".csv",
    ".csv.gz",
    ".jsonl",
    ".json",
    ".jsonl.zst",
    "",
    "",
    "",
    "",
  ]);
  const format = dice.pick(["parquet", "parquet", "csv", "jsonl", "json"] as const);
  const name = ending === "" ? format : ending.split(".")[1]!;
  const partitionBy = ending === "" && dice.chance(0.6) ? partitionColumns(dice, table) : [];
  const options: Partial<ExportOptions> = {
    ...(ending === "" ? { format } : {}),
    pageSize: dice.pick([undefined, undefined, 1, 7]),
    splits: dice.pick([undefined, undefined, 1, 5]),
    ...(name === "parquet" ? { uuid: dice.pick(["text", "native"]) } : {}),
    ...(name === "csv"
      ? dice.pick([{}, {}, { header: false, delimiter: "\t" }, { nullText: "NULL" }, { quote: "'", escape: "\\" }])
      : {}),
    ...(partitionBy.length > 0 ? { partitionBy: partitionBy.map(({ name }) => ({ column: name })) } : {}),
    ...(ending === "" && partitionBy.length === 0 && dice.chance(0.3) ? { rowsPerFile: dice.between(1, 20) } : {}),
    ...(!table.isCounter && dice.chance(0.2) ? { writetime: "all", ttl: "all" } : {}),
  };
  return { ending, options };
}

const IN_PATHS =
  /^(ascii|text|tinyint|smallint|int|bigint|varint|decimal|boolean|uuid|timeuuid|inet|date|time|timestamp)$/;
/** Directories' names end at 255 bytes, and each byte may become three. */
const LONGEST_NAME = 84;

/**
 * Up to two columns whose values all fit into paths; one at least stays in the files. None of an empty table: its one file
 * stands below no directory, and an import misses a key that is in neither.
 */
function partitionColumns(dice: Dice, { columns, rows }: RandomTable): RandomColumn[] {
  if (rows.length === 0) return [];
  const fit = columns.filter(({ name, text }, i) => {
    const longest = Math.max(0, ...rows.map((row) => row[i]?.length ?? 0));
    const digits = text === "varint" || text === "decimal" ? longest * 3 + 12 : Math.max(longest, 40);
    return IN_PATHS.test(text) && Buffer.byteLength(name) + digits <= LONGEST_NAME;
  });
  const wanted = Math.min(dice.between(1, 2), fit.length, columns.length - 1);
  return Array.from({ length: wanted }, () => fit.splice(dice.below(fit.length), 1)[0]!);
}
