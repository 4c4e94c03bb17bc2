import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as full from '../../crds/parse.ts'
import { describeProblem } from '../../crds/problem.ts'
import { rollout } from '../../test/fixtures/rollout.ts'
import * as small from './parse.ts'

test('the bundle reads definitions as the controller does, in the same words', () => {
  const { status: _, ...good } = rollout()
  const head = { apiVersion: 'sluice.dev/v1alpha1', metadata: { name: 'web', namespace: 'shop' } }
  const template = { ...head, kind: 'AnalysisTemplate', spec: { checks: [] } }
  const rollouts = [small.parseRollout, full.parseRollout] as const
  const templates = [small.parseAnalysisTemplate, full.parseAnalysisTemplate] as const
  const rows: [typeof rollouts | typeof templates, unknown][] = [
    [rollouts, good],
    [rollouts, { ...good, spec: { ...good.spec, replica: 3 } }],
    [rollouts, { ...good, kind: 'Rolout' }],
    [rollouts, 'text'],
    [templates, template],
    [templates, { ...template, spec: { checks: [{ name: 'a', prometheus: {} }] } }],
  ]
  for (const [[bundled, usual], object] of rows) {
    const [ours, theirs] = [bundled(object), usual(object)]
    assert.equal(ours.ok, theirs.ok, JSON.stringify(object))
    if (ours.ok && theirs.ok) assert.deepEqual(ours.value, theirs.value)
    const said = (result: typeof ours) => (result.ok ? [] : result.problems)
    assert.deepEqual(said(ours).map(describeProblem), said(theirs).map(describeProblem))
    assert.deepEqual(
      said(ours).map(({ path }) => path),
      said(theirs).map(({ path }) => path),
    )
  }
})
