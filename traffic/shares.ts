// Weights in percent in, whole shares of any total out, and back.
import { isEqual } from '../crds/weights.ts'
import { Refused, type Weights } from './router.ts'

/**
 * Whole shares that sum to `total`, by largest remainder. A weight above 0 gets at least 1, so that no
 * canary is under trial without a request. Throws `Refused` when the total is too small for that.
 */
export function apportion(weights: Weights, total: number): Weights {
  const sum = Object.values(weights).reduce((all, weight) => all + weight, 0)
  const exact = Object.entries(weights).map(([key, weight]) => ({
    key,
    share: sum === 0 ? 0 : (weight * total) / sum,
  }))
  const positive = exact.filter(({ share }) => share > 0)
  if (positive.length > total) {
    throw new Refused(
      `a share of ${total} is too small for ${positive.length} revisions: give this host a larger weight`,
    )
  }
  const shares: Record<string, number> = Object.fromEntries(
    exact.map(({ key, share }) => [key, share > 0 ? Math.max(1, Math.floor(share)) : 0]),
  )
  const order = positive.toSorted((a, b) => (b.share % 1) - (a.share % 1))
  let left = total - Object.values(shares).reduce((all, share) => all + share, 0)
  for (let i = 0; left > 0 && order.length > 0; i += 1, left -= 1) {
    const key = order[i % order.length]?.key ?? ''
    shares[key] = (shares[key] ?? 0) + 1
  }
  for (; left < 0; left += 1) {
    const [largest = ''] = Object.keys(shares).toSorted(
      (a, b) => (shares[b] ?? 0) - (shares[a] ?? 0),
    )
    shares[largest] = (shares[largest] ?? 0) - 1
  }
  return shares
}

/** What shares say in percent. Where they are those of `written`, exactly that: rounding loses nothing. */
export function percents(shares: Weights, written: Weights | null): Weights {
  const total = Object.values(shares).reduce((all, share) => all + share, 0)
  if (total === 0) return shares
  const isWritten = written !== null && isEqual(shares, safely(written, total))
  return isWritten ? written : safely(shares, 100)
}

function safely(weights: Weights, total: number): Weights {
  const positive = Object.values(weights).filter((weight) => weight > 0).length
  return positive > total ? weights : apportion(weights, total)
}
