/*
 * Owns cqlsh's own configuration: ~/.cassandra/cqlshrc and the credentials file that it names, read as cqlsh reads
 * them, and what of it concerns a connection.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { UsageError } from "../base/errors.ts";
import { type Environment, expandHome, readText, type Setting } from "./files.ts";
import type { Login } from "./world.ts";

/** Sections and their keys, in lower case. */
type Ini = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** What a cqlshrc says about the connection: options by their attribute names, and who logs in. */
export interface Cqlshrc {
  readonly path: string;
  readonly settings: readonly Setting[];
  readonly login: Login | undefined;
}

/** Where cqlsh looks by itself; undefined where nothing is there. */
export function findCqlshrc(env: Environment): string | undefined {
  const home = env.HOME ?? env.USERPROFILE;
  const path = home ? join(home, ".cassandra", "cqlshrc") : undefined;
  return path && existsSync(path) ? path : undefined;
}

/** @throws UsageError for a file that can't be read */
export function readCqlshrc(path: string, env: Environment): Cqlshrc {
  const ini = parseIni(readText(path, "cqlshrc"), path);
  const settings: Setting[] = [];
  const set = (key: string, value: string | boolean | readonly string[] | undefined, section: string, name: string) => {
    if (value !== undefined) settings.push({ key, value, place: `${path}: [${section}] ${name}` });
  };
  const get = (section: string, name: string) => ini.get(section)?.get(name) || undefined;
  const file = (text: string | undefined) => (text === undefined ? undefined : expandHome(text, env));
  const hostname = get("connection", "hostname");
  const port = get("connection", "port");
  if (hostname ?? port) {
    const host = hostname ?? "127.0.0.1";
    const bracketed = host.includes(":") ? `[${host}]` : host;
    set("host", [port ? `${bracketed}:${port}` : host], "connection", hostname ? "hostname" : "port");
  }
  set("tls", asBoolean(get("connection", "ssl"), `${path}: [connection] ssl`), "connection", "ssl");
  const ownCa = hostname ? get("certfiles", hostname.toLowerCase()) : undefined;
  if (ownCa) set("tlsCa", file(ownCa), "certfiles", hostname ?? "");
  else set("tlsCa", file(get("ssl", "certfile")), "ssl", "certfile");
  set("tlsCert", file(get("ssl", "usercert")), "ssl", "usercert");
  set("tlsKey", file(get("ssl", "userkey")), "ssl", "userkey");
  // Like cqlsh, which verifies unless this very word says not to.
  if (get("ssl", "validate")?.toLowerCase() === "false") set("tlsNoVerify", true, "ssl", "validate");
  const login = loginOf(ini, path, env);
  if (login?.username !== undefined) {
    settings.push({ key: "username", value: login.username, place: `${login.path}: username` });
  }
  return { path, settings, login };
}

/** A credentials file wins over the cqlshrc, as with cqlsh. */
function loginOf(ini: Ini, path: string, env: Environment): Login | undefined {
  const named = ini.get("authentication")?.get("credentials");
  const credentials = named ? expandHome(named, env) : join(dirname(path), "credentials");
  const own =
    named || existsSync(credentials)
      ? parseIni(readText(credentials, "cqlshrc's credentials"), credentials)
      : undefined;
  const found = [
    // cqlsh 5.0 and 4.1 call the section so, 4.0 the other way.
    [credentials, own?.get("plaintextauthprovider") ?? own?.get("plain_text_auth")],
    [path, ini.get("auth_provider")],
    [path, ini.get("authentication")],
  ] as const;
  const value = (name: string) => found.find(([, section]) => section?.get(name));
  const username = value("username")?.[1]?.get("username");
  const holder = value("password");
  const password = holder?.[1]?.get("password");
  if (username === undefined && password === undefined) return undefined;
  return { username, password, path: holder?.[0] ?? value("username")?.[0] ?? path };
}

function asBoolean(text: string | undefined, place: string): boolean | undefined {
  if (text === undefined) return undefined;
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off)$/i.test(text)) return false;
  throw new UsageError(`${place}: "${text}" is neither true nor false`);
}

/** As Python's configparser has it: `=` or `:`, comments on lines of their own, values go on in indented lines. */
function parseIni(text: string, path: string): Ini {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  let last: string | undefined;
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*([#;].*)?$/.test(line)) continue;
    const header = /^\[([^\]]+)\]/.exec(line)?.[1];
    const pair = /^([^=:]+?)\s*[=:]\s*(.*?)\s*$/.exec(line);
    if (header !== undefined) {
      section = sections.get(header.toLowerCase()) ?? new Map();
      sections.set(header.toLowerCase(), section);
      last = undefined;
    } else if (section && last !== undefined && /^\s/.test(line)) {
      section.set(last, `${section.get(last)}\n${line.trim()}`);
    } else if (section && pair) {
      last = pair[1]!.trim().toLowerCase();
      section.set(last, pair[2]!);
    } else {
      throw new UsageError(`${path}, line ${at + 1}: neither a [section] nor a key = value`);
    }
  }
  return sections;
}
