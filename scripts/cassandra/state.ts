/*
 * Owns cluster.json, the record in a cluster's directory of what runs there, and the directory itself. Whoever finds
 * the record can stop the cluster; clusters whose owner died without stopping them are found and removed here.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { UsageError } from "../../src/base/errors.ts";
import type { TlsFiles } from "./certs.ts";
import { isNode, killNode, nodeGone, type Owner, ownerLives } from "./processes.ts";

export interface NodeRecord {
  readonly address: string;
  readonly port: number;
  readonly pid: number;
}

export interface ClusterRecord {
  readonly version: string;
  /** Made by us in the temporary directory, so it goes when the cluster goes. */
  readonly temporary: boolean;
  /** Absent: nobody in particular, the cluster lives until `stop`. */
  readonly owner?: Owner;
  readonly port: number;
  readonly nodes: readonly NodeRecord[];
  readonly credentials?: { readonly username: string; readonly password: string };
  readonly tls?: TlsFiles;
}

const temporaryPrefix = "cqlduck-cassandra-";
const recordName = "cluster.json";

export function nodeDir(dir: string, index: number): string {
  return join(dir, `node${index + 1}`);
}

export function readRecord(dir: string): ClusterRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(dir, recordName), "utf8")) as ClusterRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new UsageError(`${join(dir, recordName)} can't be read`, { hint: "Is this the directory of a cluster?" });
  }
}

export function writeRecord(dir: string, record: ClusterRecord): void {
  const path = join(dir, recordName);
  writeFileSync(`${path}.tmp`, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(`${path}.tmp`, path);
}

export function runningNodes(dir: string, record: ClusterRecord): NodeRecord[] {
  return record.nodes.filter((node, i) => isNode(node.pid, nodeDir(dir, i)));
}

/** The directory of a new cluster: `dir`, which must be new, empty or a stopped cluster's, or else a temporary one. */
export function prepareDir(dir: string | undefined): { dir: string; temporary: boolean } {
  if (dir === undefined) return { dir: mkdtempSync(join(tmpdir(), temporaryPrefix)), temporary: true };
  const path = resolve(dir);
  mkdirSync(path, { recursive: true });
  const record = readRecord(path);
  const names = readdirSync(path);
  if (!record && names.length > 0) {
    throw new UsageError(`${path} is not empty and holds no cluster of ours`, { hint: "Name a new directory." });
  }
  if (record && runningNodes(path, record).length > 0) {
    throw new UsageError(`a cluster runs in ${path} already`, { hint: "Stop it first, or name another directory." });
  }
  for (const name of names) rmSync(join(path, name), { recursive: true });
  return { dir: path, temporary: false };
}

/** Kills what still runs of a cluster and removes its directory if we made it. False: there is no such cluster. */
export async function removeCluster(dir: string): Promise<boolean> {
  const record = readRecord(dir);
  if (!record) return false;
  for (const [i, node] of record.nodes.entries()) killNode(node.pid, nodeDir(dir, i));
  await Promise.all(record.nodes.map((node, i) => nodeGone(node.pid, nodeDir(dir, i))));
  if (record.temporary) rmSync(dir, { recursive: true, force: true });
  return true;
}

function isOrphan(dir: string): boolean {
  try {
    const owner = readRecord(dir)?.owner;
    return owner !== undefined && !ownerLives(owner);
  } catch {
    // Another user's, or just going away.
    return false;
  }
}

/** Removes the clusters whose owner died without stopping them. */
export async function removeOrphans(): Promise<void> {
  const names = readdirSync(tmpdir()).filter((name) => name.startsWith(temporaryPrefix));
  for (const dir of names.map((name) => join(tmpdir(), name))) {
    if (isOrphan(dir)) await removeCluster(dir);
  }
}
