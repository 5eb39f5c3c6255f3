/*
 * Makes one executable of the program, the Bun runtime and DuckDB's library. The same source and packages give the
 * same bytes: no source map, no time, no path of the machine.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { BunPlugin } from "bun";
import { embedDriver } from "./driver.ts";
import type { NativeFile } from "./native.ts";
import { bindingsOf, packNative } from "./packed.ts";

export interface BinaryOptions {
  /** The project's directory. */
  readonly root: string;
  readonly entry: string;
  readonly outfile: string;
  /** Node's platform and processor, e.g. `linux-x64`, `linux-arm64-musl`, `win32-x64`. */
  readonly platform: string;
}

/** The platform of this machine, of whose two C libraries npm installed the bindings that fit. */
export function hostPlatform(): string {
  const platform = `${process.platform}-${process.arch}`;
  return bindingsOf(platform) === undefined && bindingsOf(`${platform}-musl`) !== undefined
    ? `${platform}-musl`
    : platform;
}

export async function buildBinary({ root, entry, outfile, platform }: BinaryOptions): Promise<void> {
  const bindings = bindingsOf(platform);
  if (bindings === undefined) {
    throw new Error(
      `@duckdb/node-bindings-${platform} is not installed; to build for another platform than this machine's:\n` +
        `  npm install --no-save --force @duckdb/node-bindings-${platform}`,
    );
  }
  const work = join(root, "build");
  const files = await packNative(bindings, platform, work);
  const driver = await embedDriver(root, work);
  mkdirSync(dirname(outfile), { recursive: true });
  // Bun puts the file's name into the binary: the temporary file has the same, in a directory of its own.
  const temporary = mkdtempSync(join(work, "binary-"));
  try {
    const built = join(temporary, basename(outfile));
    await Bun.build({
      entrypoints: [entry],
      target: "bun",
      format: "cjs",
      bytecode: true,
      // Names stay, so that stack traces are readable.
      minify: { whitespace: true, syntax: true },
      sourcemap: "none",
      compile: {
        target: `bun-${platform.replace("win32", "windows")}` as Bun.Build.CompileTarget,
        outfile: built,
        // A file in the user's directory must not change what the program does.
        autoloadDotenv: false,
        autoloadBunfig: false,
      },
      plugins: [embedNative(files), driver],
    });
    renameSync(built, outfile);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/**
 * Sends each import of DuckDB's bindings to the loader in native.ts, and embeds the packed files. They go by made-up
 * names, since Bun writes the names of embedded files into the binary.
 */
function embedNative(files: readonly NativeFile[]): BunPlugin {
  const described = files.map(({ name, size, sha256 }, i) => {
    return `{ name: "${name}", size: ${size}, sha256: "${sha256}", packed: packed${i} }`;
  });
  const source = [
    `import { loadNative } from ${JSON.stringify(join(import.meta.dirname, "native.ts"))};`,
    ...files.map((_, i) => `import packed${i} from "packed:${i}";`),
    `module.exports = loadNative([${described}]);`,
  ].join("\n");
  return {
    name: "duckdb-native",
    setup(build) {
      build.onResolve({ filter: /^@duckdb\/node-bindings$/ }, () => ({ path: "bindings", namespace: "native" }));
      build.onLoad({ filter: /.*/, namespace: "native" }, () => ({ contents: source, loader: "js" }));
      build.onResolve({ filter: /^packed:/ }, ({ path }) => ({
        path: path.slice("packed:".length),
        namespace: "packed",
      }));
      build.onLoad({ filter: /.*/, namespace: "packed" }, async ({ path }) => ({
        contents: await Bun.file(files[Number(path)]!.packed).bytes(),
        loader: "file",
      }));
    },
  };
}
