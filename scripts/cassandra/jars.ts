/*
 * Owns the jars of Cassandra: pinned versions, fetched once by Maven (with its own settings) into the user's cache.
 * A version's directory appears by one rename, so it is complete whenever it exists, and two starts at once are safe.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { runMaven } from "./java.ts";

/** The exact release behind each line of versions. */
export const releases = { "5.0": "5.0.9", "4.1": "4.1.10", "4.0": "4.0.19" } as const;
export type CassandraVersion = keyof typeof releases;

const copyGoal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

function pom(release: string): string {
  return `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>cqlduck.dev</groupId>
  <artifactId>cassandra</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.cassandra</groupId>
      <artifactId>cassandra-all</artifactId>
      <version>${release}</version>
    </dependency>
  </dependencies>
</project>
`;
}

/** The directory of a version's jars, fetched when it isn't there yet. */
export function jarsOf(version: CassandraVersion, onProgress: (line: string) => void): string {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const root = join(cache, "cqlduck-dev", "cassandra");
  const home = join(root, releases[version]);
  if (!existsSync(home)) {
    onProgress(`fetching Cassandra ${releases[version]} with Maven into ${home} (once, about 70 MB)`);
    fetchInto(home, root, releases[version]);
  }
  return join(home, "lib");
}

function fetchInto(home: string, root: string, release: string): void {
  mkdirSync(root, { recursive: true });
  const draft = mkdtempSync(join(root, ".draft-"));
  try {
    writeFileSync(join(draft, "pom.xml"), pom(release));
    runMaven(["--batch-mode", "--quiet", "--strict-checksums", copyGoal, "-DoutputDirectory=lib"], draft);
    renameSync(draft, home);
  } catch (error) {
    // Another start was faster: its directory is as good as ours.
    if (!existsSync(home)) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** The agent that Cassandra measures its memory with; it must be named on the command line. */
export function jammIn(lib: string): string {
  const jar = readdirSync(lib).find((name) => /^jamm-.*\.jar$/.test(name));
  if (jar === undefined) throw new Error(`no jamm jar in ${lib}`);
  return join(lib, jar);
}
