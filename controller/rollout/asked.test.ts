import assert from 'node:assert/strict'
import { test } from 'node:test'
import { revisionOf } from '../../crds/revision.ts'
import { RolloutStatus } from '../../crds/rollout-status.ts'
import { type Asked, askedBy, type FollowedConfig, type Source } from './asked.ts'

const template = { spec: { containers: [{ name: 'app', image: 'app:1' }] } }
const digest = (text: string) => ({ kind: 'ConfigMap', name: 'env', digest: text }) as const
const calm: FollowedConfig = { now: digest('a'), before: null, changedAt: 0 }
const changed: FollowedConfig = { now: digest('b'), before: digest('a'), changedAt: 10_000 }
const a = revisionOf(template, [digest('a')])
const b = revisionOf(template, [digest('b')])
const status = (of: object) => RolloutStatus.parse(of)
const stable = status({ phase: 'Stable', stable: { revision: a } })
const trial = status({ phase: 'Progressing', stable: { revision: 's' }, canary: { revision: a } })
const fresh = status({})
const missing = { reason: 'MissingKind', message: 'ConfigMap env is not there' } as const

const released = (revision: string): Asked => ({
  target: { revision },
  unread: null,
  wakeAt: null,
})
const rows: [string, Source | typeof missing, RolloutStatus, number, Asked][] = [
  ['a template', { template, config: [] }, fresh, 0, released(revisionOf(template))],
  ['configuration at rest', { template, config: [calm] }, fresh, 0, released(a)],
  [
    'configuration that has just changed',
    { template, config: [changed] },
    stable,
    11_000,
    { ...released(a), wakeAt: 12_000 },
  ],
  [
    'the same in a trial',
    { template, config: [changed] },
    trial,
    11_999,
    { ...released(a), wakeAt: 12_000 },
  ],
  [
    'configuration that changed before',
    { template, config: [changed] },
    stable,
    12_000,
    released(b),
  ],
  [
    'configuration and template that changed together',
    { template: { spec: {} }, config: [changed] },
    stable,
    11_000,
    released(revisionOf({ spec: {} }, [digest('b')])),
  ],
  ['the first configuration', { template, config: [changed] }, fresh, 11_000, released(b)],
  [
    'nothing readable at rest',
    missing,
    stable,
    0,
    { target: { revision: a }, unread: missing, wakeAt: null },
  ],
  [
    'nothing readable in a trial',
    missing,
    trial,
    0,
    { target: { revision: a }, unread: missing, wakeAt: null },
  ],
  [
    'nothing readable from the start',
    missing,
    fresh,
    0,
    { target: null, unread: missing, wakeAt: null },
  ],
  [
    'a template with defaults of a newer server',
    { template, config: [], kept: [{ revision: 'old', plain: revisionOf(template) }] },
    stable,
    0,
    released('old'),
  ],
]
for (const [name, source, given, now, asked] of rows) {
  test(`${name} asks for what was meant`, () => {
    assert.deepEqual(askedBy(source, { status: given, now }), asked)
  })
}

test('the commit that brought a release and its author are part of what is asked for', () => {
  const from = { commit: 'c0ffee', author: 'Ann' }
  const asked = askedBy({ template, config: [], ...from }, { status: fresh, now: 0 })
  assert.deepEqual(asked.target, { revision: revisionOf(template), ...from })
})
