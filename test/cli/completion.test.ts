import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describedProgram } from "../../scripts/reference/page.ts";
import { wordsOf } from "../../src/cli/completionwords.ts";
import { cqlduck } from "./world.ts";

const commands = wordsOf(describedProgram());
const names = commands.slice(1).map(({ name }) => name);
const optionsOf = (name: string) =>
  commands.find((command) => command.name === name)!.options.flatMap((option) => option.names);
const CODECS = ["snappy", "zstd", "gzip", "brotli", "lz4", "none"];
const FILES = ["data.parquet", "with space.txt"];

const directory = mkdtempSync(join(tmpdir(), "cqlduck-completion-"));
const script = (shell: string) => join(directory, "scripts", shell);
const files = join(directory, "files");

beforeAll(async () => {
  spawnSync("mkdir", [join(directory, "scripts"), files]);
  for (const name of FILES) writeFileSync(join(files, name), "");
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, stdout } = await cqlduck(["completion", shell]);
    expect(code).toBe(0);
    writeFileSync(script(shell), stdout.text);
  }
});
afterAll(() => rmSync(directory, { recursive: true }));

/** What each line before the cursor can be completed with. */
const CASES: [line: string, candidates: string[]][] = [
  ["", names],
  ["ex", ["export"]],
  ["help ", names],
  ["completion ", ["bash", "zsh", "fish"]],
  ["--v", ["--version"]],
  ["export --compr", ["--compression"]],
  ["export --", optionsOf("export").filter((name) => name.startsWith("--"))],
  ["export --compression ", CODECS],
  ["export ks.t out --compression z", ["zstd"]],
  ["export --compression=z", ["zstd"]],
  ["export --uuid ", ["text", "native"]],
  ["export --empty n", ["null"]],
  ["export --progress j", ["json"]],
  ["export --consistency LOCAL_", ["LOCAL_QUORUM", "LOCAL_ONE"]],
  // Behind an option's value the positions go on as before.
  ["export ", []],
  ["export -H ", []],
  ["export -H n1 ks.t d", ["data.parquet"]],
  ["export ks.t ", FILES],
  ["export --password-file ", FILES],
  ["export completion ", FILES],
];

/** Without the shell: printed reason, so that a run says what it left out. */
function missing(shell: string): boolean {
  if (spawnSync(shell, ["-c", "exit 0"]).status === 0) return false;
  console.error(`skipped: completion in ${shell}, which is not installed here`);
  return true;
}

function run(shell: string, args: readonly string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync(shell, args, {
    cwd: files,
    encoding: "utf8",
    timeout: 60_000,
    ...(input === undefined ? {} : { input }),
  });
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}

/** Sorted, and without the backslashes that a shell would insert. */
const sorted = (candidates: readonly string[]) =>
  candidates
    .filter((candidate) => candidate !== "")
    .map((candidate) => candidate.replaceAll("\\", ""))
    .toSorted();

describe.skipIf(missing("bash"))("in bash", () => {
  // As readline breaks a line, at blanks and at =.
  const wordsOfLine = (line: string) => `cqlduck ${line}`.split(/ |(?==)|(?<==)/);

  it.each(CASES)("cqlduck %s", (line, candidates) => {
    const complete = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); IFS=,; _cqlduck; printf "%s\\n" "\${COMPREPLY[@]}"`;
    const found = run("bash", ["--norc", "-c", complete, script("bash"), ...wordsOfLine(line)]).split("\n");
    expect(sorted(found)).toEqual(sorted(candidates));
  });

  it("takes an option and its value as one word where = breaks none", () => {
    const complete = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=2; _cqlduck; echo "\${COMPREPLY[*]}"`;
    expect(run("bash", ["--norc", "-c", complete, script("bash"), "cqlduck", "export", "--compression=z"])).toBe(
      "--compression=zstd\n",
    );
  });
});

/** Types each line into a zsh with a terminal of its own, and prints what its completion would offer. */
const ZSH = `
zmodload zsh/zpty || exit 1
zpty inner 'zsh -f -i'
zpty -w inner 'PS1=; stty columns 200; autoload -U compinit; compinit -u -D; source '$1'
compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)* ]]; then builtin compadd "$@"; return; fi
  local -a found; builtin compadd -A found "$@"; offered+=($found); builtin compadd "$@"
}
offer() { offered=(); _main_complete; print -rl -- $offered >$OUT.part; mv $OUT.part $OUT; compstate[insert]= compstate[list]=; }
zle -C offer complete-word offer; bindkey "^T" offer'
out=$2
shift 2
for line in "$@"; do
  rm -f $out
  zpty -w inner "rm -f $out; OUT=$out; : >$out.ready"
  while [[ ! -e $out.ready ]]; do zselect -t 5 2>/dev/null || sleep 0.05; done
  rm $out.ready
  zpty -w -n inner "$line"$'\\x14'
  for i in {1..100}; do [[ -e $out ]] && break; sleep 0.05; done
  print -r -- \${(F)\${(f)"$(<$out)"}}
  print -r -- "--"
  zpty -w -n inner $'\\x15'
done
zpty -d inner
`;

describe.skipIf(missing("zsh"))("in zsh", () => {
  let found: string[][];
  beforeAll(() => {
    const lines = CASES.map(([line]) => `cqlduck ${line}`);
    const answers = run("zsh", ["-f", "-c", ZSH, "zsh", script("zsh"), join(directory, "offered"), ...lines]);
    found = answers.split("--\n").map((answer) => answer.split("\n"));
  }, 60_000);

  it.each(CASES.map(([line, candidates], i) => [line, candidates, i] as const))("cqlduck %s", (_, candidates, i) => {
    expect(sorted(found[i]!)).toEqual(sorted(candidates));
  });
});

describe.skipIf(missing("fish"))("in fish", () => {
  it.each(CASES)("cqlduck %s", (line, candidates) => {
    const complete = `source ${script("fish")}; complete -C ${JSON.stringify(`cqlduck ${line}`)}`;
    const found = run("fish", ["--no-config", "-c", complete]).split("\n");
    // Each with its description behind a tab; after = with the option before it.
    const words = found.map((candidate) => candidate.split("\t")[0]!.replace(/^--\w+=/, ""));
    expect(sorted(words)).toEqual(sorted(candidates));
  });
});

it("knows three shells", async () => {
  const { code, stderr } = await cqlduck(["completion", "fisch"]);
  expect(code).toBe(2);
  expect(stderr.lines).toEqual(['error: "fisch" is none of bash, zsh, fish', "hint: did you mean fish?"]);
});
