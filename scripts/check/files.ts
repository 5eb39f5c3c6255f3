/*
 * The project's own files as the checks see them: what git would commit, whether or not it is committed yet.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface SourceFile {
  /** From the project's directory, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** What is wrong where, and what to do about it. */
export interface Problem {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

export function readFiles(root: string): SourceFile[] {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  const paths = listed.split("\0").filter((path) => path !== "" && existsSync(join(root, path)));
  return paths.map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}
