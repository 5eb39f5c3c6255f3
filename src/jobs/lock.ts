/*
 * Owns who may work on a job directory: one process at a time, known by a lock file that is created exclusively,
 * names its holder and is touched every few seconds. What happens in the directory is not its business.
 *
 * The file is written under another name and linked, so that a kill leaves no lock that says nobody's name.
 *
 * Taking over a dead lock is an exclusive creation too: the successor of the lock with token T is the file `lock.T`,
 * so only one taker can ever succeed T. The holder is the end of the chain lock -> lock.T -> …; a taker that finds
 * itself there has won, and renames its file to `lock`. One that isn't there came too late.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fstatSync,
  futimesSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { clearInterval, setInterval } from "node:timers";
import { assert, StorageError, UsageError } from "../base/errors.ts";
import { errorCode, storageError } from "../base/filefailure.ts";
import { removeEmptyDirectory } from "../storage/local.ts";
import { sleep } from "./retry.ts";

/** The lock's name in a job directory; files named `lock.…` belong to takings-over. */
export const LOCK_NAME = "lock";

/** How often a holder shows that it lives, and how long others wait for that. */
export interface LockTimings {
  readonly beatMs: number;
  /** A holder that can't be asked (another host or container) is dead when its last beat is older. */
  readonly timeoutMs: number;
}

const TIMINGS: LockTimings = { beatMs: 3_000, timeoutMs: 60_000 };
/** Begins the names of lock files that are not linked yet. */
const FRESH = `${LOCK_NAME}.new.`;
/** What link() answers where the file system has no hard links. */
const NO_LINKS: readonly string[] = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];
const MAX_ROUNDS = 20;
const MAX_LINKS = 1_000;

/** What a lock file says. */
interface Holder {
  readonly token: string;
  readonly pid: number;
  readonly host: string;
  readonly since: string;
  /** The three below tell whether the holder's process can be looked up from here; null where the system has no /proc. */
  readonly bootId: string | null;
  readonly pidNamespace: string | null;
  readonly processStart: string | null;
}

/** A file of the chain. Without a holder: its writer has not come further than creating it. */
interface Link {
  readonly path: string;
  readonly holder: Holder | undefined;
  readonly inode: number;
  readonly beatAt: number;
}

/** Leave to work in a job directory, until `release`. */
export class JobLock {
  readonly directory: string;
  readonly #token: string;
  readonly #fd: number;
  readonly #timer: NodeJS.Timeout;
  #failure: unknown;
  #released = false;

  constructor(directory: string, token: string, fd: number, timings: LockTimings) {
    this.directory = directory;
    this.#token = token;
    this.#fd = fd;
    this.#timer = setInterval(() => this.#beat(), timings.beatMs);
    this.#timer.unref();
  }

  /** Throws if the lock was lost: the process stood still for so long that another took it for dead. Ask before each durable step. */
  assertHeld(): void {
    assert(!this.#released, `the lock of ${this.directory} was released`);
    if (this.#failure !== undefined) throw storageError("keep the lock of", this.directory, this.#failure);
    const last = readChain(this.directory).at(-1);
    if (last?.holder?.token === this.#token) return;
    const other = last?.holder === undefined ? "" : ` by process ${last.holder.pid} on ${last.holder.host}`;
    throw new StorageError(`the lock of ${this.directory} was taken over${other}`, {
      hint: "this process stood still for too long, or the lock file was removed; let the other one finish",
    });
  }

  /** Gives the lock back, and removes the directory if nothing else is left in it. Others' locks stay. */
  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    clearInterval(this.#timer);
    closeSync(this.#fd);
    if (readChain(this.directory).at(-1)?.holder?.token === this.#token) unlink(join(this.directory, LOCK_NAME));
    await removeEmptyDirectory(this.directory);
  }

  #beat(): void {
    try {
      // By descriptor: if the path holds another's lock by now, that one is not kept alive.
      const now = new Date();
      futimesSync(this.#fd, now, now);
    } catch (error) {
      this.#failure = error; // nobody could catch it here; assertHeld throws it
    }
  }
}

/**
 * Takes the lock of an existing directory, also over a dead holder. A live one is a UsageError that names it;
 * undefined means that the directory disappeared.
 */
export async function acquireLock(directory: string, timings: LockTimings = TIMINGS): Promise<JobLock | undefined> {
  const self = describeSelf();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const last = readChain(directory).at(-1);
    if (last !== undefined && (await isAlive(last, self, timings))) throw heldBy(directory, last);
    const path = last === undefined ? join(directory, LOCK_NAME) : successorOf(directory, last);
    const fd = createExclusively(path, self);
    if (fd === "no directory") return undefined;
    if (fd === "exists") continue; // another was faster: see who
    const chain = readChain(directory);
    if (chain.at(-1)?.holder?.token === self.token) {
      if (chain.length > 1) becomeFirst(directory, chain);
      sweep(directory);
      return new JobLock(directory, self.token, fd, timings);
    }
    closeSync(fd);
    // Not the file of one who took ours for dead before it was written.
    if (readLink(path)?.holder?.token === self.token) unlink(path);
  }
  throw new UsageError(`several processes are trying to work in ${directory} at once`);
}

/** Whether a living process holds the lock of a directory. */
export async function isLocked(directory: string): Promise<boolean> {
  const last = readChain(directory).at(-1);
  return last !== undefined && (await isAlive(last, describeSelf(), TIMINGS));
}

/** Renames the last file of the chain to `lock`; the dead ones between lead nowhere then. */
function becomeFirst(directory: string, chain: readonly Link[]): void {
  renameSync(chain.at(-1)!.path, join(directory, LOCK_NAME));
  for (const link of chain.slice(1, -1)) unlink(link.path);
}

function successorOf(directory: string, link: Link): string {
  return join(directory, `${LOCK_NAME}.${link.holder?.token ?? link.inode}`);
}

function readChain(directory: string): Link[] {
  const chain: Link[] = [];
  let path = join(directory, LOCK_NAME);
  while (chain.length < MAX_LINKS) {
    const link = readLink(path);
    if (link === undefined) return chain;
    chain.push(link);
    path = successorOf(directory, link);
  }
  throw new StorageError(`${directory} holds more than ${MAX_LINKS} lock files`, { hint: "remove them: lock.*" });
}

function readLink(path: string): Link | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw storageError("open", path, error);
  }
  try {
    const { ino, mtimeMs } = fstatSync(fd);
    return { path, holder: parseHolder(readFileSync(fd, "utf8")), inode: ino, beatAt: mtimeMs };
  } catch (error) {
    throw storageError("read", path, error);
  } finally {
    closeSync(fd);
  }
}

function parseHolder(text: string): Holder | undefined {
  // Written by one write() of one line: cut short, it lacks the line's end.
  if (!text.endsWith("}\n")) return undefined;
  const found: unknown = JSON.parse(text);
  if (typeof found !== "object" || found === null || !("token" in found) || typeof found.token !== "string")
    return undefined;
  return found as Holder;
}

function createExclusively(path: string, self: Holder): number | "exists" | "no directory" {
  const fresh = join(dirname(path), `${FRESH}${self.token}`);
  const fd = write(fresh, self);
  if (typeof fd !== "number") return fd;
  try {
    linkSync(fresh, path);
    return fd;
  } catch (error) {
    closeSync(fd);
    const code = errorCode(error);
    // ENOENT: the one who holds the lock has swept ours away.
    if (code === "EEXIST" || code === "ENOENT") return "exists";
    if (NO_LINKS.includes(code ?? "")) return write(path, self);
    throw storageError("make", path, error);
  } finally {
    unlink(fresh);
  }
}

function write(path: string, self: Holder): number | "exists" | "no directory" {
  let fd: number;
  try {
    fd = openSync(path, "wx");
  } catch (error) {
    if (errorCode(error) === "EEXIST") return "exists";
    if (errorCode(error) === "ENOENT") return "no directory";
    throw storageError("make", path, error);
  }
  try {
    writeSync(fd, `${JSON.stringify(self)}\n`);
  } catch (error) {
    closeSync(fd);
    unlink(path);
    throw storageError("write", path, error);
  }
  return fd;
}

/** Deletes what takers that were killed left unlinked; one that lives tries again, and finds the lock taken. */
function sweep(directory: string): void {
  for (const name of readdirSync(directory)) if (name.startsWith(FRESH)) unlink(join(directory, name));
}

function unlink(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    // A holder tidies up what takers leave, so both may delete the same file.
    if (errorCode(error) !== "ENOENT") throw storageError("delete", path, error);
  }
}

async function isAlive(link: Link, self: Holder, timings: LockTimings): Promise<boolean> {
  const { holder } = link;
  if (
    holder !== undefined &&
    holder.host === self.host &&
    holder.bootId === self.bootId &&
    holder.pidNamespace === self.pidNamespace
  ) {
    return isRunning(holder);
  }
  if (Math.abs(Date.now() - link.beatAt) < timings.timeoutMs) return true;
  // Its clock may be far from ours, or ours was set back: only a beat that doesn't come is a proof.
  await sleep(timings.beatMs * 2.5);
  const later = readLink(link.path);
  return later !== undefined && later.beatAt !== link.beatAt;
}

function isRunning(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (errorCode(error) === "ESRCH") return false;
    if (errorCode(error) !== "EPERM") throw error; // EPERM: it runs, as another user
  }
  // A process that came later may have its number.
  return holder.processStart === null || holder.processStart === processStart(holder.pid);
}

function heldBy(directory: string, link: Link): UsageError {
  const { holder, path } = link;
  if (holder === undefined) {
    return new UsageError(`another process is about to work in ${directory}`, {
      hint: `if there is none, remove ${path} after a minute`,
    });
  }
  return new UsageError(
    `process ${holder.pid} on ${holder.host} has been working in ${directory} since ${holder.since}`,
    {
      hint: `wait for it, or stop it and try again; if there is no such process, remove ${path}`,
    },
  );
}

function describeSelf(): Holder {
  return {
    token: randomBytes(12).toString("hex"),
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    bootId: fromProc(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    pidNamespace: fromProc(() => readlinkSync("/proc/self/ns/pid")),
    processStart: processStart(process.pid),
  };
}

/** When a process began, in ticks since the machine did; null where that can't be known, "gone" for one that ended. */
function processStart(pid: number): string | null {
  const stat = fromProc(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  if (stat === null) return null;
  // pid (name) state …: the name may hold blanks and parentheses. The start is field 22, the state field 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? "gone" : (fields[19] ?? null);
}

/** What only Linux tells, and there not everybody (Deno asks for a permission). */
function fromProc(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null; // whatever the reason: the heartbeat is enough without it
  }
}
