/*
 * Owns the outside of a command: streams, environment, process and the operations behind it, as one value that tests
 * replace. Nothing else in src/cli touches the global process.
 */
import type { EventEmitter } from "node:events";
import { StorageError } from "../base/errors.ts";
import type { ExportReport } from "../jobs/events.ts";
import type { JobStatus } from "../jobs/registry.ts";
import type { CountOptions, CountReport } from "../operations/count.ts";
import type { KeyspaceOptions } from "../operations/export/keyspacejob.ts";
import type { ImportOptions, ImportPlan, ImportReport } from "../operations/import/options.ts";
import type { FilesReport, InspectSource, TableReport } from "../operations/inspect.ts";
import type { TextReport } from "../operations/inspecttext.ts";
import type { KeyspaceExportPlan, KeyspaceReport } from "../operations/keyspace.ts";
import type { ExportOptions, ExportPlan, ResumeOptions } from "../operations/options.ts";
import type { SchemaSource } from "../operations/schema.ts";
import type { Output, Terminal } from "./terminal.ts";

export interface Operations {
  readonly exportTable: (options: ExportOptions) => Promise<ExportReport>;
  readonly planExport: (options: ExportOptions) => Promise<ExportPlan>;
}

/** What stands behind `export` of a keyspace. */
export interface KeyspaceOperations {
  readonly exportKeyspace: (options: KeyspaceOptions) => Promise<KeyspaceReport>;
  readonly planKeyspace: (options: KeyspaceOptions) => Promise<KeyspaceExportPlan>;
}

/** What stands behind `resume` and `jobs`. */
export interface ResumeOperations {
  readonly findUnfinishedImport: (
    job: string,
    stateDirectory: string | undefined,
  ) => Promise<ImportOptions | undefined>;
  readonly findUnfinished: (job: string, stateDirectory: string | undefined) => Promise<ExportOptions>;
  readonly resumeExport: (options: ResumeOptions) => Promise<ExportReport | KeyspaceReport>;
  readonly listJobs: (directory: string) => Promise<JobStatus[]>;
}

/** What stands behind `import`. */
export interface ImportOperations {
  readonly importTable: (options: ImportOptions) => Promise<ImportReport>;
  readonly planImport: (options: ImportOptions) => Promise<ImportPlan>;
}

/** What stands behind `count`. */
export interface CountOperations {
  readonly countRows: (options: CountOptions) => Promise<CountReport>;
}

/** What stands behind `schema`. */
export interface SchemaOperations {
  readonly schemaStatements: (source: SchemaSource) => Promise<string[]>;
}

/** What stands behind `inspect`. */
export interface InspectOperations {
  readonly inspect: (source: InspectSource) => Promise<FilesReport | TextReport | TableReport>;
}

export interface World {
  /** What was typed behind `cqlduck`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Where signals and uncaught errors arrive. */
  readonly process: EventEmitter;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
  /** Loaded when an operation is asked for, so that help and version are quick. */
  readonly loadOperations: () => Promise<Operations>;
  readonly loadKeyspace: () => Promise<KeyspaceOperations>;
  readonly loadImport: () => Promise<ImportOperations>;
  readonly loadCount: () => Promise<CountOperations>;
  readonly loadInspect: () => Promise<InspectOperations>;
  readonly loadResume: () => Promise<ResumeOperations>;
  readonly loadSchema: () => Promise<SchemaOperations>;
}

/** Who logs in and with what, as a file says it: the password, or the file that holds it. */
export interface Login {
  /** Nobody in particular where it is absent. */
  readonly username: string | undefined;
  readonly password?: string | undefined;
  readonly passwordFile?: string | undefined;
  /** The file that says it. */
  readonly path: string;
}

/** One run of the program. */
export interface Session {
  readonly world: World;
  readonly terminal: Terminal;
  readonly debug: boolean;
  /** Errors only; known once the options are read. */
  quiet: boolean;
  /** Those that the configuration holds, the first to be taken first. */
  readonly logins: Login[];
  /** The command to go on with after a failure, once there is something to go on with. */
  again: string | undefined;
  /** The exit code of a command that did not fail. */
  code: number;
}

/** Writes a result to stdout. A reader that has gone (`| head`) is no error. */
export function writeResult(world: World, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    world.stdout.write(text, (error?: NodeJS.ErrnoException | null) => {
      if (!error || error.code === "EPIPE") resolve();
      else reject(new StorageError(`can't write to stdout: ${error.message}`, { cause: error }));
    });
  });
}
