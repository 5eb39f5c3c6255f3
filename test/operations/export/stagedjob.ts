/*
 * Makes jobs whose rows are all read already, for tests of what becomes of them: segments out of DuckDB's SQL in the
 * place of a cluster's, and the run that arranges and publishes them.
 */
import { createNotes, typeToSql } from "../../../src/base/column.ts";
import type { Cluster } from "../../../src/cassandra/cluster.ts";
import { Engine, run as runSql } from "../../../src/duckdb/engine.ts";
import { parquetFormat } from "../../../src/formats/parquet.ts";
import { claimDestination, claimUnfinished } from "../../../src/jobs/destination.ts";
import type { OutputFile } from "../../../src/jobs/events.ts";
import { createJob, openJob, segmentName } from "../../../src/jobs/job.ts";
import { ArrangingMeter } from "../../../src/jobs/progress.ts";
import { carryOut, publish } from "../../../src/jobs/publish.ts";
import { arrangeStaged } from "../../../src/operations/export/arrangestaged.ts";
import type { ArrangedFlags, ExportJob, SegmentFlags, TablePlan } from "../../../src/operations/export/job.ts";
import { fileMetadata } from "../../../src/operations/export/metadata.ts";
import { partName } from "../../../src/operations/export/output.ts";
import { memoryOf, type Run } from "../../../src/operations/export/reading.ts";
import { openResult } from "../../../src/operations/export/result.ts";
import { engineMemory } from "../../../src/operations/export/segments.ts";
import { segmentsHavePaths, stageSegment } from "../../../src/operations/export/staging.ts";
import type { ExportOptions } from "../../../src/operations/options.ts";
import type { Source } from "../../../src/operations/source/source.ts";
import { statusOf } from "../../../src/storage/local.ts";
import { parseCqlType } from "../../../src/types/cql.ts";
import { codecFor } from "../../../src/types/table.ts";

export interface StagedTable {
  /** Name and CQL type; the first is the partition key. */
  readonly columns: Readonly<Record<string, string>>;
  /** A SELECT with the columns in their order, for each segment. */
  readonly segments: readonly string[];
  /** Floats have bits that dictionaries would lose. */
  readonly exactFloats?: boolean;
}

export type ArrangeOptions = Pick<
  ExportOptions,
  | "partitionBy"
  | "sortBy"
  | "sql"
  | "maxFileSize"
  | "rowsPerFile"
  | "memoryBytes"
  | "compression"
  | "rowGroupRows"
  | "onEvent"
>;

function sourceOf({ columns }: StagedTable): Source {
  const described = Object.entries(columns).map(([name, cqlText], i) => {
    const cql = parseCqlType(cqlText, new Map());
    const codec = codecFor(cql, { uuid: "text", empty: "error" });
    return { name, file: name, kind: i === 0 ? "partition_key" : "regular", cql, cqlText, codec };
  });
  const schema = { keyspace: "ks", table: "rows", id: "1" };
  return { name: "ks.rows", schema, columns: described, create: "", notices: [], masked: [] } as unknown as Source;
}

/** Arranges the table's rows below `destination`, going on with a job there. Returns what was published. */
export async function arrangeTable(
  destination: string,
  table: StagedTable,
  more: ArrangeOptions,
): Promise<readonly OutputFile[]> {
  const source = sourceOf(table);
  const options = { ...more, destination } as ExportOptions;
  const result = await openResult(source, options);
  const begun = await claimUnfinished(destination, "directory");
  if (begun?.publishing) {
    const files = await carryOut(begun.lock);
    await begun.lock.release();
    return files;
  }
  const lock = begun?.lock ?? (await claimDestination(destination, "directory", { restart: false }));
  const plan = { job: "j1", ranges: table.segments } as unknown as TablePlan;
  const job =
    (await openJob<TablePlan, SegmentFlags, ArrangedFlags>(lock)) ??
    (await createJob<TablePlan, SegmentFlags, ArrangedFlags>(lock, plan));
  await job.deleteUnrecorded();
  const columns = result.kept.map((place) => {
    const { file: name, type, cql } = result.columns[place]!;
    return { name, type, cql };
  });
  const format = parquetFormat(columns, {
    compression: options.compression ?? { codec: "snappy" },
    rowGroupRows: options.rowGroupRows,
    keyValues: fileMetadata(source, result, "2026-11-21T10:00:00.000Z"),
  });
  const cluster = undefined as unknown as Cluster;
  const run = {
    options,
    cluster,
    source,
    job,
    format,
    result,
    signal: new AbortController().signal,
    meter: new ArrangingMeter((event) => more.onEvent?.(event)),
    exportedAt: 0,
    retries: 0,
  } satisfies Run & { meter: ArrangingMeter };
  await readStaged(run, table);
  const files = await publish(
    job,
    "directory",
    await arrangeStaged(run, (part) => partName(part, "nothing", "j1", ".parquet")),
  );
  await lock.release();
  return files;
}

async function readStaged(
  { job, result, options, source }: Run & { job: ExportJob },
  table: StagedTable,
): Promise<void> {
  const types = source.columns.map((column) => column.codec.column);
  const engine = await Engine.open({
    memoryBytes: engineMemory(types, memoryOf(options)),
    threads: 2,
    tempDirectory: job.path("spill"),
  });
  const connection = await engine.connect();
  const casts = types.map((type, i) => `c${i}::${typeToSql(type)} AS c${i}`).join(", ");
  const names = types.map((_, i) => `c${i}`).join(", ");
  for (let segment = job.nextSegment; segment < table.segments.length; segment++) {
    const query = `SELECT ${casts} FROM (${table.segments[segment]}) _s(${names})`;
    await runSql(connection, `CREATE OR REPLACE TABLE segment AS ${query}`, "making a segment");
    const file = segmentName(segment);
    const rows = await stageSegment(connection, "segment", result, segmentsHavePaths(options), job.path(file));
    await record(job, segment, file, rows, table.exactFloats ?? false);
  }
  engine.close();
}

async function record(job: ExportJob, segment: number, file: string, rows: number, exactFloats: boolean) {
  const bytes = (await statusOf(job.path(file)))!.bytes;
  const now = new Date().toISOString();
  const notes = { x: { ...createNotes(), exactFloatBits: exactFloats } };
  const stretches = [{ range: segment, from: null, to: null }];
  await job.appendRecord({ segment, stretches, file, rows, bytes, flags: { notes }, readFrom: now, readTo: now });
}
