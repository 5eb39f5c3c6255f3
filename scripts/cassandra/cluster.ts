/*
 * Starts and stops real Cassandra clusters on this machine. A cluster belongs to the process that started it and dies
 * with it, however that ends, unless it was started detached.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterError } from "../../src/base/errors.ts";
import { makeCerts, type TlsFiles } from "./certs.ts";
import { javaArguments, logback, type NodeConfig, type TlsMode, tokensOf, yamlOf } from "./config.ts";
import { type CassandraVersion, jarsOf } from "./jars.ts";
import { findJava, type Java, privileges, tail } from "./java.ts";
import { findPlaces } from "./network.ts";
import { isReady } from "./probe.ts";
import { killNode, nodeGone, thisProcess } from "./processes.ts";
import { type NodeRecord, nodeDir, prepareDir, removeCluster, removeOrphans, writeRecord } from "./state.ts";

export interface ClusterOptions {
  readonly nodes?: 1 | 3;
  readonly version?: CassandraVersion;
  /** Where the nodes keep their files; a temporary directory when absent. */
  readonly dir?: string;
  readonly auth?: boolean;
  readonly tls?: TlsMode;
  /** Settings for cassandra.yaml; they win over ours. */
  readonly yaml?: string;
  readonly heap?: string;
  readonly tokens?: number;
  /** Compiles for throughput; off by default, which nearly halves the time to start. */
  readonly fullJit?: boolean;
  /** `restart` works; making tables then takes five times as long. */
  readonly restartable?: boolean;
  /** The cluster outlives this process. */
  readonly detached?: boolean;
  readonly onProgress?: (line: string) => void;
}

export interface Cluster {
  readonly dir: string;
  readonly version: CassandraVersion;
  readonly hosts: readonly string[];
  readonly port: number;
  /** In the order of `hosts`. */
  readonly nodes: readonly NodeRecord[];
  readonly credentials?: { readonly username: string; readonly password: string };
  readonly tls?: TlsFiles;
  /** Kills node `index` with SIGKILL and waits until it is gone. */
  kill(index: number): Promise<void>;
  /** Starts node `index` of a `restartable` cluster again on its old files and waits until it is ready. */
  restart(index: number): Promise<void>;
  /** Kills all nodes and removes the temporary directory. */
  stop(): Promise<void>;
}

const superuser = { username: "cassandra", password: "cassandra" } as const;
const patience = 180_000;

/** A node: how to start it, and the process while it runs. */
interface Node {
  readonly config: NodeConfig;
  readonly command: readonly string[];
  child?: ChildProcess;
}

function launch(node: Node): void {
  const { dir } = node.config;
  for (const name of ["", "tmp"]) mkdirSync(join(dir, name), { recursive: true });
  writeFileSync(join(dir, "cassandra.yaml"), yamlOf(node.config));
  writeFileSync(join(dir, "logback.xml"), logback);
  const log = openSync(join(dir, "log"), "a");
  const [program, ...args] = node.command;
  // A session of its own: Ctrl-C at the terminal is for the owner, who then kills the node.
  const child = spawn(program!, args, { cwd: dir, detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  child.unref();
  node.child = child;
}

function pidOf(node: Node): number {
  const pid = node.child?.pid;
  if (pid === undefined) throw new ClusterError(`${node.command[0]} could not be started`);
  return pid;
}

async function untilReady(node: Node, credentials: Cluster["credentials"]): Promise<void> {
  const { address, nativePort: port, tls, seeds, dir } = node.config;
  const end = Date.now() + patience;
  for (;;) {
    if (await isReady({ address, port, tls, credentials }, seeds.length - 1)) return;
    const died = node.child?.exitCode !== null || node.child.signalCode !== null;
    if (died || Date.now() > end) {
      const log = join(dir, "log");
      const what = died ? "ended while starting" : `wasn't ready after ${patience / 1000} s`;
      throw new ClusterError(`Cassandra on ${address} ${what}\n${tail(readFileSync(log, "utf8"), 30)}`);
    }
    await sleep(100);
  }
}

interface Software extends Java {
  readonly lib: string;
}

async function planNodes(options: ClusterOptions, dir: string, { java, keytool, lib }: Software): Promise<Node[]> {
  const { version = "5.0", nodes: count = 1, tokens = 16, tls: tlsMode = "none" } = options;
  const { addresses, nativePort, storagePort, jmxPorts } = await findPlaces(count);
  const tls = tlsMode === "none" ? undefined : makeCerts(join(dir, "certs"), addresses, keytool);
  const prefix = privileges(!options.detached);
  return addresses.map((address, i) => {
    const config: NodeConfig = {
      version,
      dir: nodeDir(dir, i),
      address,
      nativePort,
      storagePort,
      jmxPort: jmxPorts[i]!,
      seeds: addresses,
      tokens: tokensOf(i, count, tokens),
      auth: options.auth ?? false,
      tls,
      tlsMode,
      yaml: options.yaml ?? "",
      heap: options.heap ?? "512m",
      fullJit: options.fullJit ?? false,
      restartable: options.restartable ?? false,
    };
    return { config, command: [...prefix, java, ...javaArguments(config, lib)] };
  });
}

/** Kills the nodes when this process ends or is told to end; SIGKILL is left to setpriv and to `removeOrphans`. */
function dieWith(nodes: readonly Node[], dir: string, temporary: boolean): () => void {
  const onExit = () => {
    for (const { child, config } of nodes) if (child?.pid !== undefined) killNode(child.pid, config.dir);
    if (!temporary) return;
    try {
      // The record goes last: by it the next start finds what a node that is just dying has still written.
      for (const { config } of nodes) rmSync(config.dir, { recursive: true, force: true });
      rmSync(dir, { recursive: true, force: true });
    } catch {
      // A node that is just dying may still write; what is left goes at the next start.
    }
  };
  const onSignal = (signal: NodeJS.Signals) => {
    onExit();
    release();
    // With no other handler the signal must do what it would have done without ours.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const release = () => {
    process.off("exit", onExit);
    for (const signal of signals) process.off(signal, onSignal);
  };
  process.on("exit", onExit);
  for (const signal of signals) process.on(signal, onSignal);
  return release;
}

/** Starts a cluster and waits until every node answers CQL and sees all others. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { version = "5.0", onProgress = () => {} } = options;
  await removeOrphans();
  const software = { ...findJava(), lib: jarsOf(version, onProgress) };
  const { dir, temporary } = prepareDir(options.dir);
  const credentials = options.auth ? superuser : undefined;
  const ownerOf = options.detached ? {} : { owner: thisProcess() };
  let nodes: readonly Node[] = [];
  const record = () => ({
    version,
    temporary,
    ...ownerOf,
    port: nodes[0]?.config.nativePort ?? 0,
    nodes: nodes.map((node) => ({ address: node.config.address, port: node.config.nativePort, pid: pidOf(node) })),
    ...(credentials ? { credentials } : {}),
    ...(nodes[0]?.config.tls ? { tls: nodes[0].config.tls } : {}),
  });
  writeRecord(dir, record());
  let release = () => {};
  const stop = async () => {
    release();
    await removeCluster(dir);
  };
  const kill = async (node: Node) => {
    killNode(pidOf(node), node.config.dir);
    await nodeGone(pidOf(node), node.config.dir);
  };
  try {
    nodes = await planNodes(options, dir, software);
    release = dieWith(nodes, dir, temporary);
    for (const node of nodes) launch(node);
    writeRecord(dir, record());
    await Promise.all(nodes.map((node) => untilReady(node, credentials)));
    if (options.detached) release();
  } catch (error) {
    await stop();
    throw error;
  }
  const { port } = record();
  return {
    dir,
    version,
    hosts: nodes.map((node) => node.config.address),
    port,
    get nodes() {
      return record().nodes;
    },
    ...(credentials ? { credentials } : {}),
    ...(nodes[0]?.config.tls ? { tls: nodes[0].config.tls } : {}),
    kill: (index) => kill(nodes[index]!),
    restart: async (index) => {
      if (!options.restartable) throw new Error("only a cluster started as restartable can restart a node");
      const node = nodes[index]!;
      await kill(node);
      launch(node);
      writeRecord(dir, record());
      await untilReady(node, credentials);
    },
    stop,
  };
}
