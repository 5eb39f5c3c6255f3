/*
 * Owns the search for the tools that a real Cassandra needs: Java 17, Maven (only to fetch the jars), openssl and
 * keytool (only for TLS). Whatever is missing is a UsageError that says how to get it.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { UsageError } from "../../src/base/errors.ts";

/** The one Java the supported versions of Cassandra were all tried with. */
const javaMajor = 17;

const javaHint =
  "Install a JDK 17: apt install openjdk-17-jre-headless | brew install openjdk@17 | sdk install java 17.0.13-tem. " +
  "If it is installed, let JAVA_HOME point to it.";
const mavenHint = "Install Maven: apt install maven | brew install maven | sdk install maven";
const opensslHint = "Install openssl: apt install openssl | brew install openssl";

export interface Java {
  readonly java: string;
  readonly keytool: string;
}

/** Runs a tool to its end. `undefined` when there is no such program. */
function run(command: string, args: readonly string[], cwd?: string) {
  const done = spawnSync(command, args, { encoding: "utf8", ...(cwd === undefined ? {} : { cwd }) });
  const missing = (done.error as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
  return missing ? undefined : { status: done.status, output: `${done.stdout ?? ""}${done.stderr ?? ""}` };
}

/** Java 17 from JAVA_HOME or else the path, with its keytool. */
export function findJava(): Java {
  const home = process.env.JAVA_HOME;
  const program = (name: string) => (home ? join(home, "bin", name) : name);
  const where = home ? `JAVA_HOME is ${home}` : "there is no java in PATH and no JAVA_HOME";
  const answer = run(program("java"), ["-version"]);
  if (!answer) {
    throw new UsageError(home ? `${where}, but has no bin/java` : `Java 17 is missing: ${where}`, { hint: javaHint });
  }
  const major = /version "(\d+)/.exec(answer.output)?.[1];
  if (Number(major) !== javaMajor) {
    const found = major === undefined ? "no version known to us" : `Java ${major}`;
    const at = home ? where : "the java in PATH";
    throw new UsageError(`Cassandra is started with Java ${javaMajor}, but found ${found} (${at})`, { hint: javaHint });
  }
  return { java: program("java"), keytool: program("keytool") };
}

/** Runs Maven in `cwd`; throws with its own words when it fails. */
export function runMaven(args: readonly string[], cwd: string): void {
  const answer = run("mvn", args, cwd);
  if (!answer) throw new UsageError("Maven is missing: there is no mvn in PATH", { hint: mavenHint });
  if (answer.status !== 0) throw new UsageError(`Maven could not fetch Cassandra:\n${tail(answer.output, 20)}`);
}

/** Runs openssl or keytool in `cwd`. */
export function runCertTool(program: string, args: readonly string[], cwd: string): void {
  const answer = run(program, args, cwd);
  if (!answer) throw new UsageError(`${program} is missing`, { hint: program === "openssl" ? opensslHint : javaHint });
  if (answer.status !== 0) throw new Error(`${program} ${args.join(" ")}\n${tail(answer.output, 20)}`);
}

/** What to put before `java` so that the node behaves well as a child: nothing where setpriv can't do it. */
export function privileges(dieWithParent: boolean): readonly string[] {
  const args: string[] = [];
  // As root Cassandra locks its whole heap into memory: 824 MB resident instead of 376 with a heap of 512 MB.
  if (process.getuid?.() === 0) args.push("--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock");
  // Even SIGKILL of the owner then ends the node.
  if (dieWithParent) args.push("--pdeathsig=KILL");
  if (args.length === 0 || run("setpriv", [...args, "true"])?.status !== 0) return [];
  return ["setpriv", ...args];
}

/** The last lines of a text. */
export function tail(text: string, lines: number): string {
  return text.trimEnd().split("\n").slice(-lines).join("\n");
}
