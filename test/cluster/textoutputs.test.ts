/*
 * What becomes of exports as text: files and their sidecars after kills, over and beside earlier exports, and stdout
 * with readers that go away and disks that are full. Run with the compiled binary, as a user would.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { describe, expect, it } from "vitest";
import { ensureBinary } from "../../scripts/build/ensure.ts";
import { type Ended, runBinary } from "./binary.ts";
import { ask } from "./parquet.ts";
import { useWorkspace } from "./workspace.ts";

/** With so little memory a segment ends at 2 MB of cells, about 2,000 rows of 250: several pieces out of few rows. */
const MEMORY = "16MB";
const COLUMNS = 250;
const ROWS = 4500;
const TIMEOUT = { timeout: 120_000 };

let client: Client;
let keyspace: string;
let directory: string;
let host: string;

useWorkspace("textout", async (workspace) => {
  ({ client, keyspace, directory, host } = workspace);
  await mkdir(join(directory, "tmp"));
  const columns = Array.from({ length: COLUMNS }, (_, i) => `c${i} int`).join(", ");
  await client.execute(`CREATE TABLE ${keyspace}.wide (p int, k int, v text, ${columns}, PRIMARY KEY (p, k))`);
  await client.execute(`CREATE TABLE ${keyspace}.none (p int PRIMARY KEY, "v,w" text)`);
  await client.execute(`CREATE TABLE ${keyspace}.cells (p int PRIMARY KEY, v text, "_metadata" int)`);
  await client.execute(
    `INSERT INTO ${keyspace}.cells (p, v) VALUES (1, 'x') USING TIMESTAMP 1705325400000000 AND TTL 86400`,
  );
  const query = `INSERT INTO ${keyspace}.wide (p, k, v) VALUES (?, ?, ?)`;
  for (let p = 0; p < ROWS / 100; p++) {
    const queries = Array.from({ length: 100 }, (_, k) => ({ query, params: [p, k, `"${p}",\n${k}`] }));
    await client.batch(queries, { prepare: true, logged: false });
  }
});

/** In a directory for temporary files that must be empty again afterwards. */
function cqlduck(table: string, destination: string, flags = "", fault?: string): Promise<Ended> {
  return runBinary(directory, argsFor(table, destination, flags), {
    TMPDIR: join(directory, "tmp"),
    ...(fault ? { CQLDUCK_FAULT: fault } : {}),
  });
}

function argsFor(table: string, destination: string, flags: string): string[] {
  const fixed = ["-H", host, "--page-size", "50", "--memory", MEMORY, "--progress", "none"];
  return ["export", `${keyspace}.${table}`, destination, ...fixed, ...flags.split(" ").filter(Boolean)];
}

async function exported(...args: Parameters<typeof cqlduck>): Promise<string> {
  const { code, out, err } = await cqlduck(...args);
  expect([code, err]).toEqual([0, expect.stringContaining("exported")]);
  expect(await readdir(join(directory, "tmp"))).toEqual([]);
  return out;
}

async function refused(says: RegExp, ...args: Parameters<typeof cqlduck>): Promise<void> {
  const { code, err } = await cqlduck(...args);
  expect([code, err]).toEqual([2, expect.stringMatching(says)]);
}

/** Reads files with DuckDB, compressed or not, and fails unless each row is there once and as it was written. */
async function expectAllRows(...names: string[]): Promise<void> {
  const paths = names.map((name) => `'${join(directory, name)}'`).join(", ");
  const read = /\.jsonl?(\.|$)/.test(names[0]!) ? `read_json([${paths}])` : `read_csv([${paths}], new_line = '\\n')`;
  const [found] = await ask(
    `SELECT count(*)::INT AS n, count(DISTINCT (p, k))::INT AS keys, bool_and(v = '"' || p || '",' || chr(10) || k) AS same FROM ${read}`,
  );
  expect(found).toEqual({ n: ROWS, keys: ROWS, same: true });
}

async function sidecarOf(name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(directory, name), "utf8"));
}

describe("one file of several pieces", () => {
  it.each(["x.csv", "x.csv.gz", "x.csv.zst", "x.json.gz", "x.jsonl.zst"])(
    "%s holds all rows, and its sidecar says what it is",
    TIMEOUT,
    async (name) => {
      await exported("wide", name);
      await expectAllRows(name);
      const sidecar = await sidecarOf(`${name}.cqlduck`);
      expect(sidecar["cqlduck.source"]).toBe(`${keyspace}.wide`);
      expect(sidecar["cqlduck.columns"]).toHaveLength(COLUMNS + 3);
      expect(sidecar["cqlduck.format"]).toMatchObject({ name: name.split(".")[1] });
      const { length } = await readFile(join(directory, name));
      expect(sidecar["cqlduck.files"]).toEqual([{ path: name, rows: ROWS, bytes: length }]);
      expect(existsSync(join(directory, `${name}._cqlduck`))).toBe(false);
    },
  );

  it.each(["segment-durable:2", "output-durable", "output-written", "renamed", "renamed:2"])(
    "killed at %s, comes out whole and never without its sidecar",
    TIMEOUT,
    async (fault) => {
      const name = `kill-${fault.replace(":", "-")}.csv.gz`;
      expect((await cqlduck("wide", name, "", fault)).signal).toBe("SIGKILL");
      if (existsSync(join(directory, name))) expect(existsSync(join(directory, `${name}.cqlduck`))).toBe(true);
      if (fault !== "done-written") await exported("wide", name, "--resume");
      await expectAllRows(name);
      expect((await sidecarOf(`${name}.cqlduck`))["cqlduck.files"]).toMatchObject([{ path: name, rows: ROWS }]);
    },
  );

  it.each(["json", "jsonl"])("of %s goes on after a kill", TIMEOUT, async (format) => {
    expect((await cqlduck("wide", `kill.${format}`, "", "record-written:2")).signal).toBe("SIGKILL");
    await refused(/unfinished job[\s\S]*--resume/, "wide", `kill.${format}`);
    await exported("wide", `kill.${format}`, "--resume");
    await expectAllRows(`kill.${format}`);
  });

  it("is not written over, nor beside a sidecar that is there, unless that is said", TIMEOUT, async () => {
    await exported("none", "over.csv");
    await refused(/exists already/, "none", "over.csv");
    await rm(join(directory, "over.csv"));
    await refused(/over\.csv\.cqlduck exists already/, "none", "over.csv");
    await exported("none", "over.csv", "--overwrite --null NULL");
    expect((await sidecarOf("over.csv.cqlduck"))["cqlduck.format"]).toMatchObject({ null: "NULL" });
  });
});

describe("a directory", () => {
  it("of parts has one sidecar; more can be added, and others put in their place", TIMEOUT, async () => {
    await exported("wide", "parts", "--format csv --compression gzip");
    const parts = ["part-00000.csv.gz", "part-00001.csv.gz", "part-00002.csv.gz"];
    const names = async () => (await readdir(join(directory, "parts"))).filter((name) => name !== "_cqlduck");
    expect(await names()).toEqual(["_SUCCESS", "_cqlduck.json", ...parts]);
    await expectAllRows(...parts.map((name) => `parts/${name}`));
    expect((await sidecarOf("parts/_cqlduck.json"))["cqlduck.files"]).toMatchObject(parts.map((path) => ({ path })));

    await refused(/are not csv as this export would write it/, "wide", "parts", "--append --format csv --delimiter ;");
    await refused(/are not jsonl as/, "wide", "parts", "--append --format jsonl");
    await exported("wide", "parts", "--append --format csv --compression gzip --limit 10");
    const added = (await names()).filter((name) => /^(part|_cqlduck)-\d{8}T/.test(name));
    expect(added).toHaveLength(2);

    await writeFile(join(directory, "parts/theirs.csv"), "1,2\n");
    await refused(/no export wrote there: theirs\.csv/, "none", "parts", "--overwrite --format csv");
    await rm(join(directory, "parts/theirs.csv"));
    await exported("none", "parts", "--overwrite --format jsonl");
    expect(await names()).toEqual(["_SUCCESS", "_cqlduck.json", "part-00000.jsonl"]);
  });
});

describe("an empty table", () => {
  it.each([
    ["empty.csv", 'p,"v,w"\n'],
    ["empty.tsv", "p\tv,w\n"],
    ["empty.jsonl", ""],
  ])("is %s", TIMEOUT, async (name, text) => {
    await exported("none", name);
    expect(await readFile(join(directory, name), "utf8")).toBe(text);
  });

  it("is an empty array, and compressed text that readers take", TIMEOUT, async () => {
    expect(JSON.parse(await exported("none", "-", "--format json"))).toEqual([]);
    await exported("none", "empty.json");
    expect(JSON.parse(await readFile(join(directory, "empty.json"), "utf8"))).toEqual([]);
    for (const ending of ["gz", "zst"]) {
      await exported("none", `bare.csv.${ending}`, "--no-header");
      const rows = `read_csv('${join(directory, `bare.csv.${ending}`)}', auto_detect = false, columns = {a: 'INT', b: 'TEXT'}, header = false)`;
      expect(await ask(`SELECT count(*)::INT AS n FROM ${rows}`)).toEqual([{ n: 0 }]);
    }
  });
});

describe("writetimes and TTLs", () => {
  it("stand beside the columns of JSON, under a name that no column has", TIMEOUT, async () => {
    const [line = ""] = (await exported("cells", "-", "--format jsonl --writetime v --ttl v")).split("\n");
    const { p, v, _metadata, _metadata_1 } = JSON.parse(line);
    expect([p, v, _metadata, _metadata_1.writetime]).toEqual([1, "x", null, { v: 1705325400000000 }]);
    expect(_metadata_1.ttl.v).toBeGreaterThan(80_000);
    const [plain = ""] = (await exported("cells", "-", "--format jsonl --writetime v --columns p,v")).split("\n");
    expect(plain).toBe('{"p":1,"v":"x","_metadata":{"writetime":{"v":1705325400000000}}}');
  });

  it("are columns of CSV", TIMEOUT, async () => {
    const text = await exported("cells", "-", "--format csv --writetime v --columns p,v");
    expect(text).toBe("p,v,v_writetime\n1,x,1705325400000000\n");
  });
});

describe("stdout", () => {
  it.each(["csv", "json", "jsonl"])("gets all rows as %s", TIMEOUT, async (format) => {
    await writeFile(join(directory, `out.${format}`), await exported("wide", "-", `--format ${format}`));
    await expectAllRows(`out.${format}`);
  });

  it("may be closed by its reader, which is no error", TIMEOUT, async () => {
    const { code, out, err } = await inShell(`"$@" | head -n 1; echo "\${PIPESTATUS[0]}"`, "--format jsonl");
    const [row = "", status] = out.split("\n");
    expect([Object.keys(JSON.parse(row)).length, status, err, code]).toEqual([COLUMNS + 3, "0", "", 0]);
    expect(await readdir(join(directory, "tmp"))).toEqual([]);
  });

  it("may be a full disk, which is one", TIMEOUT, async () => {
    const { code, err } = await inShell(`"$@" > /dev/full`, "--format csv");
    expect([code, err]).toEqual([3, expect.stringMatching(/can't write to stdout: no space left on the device/)]);
    expect(err).not.toContain("go on");
    expect(await readdir(join(directory, "tmp"))).toEqual([]);
  });

  it("takes no option that needs something to stay", TIMEOUT, async () => {
    await refused(/no name to tell the format by/, "wide", "-");
    await refused(/Parquet can't be written to stdout/, "wide", "-", "--format parquet");
    for (const flag of ["--resume", "--restart", "--overwrite", "--append", "--rows-per-file 10"]) {
      await refused(/can't be had on stdout/, "wide", "-", `--format csv ${flag}`);
    }
    await refused(/--json prints the result on stdout/, "wide", "-", "--format csv --json");
  });
});

/** Runs an export of the wide table to stdout by a line of shell, in which it is `"$@"`. */
async function inShell(line: string, flags: string): Promise<Ended> {
  const args = ["-c", line, "bash", await ensureBinary(), ...argsFor("wide", "-", flags)];
  const env = { ...process.env, TMPDIR: join(directory, "tmp"), XDG_STATE_HOME: join(directory, "state") };
  const child = spawn("bash", args, { cwd: directory, env, stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (data) => {
    out += data;
  });
  child.stderr.on("data", (data) => {
    err += data;
  });
  return new Promise((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, out, err }));
  });
}
