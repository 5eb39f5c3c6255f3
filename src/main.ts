#!/usr/bin/env node
/*
 * Owns the start of the program: hands the real process to src/cli and ends with its exit code. Everything heavy is
 * imported when an operation runs, and nothing is awaited here, so that the binary's bytecode can hold it.
 */
import { run } from "./cli/run.ts";
import type { Output } from "./cli/terminal.ts";

void main();

async function main(): Promise<void> {
  const code = await run({
    argv: process.argv.slice(2),
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    process,
    exit: (code) => process.exit(code),
    loadOperations: () => import("./operations/export.ts"),
    loadKeyspace: () => import("./operations/keyspace.ts"),
    loadImport: () => import("./operations/import.ts"),
    loadCount: () => import("./operations/count.ts"),
    loadInspect: () => import("./operations/inspect.ts"),
    loadSchema: () => import("./operations/schema.ts"),
    loadResume: () => import("./operations/resume.ts"),
  });
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  // Drivers may hold sockets and timers; the work is done.
  process.exit(code);
}

function flushed(output: Output): Promise<void> {
  return new Promise((resolve) => {
    output.write("", () => resolve());
  });
}
