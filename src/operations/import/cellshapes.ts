/*
 * Owns the statements that an import needs for cells with times of their own, and what the values of its columns are
 * made of; makes what sends the rows. Their CQL is in src/cassandra/cellwrites.ts.
 */
import { assert } from "../../base/errors.ts";
import { type CellForm, type CellShape, type CellShapes, cellShapes } from "../../cassandra/cellwrites.ts";
import type { WriteStatement } from "../../cassandra/rowblock.ts";
import type { TableColumn, TableSchema } from "../../cassandra/schema.ts";
import type { CqlType } from "../../types/cql-type.ts";
import { hasSeveralCells } from "../source/choose.ts";
import type { PreparedCells } from "./cellblock.ts";
import { CellSender, type CellSenderOptions, type CellStatements } from "./cells.ts";
import { CellClock } from "./celltimes.ts";
import { isKey, type Match, type MatchedColumn } from "./match.ts";
import type { ImportOptions } from "./options.ts";
import type { ImportPart } from "./parts.ts";
import type { SenderOptions } from "./sending.ts";

/** What the values of a column are made of. */
function formOf({ target, cql }: MatchedColumn, schema: TableSchema): CellForm {
  if (!hasSeveralCells(target, schema)) return "single";
  if (cql.name === "list") return "list";
  return cql.name === "udt" ? "fields" : "elements";
}

function hasCollections({ name, of }: CqlType): boolean {
  return name === "list" || name === "set" || name === "map" || of.some(hasCollections);
}

/** For the cells of rows, and for the static ones. */
export interface PartCellShapes {
  readonly rows: CellShapes;
  readonly statics: CellShapes;
}

export function partCellShapes(schema: TableSchema, { columns }: Match, options: ImportOptions): PartCellShapes {
  const targetsOf = (kind: TableColumn["kind"]) =>
    columns
      .filter(({ target }) => target.kind === kind)
      .map((column) => {
        const form = formOf(column, schema);
        // The server writes collections inside of a field anew, and IPv4 addresses mapped to IPv6 don't stay what they are.
        const whole = form === "list" || (form === "fields" && column.cql.of.some(hasCollections));
        return { column: column.target, form, whole, fields: form === "fields" ? column.cql.udt!.fields : [] };
      });
  const key = schema.columns.filter(isKey);
  // A file may hold nothing but what is static.
  const isWhole = key.every((column) => columns.some(({ target }) => target === column));
  const shapes = (of: readonly TableColumn[], kind: "regular" | "static", inserts: boolean) => {
    const all = cellShapes(schema, of, targetsOf(kind), inserts);
    return options.nulls === "write" ? all : { ...all, nulls: undefined };
  };
  return {
    rows: shapes(key, "regular", isWhole && options.mode !== "update"),
    statics: shapes(
      key.filter(({ kind }) => kind === "partition_key"),
      "static",
      false,
    ),
  };
}

/** All statements of the shapes, as text. */
export function cellStatementTexts({ rows, statics }: PartCellShapes): string[] {
  return [rows, statics].flatMap(({ row, cells, wholes, nulls }) =>
    [row, cells, ...wholes.values(), nulls].flatMap((shape) => (shape ? [shape.cql] : [])),
  );
}

type Prepare = (shape: CellShape, setsList: boolean) => Promise<WriteStatement>;

async function prepareCells(shapes: CellShapes, prepare: Prepare): Promise<CellStatements> {
  const prepared = async (shape: CellShape | undefined, setsList = false): Promise<PreparedCells | undefined> =>
    shape && { shape, statement: await prepare(shape, setsList) };
  const wholes = new Map<TableColumn, PreparedCells>();
  for (const [column, shape] of shapes.wholes) {
    wholes.set(column, (await prepared(shape, column.type.startsWith("list<")))!);
  }
  const { row, cells, nulls } = shapes;
  return { row: await prepared(row), cells: await prepared(cells), wholes, nulls: await prepared(nulls) };
}

/**
 * What sends the rows of a part.
 * @param startedAt the import's first second, of those since 1970
 * @param prepare asks the server; it is told whether the statement sets a list
 */
export async function cellSenders(
  { match, cellTimes }: Pick<ImportPart, "match" | "cellTimes">,
  schema: TableSchema,
  options: ImportOptions,
  startedAt: number,
  prepare: Prepare,
  to: Pick<CellSenderOptions, "part" | "attempt" | "writer" | "segments">,
): Promise<Pick<SenderOptions, "cells" | "clock">> {
  assert(cellTimes, "cells have times of their own");
  const shapes = partCellShapes(schema, match, options);
  const clock = new CellClock(cellTimes, startedAt);
  const sender = {
    ...to,
    clock,
    columns: match.columns,
    forms: match.columns.map((column) => formOf(column, schema)),
    rows: await prepareCells(shapes.rows, prepare),
    statics: await prepareCells(shapes.statics, prepare),
  };
  return { clock, cells: (values) => new CellSender({ ...sender, values }) };
}
