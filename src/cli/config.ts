/*
 * Owns cqlduck.toml: where it is looked for, its named connections, and that every key in it is one that is known.
 * A connection holds long options under their names, and a password.
 */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Command, Option } from "commander";
import { parse, TomlError } from "smol-toml";
import { UsageError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { type Environment, pathIn, readText, type Setting } from "./files.ts";
import type { Login } from "./world.ts";

const FILE_NAME = "cqlduck.toml";
/** Options that only make sense when typed, or that say which file or connection is read. */
const NOT_IN_FILES = new Set(["help", "version", "config", "connection", "debug"]);
const PATHS = new Set(["password-file", "tls-ca", "tls-cert", "tls-key", "bundle", "cqlshrc", "report"]);

/** A named connection of a config file. */
export interface Profile {
  readonly settings: readonly Setting[];
  readonly login: Login | undefined;
}

interface ConfigFile {
  readonly path: string;
  readonly default: string | undefined;
  readonly connections: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
}

export interface ConfigRequest {
  /** The connection that was asked for; the files' default where it is absent. */
  readonly name: string | undefined;
  /** How it was asked for, for messages. */
  readonly spoken: string;
  /** The file that was named; otherwise those of the working directory and of the user are read. */
  readonly file: string | undefined;
  readonly env: Environment;
}

/** The paths where config files are looked for, the first to win. */
function configPaths(env: Environment): string[] {
  const home = env.HOME ?? env.USERPROFILE;
  const user = env.XDG_CONFIG_HOME || (home ? join(home, ".config") : undefined);
  return [FILE_NAME, ...(user ? [join(user, "cqlduck", FILE_NAME)] : [])];
}

/** The connection to use; undefined where none is asked for and none is the default. */
export function readProfile(request: ConfigRequest, command: Command): Profile | undefined {
  const { file, env } = request;
  const paths = file === undefined ? configPaths(env).filter((path) => existsSync(path)) : [file];
  const options = optionsByName(command);
  const files = paths.map((path) => readConfig(path, options));
  const byDefault = files.find((config) => config.default !== undefined);
  const name = request.name ?? byDefault?.default;
  if (name === undefined) return undefined;
  const spoken = request.name === undefined ? `${byDefault?.path}: default` : request.spoken;
  const found = files.find((config) => config.connections.has(name));
  if (!found) throw new UsageError(`${spoken}: there is no connection ${name}`, { hint: hintFor(name, files, env) });
  return profileOf(found, name, options, env);
}

function hintFor(name: string, files: readonly ConfigFile[], env: Environment): string {
  if (files.length === 0) return `there is no config file: looked for ${configPaths(env).join(" and ")}`;
  const known = [...new Set(files.flatMap((config) => [...config.connections.keys()]))];
  const meant = nearest(name, known);
  if (meant !== undefined) return `did you mean ${meant}?`;
  const where = files.map((config) => config.path).join(" and ");
  return known.length > 0 ? `in ${where}: ${known.join(", ")}` : `in ${where} is no [connections.<name>]`;
}

/** The options that may stand in a file: those of every command, since a file serves them all. */
function optionsByName(command: Command): ReadonlyMap<string, Option> {
  const commands = command.parent?.commands ?? [command];
  const all = commands.flatMap((candidate) => candidate.options);
  return new Map(all.flatMap((option) => (option.long ? [[option.long.slice(2), option] as const] : [])));
}

function readConfig(path: string, options: ReadonlyMap<string, Option>): ConfigFile {
  const root = parseToml(path);
  for (const key of Object.keys(root)) checkKey(path, key, ["default", "connections"]);
  const name = root.default;
  if (name !== undefined && typeof name !== "string") {
    throw new UsageError(`${path}: default: it is the name of a connection`, { hint: 'write default = "name"' });
  }
  const connections = new Map<string, Record<string, unknown>>();
  const shape = { hint: 'write [connections.name], and below it host = "…"' };
  if (root.connections !== undefined && !isTable(root.connections)) {
    throw new UsageError(`${path}: connections is not a table`, shape);
  }
  const allowed = [...options.keys(), "password"].filter((key) => !NOT_IN_FILES.has(key));
  for (const [key, table] of Object.entries(root.connections ?? {})) {
    if (!isTable(table)) throw new UsageError(`${path}: connections.${key} is not a table`, shape);
    for (const option of Object.keys(table)) checkKey(`${path}: [connections.${key}]`, option, allowed);
    connections.set(key, table);
  }
  return { path, default: name, connections };
}

function parseToml(path: string): Record<string, unknown> {
  const text = readText(path, "the config file");
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The message goes on with a picture of the place.
    const what = error.message.split("\n")[0]!.replace(/^Invalid TOML document: /, "");
    throw new UsageError(`${path}, line ${error.line}, column ${error.column}: ${what}`, {
      cause: error,
      hint: 'texts stand in quotes: host = "node1"',
    });
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function checkKey(where: string, key: string, known: readonly string[]): void {
  if (known.includes(key)) return;
  const meant = nearest(key.replaceAll("_", "-"), known);
  const hint = NOT_IN_FILES.has(key)
    ? "it can only be typed, or stand in the environment"
    : "a connection takes the long options, without their dashes in front";
  throw new UsageError(`${where}: unknown key ${key}`, { hint: meant ? `did you mean ${meant}?` : hint });
}

function profileOf(config: ConfigFile, name: string, options: ReadonlyMap<string, Option>, env: Environment): Profile {
  const directory = dirname(resolve(config.path));
  const table = config.connections.get(name) ?? {};
  const place = (key: string) => `${config.path}: [connections.${name}] ${key}`;
  const text = (key: string) => {
    const value = table[key];
    if (value === undefined || (typeof value === "string" && value !== "")) return value as string | undefined;
    throw new UsageError(`${place(key)}: it is a text, in quotes`);
  };
  const settings: Setting[] = [];
  for (const [key, raw] of Object.entries(table)) {
    const option = options.get(key);
    // Who logs in how belongs together, and is settled below.
    if (!option || key === "password-file") continue;
    const said = valueIn(option, raw, place(key));
    const value = PATHS.has(key) ? pathIn(directory, String(said), env) : said;
    settings.push({ key: option.attributeName(), value, place: place(key) });
  }
  const [password, file] = [text("password"), text("password-file")];
  if (password !== undefined && file !== undefined) {
    throw new UsageError(`${place("password")}: there is a password-file as well`, { hint: "say one of the two" });
  }
  if (password === undefined && file === undefined) return { settings, login: undefined };
  const passwordFile = file === undefined || file === "-" ? file : pathIn(directory, file, env);
  return { settings, login: { username: text("username"), password, passwordFile, path: config.path } };
}

/** A value as it would have come from the command line. */
function valueIn(option: Option, raw: unknown, place: string): unknown {
  const isText = (value: unknown) => typeof value === "string" || typeof value === "number";
  if (option.isBoolean()) {
    if (typeof raw === "boolean") return raw;
    throw new UsageError(`${place}: it is true or false, without quotes`);
  }
  // Only options that can be said again have a parser of their own.
  if (option.parseArg) {
    const list = Array.isArray(raw) ? raw : [raw];
    if (list.length > 0 && list.every(isText)) return list.map(String);
    throw new UsageError(`${place}: it is a text or a list of texts`, { hint: '["one", "two"]' });
  }
  if (isText(raw)) return String(raw);
  throw new UsageError(`${place}: it is a text or a number`);
}
