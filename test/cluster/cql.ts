/*
 * Owns the CQL fixtures: splits a file into statements, puts the test's keyspace in place of `corpus`, runs them, and
 * insists that the statements marked `-- fails: reason` are refused by the server and all others are not.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, errors } from "cassandra-driver";
import { messageOf } from "../../src/base/errors.ts";

export interface Statement {
  readonly text: string;
  readonly line: number;
  /** The server must refuse it: always, or on versions before `before`. */
  readonly fails?: { readonly reason: string; readonly before?: string };
}

const fixturesDir = join(import.meta.dirname, "../../fixtures/cql");
const longestName = 48;

const token =
  /(?<comment>--[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<string>'(?:[^']|'')*'|\$\$[\s\S]*?\$\$)|(?<quoted>"(?:[^"]|"")*")|(?<word>\w+)|(?<end>;)|[\s\S]/gy;
const failsMarker = /^-- fails(?: before (?<before>\d+\.\d+))?: (?<reason>.+)$/;

/** `corpus` is the test's keyspace, `corpus_…` one beside it, and `corpus_longest` one with the longest legal name. */
function placeName(name: string, keyspace: string): string {
  if (name === "corpus_longest") return `${keyspace}_`.padEnd(longestName, "x");
  return name.replace(/^corpus(?=_|$)/, keyspace);
}

/** The statements of a CQL text, without comments, with `keyspace` put in. */
export function splitCql(source: string, keyspace: string): Statement[] {
  const statements: Statement[] = [];
  let text = "";
  let line = 1;
  let begin = 1;
  let fails: Statement["fails"];
  for (const match of source.matchAll(token)) {
    const { comment, quoted, word, end } = match.groups!;
    const marker = comment && failsMarker.exec(comment)?.groups;
    if (text === "") begin = line;
    if (marker) {
      if (text !== "" || fails) throw new Error(`line ${line}: a marker must stand directly before its statement`);
      fails = { reason: marker["reason"]!, ...(marker["before"] ? { before: marker["before"] } : {}) };
    } else if (end) {
      statements.push({ text, line: begin, ...(fails ? { fails } : {}) });
      text = "";
      fails = undefined;
    } else if (quoted) text += `"${placeName(quoted.slice(1, -1), keyspace)}"`;
    else if (word) text += placeName(word, keyspace);
    else if (!comment) text = text === "" ? match[0].trimStart() : text + match[0];
    line += match[0].split("\n").length - 1;
  }
  if (text.trim() !== "" || fails) throw new Error(`line ${begin}: the last statement has no semicolon`);
  return statements;
}

/** Whether version `a` (5.0.9) is older than `b` (5.0). */
export function isBefore(a: string, b: string): boolean {
  const [major = 0, minor = 0] = a.split(".").map(Number);
  const [thatMajor = 0, thatMinor = 0] = b.split(".").map(Number);
  return major < thatMajor || (major === thatMajor && minor < thatMinor);
}

export async function serverVersion(client: Client): Promise<string> {
  const answer = await client.execute("SELECT release_version FROM system.local");
  return answer.first()["release_version"];
}

/** The fixtures that this server can load: `…_50.cql` needs 5.0, `…_auth…` a login. */
export function fixtureFiles(version: string, auth: boolean): string[] {
  const names = readdirSync(fixturesDir).filter((name) => name.endsWith(".cql"));
  return names
    .filter((name) => !(name.endsWith("_50.cql") && isBefore(version, "5.0")) && (auth || !name.includes("_auth")))
    .sort();
}

async function runStatement(client: Client, statement: Statement, mustFail: boolean): Promise<string | undefined> {
  try {
    await client.execute(statement.text);
    return mustFail ? `should have failed (${statement.fails?.reason})` : undefined;
  } catch (error) {
    if (mustFail && error instanceof errors.ResponseError) return undefined;
    return messageOf(error);
  }
}

/** Runs a file of fixtures/cql in a keyspace made by `testKeyspace`. */
export async function loadCql(client: Client, file: string, { keyspace }: { keyspace: string }): Promise<void> {
  if (!keyspace.startsWith("cqlduck_test_")) throw new Error(`${keyspace} is not a test keyspace`);
  const version = await serverVersion(client);
  for (const statement of splitCql(readFileSync(join(fixturesDir, file), "utf8"), keyspace)) {
    const { fails } = statement;
    const mustFail = fails !== undefined && (fails.before === undefined || isBefore(version, fails.before));
    const problem = await runStatement(client, statement, mustFail);
    if (problem !== undefined) {
      throw new Error(`${file}:${statement.line}: ${problem}\n${statement.text.slice(0, 300)}`);
    }
  }
}
