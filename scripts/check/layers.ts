/*
 * Checks the order of the folders in src/: imports go down the list in docs/design.md, siblings don't know each other,
 * and each foreign package is touched by the one folder that is there to hide it.
 */
import { dirname, posix } from "node:path";
import { parseSync } from "oxc-parser";
import type { Problem, SourceFile } from "./files.ts";

/** From the bottom to the top: folders and modules of src/ that stand at the same height don't import each other. */
const LAYERS: readonly (readonly string[])[] = [
  ["base", "version.ts"],
  ["cassandra", "duckdb", "parquet", "storage", "types"],
  ["jobs", "lake", "formats"],
  ["operations"],
  ["shell"],
  ["cli"],
  ["main.ts", "index.ts"],
];

/** Folders that may import less than what stands below them. */
const NARROWER: Readonly<Record<string, readonly string[]>> = { jobs: ["storage", "base", "version.ts"] };

/** Foreign packages and the folders that may import them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "cassandra-driver": ["cassandra"],
  "@duckdb/node-bindings": ["duckdb"],
  "@duckdb/node-api": ["duckdb"],
  commander: ["cli"],
  kleur: ["cli"],
  "smol-toml": ["cli"],
  valibot: ["cli"],
};

interface Import {
  readonly specifier: string;
  readonly offset: number;
}

/** Imports in `files` (paths from the project's directory) that break the order. */
export function checkLayers(files: readonly SourceFile[]): Problem[] {
  return files
    .filter((file) => file.path.startsWith("src/"))
    .flatMap((file) => importsOf(file).flatMap((found) => checkImport(file, found)));
}

function checkImport(file: SourceFile, { specifier, offset }: Import): Problem[] {
  const line = file.text.slice(0, offset).split("\n").length;
  const problem = (message: string) => [{ path: file.path, line, message }];
  const from = unitOf(file.path);
  if (!specifier.startsWith(".")) {
    const owners = PACKAGES[packageOf(specifier)];
    if (owners === undefined || owners.includes(from)) return [];
    return problem(
      `only src/${owners.join(", src/")} may import ${packageOf(specifier)}: ask it for what is needed here`,
    );
  }
  const target = posix.join(dirname(file.path), specifier);
  if (!target.startsWith("src/")) return problem(`src must not import ${target}, which is not part of the program`);
  const to = unitOf(target);
  if (from === to) return [];
  if (heightOf(from) < 0)
    return problem(`src/${from} has no place among the layers: add it to scripts/check/layers.ts`);
  const allowed = allowedBelow(from);
  if (allowed.includes(to)) return [];
  return problem(`src/${from} must not import src/${to} (it may import ${allowed.join(", ") || "nothing"})`);
}

/** The folder or top module of src/ that a path belongs to. */
function unitOf(path: string): string {
  return path.split("/")[1]!;
}

function heightOf(unit: string): number {
  return LAYERS.findIndex((layer) => layer.includes(unit));
}

function allowedBelow(unit: string): readonly string[] {
  return NARROWER[unit] ?? LAYERS.slice(0, heightOf(unit)).flat();
}

function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

/** Every import, re-export and `import("…")` of a module. */
function importsOf({ path, text }: SourceFile): Import[] {
  const { module } = parseSync(path, text);
  const requests = [
    ...module.staticImports.map((found) => found.moduleRequest),
    ...module.staticExports.flatMap((found) => found.entries.flatMap((entry) => entry.moduleRequest ?? [])),
  ].map(({ value, start }) => ({ specifier: value, offset: start }));
  const dynamic = module.dynamicImports.map(({ moduleRequest: { start, end } }) => ({
    // The source text of the argument: a string in quotes wherever the bundler can follow it.
    specifier: text.slice(start + 1, end - 1),
    offset: start,
  }));
  return [...requests, ...dynamic];
}
