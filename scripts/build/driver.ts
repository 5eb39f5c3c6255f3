/*
 * Owns how the binary carries the Cassandra driver: bundled apart, compressed, and read when a command first connects.
 * As a part of the program it would cost 3 MB, most of them bytecode, which would save a connecting command a few
 * milliseconds.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import type { BunPlugin } from "bun";

const PACKED = "driver.packed";
/** What src imports of it. */
const MODULES = ["cassandra-driver", "cassandra-driver/lib/connection.js", "cassandra-driver/lib/streams.js"];

/** Sends each import of the driver to a bundle of its modules, made in `directory`, that the binary embeds. */
export async function embedDriver(root: string, directory: string): Promise<BunPlugin> {
  const packed = join(directory, PACKED);
  writeFileSync(packed, brotliCompressSync(await bundle(root)));
  return {
    name: "driver",
    setup(build) {
      build.onResolve({ filter: /^cassandra-driver($|\/)/ }, ({ path }) => {
        if (!MODULES.includes(path)) throw new Error(`${path} is not in the driver's bundle: add it to MODULES`);
        return { path, namespace: "driver" };
      });
      build.onLoad({ filter: /.*/, namespace: "driver" }, ({ path }) => ({
        contents: `module.exports = require("packed-driver:loader")(${JSON.stringify(path)});`,
        loader: "js",
      }));
      build.onResolve({ filter: /^packed-driver:/ }, ({ path }) => ({ path, namespace: "packed-driver" }));
      build.onLoad({ filter: /loader$/, namespace: "packed-driver" }, () => ({ contents: LOADER, loader: "js" }));
      build.onLoad({ filter: /bytes$/, namespace: "packed-driver" }, async () => ({
        contents: await Bun.file(packed).bytes(),
        loader: "file",
      }));
    },
  };
}

/** Runs the bundle once; the name is what stack traces show. */
const LOADER = `
  const { readFileSync } = require("node:fs");
  const { compileFunction } = require("node:vm");
  const { brotliDecompressSync } = require("node:zlib");
  const packed = require("packed-driver:bytes");
  let modules;
  module.exports = (specifier) => {
    if (modules === undefined) {
      const source = brotliDecompressSync(readFileSync(packed.default ?? packed)).toString();
      const bundle = { exports: {} };
      const run = compileFunction(source, ["module", "exports", "require"], { filename: "cassandra-driver.js" });
      run(bundle, bundle.exports, require);
      modules = bundle.exports;
    }
    return modules[specifier]();
  };
`;

/** One source text that exports, by specifier, functions that give the modules. */
async function bundle(root: string): Promise<string> {
  const list = MODULES.map((name) => `${JSON.stringify(name)}: () => require(${JSON.stringify(name)})`).join(", ");
  const { outputs } = await Bun.build({
    entrypoints: ["driver:entry"],
    target: "node",
    format: "cjs",
    // Names stay: the driver's errors take theirs from their classes, and stack traces stay readable.
    minify: { whitespace: true, syntax: true },
    plugins: [
      {
        name: "driver-entry",
        setup(build) {
          build.onResolve({ filter: /^driver:entry$/ }, () => ({
            path: join(root, "driver-entry.js"),
            namespace: "entry",
          }));
          build.onLoad({ filter: /.*/, namespace: "entry" }, () => ({
            contents: `module.exports = { ${list} };`,
            loader: "js",
          }));
        },
      },
      leaveOutMapper,
    ],
  });
  return outputs[0]!.text();
}

/** The driver's object mapper, which nothing here uses and the driver itself only exports. */
const leaveOutMapper: BunPlugin = {
  name: "driver-without-mapper",
  setup(build) {
    const filter = /[\\/]cassandra-driver[\\/]lib[\\/]mapping[\\/]index\.js$/;
    build.onLoad({ filter }, () => ({ contents: "module.exports = {};", loader: "js" }));
  },
};
