import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { describedProgram } from "../../scripts/reference/page.ts";
import { envName, examplesOf } from "../../src/cli/options.ts";
import { VERSION } from "../../src/version.ts";
import { cqlduck } from "./world.ts";

const program = describedProgram();
const commands: [string, Command][] = [program, ...program.commands].map((command) => [command.name(), command]);

describe.each(commands)("the help of %s", (name, command) => {
  it("describes the command, its arguments and its options", () => {
    expect(command.description()).not.toBe("");
    for (const argument of command.registeredArguments) expect(argument.description).not.toBe("");
    for (const option of command.options) {
      expect(option.description, option.flags).not.toBe("");
      expect(option.helpGroupHeading, option.flags).toMatch(
        /^(Connection|Output|Source|Table|Rows|Writing|CSV|CSV and JSON|Reading|Progress|Other):$/,
      );
    }
  });

  it("ends with examples that are understood", async () => {
    expect(examplesOf(command).length).toBeGreaterThan(0);
    const { code, stdout } = await cqlduck(name === "cqlduck" ? ["--help"] : [name, "--help"]);
    expect(code).toBe(0);
    for (const [line, purpose] of examplesOf(command)) {
      expect(stdout.text).toContain(`# ${purpose}\n  ${line}\n`);
      // What stands behind > or | is the shell's.
      const words = (line.split(/ [>|] /)[0]?.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ""));
      // Of the stand-in for an import, rows are rejected.
      const expected = words[1] === "import" && !words.includes("--dry-run") ? 1 : 0;
      expect((await cqlduck(words.slice(1), { env: { CQLDUCK_PASSWORD: "x" } })).code, line).toBe(expected);
    }
  });

  it("gives each option a variable of its own", () => {
    const names = command.options.map(envName).filter((variable) => variable !== undefined);
    expect(new Set(names).size).toBe(names.length);
    for (const variable of names) expect(variable).toMatch(/^CQLDUCK_[A-Z_]+$/);
  });
});

describe("the program", () => {
  it("prints its version", async () => {
    for (const argv of [["--version"], ["export", "--version"]]) {
      expect((await cqlduck(argv)).stdout.text).toBe(`${VERSION}\n`);
    }
  });

  it("answers nothing typed with the help, as a usage error", async () => {
    const { code, stdout, stderr } = await cqlduck([]);
    expect(code).toBe(2);
    expect(stdout.text).toBe("");
    expect(stderr.text).toMatch(/^Usage: cqlduck <command>/);
  });

  it("has the contract's options and no others", async () => {
    const flags = commands.flatMap(([, command]) => command.options.map((option) => option.flags.split(" <")[0]));
    expect([...new Set(flags)].toSorted()).toEqual(
      [
        ["--version", "-H, --host", "--dc", "-u, --username", "--password-file", "--consistency", "--request-timeout"],
        ["--tls", "--tls-ca", "--tls-cert", "--tls-key", "--tls-no-verify"],
        ["--bundle", "--connection", "--config", "--cqlshrc"],
        [
          "--allow-masked",
          "--columns",
          "--where",
          "--writetime",
          "--ttl",
          "--writetime-suffix",
          "--ttl-suffix",
          "--compression",
          "--limit",
          "--format",
          "--header",
          "--no-header",
          "--delimiter",
          "--quote",
          "--escape",
          "--null",
          "--timestamp-format",
          "--pretty",
          "--type",
          "--uuid",
          "--empty",
          "--page-size",
          "--concurrency",
          "--pace",
          "--rate",
          "--chunk-size",
        ],
        ["--report", "--metrics", "--webhook"],
        [
          "--map",
          "--ignore-extra",
          "--create",
          "--primary-key",
          "--partition-filter",
          "--skip-rows",
          "--max-rows",
          "--mode",
          "--nulls",
        ],
        ["--timestamp", "--truncate-times", "--bad-rows", "--max-errors", "--batch-rows", "--job-dir"],
        ["--preserve", "--writetime-map", "--ttl-map"],
        [
          "--max-failed-ranges",
          "--max-retries",
          "--memory",
          "--resume",
          "--restart",
          "--overwrite",
          "--append",
          "--rows-per-file",
          "--row-group-rows",
          "--max-file-size",
          "--partition-by",
          "--sort-by",
          "--sql",
          "--dry-run",
          "--progress",
          "-q, --quiet",
          "--json",
          "--debug",
        ],
      ]
        .flat()
        .toSorted(),
    );
    expect((await cqlduck(["help", "export"])).stdout.text).toMatch(/--host[\s\S]*\(default: 127.0.0.1:9042\)/);
  });
});
