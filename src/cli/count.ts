/*
 * Owns `cqlduck count`: the number alone on stdout, so that a script can take it.
 */
import type { Command } from "commander";
import { addConnectionOptions, addExamples, addPaceOptions, addProgressOptions } from "./options.ts";
import { commandAgain } from "./rerun.ts";
import { running } from "./running.ts";
import { type Session, writeResult } from "./world.ts";

export type CountAction = (source: string, command: Command) => Promise<void>;

/** Describes `count` on an empty command. */
export function defineCount(command: Command, action: CountAction): void {
  command
    .summary("how many rows a table has, exactly")
    .description(
      "Counts the rows of a table, a view or a virtual table: reads its keys by token ranges, as an export would. " +
        "The same number as SELECT count(*), which times out on a table of some size.",
    )
    .argument("<ks.table>", `the table; names in capitals are quoted: 'shop."Orders"'`);
  addConnectionOptions(command);
  addPaceOptions(command);
  addProgressOptions(command);
  addExamples(command, [
    ["cqlduck count shop.orders", "the number on stdout, progress on stderr"],
    ["cqlduck count shop.orders -q --consistency ALL", "with every replica asked, and nothing but the number"],
  ]);
  command.action((source: string) => action(source, command));
}

/** Runs a count as the command says, and prints the number. */
export async function runCount(session: Session, source: string, command: Command): Promise<void> {
  const { world } = session;
  const { readSettings, warnUnverified } = await import("./settings.ts");
  readSettings(session, command);
  const { readCountRequest } = await import("./validate.ts");
  const { findPassword } = await import("./password.ts");
  const request = readCountRequest(source, command);
  session.again = commandAgain(world.argv);
  const { connection } = request.options;
  warnUnverified(session, command, connection.tls);
  const password = await findPassword(session, connection.username, request.passwordFile);
  await running(session, request, { command: "count", source }, async (signal, display) => {
    const { countRows } = await world.loadCount();
    const { onEvent } = display;
    const report = await countRows({ ...request.options, connection: { ...connection, password }, signal, onEvent });
    display.stop();
    await writeResult(world, `${request.json ? JSON.stringify(report) : report.rows}\n`);
    return report;
  });
}
