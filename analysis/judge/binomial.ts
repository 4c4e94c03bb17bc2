// Counts in, a tail probability out: how surprising so many failures are if the bound were just met.

/**
 * P(X >= failed) for X ~ Binomial(total, rate) = Σ_{i >= failed} C(n,i) p^i (1-p)^(n-i), rounded up.
 * The first term is taken in log space, so that it neither overflows nor loses a tiny tail; each next
 * term follows from t(i+1) = t(i) · (n-i)/(i+1) · p/(1-p), which falls once i > np. Whatever is cut off
 * is bounded by its geometric series and added. At or below the mean the answer is 1.
 */
export function upperTail(counts: { failed: number; total: number }, rate: number): number {
  const { failed, total } = counts
  if (failed <= 0 || failed <= total * rate) return 1
  if (rate <= 0) return 0
  const odds = rate / (1 - rate)
  let ratio = 1
  let sum = 1
  let next = ((total - failed) / (failed + 1)) * odds
  for (let i = failed; i < total && i < failed + maxTerms; i += 1) {
    next = ((total - i) / (i + 1)) * odds
    ratio *= next
    sum += ratio
    if (ratio < sum * 1e-16) break
  }
  const rest = next < 1 ? (ratio * next) / (1 - next) : ratio
  return Math.min(1, Math.exp(logProbability(failed, total, rate) + Math.log(sum + rest)))
}

const maxTerms = 100_000

function logProbability(failed: number, total: number, rate: number): number {
  return (
    logFactorial(total) -
    logFactorial(failed) -
    logFactorial(total - failed) +
    failed * Math.log(rate) +
    (total - failed) * Math.log1p(-rate)
  )
}

/** Stirling's series; exact sums below 32, where the series is not good to sixteen digits. */
function logFactorial(n: number): number {
  if (n < 32) {
    let sum = 0
    for (let i = 2; i <= n; i += 1) sum += Math.log(i)
    return sum
  }
  const inverse = 1 / n
  const square = inverse * inverse
  const correction = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
  return n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + correction
}
