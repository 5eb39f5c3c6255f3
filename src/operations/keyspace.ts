/*
 * Owns the export of a keyspace: plan, run, report. Each table is an export of its own, in a directory of its name; what
 * is kept beside their jobs is in keyspacejob.ts.
 */
import { join } from "node:path";
import { ClusterError, CqlduckError, DataError, InterruptedError, StorageError, UsageError } from "../base/errors.ts";
import { quoteIdentifier } from "../base/names.ts";
import { Cluster } from "../cassandra/cluster.ts";
import { keyspaceStatements } from "../cassandra/ddl.ts";
import { readKeyspace } from "../cassandra/ddlread.ts";
import { isVirtual } from "../cassandra/schema.ts";
import { qualifiedName } from "../cassandra/statements.ts";
import { chooseFormat } from "../formats/choose.ts";
import { clearEnded, inspectDestination } from "../jobs/destination.ts";
import type { ExportReport } from "../jobs/events.ts";
import { within } from "../storage/local.ts";
import {
  checkKeyspaceDestination,
  claimKeyspace,
  donePart,
  finishKeyspace,
  type KeyspaceJob,
  type KeyspaceOptions,
  type KeyspacePlan,
  readKeyspacePlan,
} from "./export/keyspacejob.ts";
import { exportTable, planTable } from "./export.ts";
import type { ExportOptions, ExportPlan } from "./options.ts";
import { describeSource } from "./source/source.ts";

/** A table that a process before had finished. */
type DoneTable = Pick<ExportReport, "source" | "destination" | "rows" | "bytes" | "files" | "finishedAt">;

/** What an export of a keyspace did. Its JSON form is what `--json` prints. */
export interface KeyspaceReport {
  readonly keyspace: string;
  readonly destination: string;
  /** In the order of their names. */
  readonly tables: readonly (ExportReport | DoneTable)[];
  readonly rows: number;
  readonly bytes: number;
  /** The file with the keyspace's CREATE statements. */
  readonly schema: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly elapsedMs: number;
  readonly notices: readonly string[];
}

/** What `--dry-run` shows of a keyspace. */
export interface KeyspaceExportPlan {
  readonly keyspace: string;
  readonly tables: readonly ExportPlan[];
  readonly notices: readonly string[];
}

interface Found {
  readonly tables: readonly string[];
  /** The CREATE statements of all that is in the keyspace. */
  readonly schema: string;
  readonly notices: readonly string[];
}

/** Everything that is decided before the first row is read. @throws UsageError as exportKeyspace does */
export async function planKeyspace(options: KeyspaceOptions): Promise<KeyspaceExportPlan> {
  checkOptions(options);
  await checkKeyspaceDestination(options);
  const { tables, notices } = await findTables(options);
  const plans: ExportPlan[] = [];
  for (const table of tables) plans.push(await planTable(optionsFor(options, table)));
  return { keyspace: options.keyspace, tables: plans, notices };
}

/**
 * Exports every table of a keyspace, each below the destination in a directory of its name, one after the other, and
 * at the end the CREATE statements, as schema.cql. A table that fails does not stop the others, unless a disk or the
 * user is the reason. With `resume` an unfinished export there is gone on with.
 * @throws UsageError (nothing was written), InterruptedError, or ClusterError, DataError, StorageError naming the tables
 */
export async function exportKeyspace(options: KeyspaceOptions): Promise<KeyspaceReport> {
  const startedAt = new Date();
  checkOptions(options);
  const { destination } = options;
  const begun = options.resume ? await readKeyspacePlan(destination) : undefined;
  const planned = begun && !begun.finishedAt ? begun.tables.map(({ table }) => table) : undefined;
  const found = await findTables(options, planned);
  const job = await claimKeyspace(options, found.tables, found.schema);
  try {
    for (const message of found.notices) options.onEvent?.({ kind: "notice", message });
    const { reports, failed } = await exportTables(options, job);
    if (failed.length > 0) throw failure(options, job.plan, failed);
    const schema = await finishKeyspace(job, destination);
    const finishedAt = new Date();
    return {
      keyspace: options.keyspace,
      destination,
      tables: reports,
      rows: reports.reduce((sum, report) => sum + report.rows, 0),
      bytes: reports.reduce((sum, report) => sum + report.bytes, 0),
      schema,
      startedAt: startedAt.toISOString(),
      finishedAt: finishedAt.toISOString(),
      elapsedMs: finishedAt.getTime() - startedAt.getTime(),
      notices: found.notices,
    };
  } finally {
    await job.lock.release();
  }
}

/** What is said of one table can't be said of all. */
function checkOptions(options: KeyspaceOptions): void {
  const { destination, columns, where, types, writetime, ttl } = options;
  const { layout } = chooseFormat(destination, options);
  if (layout !== "directory") {
    throw new UsageError(
      `a keyspace needs a directory, and ${destination} is ${layout === "file" ? "one file" : "stdout"}`,
      {
        hint: `name a directory (${destination.replace(/\.[^/]*$|^-$/, "") || "out"}/), or a table as keyspace.table`,
      },
    );
  }
  const odd = [
    columns && "--columns",
    where !== undefined && "--where",
    types?.size && "--type",
    typeof writetime === "object" && "--writetime with names",
    typeof ttl === "object" && "--ttl with names",
  ].find(Boolean);
  if (!odd) return;
  throw new UsageError(`${odd} goes with one table, not with a keyspace`, { hint: "export that table by itself" });
}

/** The tables to export, or those planned, each looked at so that what can't be exported is refused before any is. */
async function findTables(options: KeyspaceOptions, planned?: readonly string[]): Promise<Found> {
  const { keyspace } = options;
  const cluster = await Cluster.connect(options.connection);
  try {
    if (await isVirtual(cluster, keyspace)) {
      throw new UsageError(`${quoteIdentifier(keyspace)} is a virtual keyspace: no statement makes its tables`, {
        hint: `export one of its tables: ${quoteIdentifier(keyspace)}.<table>`,
      });
    }
    const definition = await readKeyspace(cluster, keyspace);
    const tables = planned ?? definition.tables.map(({ name }) => name);
    if (tables.length === 0) {
      throw new UsageError(`keyspace ${quoteIdentifier(keyspace)} has no tables`, { hint: "choose another one" });
    }
    for (const table of tables) {
      options.signal?.throwIfAborted();
      await describeSource(cluster, optionsFor(options, table));
    }
    const views = definition.views.map((view) => quoteIdentifier(view.name));
    const notices = views.length > 0 ? [`views are not exported, only their tables: ${views.join(", ")}`] : [];
    return { tables, schema: `${keyspaceStatements(definition).join("\n\n")}\n`, notices };
  } finally {
    await cluster.close();
  }
}

function optionsFor({ keyspace, ...options }: KeyspaceOptions, table: string): ExportOptions {
  return { ...options, table: { keyspace, table }, destination: within(options.destination, table) };
}

interface Failed {
  readonly table: string;
  /** As CQL writes it, with the keyspace. */
  readonly name: string;
  readonly error: CqlduckError;
}

async function exportTables(
  options: KeyspaceOptions,
  job: KeyspaceJob,
): Promise<{ readonly reports: KeyspaceReport["tables"]; readonly failed: readonly Failed[] }> {
  const reports: (ExportReport | DoneTable)[] = [];
  const failed: Failed[] = [];
  const { tables } = job.plan;
  for (const [i, part] of tables.entries()) {
    const { table } = part;
    const name = qualifiedName({ keyspace: options.keyspace, table });
    try {
      const done = job.begun ? await doneTable(options, name, part) : undefined;
      if (!done) options.onEvent?.({ kind: "table", table: name, number: i + 1, tables: tables.length });
      reports.push(done ?? (await exportTable(await tableOptions(options, job, table))));
    } catch (error) {
      const fatal = error instanceof InterruptedError || error instanceof StorageError;
      if (fatal || !(error instanceof CqlduckError)) throw error;
      options.onEvent?.({ kind: "notice", message: `${name} failed: ${error.message}` });
      failed.push({ table, name, error });
    }
    options.signal?.throwIfAborted();
  }
  return { reports, failed };
}

async function doneTable(
  { destination }: KeyspaceOptions,
  source: string,
  part: KeyspacePlan["tables"][number],
): Promise<DoneTable | undefined> {
  const manifest = await donePart(destination, part);
  if (!manifest) return undefined;
  const root = join(destination, part.table);
  await clearEnded(root, "directory");
  return {
    source,
    destination: root,
    rows: manifest.files.reduce((sum, file) => sum + file.rows, 0),
    bytes: manifest.files.reduce((sum, file) => sum + file.bytes, 0),
    files: manifest.files.map(({ path, rows, bytes }) => ({ path: within(root, path), rows, bytes })),
    finishedAt: manifest.at,
  };
}

/** A table is gone on with where it was begun; one that the dropped export had published is replaced. */
async function tableOptions(options: KeyspaceOptions, { stale }: KeyspaceJob, table: string): Promise<ExportOptions> {
  const own = optionsFor(options, table);
  if (stale.has(table)) return { ...own, overwrite: true };
  const { state } = await inspectDestination(own.destination, "directory");
  return { ...own, resume: options.resume && state === "unfinished-job" };
}

function failure({ destination }: KeyspaceOptions, plan: KeyspacePlan, failed: readonly Failed[]): CqlduckError {
  const [{ error, table: first }] = failed as readonly [Failed];
  const names = failed.map(({ name }) => name).join(", ");
  const others = failed.length < plan.tables.length ? ", the others are complete" : "";
  const Kind = error instanceof DataError ? DataError : ClusterError;
  const hint = `that table alone goes on with cqlduck resume ${join(destination, first)}`;
  return new Kind(
    `${failed.length} of ${plan.tables.length} tables failed${others}: ${names}. The first of them: ${error.message}`,
    { hint: error.hint === undefined ? hint : `${error.hint}; ${hint}`, cause: error },
  );
}
