// A seed in, the same numbers in [0, 1) out each time (mulberry32). Not for secrets.

export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

// No vowels and no 0, 1, 3: a name that reads as a word or as another one helps nobody.
const letters = 'bcdfghjklmnpqrstvwxz2456789'

export function randomSuffix(random: () => number): string {
  return Array.from({ length: 5 }, () => letters[Math.floor(random() * letters.length)]).join('')
}
