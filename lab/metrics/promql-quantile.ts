// Cumulative buckets in, a quantile out, by linear interpolation inside the bucket.

export interface Bucket {
  readonly edge: number
  readonly count: number
}

/** As Prometheus 2.42: NaN without an infinite bucket, without observations or with one bucket. */
export function bucketQuantile(quantile: number, unsorted: readonly Bucket[]): number {
  if (Number.isNaN(quantile)) return Number.NaN
  if (quantile < 0) return Number.NEGATIVE_INFINITY
  if (quantile > 1) return Number.POSITIVE_INFINITY
  const buckets = monotonic(unsorted)
  const last = buckets.at(-1)
  if (!last || last.edge !== Number.POSITIVE_INFINITY || buckets.length < 2) return Number.NaN
  const observations = last.count
  if (observations === 0 || Number.isNaN(observations)) return Number.NaN
  const rank = quantile * observations
  const finite = buckets.slice(0, -1)
  const found = finite.findIndex(({ count }) => count >= rank)
  const bucket = finite[found]
  if (!bucket) return finite.at(-1)?.edge ?? Number.NaN
  if (found === 0 && bucket.edge <= 0) return bucket.edge
  const below = finite[found - 1] ?? { edge: 0, count: 0 }
  return (
    below.edge + (bucket.edge - below.edge) * ((rank - below.count) / (bucket.count - below.count))
  )
}

/** Sorted, equal edges added up, and no count below the one before it. */
function monotonic(unsorted: readonly Bucket[]): Bucket[] {
  const buckets: { edge: number; count: number }[] = []
  for (const { edge, count } of unsorted.toSorted((a, b) => (a.edge < b.edge ? -1 : 1))) {
    const last = buckets.at(-1)
    if (last && last.edge === edge) last.count += count
    else buckets.push({ edge, count })
  }
  let most = Number.NEGATIVE_INFINITY
  return buckets.map(({ edge, count }) => {
    if (count > most) most = count
    return { edge, count: most }
  })
}
