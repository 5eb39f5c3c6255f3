/*
 * Owns `cqlduck export`: its options with their help, and the way from a command line to an export and its report.
 */
import { type Command, Option } from "commander";
import { InterruptedError } from "../base/errors.ts";
import type { ExportOptions } from "../operations/options.ts";
import { addConnectionOptions, addExamples, addProgressOptions, readEnvironment, repeatable } from "./options.ts";
import { type ProgressDisplay, showProgress } from "./progress.ts";
import { commandAgain } from "./rerun.ts";
import { listenForSignals } from "./signals.ts";
import type { ExportRequest } from "./validate.ts";
import { type Session, writeResult } from "./world.ts";

/** What stands behind `export`: its arguments as typed, and the command for its options. */
export type ExportAction = (source: string, destination: string, command: Command) => Promise<void>;

/** Describes `export` on an empty command. */
export function defineExport(command: Command, action: ExportAction): void {
  command
    .summary("rows out of a cluster into Parquet files")
    .description(
      "Reads a table by token ranges and writes it as Parquet: one file where the destination ends in .parquet, " +
        "otherwise a directory of files. Nothing appears at the destination until all of it is there.",
    )
    .argument("<ks.table>", `the table; names in capitals are quoted: 'shop."Orders"'`)
    .argument("<destination>", "a file (orders.parquet) or a directory (orders/)");
  addConnectionOptions(command);
  addOutputOptions(command);
  addReadingOptions(command);
  addProgressOptions(command);
  addExamples(command, [
    ["cqlduck export shop.orders orders.parquet", "one table into one file"],
    ["cqlduck export -H cassandra-1 -u reader shop.orders orders/", "a directory of files, from a cluster with logins"],
    [
      "cqlduck export shop.orders orders/ --columns id,total --type 'total=DECIMAL(10,2)'",
      "some columns, one with its own type",
    ],
    ["cqlduck export shop.orders orders/ --dry-run", "what would be done, without reading a row"],
  ]);
  command.addHelpText("after", "Every option can also stand in the environment: --page-size as CQLDUCK_PAGE_SIZE.");
  command.action((source: string, destination: string) => action(source, destination, command));
}

function addOutputOptions(command: Command): void {
  const group = (option: Option) => command.addOption(option.helpGroup("Output:"));
  group(new Option("--columns <a,b,c>", "these columns only"));
  group(new Option("--compression <codec>", "snappy, zstd[:level], gzip, brotli, lz4 or none").default("snappy"));
  group(new Option("--limit <count>", "at most so many rows"));
  group(
    repeatable(new Option("--type <column=type>", "the DuckDB type a column is written as; say it again for more")),
  );
  group(new Option("--uuid <form>", "uuid columns as text, or native (Parquet's UUID)").default("text"));
  group(new Option("--empty <rule>", "zero-length values of types that have none: error, or null").default("error"));
  group(new Option("--restart", "drop an unfinished export at the destination and begin again"));
  group(new Option("--dry-run", "print what would be done, and do nothing"));
}

function addReadingOptions(command: Command): void {
  const group = (option: Option) => command.addOption(option.helpGroup("Reading:"));
  group(new Option("--page-size <rows>", "the most rows a page may have"));
  group(new Option("--concurrency <count>", "token ranges read at the same time"));
  group(new Option("--memory <size>", "what the export may take of memory").default("512MB"));
}

/** Runs an export as the command says, and prints its report or its plan. */
export async function runExport(
  session: Session,
  source: string,
  destination: string,
  command: Command,
): Promise<void> {
  const { world } = session;
  readEnvironment(command, world.env);
  // Imported here, so that --help and --version load none of it.
  const { readExportRequest } = await import("./validate.ts");
  const { findPassword } = await import("./password.ts");
  const request = readExportRequest(source, destination, command);
  session.again = commandAgain(world.argv, request.dryRun ? undefined : "--restart");
  const { connection } = request.options;
  const password = await findPassword(session, connection.username, request.passwordFile);
  const interruption = listenForSignals(session, request.quiet);
  const display = showProgress(session.terminal, request.progress, request.quiet);
  try {
    await perform(session, request, display, {
      ...request.options,
      connection: { ...connection, password },
      signal: interruption.signal,
      onEvent: display.onEvent,
    });
  } catch (error) {
    // Once asked to stop, whatever fails is a consequence of that.
    const { reason } = interruption.signal;
    if (!(reason instanceof InterruptedError) || error === reason) throw error;
    reason.cause = error;
    throw reason;
  } finally {
    display.stop();
    interruption.stop();
  }
}

async function perform(
  session: Session,
  request: ExportRequest,
  display: ProgressDisplay,
  options: ExportOptions,
): Promise<void> {
  const { world, terminal } = session;
  const { exportTable, planExport } = await world.loadOperations();
  const { planText, reportText } = await import("./report.ts");
  if (request.dryRun) {
    const plan = await planExport(options);
    display.stop();
    await writeResult(world, `${request.json ? JSON.stringify(plan) : planText(plan)}\n`);
    return;
  }
  const report = await exportTable(options);
  display.stop();
  if (!request.quiet) terminal.line(reportText(report, display.noticed));
  if (request.json) await writeResult(world, `${JSON.stringify(report)}\n`);
}
