// A seed in, chances out: the same ones for the same seed, so that a backtest says the same twice.

/** Numbers in [0, 1). */
export function chances(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** How many of so many tries succeed; by the normal distribution where counts are large. */
export function binomial(tries: number, share: number, chance: () => number): number {
  const whole = Math.max(0, Math.round(tries))
  const mean = whole * share
  if (mean > 30) {
    const spread = Math.sqrt(mean * (1 - share))
    const normal =
      Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance()) * spread
    return Math.min(whole, Math.max(0, Math.round(mean + normal)))
  }
  // Gaps between successes are geometric: as many draws as there are successes.
  let found = 0
  const step = Math.log1p(-Math.min(share, 1 - 1e-12))
  if (step === 0) return 0
  for (
    let at = Math.log(1 - chance()) / step;
    at < whole;
    at += 1 + Math.log(1 - chance()) / step
  ) {
    found += 1
  }
  return Math.min(found, whole)
}
