/*
 * The compiled binary while it keeps a pace, tells others how it goes, and meets disks that are too small.
 */
import { type ChildProcess, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { ensureBinary } from "../../scripts/build/ensure.ts";
import { type ExportOptions, exportTable } from "../../src/index.ts";
import { PACES } from "../../src/jobs/pace.ts";
import { canMount, withDisk } from "../mounts.ts";
import { type Ended, runBinary } from "./binary.ts";
import { ask } from "./parquet.ts";
import { testClient, testKeyspace } from "./support.ts";

const ROWS = 3000;

let client: Client;
let keyspace: string;
let directory: string;
let host: string;
let server: Server;
const hook = { url: "", got: [] as Record<string, unknown>[], status: 200 };

beforeAll(async () => {
  await ensureBinary();
  client = await testClient();
  keyspace = await testKeyspace(client, "extras");
  directory = await mkdtemp(join(tmpdir(), "cqlduck-extras-"));
  const node = inject("cassandra");
  host = `${node.host}:${node.port}`;
  await client.execute(`CREATE TABLE ${keyspace}.t (k int PRIMARY KEY, v text, l list<text>)`);
  const insert = `INSERT INTO ${keyspace}.t (k, v, l) VALUES (?, ?, ?)`;
  for (let at = 0; at < ROWS; at += 100) {
    const hundred = Array.from({ length: 100 }, (_, i) => at + i);
    await Promise.all(
      hundred.map((k) =>
        client.execute(insert, [k, k % 3 ? `value ${k}` : null, [`${k}`, "long enough not to be inline"]], {
          prepare: true,
        }),
      ),
    );
  }
  await client.execute(`CREATE TABLE ${keyspace}.noise (k int PRIMARY KEY, v blob)`);
  const noise = `INSERT INTO ${keyspace}.noise (k, v) VALUES (?, ?)`;
  for (let i = 0; i < 20; i++) await client.execute(noise, [i, randomBytes(100_000)], { prepare: true });
  server = createServer((request, response) => {
    let text = "";
    request.on("data", (part) => {
      text += part;
    });
    request.on("end", () => {
      hook.got.push(JSON.parse(text));
      response.writeHead(hook.status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  hook.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/s3cret`;
}, 300_000);

afterAll(async () => {
  server.close();
  await rm(directory, { recursive: true, force: true });
});

function cqlduck(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  during?: (child: ChildProcess) => void,
): Promise<Ended> {
  return runBinary(directory, args, { CQLDUCK_HOST: host, ...env }, during);
}

const exporting = (to: string, ...more: string[]) => ["export", `${keyspace}.t`, to, ...more];

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** All rows of a file as one value, whatever their order. */
async function contentOf(file: string): Promise<unknown> {
  const path = join(directory, file);
  return ask(`SELECT count(*)::INT AS n, md5(string_agg(t::VARCHAR, ';' ORDER BY k)) AS rows FROM '${path}' t`);
}

describe("the pace", () => {
  it("never changes what is read", async () => {
    const into = async (to: string, more: Partial<ExportOptions>) => {
      const destination = join(directory, to);
      await exportTable({ connection: { hosts: [host] }, table: { keyspace, table: "t" }, destination, ...more });
      return contentOf(to);
    };
    const expected = await into("plain.parquet", {});
    expect(expected).toMatchObject([{ n: ROWS }]);
    for (const pace of PACES) expect(await into(`${pace}.parquet`, { pace, pageSize: 50 })).toEqual(expected);
    for (const chunkRows of [1, 7, 5000]) expect(await into(`${chunkRows}.parquet`, { chunkRows })).toEqual(expected);
  });

  it.each([
    ["an export", ["export", "rate.parquet"]],
    ["a count", ["count"]],
  ])("of %s has no more rows a second than --rate", async (_, [command = "", ...to]) => {
    const rate = 1000;
    const words = [command, `${keyspace}.t`, ...to, "--rate", "1K", "--progress", "json"];
    const { code, err } = await cqlduck(words);
    expect(code).toBe(0);
    const progress = err
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line))
      .filter((event) => event.kind === "progress");
    expect(progress.length).toBeGreaterThan(2);
    // A second's worth may have gathered while nothing was asked for.
    for (const { rows, elapsedMs } of progress) expect(rows).toBeLessThanOrEqual(rate * (elapsedMs / 1000 + 1));
  });
});

describe("others are told", () => {
  /** An export that would take ten minutes, and what happens once its figures can be fetched. */
  async function slowly(
    to: string,
    port: number,
    then: (child: ChildProcess, figures: string) => void,
  ): Promise<Ended> {
    const metrics = ["--metrics", `127.0.0.1:${port}`, "--webhook", hook.url, "--report", `${to}.json`];
    return cqlduck(exporting(to, "--rate", "5", ...metrics), {}, (child) => {
      const poll = async () => {
        while (child.exitCode === null) {
          const figures = await fetch(`http://127.0.0.1:${port}/metrics`).then(
            (answer) => answer.text(),
            () => "",
          );
          if (/cqlduck_rows_total\{.*\} [1-9]/.test(figures)) return then(child, figures);
          await sleep(50);
        }
      };
      void poll();
    });
  }

  it("of figures while it runs, and of the interruption; it can be gone on with faster", async () => {
    hook.got = [];
    const port = await freePort();
    let seen = "";
    let taken: Promise<Ended> | undefined;
    const { code, err } = await slowly("slow.parquet", port, async (child, figures) => {
      seen = figures;
      taken = cqlduck(exporting("other.parquet", "--metrics", `127.0.0.1:${port}`));
      await taken;
      child.kill("SIGTERM");
    });
    expect(code).toBe(143);
    expect(seen).toMatch(new RegExp(`^cqlduck_state\\{source="${keyspace}\\.t",state="reading"\\} 1$`, "m"));
    expect(await taken).toMatchObject({ code: 2, err: expect.stringContaining("another program has it") });
    expect(existsSync(join(directory, "other.parquet._cqlduck"))).toBe(false);

    const again = err.trimEnd().split("\n").at(-1) ?? "";
    expect(again).toMatch(/^cqlduck export .* --resume$/);
    expect(err).not.toContain("s3cret");
    const told = { command: "export", source: `${keyspace}.t`, state: "interrupted", exitCode: 143, resume: again };
    expect(hook.got).toMatchObject([told]);
    expect(JSON.parse(await readFile(join(directory, "slow.parquet.json"), "utf8"))).toEqual(hook.got[0]);

    const resumed = await cqlduck(["resume", "slow.parquet", "--rate", "1M", "--webhook", hook.url, "--json"]);
    expect(resumed.code).toBe(0);
    expect(hook.got[1]).toEqual({
      command: "resume",
      job: "slow.parquet",
      state: "done",
      exitCode: 0,
      ...JSON.parse(resumed.out),
    });
    expect(await contentOf("slow.parquet")).toMatchObject([{ n: ROWS }]);
  });

  it("of a failure; that nobody takes it changes nothing", async () => {
    hook.got = [];
    const args = ["export", `${keyspace}.nothing`, "x.parquet", "--report", "failed.json", "--metrics", "failed.prom"];
    hook.status = 410;
    const { code, err } = await cqlduck(args, { CQLDUCK_WEBHOOK: hook.url });
    hook.status = 200;
    expect(code).toBe(2);
    expect(hook.got).toMatchObject([{ state: "failed", exitCode: 2, error: expect.stringContaining("nothing") }]);
    expect(err).toMatch(
      /^warning: --webhook: could not be delivered to http:\/\/127\.0\.0\.1:\d+\/…: it answered 410/m,
    );
    expect(JSON.parse(await readFile(join(directory, "failed.json"), "utf8"))).toEqual(hook.got[0]);
    expect(await readFile(join(directory, "failed.prom"), "utf8")).toContain('state="failed"} 1');
  });
});

describe.skipIf(!canMount("small disks"))("a disk", () => {
  it("that can't hold the table is refused before anything begins", { timeout: 120_000 }, async () => {
    // What the servers would guess of a big table: it is in their own table, which they fill every few minutes.
    await client.execute(
      "INSERT INTO system.size_estimates (keyspace_name, table_name, range_start, range_end, mean_partition_size, partitions_count) VALUES (?, 't', '0', '100', 1000, 1000000)",
      [keyspace],
      { prepare: true },
    );
    const disk = join(directory, "small");
    await mkdir(disk);
    await withDisk(disk, "size=10m", async () => {
      for (const more of [[], ["--dry-run"]]) {
        const { code, err } = await cqlduck(exporting("small/out", ...more));
        expect([code, err]).toEqual([
          2,
          expect.stringMatching(/^error: the disk of small\/out has 10\.\d MB free, and needs 50\.0 MB /m),
        ]);
      }
      expect(await readdir(disk)).toEqual([]);
      expect((await cqlduck(exporting("small/some", "--columns", "k"))).code).toBe(0);
    });
    await withDisk(disk, "size=200m", async () => {
      const { code, err } = await cqlduck(exporting("small/out"));
      expect([code, err]).toEqual([0, expect.stringMatching(/^note: the disk of small\/out .* may be too little/m)]);
    });
  });

  it("that fills up ends it with exit 3; with more room it goes on", { timeout: 120_000 }, async () => {
    const disk = join(directory, "filling");
    await mkdir(disk);
    await withDisk(disk, "size=1m", async () => {
      const { code, err } = await cqlduck(["export", `${keyspace}.noise`, "filling/x.parquet"]);
      expect([code, err]).toEqual([3, expect.stringMatching(/disk is full|no space left/)]);
      const again = err.trimEnd().split("\n").at(-1) ?? "";
      execFileSync("mount", ["-o", "remount,size=20m", disk]);
      const resumed = await cqlduck(again.split(" ").slice(1));
      expect(resumed.code).toBe(0);
      expect(await ask(`SELECT sum(octet_length(v))::INT AS bytes FROM '${join(disk, "x.parquet")}'`)).toEqual([
        { bytes: 2_000_000 },
      ]);
    });
  });
});
