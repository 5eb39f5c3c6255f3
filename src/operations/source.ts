/*
 * Owns what an export reads: the table's columns with their codecs, and how its rows are asked for (scan.ts).
 * Everything here is decided before the first row.
 */
import { UsageError } from "../base/errors.ts";
import { quoteIdentifier, uniqueNames } from "../base/names.ts";
import type { Cluster } from "../cassandra/cluster.ts";
import { createStatements } from "../cassandra/ddl.ts";
import { readTable, type TableColumn, type TableSchema } from "../cassandra/schema.ts";
import { duckdbTypeFromText } from "../types/column-type.ts";
import { parseCqlType } from "../types/cql.ts";
import { codecFor } from "../types/table.ts";
import { type CellColumn, chooseCellColumns, chooseColumns, failUnknown } from "./choose.ts";
import type { SourceColumn } from "./columns.ts";
import { checkMasks } from "./masking.ts";
import type { ExportOptions } from "./options.ts";
import { openScan, type Scan } from "./scan.ts";

export interface Source extends Scan {
  readonly schema: TableSchema;
  readonly columns: readonly SourceColumn[];
  /** The columns among them whose values the server masks for this login. */
  readonly masked: readonly string[];
  /** What the user should know of it before and after. */
  readonly notices: readonly string[];
  /** The CREATE statements of the columns read. */
  readonly create: string;
}

/** The first Cassandra that tells the writetime and TTL of each cell of a collection. */
const CELLS_TOLD = 5;

/** @throws UsageError for an unknown table or column, a type that a column can't have, or columns that come masked */
export async function openSource(cluster: Cluster, options: ExportOptions, fetchers: number): Promise<Source> {
  const schema = await readTable(cluster, options.table.keyspace, options.table.table);
  const chosen = chooseColumns(schema, options.columns);
  const cells = chooseCellColumns(schema, chosen, options, cluster.isAtLeast(CELLS_TOLD));
  const columns = describeColumns(schema, chosen, cells.columns, options);
  const { masked, whole, notices } = await checkMasks(cluster, schema, chosen, options);
  const { limit, splits } = options;
  const selected = [...chosen.map((column) => column.name), ...cells.columns];
  const scan = await openScan(cluster, schema, { columns: selected, fetchers, whole, limit, splits });
  return {
    ...scan,
    schema,
    columns,
    masked,
    notices: [...notices, ...cells.notices],
    create: createStatements(schema, chosen),
  };
}

function describeColumns(
  schema: TableSchema,
  chosen: readonly TableColumn[],
  cells: readonly CellColumn[],
  options: ExportOptions,
): SourceColumn[] {
  const types = options.types ?? new Map<string, string>();
  for (const name of types.keys()) if (!chosen.some((column) => column.name === name)) failUnknown(schema, name);
  const all: readonly (TableColumn | CellColumn)[] = [...chosen, ...cells];
  const fileNames = uniqueNames(all.map((column) => column.name));
  return all.map((column, i) => {
    const of = "of" in column ? column.of : undefined;
    const cql = parseCqlType(column.type, schema.userTypes);
    const text = of === undefined ? types.get(column.name) : undefined;
    const want = text === undefined ? undefined : duckdbTypeFromText(text);
    return {
      name: column.name,
      file: fileNames[i]!,
      kind: column.kind,
      of,
      cql,
      cqlText: column.type,
      codec: namingColumn(column.name, () =>
        codecFor(cql, { ...(want ? { want } : {}), uuid: options.uuid ?? "text", empty: options.empty ?? "error" }),
      ),
    };
  });
}

/** A type that the column can't have is refused with the column's name before the reason. */
function namingColumn<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`column ${quoteIdentifier(name)}: ${error.message}`, { hint: error.hint, cause: error });
  }
}
