import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StorageError } from "../../src/base/errors.ts";
import { errorCode, storageError } from "../../src/base/filefailure.ts";
import {
  fileSize,
  freeBytes,
  fsyncFile,
  listNames,
  makeDirectory,
  readText,
  removeEmptyDirectory,
  removeFile,
  removeTree,
  rename,
  statusOf,
  within,
  writeDurably,
} from "../../src/storage/local.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "cqlduck-local-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

test("a file is written whole, replaced whole, and nothing temporary stays", async () => {
  const path = join(home, "plan.json");
  await writeDurably(path, "first, and longer");
  await writeDurably(path, "second");
  await writeDurably(join(home, "bytes"), Uint8Array.of(0, 255));
  expect(await readText(path)).toBe("second");
  expect([...(await readFile(join(home, "bytes")))]).toEqual([0, 255]);
  expect(await listNames(home)).toEqual(["bytes", "plan.json"]);
});

test("what a crash left of an earlier writing is gone after the next", async () => {
  await writeFile(join(home, "record.json.tmp"), "half a rec");
  await writeDurably(join(home, "record.json"), "{}");
  expect(await listNames(home)).toEqual(["record.json"]);
});

test("a writing that fails leaves nothing", async () => {
  // A directory in its place: all is written, but can't be renamed.
  await mkdir(join(home, "plan.json"));
  await expect(writeDurably(join(home, "plan.json"), "{}")).rejects.toThrow(StorageError);
  expect(await listNames(home)).toEqual(["plan.json"]);
});

test("directories are made with their parents, and it is said whether they were missing", async () => {
  expect(await makeDirectory(join(home, "a/b/c"))).toBe(true);
  expect(await makeDirectory(join(home, "a/b/c"))).toBe(false);
  expect(await makeDirectory(join(home, "a/b/d/"))).toBe(true);
  expect(await readdir(join(home, "a/b"))).toEqual(["c", "d"]);
});

test("a relative directory can be made too", async () => {
  const before = process.cwd();
  if (!("chdir" in process)) return;
  process.chdir(home);
  try {
    expect(await makeDirectory("x/y")).toBe(true);
    expect(await listNames("x")).toEqual(["y"]);
  } finally {
    process.chdir(before);
  }
});

test("what isn't there is undefined, none or false; nothing else is", async () => {
  const nowhere = join(home, "nowhere");
  expect(await statusOf(nowhere)).toBeUndefined();
  expect(await fileSize(nowhere)).toBeUndefined();
  expect(await readText(nowhere)).toBeUndefined();
  expect(await listNames(nowhere)).toEqual([]);
  expect(await removeFile(nowhere)).toBe(false);
  expect(await removeEmptyDirectory(nowhere)).toBe(false);
  await removeTree(nowhere);
  await writeFile(join(home, "file"), "12345");
  expect(await readText(join(home, "file", "x"))).toBeUndefined();
  await symlink("file", join(home, "link"));
  expect(await statusOf(join(home, "link"))).toEqual({ kind: "file", bytes: 5 });
  expect(await fileSize(home)).toBe(-1);
  expect(await removeEmptyDirectory(home)).toBe(false);
  await expect(readText(home)).rejects.toThrow(StorageError);
});

test("failures name operation, path and reason, with the system's code within reach", async () => {
  await writeFile(join(home, "file"), "");
  const below = join(home, "file", "x");
  const notDirectory = await writeDurably(below, "").catch((error: unknown) => error);
  expect(notDirectory).toBeInstanceOf(StorageError);
  expect((notDirectory as StorageError).message).toBe(`can't write ${below}: a part of the path is not a directory`);
  expect((notDirectory as StorageError).hint).toBe("check the spelling of the path");
  expect(errorCode(notDirectory)).toBe("ENOTDIR");
  await expect(rename(join(home, "no"), join(home, "to"))).rejects.toThrow("no such file or directory");
  await expect(fsyncFile(join(home, "no"))).rejects.toThrow(`can't sync ${join(home, "no")}: no such file`);
  await expect(freeBytes(join(home, "no"))).rejects.toThrow(StorageError);
});

test.each([
  ["ENOSPC", "no space left on the device", "free some space"],
  ["EDQUOT", "the disk quota is used up", "free some space"],
  ["EROFS", "read-only file system", "can be written to"],
  ["EACCES", "permission denied", "owner"],
])("%s is explained", (code, reason, advice) => {
  const cause = Object.assign(new Error("as the system says it"), { code });
  const error = storageError("write", "/data/x", cause);
  expect(error.message).toBe(`can't write /data/x: ${reason}`);
  expect(error.hint).toContain(advice);
  expect(error.cause).toBe(cause);
  expect(storageError("rename", "/other", error)).toBe(error);
});

test("an error without a known code keeps its words", () => {
  expect(storageError("write", "/x", new Error("moon phase")).message).toBe("can't write /x: moon phase");
});

test.skipIf(process.getuid?.() === 0)("a directory without permission is an error with a hint", async () => {
  await mkdir(join(home, "closed"));
  await chmod(join(home, "closed"), 0o500);
  await expect(writeDurably(join(home, "closed/x"), "")).rejects.toThrow("permission denied");
  await chmod(join(home, "closed"), 0o700);
});

test("a real full disk is a StorageError (/dev/full)", async () => {
  if ((await statusOf("/dev/full")) === undefined) return;
  // The temporary file is the device itself: the one way to a full disk without being root.
  await symlink("/dev/full", join(home, "x.tmp"));
  await expect(writeDurably(join(home, "x"), "data")).rejects.toThrow(
    `can't write ${join(home, "x")}: no space left on the device`,
  );
});

test("free space is that of the disk", async () => {
  expect(await freeBytes(home)).toBeGreaterThan(1e6);
});

test("a name that leaves its directory is refused", () => {
  expect(within("/out", "year=2024/part-00000.parquet")).toBe("/out/year=2024/part-00000.parquet");
  for (const name of ["../x", "a/../../x", "/etc/passwd", "", "a//b", "."])
    expect(() => within("/out", name)).toThrow(StorageError);
});
