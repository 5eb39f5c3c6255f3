/*
 * Owns `cqlduck completion`: prints a script that completes what completionwords.ts finds, for the shell that is named.
 */
import type { Command } from "commander";
import { SHELLS, wordsOf } from "./completionwords.ts";
import { addExamples } from "./options.ts";
import { choice } from "./values.ts";
import { type Session, writeResult } from "./world.ts";

/** What stands behind `completion`. */
export type CompletionAction = (shell: string, command: Command) => Promise<void>;

/** Describes `completion` on an empty command. */
export function defineCompletion(command: Command, action: CompletionAction): void {
  command
    .summary("a script that completes commands and options in your shell")
    .description("Prints a script for your shell, which then completes commands, options, their values and paths.")
    .argument("<shell>", `the shell: ${SHELLS.join(", ")}`);
  addExamples(command, [
    ["cqlduck completion bash", "for bash: put `source <(cqlduck completion bash)` into ~/.bashrc"],
    ["cqlduck completion zsh", "for zsh: put `source <(cqlduck completion zsh)` into ~/.zshrc, below compinit"],
    ["cqlduck completion fish", "for fish: put `cqlduck completion fish | source` into ~/.config/fish/config.fish"],
  ]);
  for (const argument of command.registeredArguments) argument.argChoices = [...SHELLS];
  command.action((shell: string) => action(shell, command));
}

/** Prints the script for a shell. */
export async function runCompletion(session: Session, shell: string, command: Command): Promise<void> {
  const { completionScript } = await import("./completionscripts.ts");
  await writeResult(session.world, completionScript(choice(SHELLS)(shell), wordsOf(command.parent ?? command)));
}
