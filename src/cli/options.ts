/*
 * Owns what the commands' options have in common: the groups every command with a cluster takes, how a repeated option
 * is collected, and how each option is found in the environment.
 */
import { type Command, Option } from "commander";
import { UsageError } from "../base/errors.ts";
import { splitList } from "../base/names.ts";

/** A command line and what it is for. */
export type Example = readonly [line: string, purpose: string];

const examples = new WeakMap<Command, readonly Example[]>();

/** Gives a command its examples, which its help ends with. */
export function addExamples(command: Command, lines: readonly Example[]): void {
  examples.set(command, lines);
  const text = lines.map(([line, purpose]) => `  # ${purpose}\n  ${line}\n`).join("\n");
  command.addHelpText("after", `\nExamples:\n${text}`);
}

/** The examples of a command, for its reference page. */
export function examplesOf(command: Command): readonly Example[] {
  return examples.get(command) ?? [];
}

/** Marks an option as one that is said once per value. */
export function repeatable(option: Option): Option {
  option.argParser((value: string, previous: unknown) =>
    // Commander hands over the default as what came before.
    Array.isArray(previous) && previous !== option.defaultValue ? [...previous, value] : [value],
  );
  return option;
}

/** Options of every command that touches a cluster. */
export function addConnectionOptions(command: Command): void {
  const group = (option: Option) => command.addOption(option.helpGroup("Connection:"));
  group(
    repeatable(
      new Option("-H, --host <host[:port]>", "a node to connect to first; say it again for more").default(
        ["127.0.0.1:9042"],
        "127.0.0.1:9042",
      ),
    ),
  );
  group(new Option("--dc <name>", "the data center to read from (found from the first node that answers)"));
  group(
    new Option(
      "-u, --username <name>",
      "log in as; the password comes from --password-file, CQLDUCK_PASSWORD or the terminal",
    ),
  );
  group(new Option("--password-file <file>", "the file that holds the password (- for stdin)"));
  group(new Option("--consistency <level>", "how many replicas must answer").default("LOCAL_QUORUM"));
  group(new Option("--request-timeout <duration>", "how long one request may take, e.g. 30s"));
}

/** Options that every command has for what it shows. */
export function addProgressOptions(command: Command): void {
  const group = (option: Option) => command.addOption(option.helpGroup("Progress:"));
  group(
    new Option(
      "--progress <form>",
      "how progress shows: auto, bar, plain or none (auto: a bar on a terminal, else plain lines)",
    ).default("auto"),
  );
  group(new Option("-q, --quiet", "print errors only"));
  group(new Option("--json", "print the result as one JSON object on stdout"));
  group(new Option("--debug", "print stack traces with errors"));
}

/** The environment variable that says what an option says; undefined for those that only make sense when typed. */
export function envName(option: Option): string | undefined {
  const long = option.long?.slice(2);
  if (long === undefined || long === "help" || long === "version") return undefined;
  return `CQLDUCK_${long.replaceAll("-", "_").toUpperCase()}`;
}

/** How the user said an option, for messages: the variable where it came from the environment, else the flag. */
export function spokenName(command: Command, key: string): string {
  const option = command.options.find((candidate) => candidate.attributeName() === key);
  if (!option) return key;
  const fromEnv = command.getOptionValueSource(key) === "env" ? envName(option) : undefined;
  return fromEnv ?? option.long ?? option.flags;
}

/** Takes options that weren't typed from the environment. An empty variable is one that isn't set. */
export function readEnvironment(command: Command, env: Readonly<Record<string, string | undefined>>): void {
  for (const option of command.options) {
    const name = envName(option);
    const text = name === undefined ? undefined : env[name];
    const key = option.attributeName();
    if (!name || !text || command.getOptionValueSource(key) === "cli") continue;
    const value = option.isBoolean() ? parseBoolean(name, text) : option.parseArg ? splitList(text) : text;
    command.setOptionValueWithSource(key, value, "env");
  }
}

function parseBoolean(name: string, text: string): boolean {
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off)$/i.test(text)) return false;
  throw new UsageError(`${name}: "${text}" is neither true nor false`, { hint: `write ${name}=1 or ${name}=0` });
}
