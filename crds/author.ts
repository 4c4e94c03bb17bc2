// The name of an author as Git or an annotation holds it in; the same as a status may store and a terminal may
// print it, out. No package is imported here.

/** Characters of the name of an author that are kept. */
export const authorLimit = 100

/** On one line, without characters that could rewrite a terminal or turn its text around; undefined when nothing is left. */
export function authorOf(name: string | undefined): string | undefined {
  const plain = (name ?? '')
    .slice(0, 1_024)
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, '')
    .trim()
  // Cut between characters, never within one.
  const kept = plain.slice(0, authorLimit).replace(/[\uD800-\uDBFF]$/, '')
  return kept.trimEnd() || undefined
}
