/*
 * Owns the measuring of a child process: time from its start to its end, CPU as the kernel charges it (wait4), the
 * most memory it had resident. Runs under Bun, whose spawn gives the child's rusage.
 */
import { readFileSync } from "node:fs";

export interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  readonly stdout: string;
}

const POLL_MS = 50;

/**
 * Runs a command to its end.
 * @param core the only core it may use; any where absent
 * @throws where it fails, with the last lines of what it said
 */
export async function measure(command: readonly string[], core?: number): Promise<Measured> {
  const pinned = core === undefined ? [] : ["taskset", "-c", String(core)];
  // As the kernel counts it, a child's peak is never below what its parent had when it was forked.
  const floor = process.resourceUsage().maxRSS * 1024;
  const start = performance.now();
  const child = Bun.spawn([...pinned, ...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  let polled = 0;
  const timer = setInterval(() => {
    polled = Math.max(polled, highWater(child.pid));
  }, POLL_MS);
  const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const code = await child.exited;
  const seconds = (performance.now() - start) / 1000;
  clearInterval(timer);
  const [stdout, stderr] = await output;
  const usage = child.resourceUsage();
  if (code !== 0 || usage === undefined) {
    const said = `${stdout}\n${stderr}`.trim().split("\n").slice(-15).join("\n");
    throw new Error(`${command[0]} ended with ${child.signalCode ?? code}\n${said}`);
  }
  return {
    seconds,
    cpuSeconds: Number(usage.cpuTime.total) / 1e6,
    peakBytes: usage.maxRSS > floor || polled === 0 ? usage.maxRSS : polled,
    stdout,
  };
}

/** The most a process has had resident so far, in bytes; 0 where the system doesn't tell or the process has ended. */
function highWater(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Of /proc/<pid>/stat: Linux counts in hundredths of a second, whatever the machine. */
const TICKS = 100;

/** CPU that a running process has used so far, in seconds. */
export function cpuSecondsOf(pid: number): number {
  // Behind the name, which may hold anything, the fields are numbered from 3.
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[14 - 3]) + Number(fields[15 - 3])) / TICKS;
}

/** A process that takes less of a core has nothing to do. */
const IDLE_SHARE = 0.05;
const QUIET_MS = 1000;
const LONGEST_WAIT_MS = 60_000;

/** Resolves when a process has come to rest, or doesn't within a minute. */
export async function rest(pid: number): Promise<void> {
  const end = performance.now() + LONGEST_WAIT_MS;
  for (let before = cpuSecondsOf(pid); performance.now() < end; ) {
    await Bun.sleep(QUIET_MS);
    const now = cpuSecondsOf(pid);
    if (now - before < (IDLE_SHARE * QUIET_MS) / 1000) return;
    before = now;
  }
}

/** Lets all threads of a process use only these cores. */
export function pin(pid: number, cores: string): void {
  const { success, stderr } = Bun.spawnSync(["taskset", "-a", "-p", "-c", cores, String(pid)]);
  if (!success) throw new Error(`taskset: ${stderr}`);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
