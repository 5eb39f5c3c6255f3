/*
 * The command line around scripts/cassandra: starts a real Cassandra from its Maven jars for tests, the demo and
 * benchmarks, and stops it. Run it with bun: `bun scripts/cassandra.ts start`.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { ClusterError, CqlduckError, messageOf, UsageError } from "../src/base/errors.ts";
import { type Cluster, type ClusterOptions, startCluster } from "./cassandra/cluster.ts";
import type { TlsMode } from "./cassandra/config.ts";
import { releases } from "./cassandra/jars.ts";
import { isReady } from "./cassandra/probe.ts";
import { type ClusterRecord, readRecord, removeCluster, runningNodes } from "./cassandra/state.ts";

const usage = `Usage: cassandra.ts <command> [options]

  start            start a cluster, wait until it answers, leave it running
    --nodes <n>      1 or 3 (default 1)
    --version <v>    ${Object.keys(releases).join(", ")} (default 5.0)
    --dir <d>        where its files go, a new directory (default: a temporary one)
    --auth           user cassandra, password cassandra
    --tls <mode>     none, optional, required, mutual (default none)
    --yaml <file>    settings for cassandra.yaml that win over the defaults
    --heap <size>    heap of a node (default 512m)
    --tokens <n>     tokens of a node (default 16)
    --full-jit       slower to start, faster to serve
  stop <dir>       kill its nodes; removes a temporary directory
  status <dir>     which nodes run and answer; exit 3 if not all of them

  --json           print JSON
`;

const optionTypes = {
  nodes: { type: "string", default: "1" },
  version: { type: "string", default: "5.0" },
  dir: { type: "string" },
  auth: { type: "boolean", default: false },
  tls: { type: "string", default: "none" },
  yaml: { type: "string" },
  heap: { type: "string", default: "512m" },
  tokens: { type: "string", default: "16" },
  "full-jit": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

function parse() {
  try {
    return parseArgs({ options: optionTypes, allowPositionals: true });
  } catch (error) {
    throw new UsageError(messageOf(error), { hint: "--help shows what there is." });
  }
}

type Flags = ReturnType<typeof parse>["values"];

function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new UsageError(`--${flag} is one of ${allowed.join(", ")}, not ${value}`);
  return found;
}

function readYaml(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`--yaml ${path} can't be read: ${messageOf(error)}`);
  }
}

function optionsOf(flags: Flags): ClusterOptions {
  const tokens = Number(flags.tokens);
  if (!Number.isInteger(tokens) || tokens < 1 || tokens > 256) {
    throw new UsageError(`--tokens is a number from 1 to 256, not ${flags.tokens}`);
  }
  if (!/^\d+[mg]$/i.test(flags.heap)) throw new UsageError(`--heap is a size like 512m or 2g, not ${flags.heap}`);
  return {
    nodes: oneOf("nodes", flags.nodes, ["1", "3"]) === "3" ? 3 : 1,
    version: oneOf("version", flags.version, Object.keys(releases) as (keyof typeof releases)[]),
    auth: flags.auth,
    tls: oneOf<TlsMode>("tls", flags.tls, ["none", "optional", "required", "mutual"]),
    heap: flags.heap,
    tokens,
    fullJit: flags["full-jit"],
    detached: true,
    ...(flags.dir === undefined ? {} : { dir: flags.dir }),
    ...(flags.yaml === undefined ? {} : { yaml: readYaml(flags.yaml) }),
    onProgress: (line) => console.error(line),
  };
}

function describe(cluster: Cluster): string {
  const lines = cluster.hosts.map((host) => `${host}:${cluster.port}`);
  if (cluster.credentials) lines.push(`user ${cluster.credentials.username}, password ${cluster.credentials.password}`);
  for (const [name, path] of Object.entries(cluster.tls ?? {})) lines.push(`${name} ${path}`);
  return [...lines, `Stop it with: bun scripts/cassandra.ts stop ${cluster.dir}`].join("\n");
}

async function start(flags: Flags): Promise<void> {
  const cluster = await startCluster(optionsOf(flags));
  console.log(flags.json ? JSON.stringify(cluster) : describe(cluster));
}

function recordIn(dir: string | undefined): { dir: string; record: ClusterRecord } {
  if (dir === undefined) throw new UsageError("Which cluster? Name its directory.");
  const path = resolve(dir);
  const record = readRecord(path);
  if (!record) throw new UsageError(`there is no cluster in ${path}`);
  return { dir: path, record };
}

async function stop(flags: Flags, name: string | undefined): Promise<void> {
  const { dir, record } = recordIn(name);
  const killed = runningNodes(dir, record).map((node) => node.pid);
  await removeCluster(dir);
  console.log(flags.json ? JSON.stringify({ killed }) : `${killed.length} of ${record.nodes.length} nodes stopped`);
}

async function status(flags: Flags, name: string | undefined): Promise<void> {
  const { dir, record } = recordIn(name);
  const running = new Set(runningNodes(dir, record).map((node) => node.pid));
  const peers = record.nodes.length - 1;
  const report = await Promise.all(
    record.nodes.map(async ({ address, port, pid }) => {
      const target = { address, port, tls: record.tls, credentials: record.credentials };
      return { address, port, pid, running: running.has(pid), answers: await isReady(target, peers) };
    }),
  );
  const line = ({ address, port, pid, running, answers }: (typeof report)[number]) =>
    `${address}:${port} pid ${pid} ${running ? "runs" : "is dead"}, ${answers ? "answers" : "doesn't answer"}`;
  console.log(flags.json ? JSON.stringify({ nodes: report }) : report.map(line).join("\n"));
  if (report.length === 0 || report.some((node) => !node.running || !node.answers)) process.exitCode = 3;
}

async function main(): Promise<void> {
  const { values: flags, positionals } = parse();
  const [command, name] = positionals;
  if (flags.help) return console.log(usage);
  if (command === "start") return start(flags);
  if (command === "stop") return stop(flags, name);
  if (command === "status") return status(flags, name);
  throw new UsageError(command === undefined ? "no command" : `no command ${command}`, { hint: usage });
}

try {
  await main();
} catch (error) {
  if (!(error instanceof CqlduckError)) throw error;
  console.error(error.message);
  if (error.hint !== undefined) console.error(error.hint);
  process.exitCode = error instanceof ClusterError ? 3 : 2;
}
