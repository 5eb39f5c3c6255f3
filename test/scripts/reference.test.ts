import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describedProgram, referencePage } from "../../scripts/reference/page.ts";
import { EXITS } from "../../src/cli/faults.ts";
import { envName, examplesOf } from "../../src/cli/options.ts";

const program = describedProgram();
const page = readFileSync(join(import.meta.dirname, "../../docs/reference.md"), "utf8");

it("docs/reference.md is what the commands say (npm run reference)", () => {
  expect(page).toBe(referencePage(program));
});

describe.each(program.commands.map((command) => [command.name(), command] as const))(
  "the page on %s",
  (name, command) => {
    const from = page.indexOf(`\n## cqlduck ${name}\n`);
    const section = page.slice(from, page.indexOf("\n## ", from + 1));

    it("has its help, its arguments and its examples", () => {
      expect(from).toBeGreaterThan(0);
      expect(command.summary()).not.toBe("");
      expect(section).toContain(command.description());
      expect(section).toContain(`cqlduck ${name} ${command.usage()}`);
      for (const argument of command.registeredArguments) expect(section).toContain(argument.description);
      expect(examplesOf(command).length).toBeGreaterThan(0);
      for (const [line] of examplesOf(command)) expect(section).toContain(`\n    ${line}\n`);
    });

    it("has every option with its variable", () => {
      for (const option of command.options) {
        const row = section
          .split("\n")
          .find((line) => line.startsWith(`| \`${option.flags.replaceAll("|", "\\|")}\` |`));
        expect(row, option.flags).toBeDefined();
        expect(row).toContain(`\`${envName(option)}\``);
        expect(option.description, option.flags).not.toBe("");
      }
    });
  },
);

it("the page has every exit code once", () => {
  const codes = EXITS.map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
  for (const code of codes) expect(page.match(new RegExp(`^\\| ${code} \\| \\w`, "gm"))).toHaveLength(1);
});
