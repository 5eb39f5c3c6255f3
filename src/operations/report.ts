/*
 * Owns what an export has to say at its end besides the counts: things noticed on the way, and the memory it took.
 */
import type { ColumnNotes } from "../base/column.ts";
import type { SourceColumn } from "./columns.ts";

/** DuckDB's widest DECIMAL. */
const MAX_DECIMAL_DIGITS = 38;

/** One line for each thing the user should know of the rows, from what the decoders noticed. */
export function noticesOf(columns: readonly SourceColumn[], notes: readonly ColumnNotes[]): string[] {
  const lines: string[] = [];
  columns.forEach(({ name }, i) => {
    const { emptied, evolved } = notes[i]!;
    if (emptied) lines.push(`column ${name}: ${emptied} zero-length values became NULL`);
    if (evolved)
      lines.push(
        `column ${name}: ${evolved} values have fewer fields than their type has now; the missing ones are NULL`,
      );
  });
  return lines;
}

/** For each decimal and varint column with values, the narrowest DECIMAL(p,s) that holds them all, as far as DuckDB has one. */
export function decimalsOf(columns: readonly SourceColumn[], notes: readonly ColumnNotes[]): Record<string, string> {
  const found: Record<string, string> = {};
  columns.forEach(({ name }, i) => {
    const { integerDigits, fractionDigits } = notes[i]!;
    const digits = integerDigits + fractionDigits;
    if (digits === 0) return;
    found[name] = digits <= MAX_DECIMAL_DIGITS ? `DECIMAL(${digits},${fractionDigits})` : `none: ${digits} digits`;
  });
  return found;
}

/** The most memory that the process had at once, in bytes. */
export function peakMemory(): number {
  // Node, Bun and Deno's Node layer all give kilobytes, as getrusage does on Linux.
  return process.resourceUsage().maxRSS * 1024;
}
