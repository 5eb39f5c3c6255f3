/*
 * Owns the order of sources: what was typed wins over the environment, that over the connection of a config file, that
 * over cqlsh's configuration, and that over the defaults. Where two options say the same thing, the stronger one stays.
 */
import type { Command } from "commander";
import { UsageError } from "../base/errors.ts";
import type { TlsOptions } from "../cassandra/tls.ts";
import { readProfile } from "./config.ts";
import { findCqlshrc, readCqlshrc } from "./cqlshrc.ts";
import type { Setting } from "./files.ts";
import { forget, readEnvironment, type Source, spokenName, strength, takeFrom } from "./options.ts";
import type { Login, Session } from "./world.ts";

const TLS = ["tls", "tlsCa", "tlsCert", "tlsKey", "tlsNoVerify"] as const;

interface Flags {
  readonly connection?: string;
  readonly config?: string;
  readonly cqlshrc?: string;
  readonly quiet?: boolean;
}

/**
 * Fills in the options of a command from the environment and the configuration, and the session's logins.
 * @param resuming the rest is as the job was begun: files give logins, and options only where they were asked for now
 */
export function readSettings(session: Session, command: Command, resuming = false): void {
  const { env } = session.world;
  readEnvironment(command, env);
  const { connection, config } = command.opts<Flags>();
  const request = { name: connection, spoken: spokenName(command, "connection"), file: config, env };
  const profile = readProfile(request, command);
  const take = (source: Source, settings: readonly Setting[], login: Login | undefined) => {
    for (const { key, value, place } of settings) takeFrom(source, command, key, value, place);
    if (login) session.logins.push(login);
  };
  if (profile) take("profile", resuming && connection === undefined ? [] : profile.settings, profile.login);
  const asked = command.opts<Flags>().cqlshrc;
  const path = asked ?? findCqlshrc(env);
  if (path !== undefined) {
    const cqlshrc = readCqlshrc(path, env);
    take("cqlshrc", resuming && asked === undefined ? [] : cqlshrc.settings, cqlshrc.login);
  }
  session.quiet = command.opts<Flags>().quiet ?? false;
  settleAddress(command);
  settleTls(command);
}

/** A bundle says the hosts and brings its certificates. */
function settleAddress(command: Command): void {
  const bundle = strength(command, "bundle");
  if (bundle < 0) return;
  const said = (key: string) => spokenName(command, key);
  const host = strength(command, "host");
  if (host > bundle) {
    forget(command, "bundle");
    return;
  }
  if (host === bundle) {
    throw new UsageError(`${said("bundle")} and ${said("host")} both say where to connect to`, {
      hint: "say one of them",
    });
  }
  forget(command, "host");
  for (const key of TLS) {
    if (command.getOptionValue(key) && strength(command, key) >= bundle) {
      throw new UsageError(`${said("bundle")} brings its own certificates: ${said(key)} has no place beside it`, {
        hint: "leave it out",
      });
    }
    forget(command, key);
  }
}

/** Files for TLS mean TLS, unless a stronger source says no: nobody says them to then send a password in the clear. */
function settleTls(command: Command): void {
  // In a cqlshrc they wait for its own `ssl = true`, or for --tls.
  const meant = TLS.filter((key) => key !== "tls" && command.getOptionValue(key)).map((key) => strength(command, key));
  const strongest = Math.max(0, ...meant);
  if (strongest > Math.max(0, strength(command, "tls"))) command.setOptionValueWithSource("tls", true, "cli");
}

/** Says loudly, each time and even to those who want to see errors only, that nobody knows who is at the other end. */
export function warnUnverified(session: Session, command: Command, tls: TlsOptions | undefined): void {
  if (tls?.verify !== false) return;
  const { terminal } = session;
  const how = strength(command, "tlsNoVerify") < 0 ? "--tls-no-verify" : spokenName(command, "tlsNoVerify");
  terminal.line(
    `${terminal.red("warning:")} ${how}: the nodes' certificates are NOT verified. ` +
      "Whoever stands between can read and change everything, the password included.",
  );
}
