/*
 * Owns the one process of judge.py that a test file has: it loads its readers once, and answers line by line. What is
 * compared, and with what, is for venv.ts to say.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

const JUDGE_TIMEOUT_MS = 300_000;

interface Waiting {
  answer(line: string): void;
  fail(reason: string): void;
}

class JudgeProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  /** Answers come in the order of the questions. */
  readonly #waiting: Waiting[] = [];
  #said = "";

  constructor(python: string) {
    // No __pycache__ beside the sources.
    this.#child = spawn(python, ["-B", join(import.meta.dirname, "judge.py")]);
    this.#child.stderr.on("data", (data) => {
      this.#said = `${this.#said}${data}`.slice(-4000);
    });
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#waiting.shift()?.answer(line));
    this.#child.on("error", ({ message }) => this.#end(message));
    this.#child.on("close", (code, signal) => this.#end(`ended with ${code ?? signal}: ${this.#said}`));
    this.#child.stdin.on("error", () => undefined); // it has ended, which is told there
    // The end of the tests ends its input, and so itself.
    this.#child.unref();
  }

  ask(args: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        fail(`no answer in ${JUDGE_TIMEOUT_MS / 1000} s`);
        this.#child.kill("SIGKILL");
      }, JUDGE_TIMEOUT_MS);
      const answer = (line: string) => {
        clearTimeout(timer);
        resolve(line);
      };
      const fail = (reason: string) => {
        clearTimeout(timer);
        reject(new Error(`judge.py ${args.join(" ")}: ${reason}`));
      };
      this.#waiting.push({ answer, fail });
      this.#child.stdin.write(`${JSON.stringify(args)}\n`);
    });
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined;
  }

  #end(reason: string): void {
    for (const { fail } of this.#waiting.splice(0)) fail(reason);
  }
}

let judging: JudgeProcess | undefined;

/** What judge.py answers to these arguments, as JSON. @throws Error if it ends, or takes too long */
export function askJudge(python: string, args: readonly string[]): Promise<string> {
  if (judging === undefined || judging.hasEnded) judging = new JudgeProcess(python);
  return judging.ask(args);
}
