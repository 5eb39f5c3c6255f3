/*
 * Owns a real process around the command line, with operations that fail as the first argument says: for tests of
 * signals and uncaught errors.
 */
import { run } from "../../src/cli/run.ts";
import type { ExportOptions } from "../../src/operations/options.ts";
import { PROGRESS } from "./world.ts";

const [behaviour, ...argv] = process.argv.slice(2);

function exportTable(options: ExportOptions): Promise<never> {
  options.onEvent?.(PROGRESS);
  return new Promise((_, reject) => {
    setInterval(() => undefined, 1000);
    if (behaviour === "polite") options.signal?.addEventListener("abort", () => reject(new Error("socket closed")));
    if (behaviour === "crash") setTimeout(() => (undefined as unknown as { boom(): void }).boom(), 10);
    if (behaviour === "rejection") void Promise.reject(new RangeError("nobody waits for this"));
    process.stdout.write("ready\n");
  });
}

void run({
  argv,
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  process,
  exit: (code) => process.exit(code),
  loadOperations: async () => ({ exportTable, planExport: exportTable }),
  loadKeyspace: () => import("../../src/operations/keyspace.ts"),
  loadImport: () => import("../../src/operations/import.ts"),
  loadCount: () => import("../../src/operations/count.ts"),
  loadInspect: () => import("../../src/operations/inspect.ts"),
  loadSchema: () => import("../../src/operations/schema.ts"),
  loadResume: () => import("../../src/operations/resume.ts"),
}).then((code) => process.exit(code));
