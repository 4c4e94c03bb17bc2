// A seed in, random numbers of the usual families out: the same seed gives the same numbers anywhere.

export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number
  normal(): number
  poisson(mean: number): number
  binomial(n: number, p: number): number
  /** Failures before `successes` successes of chance `p`. */
  negativeBinomial(successes: number, p: number): number
}

export function createRandom(seed: number): Random {
  let state = seed | 0
  let spare: number | null = null
  const uniform = () => {
    // Weyl sequence through a 32-bit mixer.
    state = (state + 0x9e3779b9) | 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return ((z ^ (z >>> 15)) >>> 0) / 4_294_967_296
  }
  const normal = () => {
    if (spare !== null) {
      const value = spare
      spare = null
      return value
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()))
    const angle = 2 * Math.PI * uniform()
    spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
  const poisson = (mean: number): number => {
    if (mean <= 0) return 0
    if (mean > 30)
      return rejected(uniform, mean + 0.5, mean, (k) => k * Math.log(mean) - logFactorial(k))
    const end = Math.exp(-mean)
    let count = 0
    for (let product = uniform(); product > end; product *= uniform()) count += 1
    return count
  }
  const binomial = (n: number, p: number): number => {
    if (n <= 0 || p <= 0) return 0
    if (p >= 1) return n
    if (p > 0.5) return n - binomial(n, 1 - p)
    const mean = n * p
    if (mean > 15) {
      const odds = Math.log(p / (1 - p))
      const logWeight = (k: number) =>
        k > n ? Number.NEGATIVE_INFINITY : k * odds - logFactorial(k) - logFactorial(n - k)
      return rejected(uniform, mean + 0.5, mean * (1 - p), logWeight)
    }
    // Waiting times between successes: as many steps as there are successes.
    const log = Math.log1p(-p)
    let count = 0
    for (let at = skip(uniform, log); at < n; at += 1 + skip(uniform, log)) count += 1
    return count
  }
  const negativeBinomial = (successes: number, p: number): number => {
    const log = Math.log1p(-p)
    let failures = 0
    for (let i = 0; i < successes; i += 1) failures += skip(uniform, log)
    return failures
  }
  return { uniform, normal, poisson, binomial, negativeBinomial }
}

/** Failures before the next success. */
function skip(uniform: () => number, logFailure: number): number {
  return Math.floor(Math.log(1 - uniform()) / logFailure)
}

/** Ratio of uniforms with a table-mountain hat, for one-humped whole numbers. */
function rejected(
  uniform: () => number,
  centre: number,
  variance: number,
  logWeight: (k: number) => number,
): number {
  const width = Math.sqrt((2 / Math.E) * (variance + 0.5)) + 0.898_916_162_058_898_8
  const peak = logWeight(Math.floor(centre))
  for (;;) {
    const u = uniform()
    if (u === 0) continue
    const k = Math.floor(centre + (width * 2 * (uniform() - 0.5)) / u)
    if (k < 0) continue
    const log = logWeight(k) - peak
    if (2 * Math.log(u) <= log) return k
  }
}

const factorials = (() => {
  const table = new Float64Array(1_024)
  for (let i = 2; i < table.length; i += 1) table[i] = (table[i - 1] ?? 0) + Math.log(i)
  return table
})()

function logFactorial(n: number): number {
  if (n < factorials.length) return factorials[n] ?? 0
  const inverse = 1 / n
  return (
    (n + 0.5) * Math.log(n) - n + 0.918_938_533_204_672_7 + inverse * (1 / 12 - inverse ** 2 / 360)
  )
}
