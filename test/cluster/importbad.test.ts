/*
 * The file of rejected rows: what stands in it is imported, once it is repaired, as the very bytes that it was.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type ExportOptions, type ImportOptions, importTable } from "../../src/index.ts";
import { fields, hex, list, map } from "./bytes.ts";
import { everyType, illFormed } from "./extremes.ts";
import { exportRefusedAsBlob } from "./judged.ts";
import { ask } from "./parquet.ts";
import { testClient, testKeyspace } from "./support.ts";
import { serverRows } from "./wire.ts";

let client: Client;
let keyspace: string;
let directory: string;
let files = 0;

/** No tinyint: each row of a table's copy is rejected. */
const TOO_MUCH = 300;
type Bytes = readonly Buffer[];
const COLUMNS = `k int PRIMARY KEY, "Id" text, "ID" text, l list<text>, m map<text, float>, u uuid, d date, n decimal,
  s tuple<double, time>, at timestamp, b boolean, i frozen<list<int>>, x duration`;

beforeAll(async () => {
  client = await testClient();
  keyspace = await testKeyspace(client, "importbad");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-importbad-"));
  await client.execute(`CREATE TABLE ${keyspace}.t (${COLUMNS}, z int)`);
  await client.execute(`CREATE TABLE ${keyspace}.copy (${COLUMNS}, z tinyint)`);
  const extremes = (type: string) => everyType.find((one) => one.type === type)!.values;
  const [texts, asciis, floats, times] = ["text", "ascii", "float", "time"].map(extremes) as [
    Bytes,
    Bytes,
    Bytes,
    Bytes,
  ];
  const odd = (type: string) => illFormed.find(([name]) => name === type)![1];
  for (const [k, double] of extremes("double").entries()) {
    const at = <T>(values: readonly T[]) => values[k % values.length]!;
    const row = {
      Id: at(texts),
      ID: at(odd("text")),
      l: list(at(texts), at(asciis)),
      m: map([at(texts), at(floats)]),
      u: at(extremes("uuid")),
      d: at(extremes("date")),
      n: at(extremes("decimal")),
      s: fields(double, at(times)),
      at: at([hex("00000000000003e7"), hex("8000000000000000"), hex("fffffffffffffc19")]),
      b: at([hex("01"), hex("02")]),
      i: at([list(hex("00000001")), list(hex(""))]),
      x: at(extremes("duration")),
    };
    // A frozen list that the server makes a null of a zero-length element in, which it takes from nobody.
    const cells = Object.entries(row).filter(([name]) => name !== "i" || k % 2 === 0);
    const names = cells.map(([name]) => `"${name}"`).join(", ");
    await client.execute(
      `INSERT INTO ${keyspace}.t (k, z, ${names}) VALUES (${k}, ${TOO_MUCH}, ${cells.map(() => "?").join(", ")})`,
      cells.map(([, value]) => value),
      { hints: cells.map(() => "blob") },
    );
  }
});

afterAll(() => rm(directory, { recursive: true, force: true }));

function connection() {
  const { host, port } = inject("cassandra");
  return { hosts: [`${host}:${port}`] };
}

/** Imports into the emptied copy, in which nothing fits. @returns the file of bad rows, repaired, and the options */
async function rejectedRows(source: string, more: Partial<ImportOptions> = {}): Promise<string> {
  await client.execute(`TRUNCATE ${keyspace}.copy`);
  const badRows = `${source}.bad.jsonl`;
  const said = { connection: connection(), table: { keyspace, table: "copy" }, maxErrors: -1, ...more };
  const { rows } = await importTable({ ...said, sources: [source], badRows, jobDirectory: `${source}.job` });
  expect(rows).toBe(0);
  const repaired = (await readFile(badRows, "utf8")).replaceAll(/"z": ?"?300"?/g, '"z":3');
  await writeFile(badRows, repaired);
  return badRows;
}

async function importRepaired(badRows: string): Promise<void> {
  const said = { connection: connection(), table: { keyspace, table: "copy" }, maxErrors: -1 };
  const { rejected, notices } = await importTable({ ...said, sources: [badRows], jobDirectory: `${badRows}.job` });
  expect([rejected, notices]).toEqual([0, []]);
}

/** The cells of all rows but the last column's, by their key. */
async function held(table: string): Promise<Record<string, string>> {
  const { host, port } = inject("cassandra");
  const { names, rows } = await serverRows(host, port, `SELECT * FROM ${keyspace}.${table}`);
  const text = (cell: Buffer | null, i: number) => `${names[i]} ${cell?.toString("hex") ?? "null"}`;
  return Object.fromEntries(rows.map((row) => [text(row[0]!, 0), row.slice(0, -1).map(text).join("\n")]));
}

describe("rejected rows come in as they were once they are repaired", () => {
  it.each<[string, Partial<ExportOptions>]>([
    [".parquet", {}],
    [".csv", {}],
    [".jsonl", {}],
    [
      ".parquet",
      {
        types: new Map([
          ["d", "INTEGER"],
          ["u", "UUID"],
          ["l", "BLOB[]"],
          ["ID", "BLOB"],
          ["x", "BLOB"],
        ]),
      },
    ],
    [
      ".csv",
      {
        types: new Map([
          ["d", "INTEGER"],
          ["u", "BLOB"],
          ["l", "BLOB[]"],
          ["ID", "BLOB"],
          ["m", "MAP(BLOB, FLOAT)"],
        ]),
      },
    ],
  ])("out of *%s, with %j", async (ending, more) => {
    const destination = join(directory, `${files++}${ending}`);
    const source = { connection: connection(), table: { keyspace, table: "t" }, destination };
    await exportRefusedAsBlob({ ...source, ...more }, new Map(more.types));
    await importRepaired(await rejectedRows(destination));
    expect(await held("copy")).toEqual(await held("t"));
  });

  it("out of files of other origin", async () => {
    const bytes = join(directory, "bytes.parquet");
    await ask(
      `COPY (SELECT i::INT AS k, 300 AS z, if(i = 1, encode('dück'), '\\xC3'::BLOB) AS "Id", 0.1::FLOAT AS n FROM range(1, 3) r(i)) TO '${bytes}'`,
    );
    const badBytes = await rejectedRows(bytes);
    const lines = await readFile(badBytes, "utf8");
    expect(lines).toContain('{"k":1,"z":3,"Id":"dück","n":0.1}');
    // The text of the bytes would be a text too.
    expect(lines).toContain('{"k":2,"z":3,"Id":{"bytes":"0xc3"},"n":0.1}');
    const times = join(directory, "times.csv");
    await writeFile(times, "k,z,at\n1,300,2024-02-01 10:00\n");
    const badTimes = await rejectedRows(times, { csv: { timestampFormat: "%Y-%d-%m %H:%M" } });
    await importRepaired(badTimes);
    const { rows } = await client.execute(`SELECT JSON k, at FROM ${keyspace}.copy`);
    expect(rows[0]?.["[json]"]).toBe('{"k": 1, "at": "2024-01-02 10:00:00.000Z"}');
  });
});
