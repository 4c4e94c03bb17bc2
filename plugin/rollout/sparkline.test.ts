import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Branch } from '../render.ts'
import { found, now, status } from '../run.fixture.ts'
import { readRollout } from './rollout-view.ts'
import { sparklines } from './sparkline.ts'
import { statusTree } from './status-tree.ts'

const rows: [string, number[][], string[]][] = [
  ['rises and falls', [[0, 1, 2, 7, 3]], ['▁▂▃█▄']],
  ['two revisions in one scale', [[99.9, 99.8, 95], [99.9]], ['██▁', '█']],
  ['what stays the same lies in the middle', [[5, 5]], ['▄▄']],
  ['numbers that are none are gaps', [[1, Number.NaN, 2]], ['▁ █']],
  ['nothing', [[]], ['']],
]
for (const [name, series, expected] of rows) {
  test(`a curve: ${name}`, () => assert.deepEqual(sparklines(series), expected))
}

test('status shows a curve for each revision once there are two values', () => {
  const [evidence] = status.evidence
  const trends = { trend: [99.9, 99.8, 95], stableTrend: [99.9, 99.9, 99.9] }
  const view = (more: object) =>
    statusTree(
      readRollout({ ...found, status: { ...status, evidence: [{ ...evidence, ...more }] } }),
      null,
      now,
    )
  const curves = ({ branches = [] }: Branch) =>
    branches
      .find(({ label }) => label === 'checks')
      ?.branches?.flatMap((check) => (check.branches ?? []).map(({ label, text }) => [label, text]))
  assert.deepEqual(curves(view(trends)), [
    ['canary', '██▁'],
    ['stable', '███'],
  ])
  assert.deepEqual(curves(view({ trend: [99.9] })), [])
})
