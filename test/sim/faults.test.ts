import assert from 'node:assert/strict'
import { it } from 'node:test'
import { faults, notModelled } from './faults.ts'

/** Families of faults and how many each has; those of Git are written G1f, to tell them from rules. */
const families = { K: 12, C: 6, G: 11, P: 11, X: 6, W: 6, O: 5, U: 2 }

it('every fault of the list is modelled, or it is said what holds it instead', () => {
  const known = new Set<string>([...faults.map(({ id }) => id), ...Object.keys(notModelled)])
  const missing = Object.entries(families).flatMap(([family, count]) =>
    Array.from({ length: count }, (_, i) => `${family}${i + 1}${family === 'G' ? 'f' : ''}`),
  )
  assert.deepEqual(
    missing.filter((id) => !known.has(id)),
    [],
  )
})
