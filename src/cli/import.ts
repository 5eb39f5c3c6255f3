/*
 * Owns `cqlduck import`: its options with their help, and the way from a command line to an import and its report.
 */
import { type Command, Option } from "commander";
import { PACES } from "../jobs/pace.ts";
import type { ImportOptions, ImportPlan, ImportReport } from "../operations/import/options.ts";
import { EXIT_REJECTED } from "./faults.ts";
import {
  addConnectionOptions,
  addCsvOptions,
  addExamples,
  addProgressOptions,
  repeatable,
  withChoices,
} from "./options.ts";
import type { ProgressDisplay } from "./progress.ts";
import { commandAgain } from "./rerun.ts";
import { running } from "./running.ts";
import { stateDirectory } from "./statedirectory.ts";
import type { ImportRequest } from "./validateimport.ts";
import { IMPORT_FORMATS, IMPORT_MODES, NULL_RULES } from "./values.ts";
import { type Session, writeResult } from "./world.ts";

/** What stands behind `import`: its arguments as typed, and the command for its options. */
export type ImportAction = (names: readonly string[], command: Command) => Promise<void>;

/** Describes `import` on an empty command. */
export function defineImport(command: Command, action: ImportAction): void {
  command
    .summary("files into a table of a cluster")
    .description(
      "Reads Parquet, Arrow, CSV and JSON files, one or many, and writes their rows into a table. Files that cqlduck exported come " +
        "back exactly; others are matched by the names of their columns, and a value is converted only where nothing " +
        "of it is lost. A row that can't be written costs that row only.",
    )
    .usage("[options] <source...> <ks.table>")
    .argument(
      "<source...>",
      "files, directories, patterns in quotes ('orders/*.parquet'), or - for stdin; the table stands last",
    );
  addConnectionOptions(command);
  addSourceOptions(command);
  addTableOptions(command);
  addCsvOptions(command, "CSV:");
  addRowOptions(command);
  addWritingOptions(command);
  addProgressOptions(command);
  addExamples(command, [
    ["cqlduck import orders.parquet shop.orders", "what an export wrote, or any Parquet file with these columns"],
    ["cqlduck import 'orders/*.csv' shop.orders --bad-rows bad.jsonl", "CSV files; rows that don't fit go to a file"],
    ["cqlduck import users.parquet shop.users --map userId=id", "a column by another name"],
    ["cqlduck import orders.parquet shop.copy --create", "into a new table, the one that was exported"],
    [
      "cqlduck import sales.csv shop.sales --create --primary-key '(region,day),id'",
      "a table for a file of any origin",
    ],
    ["cqlduck import orders/ shop.orders --sql 'SELECT * FROM rows WHERE NOT cancelled'", "some of the rows"],
    ["cqlduck import orders.parquet shop.orders --preserve", "with the writetimes and TTLs of the export"],
    ["cqlduck import orders.parquet shop.orders --dry-run", "what would be done, without writing a row"],
  ]);
  command.addHelpText("after", "Every option can also stand in the environment: --max-rows as CQLDUCK_MAX_ROWS.");
  command.action((names: readonly string[]) => action(names, command));
}

function addSourceOptions(command: Command): void {
  const group = (option: Option) => command.addOption(option.helpGroup("Source:"));
  group(
    withChoices(new Option("--format <format>", "what the files are, where their names don't say it"), IMPORT_FORMATS),
  );
  group(
    new Option("--columns <a,b,c>", "these columns of the table only; names the columns of CSV files without header"),
  );
  group(repeatable(new Option("--map <file=column>", "the table's column for one of the file; say it again for more")));
  group(new Option("--ignore-extra", "leave out columns of the file that the table lacks"));
  group(new Option("--sql <query>", "DuckDB SQL over the source, which it calls rows"));
  group(new Option("--partition-filter <year=2024,month=1>", "only files from directories with these names"));
  group(new Option("--skip-rows <count>", "leave out so many rows at the beginning"));
  group(new Option("--max-rows <count>", "at most so many rows"));
}

function addTableOptions(command: Command): void {
  const group = (option: Option) => command.addOption(option.helpGroup("Table:"));
  group(new Option("--create", "make the table and its types, as the files say them, where it is not there"));
  group(new Option("--primary-key <(a,b),c>", "of the table that is made; files of ours say it themselves"));
}

function addRowOptions(command: Command): void {
  const group = (option: Option) => command.addOption(option.helpGroup("Rows:"));
  group(
    withChoices(new Option("--mode <mode>", "insert, update, if-not-exists or delete").default("insert"), IMPORT_MODES),
  );
  group(
    withChoices(
      new Option("--nulls <rule>", "NULL leaves what the table has (unset), or deletes it (write)").default("unset"),
      NULL_RULES,
    ),
  );
  group(new Option("--timestamp <µs | @column>", "when the rows count as written; counted from now on unless said"));
  group(new Option("--ttl <seconds | @column>", "how long the rows live"));
  group(new Option("--preserve", "values keep the writetimes and TTLs that an export wrote beside them"));
  group(
    repeatable(new Option("--writetime-map <column=µs | file column>", "when the values of a column count as written")),
  );
  group(repeatable(new Option("--ttl-map <column=seconds | file column>", "how long the values of a column live")));
  group(new Option("--truncate-times", "timestamps lose what is below a millisecond, instead of rejecting their row"));
  group(new Option("--bad-rows <file>", "write rejected rows with their reasons to this file, as JSON lines"));
  group(new Option("--max-errors <count>", "stop when more rows are rejected; -1: never").default("100"));
  group(new Option("--resume", "go on with an unfinished import of the same source into the same table"));
  group(new Option("--restart", "forget how far such an import came, and begin again"));
  group(new Option("--dry-run", "print what would be done, and write nothing"));
}

function addWritingOptions(command: Command): void {
  const group = (option: Option) => command.addOption(option.helpGroup("Writing:"));
  group(new Option("--batch-rows <count>", "the most rows of one partition that travel together").default("100"));
  group(
    withChoices(
      new Option(
        "--pace <pace>",
        "how hard to work the cluster: conservative, balanced, aggressive or adaptive",
      ).default("balanced"),
      PACES,
    ),
  );
  group(
    new Option(
      "--concurrency <count>",
      "requests in flight to each node, for adaptive the most; the pace says 4, 16, 32 or from 4 to 48",
    ),
  );
  group(new Option("--rate <rows>", "at most so many rows a second"));
  group(new Option("--memory <size>", "what the import may take of memory").default("512MB"));
  group(
    new Option("--job-dir <directory>", "where the import keeps its state; in the user's state directory unless said"),
  );
}

/** Runs an import as the command says, and prints its report or its plan. */
export async function runImport(session: Session, names: readonly string[], command: Command): Promise<void> {
  const { world } = session;
  const { readSettings, warnUnverified } = await import("./settings.ts");
  readSettings(session, command);
  const { readImportRequest } = await import("./validateimport.ts");
  const { findPassword } = await import("./password.ts");
  const request = readImportRequest(names, command);
  const { sources } = request.options;
  session.again = request.dryRun ? commandAgain(world.argv) : commandAgain(world.argv, "--resume", "--restart");
  if (sources.includes("-")) session.again = undefined;
  const { connection } = request.options;
  warnUnverified(session, command, connection.tls);
  const password = await findPassword(session, connection.username, request.passwordFile);
  const options = {
    ...request.options,
    connection: { ...connection, password },
    stateDirectory: stateDirectory(world.env),
    input: sources.includes("-") ? world.stdin : undefined,
  };
  if (request.dryRun) {
    await running(session, request, undefined, (_, display) => printPlan(session, request, options, display));
    return;
  }
  const subject = { command: "import", source: names.slice(0, -1).join(" "), destination: names.at(-1)! };
  await running(session, request, subject, (signal, display) =>
    importAndReport(session, request, { ...options, signal, onEvent: display.onEvent }, display),
  );
}

/** Imports, and tells of it at the end. */
export async function importAndReport(
  session: Session,
  request: Pick<ImportRequest, "json" | "quiet" | "progress">,
  options: ImportOptions,
  display: ProgressDisplay,
): Promise<ImportReport> {
  const { importTable } = await session.world.loadImport();
  const { importText } = await import("./importreport.ts");
  const report = await importTable(options);
  display.stop();
  session.again = undefined;
  if (report.rejected > 0) session.code = EXIT_REJECTED;
  const line = () =>
    request.progress === "json" ? JSON.stringify({ kind: "report", ...report }) : importText(report, display.noticed);
  if (!request.quiet) session.terminal.line(line());
  if (request.json) await writeResult(session.world, `${JSON.stringify(report)}\n`);
  return report;
}

async function printPlan(
  session: Session,
  request: ImportRequest,
  options: ImportOptions,
  display: ProgressDisplay,
): Promise<ImportPlan> {
  const { planImport } = await session.world.loadImport();
  const { importPlanText } = await import("./importreport.ts");
  const plan = await planImport(options);
  display.stop();
  await writeResult(session.world, `${request.json ? JSON.stringify(plan) : importPlanText(plan)}\n`);
  return plan;
}
