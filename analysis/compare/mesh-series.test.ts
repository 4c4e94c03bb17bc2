// Rows of an answer in, the counters of an arm out: what is one counter, and what is not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metricTables } from '../metrics/tables.ts'
import { countersOf, rowsByArm } from './mesh-series.ts'

const arm = (revision: string) => {
  return { namespace: 'shop', rollout: 'checkout', service: 'checkout', revision }
}
const row = (destination: string, more: Readonly<Record<string, string>> = {}) => ({
  labels: {
    destination_canonical_revision: 'aaaaaaaaaa',
    destination_service_name: destination,
    destination_service_namespace: 'shop',
    response_code: '200',
    ...more,
  },
  samples: [{ atMs: 15_000, value: 5 }],
})
const arms = { canary: arm('aaaaaaaaaa'), stable: arm('bbbbbbbbbb') }
const counted = { table: metricTables.istio, by: 'callers', metric: 'errors' } as const
const keysOf = (...rows: readonly ReturnType<typeof row>[]) => {
  const counters = countersOf(rowsByArm(rows, counted.table.callers), arms, {
    ...counted,
    edgesSeconds: [],
  })
  return counters.map(({ key }) => key)
}

test('a caller of the Service and of that of the revision has two counters', () => {
  const keys = keysOf(row('checkout'), row('checkout-aaaaaaaaaa'), row('other'))
  assert.equal(new Set(keys).size, 2)
})

test('a counter is the same one whatever the order of its labels', () => {
  const { labels, samples } = row('checkout', { pod: 'a' })
  const turned = Object.fromEntries(Object.entries(labels).reverse())
  const [one, other] = [
    keysOf({ labels, samples }),
    keysOf({ labels: turned as typeof labels, samples }),
  ]
  assert.deepEqual(one, other)
})
