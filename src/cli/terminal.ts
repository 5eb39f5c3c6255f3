/*
 * Owns stderr: finished lines, and below them at most one line that is redrawn in place. Each change is a single write,
 * so that nothing flickers, and the cursor is hidden only while that line stands.
 */
import type { Writable } from "node:stream";
import { $, dim, red } from "kleur/colors";

/** stdout or stderr. */
export type Output = Writable & { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined };

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const ERASE_LINE = "\x1b[2K";
const ERASE_REST = "\x1b[K";

export class Terminal {
  readonly #output: Output;
  readonly #colors: boolean;
  /** A line can be redrawn here: a terminal that knows how to go back. */
  readonly interactive: boolean;
  #live = "";

  constructor(output: Output, env: Readonly<Record<string, string | undefined>>) {
    this.#output = output;
    this.interactive = output.isTTY === true && env.TERM !== "dumb";
    this.#colors = this.interactive && !env.NO_COLOR;
  }

  get width(): number {
    // Some pseudo terminals say 0.
    return this.#output.columns || 80;
  }

  /** Prints a line for good, above the live one. */
  line(text: string): void {
    this.#output.write(this.#live === "" ? `${text}\n` : `\r${ERASE_LINE}${text}\n${this.#fitting(this.#live)}`);
  }

  /** Puts `text` in place of the live line, cut to the width: a line that wraps couldn't be redrawn. */
  draw(text: string): void {
    const line = this.#fitting(text);
    if (line === this.#live) return;
    const cursor = this.#live === "" ? HIDE_CURSOR : "";
    this.#live = line;
    this.#output.write(`${cursor}\r${line}${ERASE_REST}`);
  }

  #fitting(text: string): string {
    return text.slice(0, Math.max(1, this.width - 1));
  }

  /** Removes the live line and gives the cursor back; safe to call at any time. */
  clear(): void {
    if (this.#live === "") return;
    this.#live = "";
    this.#output.write(`\r${ERASE_LINE}${SHOW_CURSOR}`);
  }

  /** Prints without ending the line: a question. */
  prompt(text: string): void {
    this.#output.write(text);
  }

  red(text: string): string {
    $.enabled = this.#colors;
    return red(text);
  }

  dim(text: string): string {
    $.enabled = this.#colors;
    return dim(text);
  }
}
