/*
 * Owns small file systems for tests: disks that are full, read-only or don't let programs run. They need root, and a
 * system that lets it mount; elsewhere such tests are skipped.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether a file system can be mounted here; if not, says on stderr which test is left out. */
export function canMount(test: string): boolean {
  const probe = mkdtempSync(join(tmpdir(), "cqlduck-mount-"));
  const { status, error, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", probe], {
    encoding: "utf8",
  });
  if (status === 0) execFileSync("umount", [probe]);
  else console.error(`skipped: ${test}: no file system can be mounted here: ${error?.message ?? stderr.trim()}`);
  rmdirSync(probe);
  return status === 0;
}

/** Gives a file system that withDisk made another size. */
export function resizeDisk(directory: string, size: string): void {
  execFileSync("mount", ["-o", `remount,size=${size}`, directory]);
}

/** Runs `work` with a file system of its own at `directory`, which exists. */
export async function withDisk(directory: string, options: string, work: () => Promise<void>): Promise<void> {
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", directory]);
  try {
    await work();
  } finally {
    // Lazily: a program that was killed may not be gone yet.
    execFileSync("umount", ["-l", directory]);
  }
}
