/*
 * Owns "did you mean": the known name that a mistyped one is closest to. Strict on purpose, since a wrong suggestion
 * (`export` for `import`) is worse than none.
 */

/** The candidate that `word` is a typing mistake or the beginning of, if there is one. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const typed = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(typed.length / 4)) + 1;
  for (const candidate of candidates) {
    const known = candidate.toLowerCase();
    // The first letters of a longer name are an easy guess, better than two mistakes but worse than one.
    const distance = typed.length >= 3 && known.startsWith(typed) ? 1.5 : editDistance(typed, known);
    if (distance < bestDistance && distance < known.length) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours that make `a` into `b`. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1);
      row.push(least);
    }
    [before, above] = [above, row];
  }
  return above[b.length]!;
}
