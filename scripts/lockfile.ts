/*
 * Writes package-lock.json and bun.lock anew from package.json: `npm run lockfile`, after a dependency changed.
 * npm leaves out platform packages that the registry at hand does not hold, and `npm ci` then refuses the lock on
 * every machine: they are added here. Neither lock names a registry (.npmrc: omit-lockfile-registry-resolved).
 */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface LockedPackage {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  cpu?: string[];
  os?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

interface PackageLock {
  packages: Record<string, LockedPackage>;
}

const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"];
/** Names of packages say some platforms otherwise than npm's fields do. */
const SYNONYMS: Readonly<Record<string, string>> = { aarch64: "arm64", windows: "win32" };

/** The platform that a package's name says, e.g. `@duckdb/node-bindings-linux-x64-musl`. */
function platformOf(name: string): Pick<LockedPackage, "cpu" | "os" | "libc"> {
  const words = name.split(/[-./@]/).map((word) => SYNONYMS[word] ?? word);
  const os = words.filter((word) => SYSTEMS.includes(word)).at(-1);
  const cpu = words.filter((word) => PROCESSORS.includes(word)).at(-1);
  if (os === undefined && cpu === undefined)
    throw new Error(`the name ${name} says no platform: add it to the lock by hand`);
  const musl = words.some((word) => word.startsWith("musl"));
  return { ...(cpu ? { cpu: [cpu] } : {}), ...(os ? { os: [os] } : {}), ...(musl ? { libc: ["musl"] } : {}) };
}

/** Adds the missing platform packages; returns their names. */
function complete(lock: PackageLock): string[] {
  const added: string[] = [];
  for (const [at, locked] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(locked.optionalDependencies ?? {})) {
      const key = `node_modules/${name}`;
      if (lock.packages[key] || lock.packages[`${at}/${key}`]) continue;
      if (!/^\d/.test(version)) throw new Error(`${at} wants ${name} ${version}, a range: add it to the lock by hand`);
      lock.packages[key] = { version, ...(locked.dev ? { dev: true } : {}), optional: true, ...platformOf(name) };
      added.push(name);
    }
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  return added;
}

const root = join(import.meta.dirname, "..");
const run = (command: string, ...args: string[]) => execFileSync(command, args, { cwd: root, stdio: "inherit" });

run("npm", "install", "--package-lock-only", "--ignore-scripts");
const path = join(root, "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8")) as PackageLock;
const added = complete(lock);
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
rmSync(join(root, "bun.lock"), { force: true });
run(process.execPath, "install", "--lockfile-only", "--ignore-scripts");
console.log(`${added.length} platform packages added that the registry here does not hold`);
