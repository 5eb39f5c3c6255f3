/*
 * `npm run build` makes dist/cqlduck; `npm run build:lib` makes the JavaScript of the npm package in dist/.
 * Usage: bun scripts/build.ts [--library] [--platform linux-arm64] [--entry src/main.ts] [--outfile dist/cqlduck]
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildBinary, hostPlatform } from "./build/binary.ts";

const root = join(import.meta.dirname, "..");

const { values } = parseArgs({
  options: {
    library: { type: "boolean", default: false },
    platform: { type: "string", default: hostPlatform() },
    entry: { type: "string", default: join(root, "src/main.ts") },
    outfile: { type: "string" },
  },
});

/** Compiles src/ to dist/; files of earlier builds whose source is gone go first, binaries stay. */
function buildLibrary(): void {
  const dist = join(root, "dist");
  mkdirSync(dist, { recursive: true });
  for (const name of readdirSync(dist)) if (!name.startsWith("cqlduck")) rmSync(join(dist, name), { recursive: true });
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", join(root, "tsconfig.build.json")], { stdio: "inherit" });
  console.log(
    `dist: ${readdirSync(dist, { recursive: true }).filter((name) => String(name).endsWith(".js")).length} modules`,
  );
}

function defaultOutfile(platform: string): string {
  const suffix = platform === hostPlatform() ? "" : `-${platform}`;
  return join(root, "dist", `cqlduck${suffix}${platform.startsWith("win32") ? ".exe" : ""}`);
}

if (values.library) {
  buildLibrary();
} else {
  const outfile = resolve(values.outfile ?? defaultOutfile(values.platform));
  await buildBinary({ root, entry: resolve(values.entry), outfile, platform: values.platform });
  console.log(
    `${relative(process.cwd(), outfile)}: ${(statSync(outfile).size / 1e6).toFixed(1)} MB, ${values.platform}`,
  );
}
