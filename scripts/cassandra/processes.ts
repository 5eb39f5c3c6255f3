/*
 * Owns the question "is this still the process we started?": pids are reused, so a process counts as a node only while
 * its command line names the node's directory, and as an owner only while its start time is the recorded one.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** The process a cluster belongs to; a cluster whose owner is gone is garbage. */
export interface Owner {
  readonly pid: number;
  readonly started: string;
}

const linux = existsSync("/proc/self/stat");

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}

function askPs(pid: number, field: string): string | undefined {
  const ps = spawnSync("ps", ["-ww", "-o", `${field}=`, "-p", String(pid)], { encoding: "utf8" });
  return ps.status === 0 ? ps.stdout.trim() : undefined;
}

/** When the process began, as a text that differs between two processes that had the same pid. */
function startOf(pid: number): string | undefined {
  if (!linux) return askPs(pid, "lstart");
  const stat = readProc(pid, "stat");
  // The command name may hold spaces and parentheses: fields are counted from its closing one. Start time is field 22.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

/** This process, as an owner to record. */
export function thisProcess(): Owner {
  return { pid: process.pid, started: startOf(process.pid) ?? "" };
}

export function ownerLives(owner: Owner): boolean {
  return startOf(owner.pid) === owner.started;
}

/** Whether `pid` is a running node of the directory `nodeDir`. */
export function isNode(pid: number, nodeDir: string): boolean {
  const command = linux ? readProc(pid, "cmdline") : askPs(pid, "command");
  return command?.includes(`cassandra.storagedir=${nodeDir}`) ?? false;
}

/** SIGKILL, and only to our own node: nothing happens when the pid belongs to another process by now. */
export function killNode(pid: number, nodeDir: string): void {
  if (!isNode(pid, nodeDir)) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Waits until a killed node is gone; its port is free then. */
export async function nodeGone(pid: number, nodeDir: string): Promise<void> {
  const end = Date.now() + 10_000;
  while (isNode(pid, nodeDir)) {
    if (Date.now() > end) throw new Error(`the node with pid ${pid} is still there 10 s after SIGKILL`);
    await sleep(20);
  }
}
