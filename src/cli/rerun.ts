/*
 * Owns the command a user copies to go on: what was typed, quoted for a shell. No option takes a password, and the URL
 * of --webhook, which may be a secret, is left out: what is printed here ends up in logs.
 */

/** The command as typed, with the flag `add` where it isn't there yet, and without the flag `drop`. */
export function commandAgain(argv: readonly string[], add?: string, drop?: string): string {
  const end = argv.indexOf("--");
  const options = withoutWebhook(end < 0 ? argv : argv.slice(0, end)).filter((word) => word !== drop);
  // Behind `--` it would be an argument.
  const rest = end < 0 ? [] : argv.slice(end);
  const added = add && !options.includes(add) ? [add] : [];
  return ["cqlduck", ...options, ...added, ...rest].map(shellQuote).join(" ");
}

function withoutWebhook(words: readonly string[]): string[] {
  return words.filter(
    (word, i) => word !== "--webhook" && words[i - 1] !== "--webhook" && !word.startsWith("--webhook="),
  );
}

function shellQuote(word: string): string {
  return /^[\w/.:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
