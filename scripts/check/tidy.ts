/*
 * Looks for text that must not be in a committed file: addresses of package registries, paths of somebody's machine,
 * and, in src/, what exists in one runtime only or what a bundler can't follow.
 */
import type { Problem, SourceFile } from "./files.ts";

interface Ban {
  readonly pattern: RegExp;
  /** Files that it holds for. */
  readonly where: RegExp;
  readonly message: string;
}

/** Documents may name hosts, and this file must. */
const TEXT = /^(?!scripts\/check\/tidy\.ts$|test\/scripts\/check\.test\.ts$).*$/;
const PROGRAM = /^src\//;

const BANS: readonly Ban[] = [
  {
    pattern: /\b(registry|repo1?|files)\.[a-z]+\.(org|com)\b|"resolved":|index-url|\/artifactory\//,
    where: TEXT,
    message: "names a package registry; clients know theirs from the machine's own settings (locks: npm run lockfile)",
  },
  {
    pattern: /(^|[\s"'`=(:])\/(work|root|home|Users)\/[\w.-]+/,
    where: TEXT,
    message: "a path of one machine; derive it from import.meta.dirname, the environment or an option",
  },
  {
    pattern: /\b(Bun|Deno)\.[a-zA-Z]|from "bun(:|")/,
    where: PROGRAM,
    message: "exists in one runtime only; use the node: modules, which Node, Bun and Deno all have",
  },
  {
    pattern: /\bcreateRequire\b|\bimport\.meta\b|\b__dirname\b/,
    where: PROGRAM,
    message: "the bundler can't follow it, and the binary would look on the disk; use an import with a literal path",
  },
  {
    pattern: /\.only\(|\bdescribe\.skip\(|\bit\.skip\(|\btest\.skip\(/,
    where: /^test\/(?!scripts\/check\.test)/,
    message: "leaves tests out; remove it",
  },
];

export function checkTidy(files: readonly SourceFile[]): Problem[] {
  return files.flatMap(({ path, text }) => {
    const bans = BANS.filter((ban) => ban.where.test(path));
    return text.split("\n").flatMap((content, index) =>
      bans.flatMap((ban) => {
        const found = ban.pattern.exec(content);
        return found ? [{ path, line: index + 1, message: `\`${found[0].trim()}\` ${ban.message}` }] : [];
      }),
    );
  });
}
