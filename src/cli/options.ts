/*
 * Owns what the commands' options have in common: the groups every command with a cluster takes, how a repeated option
 * is collected, and how each option is found in the environment.
 */
import { type Command, Option } from "commander";
import { UsageError } from "../base/errors.ts";
import { splitList } from "../base/names.ts";
import { PACES } from "../jobs/pace.ts";
import { CONSISTENCIES, PROGRESS_FORMS } from "./values.ts";

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

/** Notes an option's words for shell completion. What was typed is checked later, with the messages of all options. */
export function withChoices(option: Option, words: readonly string[]): Option {
  // commander's own choices() would also check, before the environment is read.
  option.argChoices = [...words];
  return option;
}

/** How CSV files are written, of commands that write or read them. */
export function addCsvOptions(command: Command, heading: string): void {
  const group = (option: Option) => command.addOption(option.helpGroup(heading));
  group(new Option("--header", "the first line of CSV has the names of the columns (it does)"));
  group(new Option("--no-header", "CSV without that line"));
  group(new Option("--delimiter <character>", "what stands between fields; \\t is a tab (a comma; a tab in .tsv)"));
  group(new Option("--quote <character>", `what stands around fields that need it (")`));
  group(new Option("--escape <character>", "what stands before a quote inside quotes (the quote itself)"));
  group(new Option("--null <text>", "how NULL is written; a value of that text is quoted (nothing)"));
  group(new Option("--timestamp-format <format>", "how CSV has timestamps, as for strftime, in UTC (ISO 8601)"));
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
  group(
    new Option("--tls", "encrypt the connection and verify the nodes' certificates; the other --tls options imply it"),
  );
  group(new Option("--tls-ca <file>", "the authority that the nodes' certificates come from (PEM)"));
  group(new Option("--tls-cert <file>", "your certificate, for clusters that ask for one (PEM)"));
  group(new Option("--tls-key <file>", "the key of your certificate (PEM)"));
  group(
    new Option("--tls-no-verify", "take any certificate; whoever stands between can then read and change everything"),
  );
  group(new Option("--bundle <file>", "a secure connect bundle (Astra), instead of hosts and certificates"));
  group(new Option("--connection <name>", "a connection of the config file"));
  group(new Option("--config <file>", "the config file (./cqlduck.toml, then ~/.config/cqlduck/cqlduck.toml)"));
  group(
    new Option(
      "--cqlshrc <file>",
      "what cqlsh is set to, for all that is not said (~/.cassandra/cqlshrc, if it exists)",
    ),
  );
  group(
    withChoices(
      new Option("--consistency <level>", "how many replicas must answer").default("LOCAL_QUORUM"),
      CONSISTENCIES,
    ),
  );
  group(new Option("--request-timeout <duration>", "how long one request may take, e.g. 30s"));
}

/** Options of every command that reads tables, for how hard it works the cluster. */
export function addPaceOptions(command: Command): void {
  const group = (option: Option) => command.addOption(option.helpGroup("Reading:"));
  group(
    withChoices(
      new Option(
        "--pace <pace>",
        "how hard to work the cluster: conservative, balanced (as it is unless said), aggressive or adaptive",
      ),
      PACES,
    ),
  );
  group(
    new Option(
      "--concurrency <count>",
      "token ranges read at the same time, for adaptive the most; the pace says 2, 8, 24 or from 2 to 24",
    ),
  );
  group(new Option("--page-size <rows>", "the most rows a page may have; the pace says 2,000 or 20,000"));
  group(new Option("--rate <rows>", "at most so many rows a second"));
}

/** Options that every command has for what it shows. */
export function addProgressOptions(command: Command): void {
  const group = (option: Option) => command.addOption(option.helpGroup("Progress:"));
  group(
    withChoices(
      new Option(
        "--progress <form>",
        "how progress shows: auto, bar, plain, json or none (auto: a bar on a terminal, unless rows go to stdout, else plain lines)",
      ).default("auto"),
      PROGRESS_FORMS,
    ),
  );
  group(new Option("--report <file>", "write how it ended to this file, as JSON: the report, or the error"));
  group(
    new Option(
      "--metrics <file | [host]:port>",
      "figures for Prometheus: in a file that is rewritten every few seconds, or at /metrics of this port",
    ),
  );
  group(
    new Option(
      "--webhook <url>",
      "POST how it ended to this URL, as JSON; one with a secret in it is better kept in CQLDUCK_WEBHOOK",
    ),
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

/** Where options stand that came from a file, for messages. */
const places = new WeakMap<Command, Map<string, string>>();

/** From which option values come, the strongest first. */
const SOURCES = ["cli", "env", "profile", "cqlshrc"] as const;
export type Source = (typeof SOURCES)[number];

/** How strong the source of an option is, 0 the weakest; -1 where nobody said it. */
export function strength(command: Command, key: string): number {
  return [...SOURCES].reverse().indexOf(command.getOptionValueSource(key) as Source);
}

/** Takes an option from a file, where no stronger source said it. */
export function takeFrom(source: Source, command: Command, key: string, value: unknown, place: string): void {
  if (strength(command, key) >= 0) return;
  command.setOptionValueWithSource(key, value, source);
  const known = places.get(command) ?? new Map<string, string>();
  places.set(command, known.set(key, place));
}

/** Makes an option one that nobody said. */
export function forget(command: Command, key: string): void {
  const option = command.options.find((candidate) => candidate.attributeName() === key);
  command.setOptionValueWithSource(key, option?.defaultValue, "default");
}

/** How the user said an option, for messages: variable or place in a file where it came from there, else the flag. */
export function spokenName(command: Command, key: string): string {
  const option = command.options.find((candidate) => candidate.attributeName() === key);
  if (!option) return key;
  const source = command.getOptionValueSource(key);
  const place = source === "profile" || source === "cqlshrc" ? places.get(command)?.get(key) : undefined;
  return place ?? (source === "env" ? envName(option) : undefined) ?? option.long ?? option.flags;
}

/** Takes options that weren't typed from the environment. An empty variable is one that isn't set. */
export function readEnvironment(command: Command, env: Readonly<Record<string, string | undefined>>): void {
  for (const option of command.options) {
    const name = envName(option);
    const text = name === undefined ? undefined : env[name];
    const key = option.attributeName();
    if (!name || !text || command.getOptionValueSource(key) === "cli") continue;
    const value =
      option.isBoolean() || option.negate
        ? parseBoolean(name, text) !== option.negate
        : option.parseArg
          ? splitList(text)
          : text;
    command.setOptionValueWithSource(key, value, "env");
  }
}

function parseBoolean(name: string, text: string): boolean {
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off)$/i.test(text)) return false;
  throw new UsageError(`${name}: "${text}" is neither true nor false`, { hint: `write ${name}=1 or ${name}=0` });
}
