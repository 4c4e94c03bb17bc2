// Logarithms in, the logarithm of the sum of what they stand for out, without overflow.

export function logAdd(a: number, b: number): number {
  const most = Math.max(a, b)
  const least = Math.min(a, b)
  if (least === Number.NEGATIVE_INFINITY) return most
  return most + Math.log1p(Math.exp(least - most))
}

export function logSum(values: readonly number[]): number {
  let most = Number.NEGATIVE_INFINITY
  for (const value of values) if (value > most) most = value
  if (most === Number.NEGATIVE_INFINITY) return most
  let sum = 0
  for (const value of values) sum += Math.exp(value - most)
  return most + Math.log(sum)
}
