// A seed in, reproducible numbers out. Numbers depend on where they are asked for, never on how many were
// asked for before, so that one choice more does not shift all others.

/** Mixes integers into 32 well-spread bits. */
export function mix(a: number, b: number, c = 0): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35)
  h ^= Math.imul(c ^ 0x165667b1, 0x27d4eb2f)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** In [0, 1). */
export const unitOf = (bits: number): number => bits / 4_294_967_296

export interface Stream {
  /** In [0, 1). */
  unit(): number
  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number
  pick<T>(items: readonly T[]): T
  chance(rate: number): boolean
}

/** One stream of numbers per purpose. */
export function streamOf(seed: number, purpose: number): Stream {
  let state = mix(seed, purpose, 77)
  const unit = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return unitOf((t ^ (t >>> 14)) >>> 0)
  }
  const whole = (least: number, most: number) => least + Math.floor(unit() * (most - least + 1))
  return {
    unit,
    whole,
    pick: <T>(items: readonly T[]): T => {
      const found = items[whole(0, items.length - 1)]
      if (found === undefined) throw new Error('nothing to pick from')
      return found
    },
    chance: (rate) => unit() < rate,
  }
}
