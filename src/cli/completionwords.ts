/*
 * Owns what can be typed, read off the commands themselves: options, their values and arguments, for the completion
 * scripts of the shells.
 */
import type { Argument, Command, Option } from "commander";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** What a value can be completed with. */
export interface ValueWords {
  readonly name: string;
  readonly kind: "any" | "files" | "words";
  /** Empty unless `kind` is words. */
  readonly words: readonly string[];
}

export interface OptionWords {
  /** `-H` and `--host`. */
  readonly names: readonly string[];
  readonly summary: string;
  /** Undefined for an option that takes none. */
  readonly value: ValueWords | undefined;
  readonly repeatable: boolean;
}

export interface CommandWords {
  /** "" is the program itself, whose one argument is the command. */
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionWords[];
  readonly values: readonly ValueWords[];
  /** The last of `values` may be said again and again. */
  readonly variadic: boolean;
}

/** Placeholders of options and arguments that are paths. */
const PATH = /(^|[^a-z])(files?|dir|directory|destination|source|sources|path|zip)([^a-z]|$)/;

/** What can be typed: the program itself first, then each of its commands. */
export function wordsOf(program: Command): readonly CommandWords[] {
  const commands = program.createHelp().visibleCommands(program);
  const names = commands.map((command) => command.name());
  const command: ValueWords = { name: "command", kind: "words", words: names };
  const root = { ...describe(program), name: "", values: [command], variadic: false };
  return [
    root,
    ...commands.map((child) => {
      const words = describe(child);
      // Commander's own `help [command]`.
      return child.name() === "help" ? { ...words, values: [command] } : words;
    }),
  ];
}

function describe(command: Command): CommandWords {
  const values = command.registeredArguments;
  return {
    name: command.name(),
    summary: shorten(command.summary() || command.description()),
    options: command.createHelp().visibleOptions(command).map(describeOption),
    values: values.map(describeArgument),
    variadic: values.at(-1)?.variadic ?? false,
  };
}

function describeOption(option: Option): OptionWords {
  const placeholder = /[<[](.*)[>\]]$/.exec(option.flags)?.[1];
  return {
    names: [option.short, option.long].filter((name) => name !== undefined),
    summary: shorten(option.description),
    value: placeholder === undefined ? undefined : describeValue(placeholder, option.argChoices),
    repeatable: option.parseArg !== undefined || option.variadic,
  };
}

function describeArgument(argument: Argument): ValueWords {
  return describeValue(argument.name(), argument.argChoices);
}

function describeValue(name: string, words: readonly string[] | undefined): ValueWords {
  if (words) return { name, kind: "words", words };
  return { name, kind: PATH.test(name) ? "files" : "any", words: [] };
}

/** The first clause: shells show one line. */
function shorten(description: string): string {
  return (/^[^;(\n]*/.exec(description)?.[0] ?? "").trim();
}
