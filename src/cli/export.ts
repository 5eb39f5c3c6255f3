/*
 * Owns `cqlduck export`: its options with their help, and the way from a command line to an export and its report.
 */
import { type Command, Option } from "commander";
import type { ExportOptions, ExportPlan } from "../operations/options.ts";
import {
  addConnectionOptions,
  addExamples,
  addPaceOptions,
  addProgressOptions,
  repeatable,
  withChoices,
} from "./options.ts";
import type { ProgressDisplay } from "./progress.ts";
import { commandAgain } from "./rerun.ts";
import { printReport, running } from "./running.ts";
import { stateDirectory } from "./statedirectory.ts";
import type { ExportRequest } from "./validate.ts";
import { CODECS, EMPTY_RULES, UUID_FORMS } from "./values.ts";
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
    ["cqlduck export shop.orders orders.parquet --writetime all --ttl all", "and when each value was written and ends"],
    [
      "cqlduck export shop.orders orders/ --pace conservative --rate 20K",
      "gently, from a cluster that serves customers",
    ],
    ["cqlduck export shop.orders orders/ --dry-run", "what would be done, without reading a row"],
  ]);
  command.addHelpText("after", "Every option can also stand in the environment: --page-size as CQLDUCK_PAGE_SIZE.");
  command.action((source: string, destination: string) => action(source, destination, command));
}

function addOutputOptions(command: Command): void {
  const group = (option: Option) => command.addOption(option.helpGroup("Output:"));
  group(new Option("--columns <a,b,c>", "these columns only"));
  group(new Option("--writetime <all | a,b>", "add columns with the writetimes (µs) of all columns, or of these"));
  group(new Option("--ttl <all | a,b>", "add columns with the seconds that values still have to live"));
  group(new Option("--writetime-suffix <text>", "what ends the names of writetime columns").default("_writetime"));
  group(new Option("--ttl-suffix <text>", "what ends the names of TTL columns").default("_ttl"));
  group(
    withChoices(
      new Option("--compression <codec>", "snappy, zstd[:level], gzip, brotli, lz4 or none").default("snappy"),
      CODECS,
    ),
  );
  group(new Option("--limit <count>", "at most so many rows"));
  group(
    new Option("--rows-per-file <count>", "at most so many rows in each file of a directory; most have nearly as many"),
  );
  group(
    new Option(
      "--row-group-rows <count>",
      "at most so many rows in a row group, rounded up to a multiple of 2,048; 122,880 unless said",
    ),
  );
  group(
    repeatable(new Option("--type <column=type>", "the DuckDB type a column is written as; say it again for more")),
  );
  group(
    withChoices(
      new Option("--uuid <form>", "uuid columns as text, or native (Parquet's UUID)").default("text"),
      UUID_FORMS,
    ),
  );
  group(
    withChoices(
      new Option("--empty <rule>", "zero-length values of types that have none: error, or null").default("error"),
      EMPTY_RULES,
    ),
  );
  group(new Option("--overwrite", "replace an earlier export at the destination, once the new one is complete"));
  group(new Option("--append", "add parts to an earlier export in the directory; their names begin with the job's"));
  group(new Option("--resume", "go on with an unfinished export at the destination, if there is one"));
  group(new Option("--restart", "drop an unfinished export at the destination and begin again"));
  group(new Option("--dry-run", "print what would be done, and do nothing"));
}

function addReadingOptions(command: Command): void {
  const group = (option: Option) => command.addOption(option.helpGroup("Reading:"));
  addPaceOptions(command);
  group(
    new Option(
      "--chunk-size <rows>",
      "rows handed to DuckDB at once; more than 2,048 are handed over in several steps",
    ),
  );
  group(new Option("--allow-masked", "take masked values as they are, where the login may not see the real ones"));
  group(new Option("--max-retries <count>", "how often a page is asked for again before its range is given up"));
  group(
    new Option(
      "--max-failed-ranges <count | percent%>",
      "ranges set aside, for resume, while the others are read",
    ).default("10"),
  );
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
  // Imported here, so that --help and --version load none of it.
  const { readSettings, warnUnverified } = await import("./settings.ts");
  readSettings(session, command);
  const { readExportRequest } = await import("./validate.ts");
  const { findPassword } = await import("./password.ts");
  const request = readExportRequest(source, destination, command);
  session.again = request.dryRun ? commandAgain(world.argv) : commandAgain(world.argv, "--resume", "--restart");
  const { connection } = request.options;
  warnUnverified(session, command, connection.tls);
  const password = await findPassword(session, connection.username, request.passwordFile);
  const options = {
    ...request.options,
    connection: { ...connection, password },
    stateDirectory: stateDirectory(world.env),
  };
  if (request.dryRun) {
    await running(session, request, undefined, async (_, display) => printPlan(session, request, options, display));
    return;
  }
  await running(session, request, { command: "export", source, destination }, async (signal, display) => {
    const { exportTable } = await world.loadOperations();
    const report = await exportTable({ ...options, signal, onEvent: display.onEvent });
    return printReport(session, request, display, report);
  });
}

async function printPlan(
  session: Session,
  request: ExportRequest,
  options: ExportOptions,
  display: ProgressDisplay,
): Promise<ExportPlan> {
  const { planExport } = await session.world.loadOperations();
  const { planText } = await import("./report.ts");
  const plan = await planExport({ ...options, onEvent: display.onEvent });
  display.stop();
  await writeResult(session.world, `${request.json ? JSON.stringify(plan) : planText(plan)}\n`);
  return plan;
}
