/*
 * Owns the tree of commands, as commander objects with their help: what is parsed, what `--help` shows and what the
 * reference in docs/ is made from. What a command does comes in from outside.
 */
import { Command, Option } from "commander";
import { VERSION } from "../version.ts";
import { type CompletionAction, defineCompletion } from "./completion.ts";
import { type CountAction, defineCount } from "./count.ts";
import { defineExport, type ExportAction } from "./export.ts";
import { defineImport, type ImportAction } from "./import.ts";
import { defineInspect, type InspectAction } from "./inspect.ts";
import { addExamples } from "./options.ts";
import { defineJobs, defineResume, type JobsAction, type ResumeAction } from "./resume.ts";
import { defineSchema, type SchemaAction } from "./schema.ts";

/** What stands behind each command. */
export interface Actions {
  readonly completion: CompletionAction;
  readonly export: ExportAction;
  readonly import: ImportAction;
  readonly count: CountAction;
  readonly inspect: InspectAction;
  readonly schema: SchemaAction;
  readonly resume: ResumeAction;
  readonly jobs: JobsAction;
}

/** Where commander prints help and the version; its errors are thrown, never printed. */
export interface Printer {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly width: number;
}

/** The whole command line. */
export function buildProgram(actions: Actions, printer: Printer): Command {
  const program = new Command("cqlduck")
    .description("Moves Apache Cassandra tables to files and back, without losing a value.")
    .usage("<command> [options]")
    .optionsGroup("Other:")
    .version(VERSION, "--version", "print the version")
    .addHelpOption(helpOption())
    .helpCommand("help [command]", "show the help of a command")
    .showSuggestionAfterError(false)
    .configureOutput({
      writeOut: printer.out,
      writeErr: printer.err,
      outputError: () => undefined,
      getOutHelpWidth: () => printer.width,
      getErrHelpWidth: () => printer.width,
    })
    .configureHelp({ optionDescription: describeOption })
    .exitOverride();
  addExamples(program, [
    ["cqlduck export shop.orders orders.parquet", "one table into one file"],
    ["cqlduck export --help", "everything that can be said about an export"],
  ]);
  const exportCommand = program.command("export").addHelpOption(helpOption());
  defineExport(exportCommand, actions.export);
  defineImport(program.command("import").addHelpOption(helpOption()), actions.import);
  defineCount(program.command("count").addHelpOption(helpOption()), actions.count);
  defineInspect(program.command("inspect").addHelpOption(helpOption()), actions.inspect);
  defineSchema(program.command("schema").addHelpOption(helpOption()), actions.schema);
  defineResume(program.command("resume").addHelpOption(helpOption()), actions.resume);
  defineJobs(program.command("jobs").addHelpOption(helpOption()), actions.jobs);
  defineCompletion(program.command("completion").addHelpOption(helpOption()), actions.completion);
  return program;
}

function helpOption(): Option {
  return new Option("-h, --help", "show this help").helpGroup("Other:");
}

/** As commander has it, with defaults as a user would type them rather than as JSON. */
function describeOption(option: Option): string {
  if (option.defaultValue === undefined) return option.description;
  return `${option.description} (default: ${option.defaultValueDescription ?? option.defaultValue})`;
}
