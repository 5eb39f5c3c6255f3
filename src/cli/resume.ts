/*
 * Owns `cqlduck resume` and `cqlduck jobs`: going on with unfinished exports, and which there are.
 */
import { type Command, Option } from "commander";
import { UsageError } from "../base/errors.ts";
import { formatCount } from "../base/units.ts";
import type { ImportOptions } from "../operations/import/options.ts";
import {
  addConnectionOptions,
  addExamples,
  addPaceOptions,
  addProgressOptions,
  readEnvironment,
  repeatable,
  withChoices,
} from "./options.ts";
import { commandAgain } from "./rerun.ts";
import { printReport, running } from "./running.ts";
import { stateDirectory } from "./statedirectory.ts";
import type { ResumeRequest } from "./validate.ts";
import { EMPTY_RULES } from "./values.ts";
import { type Session, writeResult } from "./world.ts";

export type ResumeAction = (job: string, command: Command) => Promise<void>;
export type JobsAction = (job: string | undefined, command: Command) => Promise<void>;

/** Describes `resume` on an empty command. */
export function defineResume(command: Command, action: ResumeAction): void {
  command
    .summary("go on with an export or import that was not finished")
    .description(
      "Goes on where an interrupted or failed export or import stopped, with the options it was begun with. Nothing that " +
        "is durable is read again, unless a column of an export gets another type.",
    )
    .argument(
      "<job | destination>",
      "a name that cqlduck jobs lists, or the file or directory that an export writes to",
    );
  addConnectionOptions(command);
  const group = (option: Option) => command.addOption(option.helpGroup("Output:"));
  group(repeatable(new Option("--type <column=type>", "another DuckDB type for a column; say it again for more")));
  group(
    withChoices(
      new Option("--empty <rule>", "zero-length values of types that have none: error, or null"),
      EMPTY_RULES,
    ),
  );
  addPaceOptions(command);
  command.addOption(new Option("--memory <size>", "what the rest may take of memory").helpGroup("Reading:"));
  addProgressOptions(command);
  addExamples(command, [
    ["cqlduck resume orders.parquet", "go on with an export into one file"],
    ["cqlduck resume orders/ --empty null", "go on past zero-length values"],
    ["cqlduck resume orders/ --pace conservative", "go on with less at a time"],
  ]);
  command.action((job: string) => action(job, command));
}

/** Describes `jobs` on an empty command. */
export function defineJobs(command: Command, action: JobsAction): void {
  command
    .summary("unfinished exports and imports, and how to go on with them")
    .description("Lists the exports and imports of this user that are running or were not finished.")
    .argument("[job]", "this one only")
    .addOption(new Option("--json", "print them as one JSON object").helpGroup("Progress:"))
    .addOption(new Option("--debug", "print stack traces with errors").helpGroup("Progress:"));
  addExamples(command, [["cqlduck jobs", "what is running or was not finished"]]);
  command.action((job: string | undefined) => action(job, command));
}

/** Runs `resume` as the command says. */
export async function runResume(session: Session, job: string, command: Command): Promise<void> {
  const { world } = session;
  const { readSettings, warnUnverified } = await import("./settings.ts");
  readSettings(session, command, true);
  const { readResumeRequest } = await import("./validate.ts");
  const { findPassword } = await import("./password.ts");
  const request = readResumeRequest(job, command);
  session.again = commandAgain(world.argv);
  const { connection } = request.options;
  const { findUnfinished, findUnfinishedImport, resumeExport } = await world.loadResume();
  const begun = await findUnfinishedImport(job, stateDirectory(world.env));
  if (begun) return resumeImport(session, command, request, { job, before: begun });
  const before = await findUnfinished(job, stateDirectory(world.env));
  const username = connection?.username ?? before.connection.username;
  warnUnverified(session, command, connection?.tls ?? before.connection.tls);
  const password = await findPassword(session, username, request.passwordFile);
  await running(session, request, { command: "resume", job }, async (signal, display) => {
    const report = await resumeExport({
      ...request.options,
      connection: { ...connection, password },
      stateDirectory: stateDirectory(world.env),
      signal,
      onEvent: display.onEvent,
    });
    return printReport(session, request, display, report);
  });
}

async function resumeImport(
  session: Session,
  command: Command,
  request: ResumeRequest,
  { job, before }: { readonly job: string; readonly before: ImportOptions },
): Promise<void> {
  const { connection, types, empty, pace, concurrency, rate, memoryBytes } = request.options;
  if (types?.size || empty !== undefined) {
    throw new UsageError("--type and --empty are for exports, and this is an import");
  }
  const { findPassword } = await import("./password.ts");
  const { importAndReport } = await import("./import.ts");
  const { warnUnverified } = await import("./settings.ts");
  warnUnverified(session, command, connection?.tls ?? before.connection.tls);
  const username = connection?.username ?? before.connection.username;
  const password = await findPassword(session, username, request.passwordFile);
  const said = Object.fromEntries(Object.entries(connection ?? {}).filter(([, value]) => value !== undefined));
  await running(session, request, { command: "resume", job }, (signal, display) => {
    const options: ImportOptions = {
      ...before,
      pace: pace ?? before.pace,
      concurrency: concurrency ?? before.concurrency,
      rate: rate ?? before.rate,
      connection: { ...before.connection, ...said, password },
      memoryBytes: memoryBytes ?? before.memoryBytes,
      stateDirectory: stateDirectory(session.world.env),
      signal,
      onEvent: display.onEvent,
    };
    return importAndReport(session, request, options, display);
  });
}

/** Prints the unfinished jobs. */
export async function runJobs(session: Session, job: string | undefined, command: Command): Promise<void> {
  const { world } = session;
  readEnvironment(command, world.env);
  const { listJobs } = await world.loadResume();
  const directory = stateDirectory(world.env);
  const all = directory === undefined ? [] : await listJobs(directory);
  const jobs = job === undefined ? all : all.filter((status) => status.job === job);
  if (job !== undefined && jobs.length === 0) {
    throw new UsageError(`there is no unfinished job ${job}`, { hint: "cqlduck jobs lists those there are" });
  }
  if (command.opts().json) return writeResult(world, `${JSON.stringify({ jobs })}\n`);
  const lines = jobs.map(
    (status) =>
      `${status.job}  ${status.state}  ${status.source} to ${status.destination}\n` +
      `  begun ${status.startedAt}, ${formatCount(status.rows)} rows durable in ${status.segments} segments` +
      (status.state === "running" ? "" : `\n  go on: ${commandAgain(["resume", status.job])}`),
  );
  await writeResult(world, `${lines.length ? lines.join("\n") : "no unfinished jobs"}\n`);
}
