/*
 * Owns one run of the program, from what was typed to the exit code: every failure, commander's own and uncaught ones
 * included, ends here as one error line and a code out of the table in faults.ts.
 */
import { type Command, CommanderError } from "commander";
import { messageOf, UsageError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { runCompletion } from "./completion.ts";
import { runCount } from "./count.ts";
import { runExport } from "./export.ts";
import { EXIT_BUG, EXIT_DONE, EXIT_USAGE, exitCodeOf, printFault } from "./faults.ts";
import { runImport } from "./import.ts";
import { runInspect } from "./inspect.ts";
import { buildProgram } from "./program.ts";
import { runJobs, runResume } from "./resume.ts";
import { runSchema } from "./schema.ts";
import { Terminal } from "./terminal.ts";
import { type Session, type World, writeResult } from "./world.ts";

/** Runs the command that `world.argv` says. Never throws: the answer is the exit code. */
export async function run(world: World): Promise<number> {
  const terminal = new Terminal(world.stderr, world.env);
  const session: Session = {
    world,
    terminal,
    debug: wantsDebug(world),
    quiet: false,
    logins: [],
    again: undefined,
    code: EXIT_DONE,
  };
  // Without listeners a reader that goes away (`| head`) would be an uncaught error; writers see the error themselves.
  for (const output of [world.stdout, world.stderr]) output.on("error", () => undefined);
  const onCrash = (error: unknown) => {
    printFault(session, error);
    world.exit(EXIT_BUG);
  };
  const onExit = () => terminal.clear();
  world.process.on("uncaughtException", onCrash).on("unhandledRejection", onCrash).on("exit", onExit);
  try {
    return await dispatch(session);
  } catch (error) {
    printFault(session, error);
    return exitCodeOf(error);
  } finally {
    terminal.clear();
    world.process.off("uncaughtException", onCrash).off("unhandledRejection", onCrash).off("exit", onExit);
  }
}

async function dispatch(session: Session): Promise<number> {
  const { world, terminal } = session;
  let out = "";
  let err = "";
  const program = buildProgram(
    {
      completion: (shell, command) => runCompletion(session, shell, command),
      export: (source, destination, command) => runExport(session, source, destination, command),
      import: (names, command) => runImport(session, names, command),
      count: (source, command) => runCount(session, source, command),
      inspect: (name, command) => runInspect(session, name, command),
      schema: (name, command) => runSchema(session, name, command),
      resume: (job, command) => runResume(session, job, command),
      jobs: (job, command) => runJobs(session, job, command),
    },
    {
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      width: world.stdout.isTTY ? world.stdout.columns || 80 : 80,
    },
  );
  try {
    await program.parseAsync(world.argv, { from: "user" });
    return session.code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) {
      await writeResult(world, out);
      return EXIT_DONE;
    }
    // A command line without a command is answered with the help.
    if (err === "") throw usageErrorOf(error, program, world.argv);
    terminal.line(err.trimEnd());
    return EXIT_USAGE;
  }
}

/** What commander found wrong, as one message with one hint. */
function usageErrorOf(error: CommanderError, program: Command, argv: readonly string[]): UsageError {
  const message = messageOf(error).replace(/^error: /, "");
  const word = /'([^'=]*)/.exec(message)?.[1] ?? "";
  const command = program.commands.find((candidate) => argv.includes(candidate.name()));
  const from = command ? `cqlduck ${command.name()}` : "cqlduck";
  if (error.code === "commander.unknownCommand") {
    const meant = nearest(
      word,
      program.commands.map((candidate) => candidate.name()),
    );
    return new UsageError(message, { hint: meant ? `did you mean ${meant}?` : "cqlduck --help lists the commands" });
  }
  if (error.code === "commander.unknownOption") {
    const known = (command ?? program).options.flatMap((option) => (option.long ? [option.long] : []));
    // An option that is known and yet wasn't taken stands before the command.
    const meant = known.includes(word) ? undefined : nearest(word, known);
    const hint = meant ? `did you mean ${meant}?` : `${from} --help lists the options`;
    return new UsageError(message, {
      hint: known.includes(word) ? `options stand behind the command: ${from} ${word}` : hint,
    });
  }
  if (/rgument/.test(error.code) && command)
    return new UsageError(message, { hint: `usage: ${from} ${command.usage()}` });
  return new UsageError(message, { hint: `${from} --help shows how` });
}

/** Read before anything is parsed, since parsing may be what goes wrong. */
function wantsDebug(world: World): boolean {
  const end = world.argv.indexOf("--");
  const options = end < 0 ? world.argv : world.argv.slice(0, end);
  return options.includes("--debug") || /^(1|true|yes|on)$/i.test(world.env.CQLDUCK_DEBUG ?? "");
}
