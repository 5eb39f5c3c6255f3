/*
 * A process that takes locks, for lock.test.ts.
 *   hold <directory>                     takes it, says so, waits to be killed
 *   race <root> <rounds> <n> <id>        takes <root>/<round> at the same moment as n - 1 others, keeps what it got
 *   storm <directory> <ms> <p>           takes and releases it again and again; with the probability p dies while it holds it
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../src/base/errors.ts";
import { acquireLock } from "../../src/jobs/lock.ts";

const [command, directory = "", ...rest] = process.argv.slice(2);

async function hold(): Promise<void> {
  await acquireLock(directory);
  process.stdout.write("held\n");
  setInterval(() => {}, 1_000);
}

async function race(rounds: number, n: number, id: string): Promise<void> {
  const got: number[] = [];
  for (let round = 0; round < rounds; round++) {
    writeFileSync(join(directory, `ready-${round}-${id}`), "");
    for (let other = 0; other < n; other++) while (!existsSync(join(directory, `ready-${round}-${other}`)));
    try {
      await acquireLock(join(directory, String(round)));
      got.push(round);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
    }
  }
  // Nobody ends before all have tried: an ended process has given up its locks.
  writeFileSync(join(directory, `end-${id}`), "");
  for (let other = 0; other < n; other++)
    while (!existsSync(join(directory, `end-${other}`))) await new Promise((r) => setTimeout(r, 5));
  process.stdout.write(JSON.stringify(got));
  process.exit(0);
}

/** A killed process may still be there for its parent to see. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false; // it ended
  }
}

async function storm(ms: number, death: number): Promise<void> {
  const inside = join(directory, "inside");
  const until = Date.now() + ms;
  let turns = 0;
  while (Date.now() < until) {
    try {
      const lock = await acquireLock(directory);
      const other = existsSync(inside) ? Number(readFileSync(inside, "utf8")) : 0;
      if (other && isRunning(other)) {
        process.stdout.write(`violation: ${other}\n`);
        process.exit(1);
      }
      writeFileSync(inside, String(process.pid));
      await new Promise((r) => setTimeout(r, Math.random() * 2));
      lock?.assertHeld();
      if (Math.random() < death) process.kill(process.pid, "SIGKILL");
      rmSync(inside);
      await lock?.release();
      turns++;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
    }
  }
  process.stdout.write(`${turns}\n`);
  process.exit(0);
}

if (command === "hold") await hold();
else if (command === "race") await race(Number(rest[0]), Number(rest[1]), rest[2] ?? "");
else if (command === "storm") await storm(Number(rest[0]), Number(rest[1]));
else throw new Error(`unknown command ${command}`);
