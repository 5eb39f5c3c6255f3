/*
 * Owns the command a user copies to go on: what was typed, quoted for a shell. No option takes a password, so there is
 * none in it.
 */

/** The command as typed, with `flag` added where it isn't there yet. */
export function commandAgain(argv: readonly string[], flag?: string): string {
  const words = [...argv];
  const end = words.indexOf("--");
  const options = end < 0 ? words : words.slice(0, end);
  // Behind `--` it would be an argument.
  if (flag && !options.includes(flag)) words.splice(options.length, 0, flag);
  return ["cqlduck", ...words].map(shellQuote).join(" ");
}

function shellQuote(word: string): string {
  return /^[\w/.:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
