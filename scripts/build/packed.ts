/*
 * Makes the native files of DuckDB small, for the binary to carry. That takes minutes of CPU, so that the result is kept
 * in build/ under the hash of what it unpacks to.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import { convertBranches } from "./branches.ts";
import type { NativeFile } from "./native.ts";

/** Part of the names in build/: another way of packing must not find the files of the former one. */
const METHOD = "branches-brotli";
/** Compressed each by itself; also the widest window that every Brotli decoder takes. */
const BLOCK_BYTES = 2 ** 24;

const brotli = promisify(brotliCompress);
const require = createRequire(import.meta.url);

/** The directory of the installed bindings for a platform such as `linux-x64`, undefined where they aren't installed. */
export function bindingsOf(platform: string): string | undefined {
  try {
    return dirname(require.resolve(`@duckdb/node-bindings-${platform}/package.json`));
  } catch {
    return undefined;
  }
}

/** The addon first, then the library beside it that it links to; each compressed in `directory`. */
export async function packNative(bindings: string, platform: string, directory: string): Promise<NativeFile[]> {
  mkdirSync(directory, { recursive: true });
  const files = ["duckdb.node", libraryName(platform)].map(async (name) => {
    const bytes = withoutSymbols(readFileSync(join(bindings, name)));
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const packed = join(directory, `${name}-${sha256.slice(0, 16)}.${METHOD}`);
    if (!existsSync(packed)) {
      const temporary = `${packed}.${process.pid}.tmp`;
      convertBranches(bytes, "absolute");
      writeFileSync(temporary, await compressed(bytes));
      renameSync(temporary, packed);
    }
    return { name, size: bytes.length, sha256, packed };
  });
  return Promise.all(files);
}

/** Brotli takes longer than zstd for 5 % less, which is what 130 MB need. Each block has its length before it. */
async function compressed(bytes: Uint8Array): Promise<Buffer> {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_LGWIN]: Math.log2(BLOCK_BYTES),
  };
  const count = Math.ceil(bytes.length / BLOCK_BYTES);
  const blocks = await Promise.all(
    Array.from({ length: count }, (_, i) => brotli(bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES), { params })),
  );
  return Buffer.concat(
    blocks.flatMap((block) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(block.length);
      return [length, block];
    }),
  );
}

/**
 * Drops what an ELF file holds behind its loadable segments: the section headers and 11 MB of symbols for debuggers.
 * The dynamic linker reads neither. Other formats stay as they are. (ELF-64 specification: file header, program header)
 */
function withoutSymbols(file: Buffer): Buffer {
  const isElf64 = file.readUInt32BE(0) === 0x7f454c46 && file[4] === 2 && file[5] === 1;
  if (!isElf64) return file;
  const headers = Number(file.readBigUInt64LE(0x20));
  const headerSize = file.readUInt16LE(0x36);
  const count = file.readUInt16LE(0x38);
  let end = headers + headerSize * count;
  for (let i = 0; i < count; i++) {
    const at = headers + i * headerSize;
    end = Math.max(end, Number(file.readBigUInt64LE(at + 8) + file.readBigUInt64LE(at + 32)));
  }
  const loadable = Buffer.from(file.subarray(0, end));
  loadable.writeBigUInt64LE(0n, 0x28); // offset of the section headers
  loadable.writeUInt32LE(0, 0x3c); // their number and the index of their names
  return loadable;
}

function libraryName(platform: string): string {
  if (platform.startsWith("win32")) return "duckdb.dll";
  return platform.startsWith("darwin") ? "libduckdb.dylib" : "libduckdb.so";
}
