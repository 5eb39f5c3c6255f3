/*
 * Owns how many rows a part has, about, before it is read: for the display of progress only.
 */
import { open } from "node:fs/promises";
import { attempt } from "../../base/filefailure.ts";
import type { SourcePart } from "./source.ts";

const SAMPLE_BYTES = 64 * 1024;
const LINE_END = 0x0a;

/** What the file says, or the lines that it would have if all were like its first ones; 0 where nobody knows. */
export async function estimateRows({ rows, file }: SourcePart): Promise<number> {
  if (rows !== undefined) return rows;
  if (file?.compression !== "uncompressed" || file.bytes === 0) return 0;
  const { bytesRead, buffer } = await attempt("read", file.path, async () => {
    const handle = await open(file.content, "r");
    try {
      return await handle.read(Buffer.alloc(SAMPLE_BYTES), 0, SAMPLE_BYTES, 0);
    } finally {
      await handle.close();
    }
  });
  const lines = buffer.subarray(0, bytesRead).filter((byte) => byte === LINE_END).length;
  return Math.round((file.bytes / Math.max(1, bytesRead)) * lines);
}
