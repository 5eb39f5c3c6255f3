/*
 * Owns rows as cells for tests: a value is its bytes, null, or "unset".
 */
import type { ParameterCells, RowBlock, StatementKind, WriteStatement } from "../../src/cassandra/rowblock.ts";

export type Value = Uint8Array | null | "unset";

/** One parameter's cells; some bytes that belong to nobody lie between them. */
function cellsOf(values: readonly Value[]): ParameterCells {
  const index = new Int32Array(values.length * 2);
  const parts: Uint8Array[] = [];
  let offset = 0;
  values.forEach((value, i) => {
    const gap = new Uint8Array([0xee]);
    parts.push(gap);
    offset += gap.length;
    index[i * 2] = offset;
    index[i * 2 + 1] = value === null ? -1 : value === "unset" ? -2 : value.length;
    if (value instanceof Uint8Array) {
      parts.push(value);
      offset += value.length;
    }
  });
  return { bytes: new Uint8Array(Buffer.concat(parts)), index };
}

export function blockOf(statement: WriteStatement, rows: readonly (readonly Value[])[]): RowBlock {
  const cells = Array.from({ length: statement.parameters }, (_, column) => cellsOf(rows.map((row) => row[column]!)));
  return { statement, rows: rows.length, cells };
}

export function statementOf(
  parameters: number,
  keys: readonly number[],
  kind: StatementKind = "insert",
): WriteStatement {
  return { cql: "INSERT …", id: new Uint8Array([7, 8, 9]), parameters, keys, kind, rising: undefined };
}

export function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function bigint(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}
