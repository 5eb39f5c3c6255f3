/*
 * Owns the peers' software: DSBulk's jars from Maven and a Python environment, each fetched once into the user's cache.
 * A directory there appears by one rename, so it is complete whenever it exists.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const DSBULK = "1.10.0";
/** The runner alone finds neither a workflow nor what that needs: these it loads by name. */
const DSBULK_PARTS = [
  ...["runner", "workflow-unload", "workflow-load"],
  ...["connectors-csv", "executor-reactor", "batcher-reactor"],
];
const COPY_JARS = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";
const PYTHON_PACKAGES = ["cassandra-driver==3.30.1", "pyarrow==26.0.1"];
const CQLSH_PACKAGES = ["cqlsh==6.2.2", "cassandra-driver==3.30.1"];

/** Runs a tool to its end. @throws with what it said */
function run(command: string, args: readonly string[], cwd?: string): void {
  const done = spawnSync(command, args, { encoding: "utf8", ...(cwd === undefined ? {} : { cwd }) });
  if (done.error) throw new Error(`${command}: ${done.error.message}`);
  if (done.status !== 0) throw new Error(`${command}: ${`${done.stdout}${done.stderr}`.trim().slice(-1000)}`);
}

/** The directory `name` in the cache, filled by `make` where it isn't there yet. */
function cached(name: string, make: (draft: string) => void): string {
  const root = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "cqlduck-dev");
  const home = join(root, name);
  if (existsSync(home)) return home;
  mkdirSync(root, { recursive: true });
  const draft = mkdtempSync(join(root, `.${name}-`));
  try {
    make(draft);
    renameSync(draft, home);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    // Another start was faster: its directory is as good as ours.
    if (!existsSync(home)) throw error;
  }
  return home;
}

/** The class path of DSBulk. @throws where Maven is missing or doesn't get it */
export function dsbulkClassPath(): string {
  const home = cached(`dsbulk-${DSBULK}-load-unload`, (draft) => {
    const parts = DSBULK_PARTS.map(
      (part) =>
        `<dependency><groupId>com.datastax.oss</groupId><artifactId>dsbulk-${part}</artifactId><version>${DSBULK}</version></dependency>`,
    );
    const pom = `<project><modelVersion>4.0.0</modelVersion><groupId>cqlduck.dev</groupId><artifactId>dsbulk</artifactId>
<version>1</version><dependencies>${parts.join("\n")}</dependencies></project>`;
    writeFileSync(join(draft, "pom.xml"), pom);
    const quiet = ["--batch-mode", "--quiet", "--strict-checksums"];
    run("mvn", [...quiet, COPY_JARS, "-DoutputDirectory=lib", "-DincludeScope=runtime"], draft);
  });
  return join(home, "lib", "*");
}

/** What DSBulk is called with, whatever it does with the table. */
export function dsbulkCommand(
  classPath: string,
  java: string,
  work: "load" | "unload",
  { host, port, keyspace, table }: { host: string; port: number; keyspace: string; table: string },
): string[] {
  return [
    ...[java, "-cp", classPath, "com.datastax.oss.dsbulk.runner.DataStaxBulkLoader", work],
    ...["-h", host, "-port", String(port), "-k", keyspace, "-t", table],
    // Its driver can't read the schema of a vector, which other keyspaces may have.
    ...["--datastax-java-driver.advanced.metadata.schema.refreshed-keyspaces", `[${keyspace}]`],
  ];
}

/** A Python with the driver and pyarrow. @throws where there is no Python 3 or pip doesn't get them */
export function python(): string {
  return join(virtualEnvironment("bench-venv", PYTHON_PACKAGES), "bin", "python");
}

/** The command that cqlsh is. @throws as python */
export function cqlsh(): string[] {
  // Not by its script, which names the directory that it was installed in first.
  return [join(virtualEnvironment("bench-cqlsh", CQLSH_PACKAGES), "bin", "python"), "-B", "-m", "cqlshlib"];
}

function virtualEnvironment(name: string, packages: readonly string[]): string {
  const versions = packages.map((wanted) => wanted.split("==")[1]).join("-");
  return cached(`${name}-${versions}`, (draft) => {
    run("python3", ["-m", "venv", draft]);
    const pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
    run(join(draft, "bin", "python"), [...pip, ...packages]);
  });
}

/** What `make` makes; where it can't, a note says why. */
export function whereHad<T>(what: string, make: () => T, notes: string[]): T[] {
  try {
    return [make()];
  } catch (error) {
    notes.push(`${what} was not measured: ${error instanceof Error ? error.message : error}`);
    return [];
  }
}
