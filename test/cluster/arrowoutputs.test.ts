/*
 * What becomes of exports as Arrow streams: after a kill, in a directory, on stdout, and added to an earlier export. Run
 * with the compiled binary, as a user would, and compared with the server's bytes by pyarrow.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { describe, expect, inject, it } from "vitest";
import { ensureBinary } from "../../scripts/build/ensure.ts";
import { cql } from "../readers/cases.ts";
import { judge, judgePython } from "../readers/venv.ts";
import { type Ended, runBinary } from "./binary.ts";
import { serverRows } from "./wire.ts";
import { useWorkspace } from "./workspace.ts";

/** With so little memory a segment ends at 2 MB of cells, about 2,000 rows of 250: several pieces out of few rows. */
const COLUMNS = 250;
const ROWS = 4500;
const TIMEOUT = { timeout: 180_000 };
const python = await judgePython();

let client: Client;
let keyspace: string;
let directory: string;
let host: string;

useWorkspace("arrowout", async (workspace) => {
  ({ client, keyspace, directory, host } = workspace);
  const columns = Array.from({ length: COLUMNS }, (_, i) => `c${i} int`).join(", ");
  await client.execute(`CREATE TABLE ${keyspace}.wide (p int, k int, v text, ${columns}, PRIMARY KEY (p, k))`);
  await client.execute(`CREATE TABLE ${keyspace}.none (p int PRIMARY KEY, v text)`);
  const query = `INSERT INTO ${keyspace}.wide (p, k, v) VALUES (?, ?, ?)`;
  for (let p = 0; p < ROWS / 100; p++) {
    const queries = Array.from({ length: 100 }, (_, k) => ({ query, params: [p, k, `"${p}",\n${k}`] }));
    await client.batch(queries, { prepare: true, logged: false });
  }
});

function argsFor(table: string, destination: string, flags: string): string[] {
  const fixed = ["-H", host, "--page-size", "50", "--memory", "16MB", "--progress", "none"];
  return ["export", `${keyspace}.${table}`, destination, ...fixed, ...flags.split(" ").filter(Boolean)];
}

function cqlduck(table: string, destination: string, flags = "", fault?: string): Promise<Ended> {
  return runBinary(directory, argsFor(table, destination, flags), fault ? { CQLDUCK_FAULT: fault } : {});
}

async function exported(...args: Parameters<typeof cqlduck>): Promise<void> {
  const { code, err } = await cqlduck(...args);
  expect([code, err]).toEqual([0, expect.stringContaining("exported")]);
}

async function refused(says: RegExp, ...args: Parameters<typeof cqlduck>): Promise<void> {
  const { code, err } = await cqlduck(...args);
  expect([code, err]).toEqual([2, expect.stringMatching(says)]);
}

/** Fails unless the file, or the directory's, hold what the server holds of the table, so many times. */
async function expectAllRows(name: string, table = "wide", times = 1): Promise<void> {
  const node = inject("cassandra");
  const server = await serverRows(node.host, node.port, `SELECT * FROM ${keyspace}.${table}`);
  const columns = server.names.map((column) => ({ name: column, type: cql(column === "v" ? "text" : "int") }));
  const rows = Array.from({ length: times }, () => server.rows).flat();
  expect(await judge(join(directory, name), columns, rows)).toMatchObject({ rows: rows.length });
}

describe.skipIf(python === undefined)("an Arrow stream", () => {
  it.each(["segment-durable:2", "output-written"])("killed at %s, comes out whole", TIMEOUT, async (fault) => {
    const name = `kill-${fault.replace(":", "-")}.arrow`;
    expect((await cqlduck("wide", name, "", fault)).signal).toBe("SIGKILL");
    expect(existsSync(join(directory, name))).toBe(false);
    await exported("wide", name, "--resume");
    await expectAllRows(name);
    expect((await readdir(directory)).filter((entry) => entry.startsWith(name))).toEqual([name]);
  });

  it("is several in a directory; more of the same columns can be added", TIMEOUT, async () => {
    await exported("wide", "parts", "--format arrow");
    const names = async () => (await readdir(join(directory, "parts"))).filter((name) => name !== "_cqlduck");
    expect(await names()).toEqual(["_SUCCESS", "part-00000.arrows", "part-00001.arrows", "part-00002.arrows"]);
    await expectAllRows("parts");
    await refused(/holds other columns than those/, "none", "parts", "--append --format arrow");
    await exported("wide", "parts", "--append --format arrow");
    await expectAllRows("parts", "wide", 2);
  });

  it("can be arranged: by size, in order, and by partition, whose column is in the paths", TIMEOUT, async () => {
    for (const [name, flags] of [
      ["sized", "--max-file-size 400KB"],
      ["sorted", "--sort-by k,p"],
    ] as const) {
      await exported("wide", name, `--format arrow ${flags}`);
      await expectAllRows(name);
    }
    expect(
      (await readdir(join(directory, "sized"))).filter((entry) => entry.endsWith(".arrows")).length,
    ).toBeGreaterThan(2);
    const { out } = await cqlduck("wide", "by", "--format arrow --partition-by p --columns p,k,v --json");
    const files: { path: string; rows: number }[] = JSON.parse(out).files;
    expect(files).toHaveLength(ROWS / 100);
    for (const { path, rows } of files) {
      expect(path).toMatch(/by\/p=\d+\/part-00000\.arrows$/);
      expect(rows).toBe(100);
    }
  });

  it("of an empty table says its columns", TIMEOUT, async () => {
    await exported("none", "none.arrows");
    await expectAllRows("none.arrows", "none");
  });

  it("goes to stdout", TIMEOUT, async () => {
    const args = ["-c", `"$@" > out.arrows`, "bash", await ensureBinary(), ...argsFor("wide", "-", "--format arrow")];
    const child = spawn("bash", args, { cwd: directory, stdio: "ignore" });
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
    await expectAllRows("out.arrows");
  });

  it("is not compressed", TIMEOUT, async () => {
    await refused(/Arrow streams are not compressed/, "none", "x.arrow", "--compression zstd");
    await refused(/does not write \.arrow\.gz/, "none", "x.arrow.gz");
  });
});
