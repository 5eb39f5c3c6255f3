/*
 * `npm run check`: everything that can be said about the source without running it. All checks run, whatever fails.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type Problem, readFiles } from "./check/files.ts";
import { checkLayers } from "./check/layers.ts";
import { checkTidy } from "./check/tidy.ts";

interface Check {
  readonly name: string;
  readonly advice: string;
  /** What is wrong, as text to print; empty where nothing is. */
  run(): string;
}

const root = join(import.meta.dirname, "..");
const files = readFiles(root);

/** A program from node_modules, whose output is the finding where it fails. */
function tool(name: string, advice: string, command: string, ...args: string[]): Check {
  const run = () => {
    const path = join(root, "node_modules/.bin", command);
    const result = spawnSync(path, args, { cwd: root, encoding: "utf8" });
    if (result.error) return result.error.message;
    return result.status === 0 ? "" : `${result.stdout}${result.stderr}`.trim() || `exit ${result.status}`;
  };
  return { name, advice, run };
}

function own(name: string, advice: string, find: () => Problem[]): Check {
  const format = ({ path, line, message }: Problem) => `${path}:${line}: ${message}`;
  return { name, advice, run: () => find().map(format).join("\n") };
}

const checks: readonly Check[] = [
  tool("types", "mend the types; no `any`, no casts that lie", "tsc", "--pretty", "false"),
  tool(
    "types of Node 20",
    "src/ runs under Node 20 and Deno too: use only what these have",
    "tsc",
    ...["-p", "tsconfig.build.json", "--noEmit", "--pretty", "false"],
  ),
  tool(
    "lint, format, lengths, cycles",
    "`npm run format` mends what can be mended; split functions over 70 and files over 400 lines",
    "biome",
    ...["check", "--error-on-warnings", "--diagnostic-level=warn", "--max-diagnostics=100", "--colors=off"],
  ),
  own("layers", "move the code down, or hand it in from above (docs/design.md, Folders)", () => checkLayers(files)),
  own("tidy", "see each line", () => checkTidy(files)),
  tool("unused", "delete what nothing uses; drop `export` from what only its own file uses", "knip"),
];

let failed = 0;
for (const check of checks) {
  const begun = performance.now();
  const finding = check.run();
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`${finding ? "FAIL" : "ok  "} ${check.name} (${seconds} s)`);
  if (!finding) continue;
  failed++;
  console.log(`${finding}\n  -> ${check.advice}\n`);
}
console.log(failed ? `${failed} of ${checks.length} checks failed` : `${checks.length} checks passed`);
process.exitCode = failed ? 1 : 0;
