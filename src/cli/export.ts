/*
 * Owns `cqlduck export`: its options with their help, and the way from a command line to an export and its report.
 */
import { type Command, Option } from "commander";
import type { ExportReport } from "../jobs/events.ts";
import type { KeyspaceExportPlan, KeyspaceReport } from "../operations/keyspace.ts";
import type { ExportOptions, ExportPlan } from "../operations/options.ts";
import {
  addConnectionOptions,
  addCsvOptions,
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
import { CODECS, EMPTY_RULES, FORMATS, UUID_FORMS } from "./values.ts";
import { type Session, writeResult } from "./world.ts";

/** What stands behind `export`: its arguments as typed, and the command for its options. */
export type ExportAction = (source: string, destination: string, command: Command) => Promise<void>;

/** Describes `export` on an empty command. */
export function defineExport(command: Command, action: ExportAction): void {
  command
    .summary("rows out of a cluster into files")
    .description(
      "Reads a table by token ranges and writes it as Parquet, CSV, JSON or Arrow: one file where the destination ends as one " +
        "does (.parquet, .csv, .tsv, .json, .jsonl, .arrow, text also with .gz or .zst), - for stdout, otherwise a directory of " +
        "files. Nothing appears at the destination until all of it is there. A SELECT is read " +
        "by token ranges too, or page by page where it has LIMIT, ORDER BY, IN or aggregates, or names one partition. " +
        "Of a keyspace every table is exported, each into a directory of its name, and schema.cql says what makes them; " +
        "--columns, --where, --type and names behind --writetime and --ttl go with one table only.",
    )
    .argument(
      "<ks.table | SELECT | ks>",
      `a table (names in capitals are quoted: 'shop."Orders"'), a SELECT in quotes, or a keyspace`,
    )
    .argument("<destination>", "a file (orders.parquet, orders.csv.gz), a directory (orders/), or - for stdout");
  addConnectionOptions(command);
  addOutputOptions(command);
  addTextOptions(command);
  addReadingOptions(command);
  addProgressOptions(command);
  addExamples(command, [
    ["cqlduck export shop.orders orders.parquet", "one table into one file"],
    ["cqlduck export -H cassandra-1 -u reader shop.orders orders/", "a directory of files, from a cluster with logins"],
    [
      "cqlduck export shop.orders orders/ --columns id,total --type 'total=DECIMAL(10,2)'",
      "some columns, one with its own type",
    ],
    ["cqlduck export shop.orders orders/ --partition-by created.year,created.month", "a directory for each month"],
    [
      "cqlduck export shop.orders best.parquet --sql 'FROM orders ORDER BY total DESC LIMIT 100'",
      "what DuckDB's SQL makes of the rows",
    ],
    ["cqlduck export shop.orders orders.parquet --writetime all --ttl all", "and when each value was written and ends"],
    [
      "cqlduck export shop.orders orders/ --pace conservative --rate 20K",
      "gently, from a cluster that serves customers",
    ],
    [
      "cqlduck export shop.orders big.parquet --where 'total >= 100 ALLOW FILTERING'",
      "the rows that CQL's WHERE finds",
    ],
    ["cqlduck export 'SELECT id, total AS sum FROM shop.orders' sums.parquet", "what a CQL query gives"],
    ["cqlduck export shop backup/", "every table of a keyspace, and the statements that make them"],
    ["cqlduck export shop.orders orders.csv.gz --null NULL", "as compressed CSV, with a text of its own for NULL"],
    ["cqlduck export shop.orders - --format jsonl | head -1", "rows to another program, while they are read"],
    ["cqlduck export shop.orders orders/ --dry-run", "what would be done, without reading a row"],
  ]);
  command.addHelpText("after", "Every option can also stand in the environment: --page-size as CQLDUCK_PAGE_SIZE.");
  command.action((source: string, destination: string) => action(source, destination, command));
}

function addOutputOptions(command: Command): void {
  const group = (option: Option) => command.addOption(option.helpGroup("Output:"));
  group(
    withChoices(
      new Option(
        "--format <name>",
        "parquet, csv, json, jsonl or arrow, the IPC stream (from the destination's name; a directory is parquet)",
      ),
      FORMATS,
    ),
  );
  group(new Option("--columns <a,b,c>", "these columns only"));
  group(new Option("--where <condition>", "these rows only: what CQL has behind WHERE, ALLOW FILTERING included"));
  group(new Option("--writetime <all | a,b>", "add columns with the writetimes (µs) of all columns, or of these"));
  group(new Option("--ttl <all | a,b>", "add columns with the seconds that values still have to live"));
  group(new Option("--writetime-suffix <text>", "what ends the names of writetime columns").default("_writetime"));
  group(new Option("--ttl-suffix <text>", "what ends the names of TTL columns").default("_ttl"));
  group(
    withChoices(
      new Option(
        "--compression <codec>",
        "snappy, zstd[:level], gzip, brotli, lz4 or none (snappy); text: gzip, zstd or none (from the name, else none)",
      ),
      CODECS,
    ),
  );
  group(new Option("--limit <count>", "at most so many rows"));
  group(
    new Option("--rows-per-file <count>", "at most so many rows in each file of a directory; most have nearly as many"),
  );
  group(
    new Option("--max-file-size <size>", "about so much in each file of a directory, a tenth more at the most: 500MB"),
  );
  group(
    new Option(
      "--partition-by <a,b.year>",
      "a directory for each value of these columns, or of .year, .month, .day, .hour, .date of a time (UTC)",
    ),
  );
  group(new Option("--sort-by <a,b desc>", "in the order of these columns, NULLs last"));
  group(new Option("--sql <select>", "a SELECT of DuckDB's over all rows, which stand in it under the table's name"));
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

function addTextOptions(command: Command): void {
  addCsvOptions(command, "CSV and JSON:");
  const group = (option: Option) => command.addOption(option.helpGroup("CSV and JSON:"));
  group(new Option("--pretty", "JSON with each column on a line of its own"));
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
  const { connection, destination: path, append } = request.options;
  const goOn = commandAgain(world.argv, "--resume", "--restart");
  // What went to stdout can't be gone on with; and --resume adds nothing where nothing was begun.
  if (path === "-") session.again = undefined;
  else session.again = request.dryRun || append ? commandAgain(world.argv) : goOn;
  warnUnverified(session, command, connection.tls);
  const password = await findPassword(session, connection.username, request.passwordFile);
  const options = {
    ...request.options,
    connection: { ...connection, password },
    stateDirectory: stateDirectory(world.env),
    output: world.stdout,
  };
  if (request.dryRun) {
    await running(session, request, undefined, async (_, display) => printPlan(session, request, options, display));
    return;
  }
  await running(session, request, { command: "export", source, destination }, async (signal, display) => {
    const onEvent: ProgressDisplay["onEvent"] = (event) => {
      const begun = event.kind === "phase" || event.kind === "table";
      if (begun && path !== "-") session.again = goOn;
      display.onEvent(event);
    };
    const report = await exporting({ ...options, signal, onEvent });
    return printReport(session, request, display, report);
  });

  async function exporting(all: ExportOptions): Promise<ExportReport | KeyspaceReport> {
    const { keyspace } = request;
    if (keyspace !== undefined) return (await world.loadKeyspace()).exportKeyspace({ ...all, keyspace });
    return (await world.loadOperations()).exportTable(all);
  }
}

async function printPlan(
  session: Session,
  { keyspace, json }: ExportRequest,
  options: ExportOptions,
  display: ProgressDisplay,
): Promise<ExportPlan | KeyspaceExportPlan> {
  const { world } = session;
  const { keyspacePlanText, planText } = await import("./report.ts");
  const all = { ...options, onEvent: display.onEvent };
  const plan =
    keyspace === undefined
      ? await (await world.loadOperations()).planExport(all)
      : await (await world.loadKeyspace()).planKeyspace({ ...all, keyspace });
  display.stop();
  const text = () => ("tables" in plan ? keyspacePlanText(plan) : planText(plan));
  await writeResult(world, `${json ? JSON.stringify(plan) : text()}\n`);
  return plan;
}
