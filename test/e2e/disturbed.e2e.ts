// What people do in the middle of a rollout: a newer commit, an edit of the route, a deletion.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNotFound } from '../../kube/api.ts'
import { replicaSets, rollouts, virtualServices } from '../../kube/resources.ts'
import { beginWith, isPromoted, trialOf, tryOut } from './plot.ts'
import { path, rolloutText } from './rollout-text.ts'
import { setStage } from './stage.ts'

test('a newer commit takes the place of the one on trial, and is promoted from its first step', async (t) => {
  const stage = await setStage(t, 'e2e-supersede')
  const { observer, load } = stage
  await stage.controller('one')
  await beginWith(stage, 'v1')
  const from = Date.now()
  const second = await tryOut(stage, { version: 'v2' })
  await observer.until('v2 has a quarter', () => observer.weights()[second] === 25)
  const third = await tryOut(stage, { version: 'v3' })
  await observer.until('v3 is promoted', () => isPromoted(observer, third))
  const outcome = observer.status()?.history?.find(({ revision }) => revision === second)?.outcome
  assert.equal(outcome, 'Superseded')
  const given = observer.routes.map(({ weights }) => weights[third] ?? 0)
  assert.equal(
    given.find((weight) => weight > 0),
    5,
  )
  assert.equal(load.since(from).failed, 0)
})

test('weights that somebody else writes into the route are put right, and it is told', async (t) => {
  const stage = await setStage(t, 'e2e-edit')
  const { observer, api, namespace } = stage
  await stage.controller('one')
  await beginWith(stage, 'v1')
  const revision = await tryOut(stage, { version: 'v2', weights: [5, 50, 100] })
  await observer.until('step 1 is live', () => observer.weights()[revision] === 5)
  const key = { namespace, name: 'checkout' }
  const route = await api.get(virtualServices, key)
  const http: { route: { weight: number }[] }[] = structuredClone(route['spec'].http)
  for (const rule of http) for (const part of rule.route) part.weight = 100 - part.weight
  await api.replace(virtualServices, { ...route, spec: { ...route['spec'], http } })
  const editedAt = await observer.until(
    'the edit is seen',
    () => observer.routes.find(({ weights }) => weights[revision] === 95)?.at,
  )
  const right = await observer.until('it is put right', () =>
    observer.routes.find(({ at, weights }) => at >= editedAt && weights[revision] === 5),
  )
  t.diagnostic(`put right ${right.at - editedAt} ms after it was seen`)
  await observer.until('v2 is promoted', () => isPromoted(observer, revision))
})

test('a Rollout that is deleted in the middle leaves neither pods nor an unready fleet behind', async (t) => {
  const stage = await setStage(t, 'e2e-delete')
  const { observer, api, namespace } = stage
  await stage.controller('one')
  await beginWith(stage, 'v1')
  const revision = await tryOut(stage, { version: 'v2' })
  await observer.until('v2 has traffic', () => (observer.weights()[revision] ?? 0) > 0)
  await stage.repository.commit('checkout: away with it', { [path]: '# nothing here any more\n' })
  await api.delete(rollouts, { namespace, name: 'checkout' })
  await untilEmpty(async () => (await api.list(replicaSets, { namespace })).items.length)
  const isGone = await api.get(rollouts, { namespace, name: 'checkout' }).then(
    () => false,
    (error: unknown) => isNotFound(error),
  )
  assert.ok(isGone)
})

async function untilEmpty(count: () => Promise<number>): Promise<void> {
  const deadlineAtMs = Date.now() + 60_000
  while ((await count()) > 0) {
    assert.ok(Date.now() < deadlineAtMs, 'fleets are still there after 60 s')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

test("a command in a file of Git is nobody's command, and does not reach the cluster", async (t) => {
  const stage = await setStage(t, 'e2e-command-in-git')
  const { observer, api, namespace, repository } = stage
  await stage.controller('one')
  await beginWith(stage, 'v1')
  const said = JSON.stringify({ id: 'c1', by: 'grace', at: new Date().toISOString() })
  const text = rolloutText({ namespace, version: 'v2', weights: [50, 100] })
  const marked = text.replace(
    /^ {2}name: checkout$/m,
    `$&\n  annotations: { sluice.dev/pause: '${said}', team: payments }`,
  )
  const commit = await repository.commit('checkout: v2, paused by a file', { [path]: marked })
  const revision = await trialOf(observer, commit)
  await observer.until('v2 is promoted', () => isPromoted(observer, revision))
  const { annotations } = (await api.get(rollouts, { namespace, name: 'checkout' })).metadata
  assert.equal(annotations?.['team'], 'payments')
  assert.equal(annotations?.['sluice.dev/pause'], undefined)
  assert.ok(observer.statuses.every(({ status }) => status.phase !== 'Paused'))
})
