/*
 * Owns finding the pages that the offset indexes of a Parquet file name; DuckDB neither writes nor shows those.
 */
import { readFile } from "node:fs/promises";
import { type Plan, ThriftReader, ThriftWriter } from "../../src/parquet/thrift.ts";

/** Every page that the offset indexes of a file name. */
export async function pagesIn(path: string): Promise<{ offset: number; header: number[] }[]> {
  const bytes = await readFile(path);
  const end = bytes.length - 8;
  const pages: { offset: number; header: number[] }[] = [];
  const take = (fields: Plan, reader: ThriftReader) => new ThriftWriter().copyStruct(reader, { fields });
  const page: Plan = {
    1: (offset) => {
      pages.push({ offset, header: [...bytes.subarray(offset, offset + 2)] });
      return offset;
    },
  };
  let from = 0;
  const column: Plan = {
    4: (offset) => {
      from = offset;
      return offset;
    },
    5: (length) => {
      take({ 1: { fields: page } }, new ThriftReader(bytes.subarray(from, from + length)));
      return length;
    },
  };
  const footer = new ThriftReader(bytes.subarray(end - bytes.readUInt32LE(end), end));
  take({ 4: { fields: { 1: { fields: column } } } }, footer);
  return pages;
}
