import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stepsOf } from '../../controller/rollout/steps.ts'
import { revisionOf } from '../../crds/revision.ts'
import type { Verb } from '../../crds/words.ts'
import { rollout, rolloutSpec, template } from '../../test/fixtures/rollout.ts'
import { judgeCommand, whatChanged } from './precondition.ts'
import { pendingCommand, type RolloutView, readRollout } from './rollout-view.ts'

const target = revisionOf(template())

function view(status: object, annotations: Record<string, string> = {}): RolloutView {
  return readRollout({ ...rollout({ metadata: { annotations } }), status })
}

const trial = { canary: { revision: 'c' }, stable: { revision: 's' }, step: 1, progress: '2/2' }
const progressing = view({ phase: 'Progressing', ...trial })
const paused = view({ phase: 'Paused', ...trial })
const stable = view({ phase: 'Stable', stable: { revision: target } })
const aborted = view({
  phase: 'Aborted',
  canary: { revision: target },
  stable: { revision: 's' },
  quarantine: [{ revision: target }],
  blockedBy: { message: 'Git asks for it' },
})

const allowed: readonly [Verb, string, RolloutView, object][] = [
  ['promote', 'Progressing', progressing, { revision: 'c', step: 1 }],
  ['promote', 'Paused', paused, { revision: 'c', step: 1 }],
  ['resume', 'Paused', paused, { revision: 'c', step: 1 }],
  ['pause', 'Progressing', progressing, { revision: 'c' }],
  ['abort', 'Progressing', progressing, { revision: 'c' }],
  ['abort', 'Paused', paused, { revision: 'c' }],
  ['retry', 'Aborted', aborted, { revision: target }],
]
for (const [verb, phase, rollout, command] of allowed) {
  test(`${verb} on ${phase} is for ${JSON.stringify(Object.keys(command))}`, () => {
    assert.deepEqual(judgeCommand(verb, rollout), { kind: 'allowed', ...command })
  })
}

const serves = `it is Stable: revision ${target} serves all traffic and none is under trial`
const refused: readonly [Verb, RolloutView, string][] = [
  ['promote', stable, serves],
  ['abort', stable, serves],
  ['promote', aborted, `it is Aborted: revision ${target} has lost its traffic; Git asks for it`],
  ['pause', paused, 'it is paused already, at step 2/2 (revision c)'],
  ['resume', progressing, 'it is not paused, it is at step 2/2 (revision c)'],
  ['retry', progressing, 'it is Progressing at step 2/2 (revision c)'],
  ['retry', stable, `the spec asks for revision ${target}, which is stable already`],
  [
    'retry',
    view({ phase: 'Stable', stable: { revision: 's' } }),
    `the spec asks for revision ${target}, which has not failed`,
  ],
  ['abort', view({}), 'the controller has not looked at it yet'],
]
for (const [verb, rollout, why] of refused) {
  test(`${verb} is refused: ${why}`, () => {
    const because = `cannot ${verb} checkout: ${why}`
    assert.deepEqual(judgeCommand(verb, rollout), { kind: 'refused', because })
  })
}

const later = view({ phase: 'Progressing', ...trial, step: 2, progress: '3/3' })
const other = view({ phase: 'Progressing', ...trial, canary: { revision: 'd' } })
const changes: readonly [Verb, RolloutView, RolloutView, string | null][] = [
  ['promote', progressing, progressing, null],
  ['promote', progressing, later, 'it is at step 3/3 (revision c) now'],
  ['promote', progressing, paused, 'it is Paused at step 2/2 (revision c)'],
  ['promote', progressing, other, 'revision d is under trial now, not c'],
  ['promote', progressing, stable, serves],
  ['abort', progressing, later, null],
  ['abort', progressing, paused, null],
  ['abort', progressing, other, 'revision d is under trial now, not c'],
  ['pause', progressing, later, null],
]
for (const [verb, seen, now, change] of changes) {
  test(`${verb} meets a write of others: ${change ?? 'nothing that matters'}`, () => {
    assert.equal(whatChanged(verb, seen, now), change)
  })
}

test('a command is pending until its identity was consumed', () => {
  const annotations = { 'sluice.dev/promote': '{"id":"1","by":"ann","revision":"c","step":1}' }
  const consumed = view({ commands: { promote: '1' } }, annotations)
  assert.deepEqual(pendingCommand(view({}, annotations), 'promote'), {
    by: 'ann',
    isFull: false,
    revision: 'c',
    step: 1,
  })
  assert.equal(pendingCommand(consumed, 'promote'), null)
  assert.equal(pendingCommand(view({}, { 'sluice.dev/promote': '{' }), 'promote'), null)
})

const blueGreen = { canary: undefined, blueGreen: { hold: '5m', approval: true } }
for (const [strategy, over] of Object.entries({ canary: {}, blueGreen })) {
  test(`steps of ${strategy} are those of the controller`, () => {
    assert.deepEqual(readRollout({ spec: rolloutSpec(over) }).steps, stepsOf(rolloutSpec(over)))
  })
}

test('what does not fit a Rollout is absent, not an error', () => {
  const odd = { metadata: 1, spec: { canary: { steps: 'x' } }, status: { phase: 'Odd', step: 'x' } }
  assert.equal(readRollout(odd).phase, undefined)
  assert.deepEqual(readRollout(null).steps, [])
})
