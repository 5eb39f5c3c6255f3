/*
 * Gives tests and the demo what is built of the source as it is now: made where it is missing or out of date, once, even
 * where several processes ask at the same time. Runs under Node as well as Bun.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../..");
const INPUTS = ["src", "scripts/build", "scripts/build.ts", "package-lock.json", "tsconfig.json"];
/** A build that took longer was killed: its lock counts no more. */
const LOCK_MS = 20 * 60 * 1000;

/** The path of the up-to-date binary of src/main.ts, or of another program of this repository. */
export async function ensureBinary(entry = "src/main.ts", outfile = "dist/cqlduck"): Promise<string> {
  return ensure(
    join(root, outfile),
    [...INPUTS, entry],
    ["--entry", join(root, entry), "--outfile", join(root, outfile)],
  );
}

/** The path of dist/main.js, which runs under Node: like ensureBinary, for the npm package. */
export async function ensureLibrary(): Promise<string> {
  return ensure(join(root, "dist/main.js"), [...INPUTS, "tsconfig.build.json"], ["--library"]);
}

async function ensure(output: string, inputs: readonly string[], buildArguments: readonly string[]): Promise<string> {
  const stamp = join(root, "build", `${basename(output)}.inputs`);
  const isFresh = () => readOr(stamp) === `${hashOf(inputs)} ${sizeOf(output)}`;
  if (isFresh()) return output;
  mkdirSync(join(root, "build"), { recursive: true });
  const release = await acquire(`${stamp}.lock`);
  try {
    if (isFresh()) return output;
    // Taken before the build: a change during it makes the next caller build again.
    const hash = hashOf(inputs);
    const bun = join(root, "node_modules/.bin/bun");
    await promisify(execFile)(bun, [join(root, "scripts/build.ts"), ...buildArguments]);
    writeFileSync(stamp, `${hash} ${sizeOf(output)}`);
    return output;
  } finally {
    release();
  }
}

/** What a build is made from, by content: a checkout changes times but not the result. */
function hashOf(inputs: readonly string[]): string {
  const hash = createHash("sha256");
  for (const path of inputs.flatMap((input) => filesBelow(join(root, input))).sort()) {
    hash
      .update(`${relative(root, path)}\0`)
      .update(readFileSync(path))
      .update("\0");
  }
  return hash.digest("hex");
}

function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesBelow(join(path, name)));
}

/** Waits for a directory that only one process can make. */
async function acquire(lock: string): Promise<() => void> {
  for (;;) {
    try {
      mkdirSync(lock);
      return () => rmSync(lock, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const made = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - made > LOCK_MS) rmSync(lock, { recursive: true, force: true });
    else await sleep(200);
  }
}

function readOr(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? -1;
}
