/*
 * Owns what an export has to say at its end besides the counts: things noticed on the way, and the memory it took.
 */
import type { ColumnNotes } from "../base/column.ts";
import type { FileFormat } from "../formats/format.ts";

/** DuckDB's widest DECIMAL. */
const MAX_DECIMAL_DIGITS = 38;

/** What was noticed in each segment, by column. */
type SegmentNotes = readonly Readonly<Record<string, ColumnNotes>>[];

/** One line for each thing the user should know of the rows. */
export function noticesOf(segments: SegmentNotes, { hasDictionaries = false }: FileFormat): string[] {
  const lines: string[] = [];
  for (const [name, notes] of byColumn(segments)) {
    const sum = (of: "emptied" | "evolved") => notes.reduce((total, note) => total + note[of], 0);
    if (sum("emptied")) lines.push(`column ${name}: ${sum("emptied")} zero-length values became NULL`);
    if (sum("evolved"))
      lines.push(
        `column ${name}: ${sum("evolved")} values have fewer fields than their type has now; the missing ones are NULL`,
      );
  }
  const exact = segments.filter((notes) => Object.values(notes).some((note) => note.exactFloatBits)).length;
  if (exact && hasDictionaries)
    lines.push(
      `${exact} of ${segments.length} segments are written without dictionaries, to keep -0.0 and NaN bits: files are larger`,
    );
  return lines;
}

/** For each decimal and varint column with values, the narrowest DECIMAL(p,s) that holds them all, if DuckDB has one. */
export function decimalsOf(segments: SegmentNotes): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, notes] of byColumn(segments)) {
    const fraction = Math.max(...notes.map((note) => note.fractionDigits));
    const digits = fraction + Math.max(...notes.map((note) => note.integerDigits));
    if (digits === 0) continue;
    found[name] = digits <= MAX_DECIMAL_DIGITS ? `DECIMAL(${digits},${fraction})` : `none: ${digits} digits`;
  }
  return found;
}

function byColumn(segments: SegmentNotes): Map<string, ColumnNotes[]> {
  const columns = new Map<string, ColumnNotes[]>();
  for (const notes of segments) {
    for (const [name, note] of Object.entries(notes)) columns.set(name, [...(columns.get(name) ?? []), note]);
  }
  return columns;
}

/** The most memory that the process had at once, in bytes. */
export function peakMemory(): number {
  // Node, Bun and Deno's Node layer all give kilobytes, as getrusage does on Linux.
  return process.resourceUsage().maxRSS * 1024;
}
