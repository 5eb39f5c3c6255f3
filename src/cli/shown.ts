/*
 * Owns what is said of the output of any command that takes its time: where it goes, and what it is called there.
 */
import type { MetricsTarget, ProgressForm } from "./values.ts";

/** What the user said of the output of any command. */
export interface Shown {
  readonly progress: ProgressForm;
  readonly quiet: boolean;
  readonly json: boolean;
  /** The file that says how it ended. */
  readonly report?: string | undefined;
  readonly metrics?: MetricsTarget | undefined;
  readonly webhook?: URL | undefined;
}

/** What is run, as those elsewhere know it by: the command and its arguments as typed. */
export interface Subject {
  readonly command: string;
  readonly source?: string;
  readonly destination?: string;
  readonly job?: string;
}
