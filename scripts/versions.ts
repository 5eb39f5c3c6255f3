/*
 * `npm run test:versions`: the cluster tests of what every supported Cassandra must do, on the releases before the one
 * that `npm test` starts. Names of versions behind it run only those: `npm run test:versions 4.0`.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { releases } from "./cassandra/jars.ts";

const root = join(import.meta.dirname, "..");
const tests = ["exact", "export", "count", "sources", "preserveold"].map((name) => `test/cluster/${name}.test.ts`);
const all = Object.keys(releases);
const wanted = process.argv.slice(2);
const unknown = wanted.find((version) => !all.includes(version));
if (unknown !== undefined) {
  console.error(`error: "${unknown}" is none of ${all.join(", ")}`);
  process.exit(2);
}

const failed: string[] = [];
for (const version of wanted.length ? wanted : all.filter((name) => name !== "5.0")) {
  console.log(`Cassandra ${version}`);
  // A node that CQLDUCK_TEST_HOST names would be tested in place of each version.
  const { CQLDUCK_TEST_HOST: _, ...env } = process.env;
  const { status } = spawnSync(join(root, "node_modules/.bin/vitest"), ["run", "--project", "cluster", ...tests], {
    cwd: root,
    env: { ...env, CQLDUCK_TEST_VERSION: version },
    stdio: "inherit",
  });
  if (status !== 0) failed.push(version);
}
console.log(failed.length ? `failed on Cassandra ${failed.join(", ")}` : "passed on every version");
process.exitCode = failed.length ? 1 : 0;
