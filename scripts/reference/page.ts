/*
 * Makes docs/reference.md out of the commands themselves: their arguments, options and examples as commander holds them,
 * and the exit codes of src/cli/faults.ts. Pure.
 */
import type { Argument, Command, Option } from "commander";
import { EXITS } from "../../src/cli/faults.ts";
import { envName, examplesOf } from "../../src/cli/options.ts";
import { type Actions, buildProgram } from "../../src/cli/program.ts";

/** The program with nothing behind its commands. */
export function describedProgram(): Command {
  const nothing = async () => undefined;
  // Whatever commands there are: none of them runs.
  const actions = new Proxy({}, { get: () => nothing }) as Actions;
  return buildProgram(actions, { out: () => undefined, err: () => undefined, width: 80 });
}

/** The whole page. */
export function referencePage(program: Command): string {
  const commands = program.commands.toSorted((a, b) => a.name().localeCompare(b.name()));
  const sections = [
    `# Reference

Generated from the commands themselves by \`npm run reference\`; what it says, \`cqlduck <command> --help\` says too.

${program.description()}

    cqlduck ${program.usage()}

${bullets(commands.map((command) => `[${command.name()}](#${anchorOf(command)}): ${command.summary() || command.description()}`))}`,
    OPTIONS,
    ...commands.map(commandSection),
    exitSection(),
    PROGRESS,
    TOLD,
  ];
  return `${sections.join("\n\n")}\n`;
}

const OPTIONS = `## How options are said

Options stand behind the command, before or after its arguments. One that takes a value always takes one: \`--limit 5\` or
\`--limit=5\`; one that can be said again takes one value each time. Each can also stand in the environment, under the name
in its table, where lists are separated by commas and a flag is \`1\` or \`0\`. What was typed counts before the environment,
and the environment before the default. Counts may be written \`50K\` or \`1M\`, sizes \`512MB\` (10^6) or \`512MiB\` (2^20),
durations \`30s\` or \`5m\`. stdout carries the result alone; progress, notes and errors go to stderr.

Variables without an option: \`CQLDUCK_PASSWORD\` is the password; \`CQLDUCK_CACHE_DIR\` is where the binary unpacks the
library it carries (the user's cache otherwise), and \`CQLDUCK_VERIFY=1\` has it compare every byte there before loading it;
with \`NO_COLOR\` nothing is coloured, with \`TERM=dumb\` nothing is redrawn either.`;

const PROGRESS = `## Progress for programs

With \`--progress json\` each event is one line of JSON on stderr. A line that doesn't begin with \`{\` is for people: a note
on a signal, or the error at the end. Members may be added in later versions.

| \`kind\` | When | Members |
| --- | --- | --- |
| \`planned\` | once, before the first row | \`source\`, \`ranges\`, \`estimatedRows\` and \`estimatedBytes\` (0: the server has no estimate) |
| \`progress\` | at most twice a second | \`phase\` (\`read\`, \`arrange\`, \`publish\`), \`share\` (0 to 0.99 of the reading), \`rows\`, \`bytes\`, \`rangesDone\`, \`ranges\`, \`estimatedRows\`, \`segments\` (durable so far), \`retries\`, \`failedRanges\` (set aside), \`elapsedMs\`, \`rowsPerSecond\` (over the last seconds), \`etaMs\` (null: not known yet) |
| \`phase\` | as each begins | \`phase\` |
| \`notice\` | as it comes up, each once | \`message\` |
| \`report\` | at the end of an export | what \`--json\` prints on stdout |`;

const TOLD = `## Reports, webhooks and metrics

\`--report\` writes, and \`--webhook\` posts, one JSON object at the end: \`command\`, what it was given (\`source\`, \`destination\`,
\`job\`), \`state\` (\`done\`, \`failed\`, \`interrupted\`), \`exitCode\`, and then what \`--json\` prints, or \`error\`, \`hint\`,
\`resume\` (the command to go on with) and the counts of progress so far. The file appears whole; what was wrong with the command line itself is
told on stderr alone. A webhook is tried three times, 10 seconds each; one that can't be delivered is a warning.

The metrics are \`cqlduck_rows_total\`, \`cqlduck_bytes_total\`, \`cqlduck_segments_total\`, \`cqlduck_retries_total\`,
\`cqlduck_errors_total\`, \`cqlduck_ranges\`, \`cqlduck_ranges_done\`, \`cqlduck_failed_ranges\`, \`cqlduck_seconds\`,
\`cqlduck_peak_memory_bytes\`, and \`cqlduck_state\`, which is 1 for one of its labels \`state\`; all have the label \`source\`. They count
what this run did; \`cqlduck_ranges_done\` also has the ranges that a run before it read. A file (its name should end in \`.prom\` for the textfile collector) is replaced every 5 seconds and at the
end; a port (\`:9100\` at all addresses, \`127.0.0.1:9100\` at one) answers \`GET /metrics\` while the command runs.`;

function anchorOf(command: Command): string {
  return `cqlduck-${command.name()}`;
}

function commandSection(command: Command): string {
  const args = command.registeredArguments.map((argument) => `\`${spell(argument)}\`: ${argument.description}`);
  const examples = examplesOf(command).map(([line, purpose]) => `    # ${purpose}\n    ${line}`);
  return [
    `## cqlduck ${command.name()}`,
    command.description(),
    `    cqlduck ${command.name()} ${command.usage()}`,
    ...(args.length > 0 ? [bullets(args)] : []),
    ...groupsOf(command).map(([heading, options]) => optionTable(heading, options)),
    ...(examples.length > 0 ? ["### Examples", examples.join("\n\n")] : []),
  ].join("\n\n");
}

function spell(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? "…" : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** The options by the headings of the help, in its order. Every command has --help. */
function groupsOf(command: Command): [heading: string, options: Option[]][] {
  const groups = new Map<string, Option[]>();
  for (const option of command.options.filter(({ hidden }) => !hidden)) {
    const heading = (option.helpGroupHeading ?? "Options:").replace(/:$/, "");
    groups.set(heading, [...(groups.get(heading) ?? []), option]);
  }
  return [...groups];
}

function optionTable(heading: string, options: readonly Option[]): string {
  return [
    `**${heading}**`,
    "",
    "| Option | Environment | Default | |",
    "| --- | --- | --- | --- |",
    ...options.map((option) =>
      row([code(option.flags), code(envName(option)), code(defaultOf(option)), prose(option.description)]),
    ),
  ].join("\n");
}

/** As a user would type it; nothing for a flag, which is off. */
function defaultOf({ defaultValue, defaultValueDescription }: Option): string | undefined {
  if (defaultValue === undefined || defaultValue === false) return undefined;
  return defaultValueDescription ?? String(defaultValue);
}

function exitSection(): string {
  const rows = EXITS.map(({ code: exit, meaning }) => row([String(exit), prose(meaning)]));
  return ["## Exit codes", "", "| Code | Meaning |", "| --- | --- |", ...rows].join("\n");
}

function bullets(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join("\n");
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function code(text: string | undefined): string {
  return text === undefined ? "" : `\`${cell(text)}\``;
}

/** Text that is not code; `<name>` would be taken for HTML. */
function prose(text: string): string {
  return cell(text).replaceAll("<", "\\<");
}

/** A pipe would end the cell. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
