/*
 * Owns the names of directories that hold the rows of one value, as Hive has them: `column=value`, percent-encoded.
 */

/** Stands for NULL. */
export const NULL_WORD = "__HIVE_DEFAULT_PARTITION__";

/** What Hive encodes of names, and no more, since DuckDB does not decode them; readers leave out what begins with `_` or `.`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not stand in a path
const ENCODED = /^[_.]|[\u0000-\u001f\u007f"#%'*/:=?\\{}[\]^]/g;

/** A column's name as a directory's begins with it. */
export function encodedName(name: string): string {
  return name.replace(ENCODED, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}

/** The column of a directory `column=value` and the text of its value. */
export function valueOfDirectory(directory: string): [column: string, value: string | null] {
  const at = directory.indexOf("=");
  const value = directory.slice(at + 1);
  return [decoded(directory.slice(0, at)), value === NULL_WORD ? null : decoded(value)];
}

/** Directories of other origin may hold a plain percent sign. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
