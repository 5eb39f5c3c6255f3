/*
 * Lists as Arrow wants them, out of columns in which DuckDB may have them: in any order, with gaps, shared, and with
 * anything under a NULL.
 */
import { expect, test } from "vitest";
import { Arena, type ColumnType, createColumn, setNull } from "../../src/base/column.ts";
import { arrayBuilder } from "../../src/formats/arrowarrays.ts";

const LISTS: ColumnType = { kind: "LIST", child: { kind: "SMALLINT" } };

/** A column of lists of the elements 0, 1, …: which of them each list has, from `start` on. */
function listColumn(entries: readonly (readonly [start: number, size: number])[]) {
  const column = createColumn(LISTS, new Arena(), 16);
  const [elements] = column.children;
  elements!.rows = 8;
  new Int16Array(elements!.bytes.buffer).set([0, 1, 2, 3, 4, 5, 6, 7]);
  column.rows = entries.length;
  entries.forEach(([start, size], row) => {
    column.i32.set([start, 0, size, 0], row * 4);
  });
  return column;
}

/** What a batch would have: nodes, ends of the lists, elements. */
function collected(builder: ReturnType<typeof arrayBuilder>) {
  const [nodes, buffers] = [[] as number[], [] as Uint8Array[]];
  builder.collect(nodes, buffers);
  const [validity, ends, , elements] = buffers.map((buffer) => buffer.slice());
  return {
    nodes,
    validity: [...validity!],
    ends: [...new Int32Array(ends!.buffer)],
    elements: [...new Int16Array(elements!.buffer)],
  };
}

test("lists in any order, with gaps, and shared", () => {
  const builder = arrayBuilder(LISTS);
  const shared = [
    [6, 2],
    [0, 2],
    [2, 1],
    [5, 0],
    [6, 2],
  ] as const;
  builder.append(listColumn(shared), 0, 5);
  expect(collected(builder)).toEqual({
    nodes: [5, 0, 7, 0],
    validity: [],
    ends: [0, 2, 4, 5, 5, 7],
    elements: [6, 7, 0, 1, 2, 6, 7],
  });
});

test("what stands under a NULL is not taken; some rows of a column, behind those of another", () => {
  const builder = arrayBuilder(LISTS);
  builder.append(listColumn([[1, 1]]), 0, 1);
  const some = listColumn([
    [0, 8],
    [1_000_000, 1_000_000],
    [3, 2],
    [0, 8],
  ]);
  setNull(some, 1);
  builder.append(some, 1, 2);
  const expected = { nodes: [3, 1, 3, 0], validity: [0b101], ends: [0, 1, 1, 3], elements: [1, 3, 4] };
  expect(collected(builder)).toEqual(expected);

  builder.clear();
  builder.append(listColumn([[2, 2]]), 0, 1);
  expect(collected(builder)).toEqual({ nodes: [1, 0, 2, 0], validity: [], ends: [0, 2], elements: [2, 3] });
});
