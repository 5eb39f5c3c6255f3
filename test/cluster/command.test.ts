/*
 * The compiled binary as a user meets it: output, exit codes, errors and signals, on a real cluster.
 */
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Client } from "cassandra-driver";
import { describe, expect, it } from "vitest";
import { canMount, withDisk } from "../mounts.ts";
import { type Ended, runBinary } from "./binary.ts";
import { ask } from "./parquet.ts";
import { startOwnCluster } from "./support.ts";
import { useWorkspace } from "./workspace.ts";

let client: Client;
let keyspace: string;
let directory: string;
let host: string;

useWorkspace("command", async (workspace) => {
  ({ client, keyspace, directory, host } = workspace);
  await client.execute(`CREATE TABLE ${keyspace}.t (k int PRIMARY KEY, v text)`);
  const insert = `INSERT INTO ${keyspace}.t (k, v) VALUES (?, ?)`;
  for (let i = 0; i < 1000; i++) await client.execute(insert, [i, `value ${i}`], { prepare: true });
  await client.execute(`CREATE TABLE ${keyspace}.noise (k int PRIMARY KEY, v blob)`);
  const noise = `INSERT INTO ${keyspace}.noise (k, v) VALUES (?, ?)`;
  for (let i = 0; i < 20; i++) await client.execute(noise, [i, randomBytes(100_000)], { prepare: true });
});

function cqlduck(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  during?: (child: ChildProcess) => void,
): Promise<Ended> {
  return runBinary(directory, args, env, during);
}

describe("cqlduck export", () => {
  it("says on stderr what it did, and nothing on stdout", async () => {
    const { code, out, err } = await cqlduck(["export", `${keyspace}.t`, "a.parquet", "-H", host]);
    expect([code, out]).toEqual([0, ""]);
    expect(err).toMatch(new RegExp(`^exported 1,000 rows \\(.*\\) from ${keyspace}\\.t to a\\.parquet in`, "m"));
    expect(await ask(`SELECT count(*)::INT AS n FROM '${join(directory, "a.parquet")}'`)).toEqual([{ n: 1000 }]);
  });

  it("gives its report as one JSON object, quietly", async () => {
    const { code, out, err } = await cqlduck(["export", `${keyspace}.t`, "json", "--json", "-q"], {
      CQLDUCK_HOST: host,
    });
    expect([code, err]).toEqual([0, ""]);
    expect(JSON.parse(out)).toMatchObject({ rows: 1000, destination: "json", consistency: "LOCAL_QUORUM" });
  });

  it.each([
    ["~", []],
    ["~/x.parquet", []],
    ["~sql.parquet", ["--sql", "SELECT * FROM t ORDER BY k"]],
    ["~parts", ["--partition-by", "k", "--limit", "3"]],
    ["with blanks/ünï\ncode*?[a]=%20", []],
    ["linked", []],
  ] as const)("writes where it is told to, as it stands: %j", async (destination, flags) => {
    await mkdir(join(directory, "real"), { recursive: true });
    if (destination === "linked") await symlink("real", join(directory, destination));
    const home = join(directory, "home");
    await mkdir(home, { recursive: true });
    const env = { HOME: home, XDG_CACHE_HOME: join(homedir(), ".cache") };
    const { code, err } = await cqlduck(["export", `${keyspace}.t`, destination, "-H", host, ...flags], env);
    expect([code, err]).toEqual([0, expect.stringContaining("exported")]);
    const looked = await cqlduck(["inspect", destination, "--json"], env);
    expect(JSON.parse(looked.out)).toMatchObject({ rows: flags[0] === "--partition-by" ? 3 : 1000 });
    expect(await readdir(home)).toEqual([]);
    if (destination === "linked") expect(await readdir(join(directory, "real"))).toContain("_SUCCESS");
  });

  it("plans without writing", async () => {
    const { code, out } = await cqlduck(["export", `${keyspace}.t`, "plan", "-H", host, "--dry-run"]);
    expect(code).toBe(0);
    expect(out).toContain(`SELECT k, v FROM ${keyspace}.t WHERE token(k) > ? AND token(k) <= ?`);
    expect(existsSync(join(directory, "plan"))).toBe(false);
  });
});

describe("what can't be done is one clear line with a hint", () => {
  const refused = async (args: readonly string[], code: number, error: RegExp, hint: RegExp) => {
    const ended = await cqlduck(["export", ...args]);
    expect([ended.code, ended.err]).toEqual([code, expect.stringMatching(/^(?![\s\S]*\n\s+at )[\s\S]*$/)]);
    expect(ended.err).toMatch(new RegExp(`^error: .*${error.source}`, "m"));
    expect(ended.err).toMatch(new RegExp(`^hint: .*${hint.source}`, "m"));
  };

  it("for a port where nobody listens, a host that isn't, a wrong data centre", async () => {
    await refused([`${keyspace}.t`, "x", "-H", "127.0.0.1:1"], 3, /ECONNREFUSED/, /native transport port/);
    await refused([`${keyspace}.t`, "x", "-H", "no-such-host.invalid"], 3, /no-such-host\.invalid/, /spelling/);
    await refused([`${keyspace}.t`, "x", "-H", host, "--dc", "nowhere"], 2, /no data centre nowhere/, /datacenter1/);
  });

  it("for names that are not there", async () => {
    await refused([`${keyspace}x.t`, "x", "-H", host], 2, /no keyspace/, new RegExp(keyspace));
    await refused([`${keyspace}.tt`, "x", "-H", host], 2, /no table/, /the keyspace has noise, t/);
    await refused([`${keyspace}.t`, "x", "-H", host, "--columns", "k,w"], 2, /no column w/, /it has k, v/);
    await refused([`${keyspace}.t`, "x", "-H", host, "--type", "v=INTEGER"], 2, /column v/, /./);
    await refused([`${keyspace}.t`, "x", "-H", host, "--compression", "zip"], 2, /zip/, /./);
  });

  it("for destinations that can't be written", async () => {
    await writeFile(join(directory, "file"), "");
    await refused([`${keyspace}.t`, "file/x", "-H", host], 2, /file/, /./);
    await refused([`${keyspace}.t`, "absent/x.parquet", "-H", host], 2, /absent/, /mkdir/);
    await refused([`${keyspace}.t`, "/sys/x", "-H", host], 2, /\/sys\/x/, /./);
    await symlink("nowhere", join(directory, "dangling"));
    await refused([`${keyspace}.t`, "dangling", "-H", host], 2, /dangling/, /link/);
  });

  it.skipIf(!canMount("a full disk"))(
    "for a disk that is full: exit 3, and no file",
    { timeout: 120_000 },
    async () => {
      const disk = join(directory, "disk");
      await mkdir(disk);
      await withDisk(disk, "size=64k", async () => {
        await refused(
          [`${keyspace}.noise`, "disk/x.parquet", "-H", host],
          3,
          /disk is full|no space left/,
          /free some space/,
        );
        expect(await readdir(disk)).toEqual(["x.parquet._cqlduck"]);
      });
    },
  );

  it("for a login that is asked for, or refused", { timeout: 240_000 }, async () => {
    const cluster = await startOwnCluster({ auth: true });
    const secured = `${cluster.hosts[0]}:${cluster.port}`;
    await refused(["system_schema.tables", "auth1", "-H", secured], 2, /asks for a user name/, /-u/);
    const wrong = await cqlduck(["export", "system_schema.tables", "auth2", "-H", secured, "-u", "cassandra"], {
      CQLDUCK_PASSWORD: "wrong",
    });
    expect(wrong.code).toBe(2);
    expect(wrong.err).toMatch(/^error: the login was refused/m);
    const right = await cqlduck(["export", "system_schema.tables", "auth3", "-H", secured, "-u", "cassandra"], {
      CQLDUCK_PASSWORD: cluster.credentials!.password,
    });
    expect([right.code, right.err]).toEqual([0, expect.stringContaining("exported")]);
  });
});

describe("a signal", () => {
  it("stops it with nothing to see at the destination; the last line is the command to go on", async () => {
    const args = ["export", `${keyspace}.t`, "stopped.parquet", "-H", host, "--page-size", "1", "--progress", "plain"];
    const { code, err } = await cqlduck(args, {}, (child) => {
      const timer = setInterval(() => {
        if (!existsSync(join(directory, "stopped.parquet._cqlduck", "plan.json"))) return;
        clearInterval(timer);
        child.kill("SIGINT");
      }, 5);
    });
    expect(code).toBe(130);
    expect(err.trimEnd().split("\n").at(-1)).toMatch(/^cqlduck export .* --resume$/);
    expect(await readdir(directory)).not.toContain("stopped.parquet");
    const again = await cqlduck([...args, "--resume"]);
    expect(again.code).toBe(0);
    expect((await readdir(directory)).filter((name) => name.startsWith("stopped"))).toEqual(["stopped.parquet"]);
  });
});
