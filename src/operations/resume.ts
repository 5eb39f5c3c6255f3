/*
 * Owns going on with what was not finished: finds an export by job or destination and an import by job, with the options
 * that it was begun with.
 */
import { join, resolve } from "node:path";
import { UsageError } from "../base/errors.ts";
import { jobDirectoryOf } from "../jobs/destination.ts";
import type { ExportReport } from "../jobs/events.ts";
import { openPlan, PLAN_NAME } from "../jobs/job.ts";
import { type JobStatus, listJobs } from "../jobs/registry.ts";
import { statusOf } from "../storage/local.ts";
import { restoreOptions, type TablePlan } from "./export/job.ts";
import { readKeyspacePlan } from "./export/keyspacejob.ts";
import { layoutOf } from "./export/output.ts";
import { exportTable } from "./export.ts";
import { type ImportJobPlan, restoreImport } from "./import/job.ts";
import type { ImportOptions } from "./import/options.ts";
import { exportKeyspace, type KeyspaceReport } from "./keyspace.ts";
import type { ConnectionOptions, ExportOptions, ResumeOptions } from "./options.ts";

export { type JobStatus, listJobs };

/** What an unfinished export was begun with: a keyspace, or what the options say. */
export type Unfinished = ExportOptions & { readonly keyspace?: string | undefined };

/** The options that an unfinished export was begun with. @throws UsageError where there is none */
export async function findUnfinished(job: string, stateDirectory: string | undefined): Promise<Unfinished> {
  const jobs = stateDirectory === undefined ? [] : await listJobs(stateDirectory);
  const destination = resolve(
    jobs.find((status) => status.kind === "export" && status.job === job)?.destination ?? job,
  );
  const plan = await openPlan<TablePlan>(join(jobDirectoryOf(destination, layoutOf(destination)), PLAN_NAME));
  if (plan) return { ...restoreOptions(plan.options), destination };
  const tables = await readKeyspacePlan(destination);
  if (tables && !tables.finishedAt) {
    return { ...restoreOptions(tables.options), destination, keyspace: tables.keyspace };
  }
  throw new UsageError(`there is no unfinished job ${job}`, {
    hint: jobs.length
      ? `these are unfinished: ${jobs.map((status) => status.job).join(", ")}`
      : "cqlduck jobs lists the unfinished ones, and now there are none",
  });
}

/**
 * The options that an unfinished import was begun with, found by its job or its job directory; undefined where there is
 * none. importTable goes on with it.
 */
export async function findUnfinishedImport(
  job: string,
  stateDirectory: string | undefined,
): Promise<ImportOptions | undefined> {
  const jobs = stateDirectory === undefined ? [] : await listJobs(stateDirectory);
  const found = jobs.find(
    (status) => status.kind === "import" && (status.job === job || status.directory === resolve(job)),
  );
  const directory = found?.directory ?? resolve(job);
  // An export of one file is named by it.
  if ((await statusOf(directory))?.kind !== "directory") return undefined;
  const plan = await openPlan<ImportJobPlan>(join(directory, PLAN_NAME));
  if (plan?.kind !== "import") return undefined;
  return { ...restoreImport(plan.options), jobDirectory: directory, resume: true };
}

/** @throws UsageError where there is no such export, or it can't be gone on with; else as exportTable */
export async function resumeExport(options: ResumeOptions): Promise<ExportReport | KeyspaceReport> {
  const { keyspace, ...before } = await findUnfinished(options.job, options.stateDirectory);
  const again: ExportOptions = {
    ...before,
    connection: { ...before.connection, ...definedOf(options.connection ?? {}) } as ConnectionOptions,
    types: new Map([...(before.types ?? []), ...(options.types ?? [])]),
    empty: options.empty ?? before.empty,
    pace: options.pace ?? before.pace,
    rate: options.rate ?? before.rate,
    concurrency: options.concurrency ?? before.concurrency,
    pageSize: options.pageSize ?? before.pageSize,
    memoryBytes: options.memoryBytes ?? before.memoryBytes,
    resume: true,
    stateDirectory: options.stateDirectory,
    signal: options.signal,
    onEvent: options.onEvent,
  };
  return keyspace === undefined ? exportTable(again) : exportKeyspace({ ...again, keyspace });
}

/** Without the members that are undefined, which would hide what they are laid over. */
function definedOf<T extends object>(some: T): Partial<T> {
  return Object.fromEntries(Object.entries(some).filter(([, value]) => value !== undefined)) as Partial<T>;
}
