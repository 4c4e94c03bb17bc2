// A mistyped word and the words there are in, those it was probably meant to be out.

const sampleLimit = 1_000

export function nearest(word: string, known: readonly string[], limit = 3): string[] {
  const most = Math.max(1, Math.floor(word.length / 3))
  return known
    .slice(0, sampleLimit)
    .map((candidate) => ({ candidate, edits: distance(word, candidate) }))
    .filter(({ candidate, edits }) => edits <= most || isPart(word, candidate))
    .sort((a, b) => a.edits - b.edits)
    .slice(0, limit)
    .map(({ candidate }) => candidate)
}

/** A question to append to a sentence; empty when nothing is near. */
export function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known)
  return near.length === 0 ? '' : `; did you mean ${near.map((name) => `"${name}"`).join(' or ')}?`
}

function isPart(word: string, candidate: string): boolean {
  return word.length >= 3 && (candidate.includes(word) || word.includes(candidate))
}

/** Insertions, deletions, replacements and swaps of neighbours that make one word of the other. */
function distance(from: string, to: string): number {
  let before: number[] = []
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const isEqual = from[i - 1] === to[j - 1]
      const isSwapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      const swapped = isSwapped ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY
      const replaced = (row[j - 1] ?? 0) + (isEqual ? 0 : 1)
      next.push(Math.min(replaced, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    before = row
    row = next
  }
  return row[to.length] ?? 0
}
