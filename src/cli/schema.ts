/*
 * Owns `cqlduck schema`, and what it shares with `inspect`: whether a name is a path, and reaching the cluster where
 * it is not.
 */
import { type Command, Option } from "commander";
import { parseSchemaName } from "../base/names.ts";
import type { ConnectionOptions } from "../operations/options.ts";
import { addConnectionOptions, addExamples, readEnvironment } from "./options.ts";
import { type Session, writeResult } from "./world.ts";

export type SchemaAction = (name: string, command: Command) => Promise<void>;

/** Describes `schema` on an empty command. */
export function defineSchema(command: Command, action: SchemaAction): void {
  command
    .summary("the CQL that makes a keyspace, a table, or the table of a file")
    .description(
      "Prints the statements that make a keyspace with all that is in it, or a table with the types, indexes, triggers " +
        "and views that belong to it; or those of the table that files of ours were read from (CSV and JSON with their " +
        "sidecars), where the names have no keyspace and the table no options.",
    )
    .argument("<ks | ks.table | file>", NAME_OR_PATH);
  addConnectionOptions(command);
  addResultOptions(command);
  addExamples(command, [
    ["cqlduck schema shop > shop.cql", "a whole keyspace"],
    ["cqlduck schema shop.orders", "one table and what belongs to it"],
    ["cqlduck schema orders.parquet", "the table that a file was exported from"],
  ]);
  command.action((name: string) => action(name, command));
}

/** Prints the statements. */
export async function runSchema(session: Session, name: string, command: Command): Promise<void> {
  const { world } = session;
  const source = isPath(name) ? undefined : parseSchemaName(name);
  const { connection, json } = await readLookup(session, command, source === undefined);
  const { schemaStatements } = await world.loadSchema();
  const statements = await schemaStatements(source && connection ? { connection, ...source } : { path: name });
  const text = json ? JSON.stringify({ source: name, statements }) : statements.join("\n\n");
  await writeResult(world, `${text}\n`);
}

/** How the help explains what isPath decides. */
export const NAME_OR_PATH =
  "what has a / or ends in .parquet, .csv, .json or .jsonl is a path (./shop), anything else is in the cluster";

const DATA_FILE = /\.(parquet|((csv|tsv|json|jsonl|ndjson)(\.(gz|zst))?))$/i;

/** Whether a name means a file or directory. It does not depend on what there is. */
export function isPath(name: string): boolean {
  return name.includes("/") || name.startsWith(".") || DATA_FILE.test(name);
}

/** Options of a command that answers with one result and takes no time to speak of. */
export function addResultOptions(command: Command): void {
  const group = (option: Option) => command.addOption(option.helpGroup("Progress:"));
  group(new Option("--json", "print the result as one JSON object on stdout"));
  group(new Option("--debug", "print stack traces with errors"));
}

interface Lookup {
  /** Undefined for files. */
  readonly connection: ConnectionOptions | undefined;
  readonly json: boolean;
}

/** What was said of the result and, unless only files are looked at, of the cluster. */
export async function readLookup(session: Session, command: Command, ofFiles: boolean): Promise<Lookup> {
  // Imported here, so that --help and --version load none of it.
  const { readLookupRequest } = await import("./validate.ts");
  if (ofFiles) {
    readEnvironment(command, session.world.env);
    return { connection: undefined, json: readLookupRequest(command).json };
  }
  const { readSettings, warnUnverified } = await import("./settings.ts");
  const { findPassword } = await import("./password.ts");
  readSettings(session, command);
  const { connection, passwordFile, json } = readLookupRequest(command);
  warnUnverified(session, command, connection.tls);
  const password = await findPassword(session, connection.username, passwordFile);
  return { connection: { ...connection, password }, json };
}
