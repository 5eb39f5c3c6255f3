/*
 * Owns what an export of a keyspace keeps beside the jobs of its tables: `_cqlduck/keyspace.json` of its directory,
 * which says what is to be exported and how, and by which a later process knows what is done. Tables are in keyspace.ts.
 */
import { join } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { quoteIdentifier } from "../../base/names.ts";
import { inspectDestination, jobDirectoryOf, lockDirectory, nothingUnfinished } from "../../jobs/destination.ts";
import { faultPoint } from "../../jobs/faults.ts";
import { garbled, MANIFEST_NAME, readJson } from "../../jobs/job.ts";
import type { JobLock } from "../../jobs/lock.ts";
import { type Manifest, readManifest } from "../../jobs/publish.ts";
import { writeDurably } from "../../storage/local.ts";
import { VERSION } from "../../version.ts";
import type { ExportOptions } from "../options.ts";
import { checkSameOptions, type StoredOptions, storeOptions } from "./job.ts";

/** A keyspace instead of a table. Not with what is said of one table: columns, where, types, some writetimes or TTLs. */
export interface KeyspaceOptions extends ExportOptions {
  readonly keyspace: string;
}

export interface KeyspacePlan {
  readonly version: string;
  readonly keyspace: string;
  readonly exportedAt: string;
  readonly finishedAt?: string | undefined;
  readonly options: StoredOptions;
  /** With the job that had published each table's directory before, which tells whether this export has done it. */
  readonly tables: readonly { readonly table: string; readonly before: string | null }[];
  /** What schema.cql will hold. */
  readonly schema: string;
}

export interface KeyspaceJob {
  readonly lock: JobLock;
  readonly plan: KeyspacePlan;
  /** It was begun by a process before. */
  readonly begun: boolean;
  /** Tables that the export which --restart drops had published already. */
  readonly stale: ReadonlySet<string>;
}

const PLAN_NAME = "keyspace.json";
const SCHEMA_NAME = "schema.cql";

function planPath(destination: string): string {
  return join(jobDirectoryOf(destination, "directory"), PLAN_NAME);
}

/** What was begun or finished in a directory; undefined where no keyspace was. */
export async function readKeyspacePlan(destination: string): Promise<KeyspacePlan | undefined> {
  const path = planPath(destination);
  const plan = await readJson(path);
  if (plan && !(typeof plan.keyspace === "string" && Array.isArray(plan.tables))) {
    throw garbled(path, "it is no plan of an export");
  }
  return plan as KeyspacePlan | undefined;
}

/**
 * Takes the directory for the export of a keyspace: the one that was begun there, with `resume`, or a new one.
 * @throws UsageError where something else stands there, or it isn't said how to go on
 */
export async function claimKeyspace(
  options: KeyspaceOptions,
  tables: readonly string[],
  schema: string,
): Promise<KeyspaceJob> {
  const { destination } = options;
  await admit(options, await readKeyspacePlan(destination));
  const lock = await lockDirectory(jobDirectoryOf(destination, "directory"));
  try {
    const found = await readKeyspacePlan(destination);
    await admit(options, found);
    if (options.resume && found && !found.finishedAt) {
      return { lock, plan: found, begun: true, stale: new Set() };
    }
    const stale = found && !found.finishedAt ? await doneTables(destination, found) : [];
    const before = await Promise.all(
      tables.map(async (table) => ({ table, before: await publisher(destination, table) })),
    );
    const plan: KeyspacePlan = {
      version: VERSION,
      keyspace: options.keyspace,
      exportedAt: new Date().toISOString(),
      options: storeOptions(options),
      tables: before,
      schema,
    };
    await writePlan(destination, plan);
    return { lock, plan, begun: false, stale: new Set(stale) };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Looks whether an export of a keyspace could begin, or go on, and changes nothing. @throws UsageError as claimKeyspace does */
export async function checkKeyspaceDestination(options: KeyspaceOptions): Promise<void> {
  await admit(options, await readKeyspacePlan(options.destination));
}

/** Writes schema.cql, and that all is done. */
export async function finishKeyspace({ lock, plan }: KeyspaceJob, destination: string): Promise<string> {
  lock.assertHeld();
  const path = join(destination, SCHEMA_NAME);
  await writeDurably(path, plan.schema);
  faultPoint("schema-written");
  await writePlan(destination, { ...plan, finishedAt: new Date().toISOString() });
  return path;
}

/** What this export has published of a table; undefined where it is still to be done. */
export async function donePart(
  destination: string,
  { table, before }: KeyspacePlan["tables"][number],
): Promise<Manifest | undefined> {
  const path = join(destination, table);
  if ((await inspectDestination(path, "directory")).state === "unfinished-job") return undefined;
  const manifest = await manifestOf(path);
  if (!manifest || manifest.job === before) return undefined;
  return { ...manifest, files: manifest.files.filter((file) => !file.sidecar) };
}

async function doneTables(destination: string, plan: KeyspacePlan): Promise<string[]> {
  const done: string[] = [];
  for (const part of plan.tables) if (await donePart(destination, part)) done.push(part.table);
  return done;
}

async function publisher(destination: string, table: string): Promise<string | null> {
  return (await manifestOf(join(destination, table)))?.job ?? null;
}

function manifestOf(path: string): Promise<Manifest | undefined> {
  return readManifest(join(jobDirectoryOf(path, "directory"), MANIFEST_NAME));
}

function writePlan(destination: string, plan: KeyspacePlan): Promise<void> {
  return writeDurably(planPath(destination), `${JSON.stringify(plan, null, 1)}\n`);
}

async function admit(options: KeyspaceOptions, found: KeyspacePlan | undefined): Promise<void> {
  const { destination, keyspace, resume, restart, overwrite, append } = options;
  const what = `an export of keyspace ${quoteIdentifier(found?.keyspace ?? keyspace)}`;
  if (found === undefined) return admitNew(destination);
  if (found.keyspace !== keyspace) {
    throw new UsageError(`${destination} holds ${what}`, { hint: "choose another destination" });
  }
  if (found.finishedAt !== undefined) {
    if (append && resume) throw nothingUnfinished(destination);
    if (overwrite || append) return;
    throw new UsageError(`${destination} holds ${what}, finished ${found.finishedAt}`, {
      hint: "--overwrite replaces it, --append adds to it; or choose another destination",
    });
  }
  if (resume) return checkSameOptions(found, options);
  if (!restart) {
    throw new UsageError(`${destination} holds an unfinished export of keyspace ${quoteIdentifier(keyspace)}`, {
      hint: "--resume goes on with it; --restart drops it and begins again",
    });
  }
  if (append && (await doneTables(destination, found)).length > 0) {
    throw new UsageError(`the unfinished export in ${destination} has added to some tables already`, {
      hint: "--resume goes on with it; --restart can't take back what was added",
    });
  }
}

async function admitNew(destination: string): Promise<void> {
  const { state } = await inspectDestination(destination, "directory");
  if (state === "absent" || state === "empty") return;
  const found = {
    "unfinished-job": "holds an unfinished export of one table",
    published: "holds the export of one table",
    "file-exists": "is a file",
    "foreign-files": "is not empty",
    "wrong-kind": "is no directory",
  }[state];
  throw new UsageError(`${destination} ${found}`, { hint: "choose a new or empty directory" });
}
