import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeObject } from '../../kube/api.ts'
import { rolloutSpec } from '../../test/fixtures/rollout.ts'
import { istio } from '../../traffic/istio.ts'
import { createRouteWatch, type Reader, slimRoute } from './route-watch.ts'

const written = '2026-01-01T00:00:00.000Z'
const start = Date.parse(written)

const reference = {
  apiVersion: 'sluice.dev/v1alpha1',
  kind: 'Rollout',
  name: 'checkout',
  uid: 'u-1',
}
const reader: Reader = {
  rollout: 'shop/checkout',
  router: istio,
  at: { owner: { namespace: 'shop', name: 'checkout', reference }, spec: rolloutSpec({}) },
}

function route(over: { since?: string; decision?: string; weight?: number } = {}): KubeObject {
  const { since = written, decision = '1', weight = 5 } = over
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: {
      name: 'checkout',
      uid: 'u',
      annotations: { 'sluice.dev/weights-since': since, 'sluice.dev/decision': decision },
      managedFields: [
        { manager: 'sluice', time: '2026-01-01T00:00:00Z', fieldsV1: {} },
        { manager: 'argocd-controller', time: '2026-01-01T00:01:00Z', fieldsV1: {} },
      ],
    },
    spec: {
      http: [
        {
          name: 'sluice',
          route: [
            { destination: { subset: 'a' }, weight: 100 - weight },
            { destination: { subset: 'b' }, weight },
          ],
        },
      ],
    },
  }
}

describe('a route', () => {
  it('that landed late counts from when it was seen, not from its stamp', () => {
    let now = start + 4_000
    const watch = createRouteWatch(() => now)
    watch.listed()
    watch.changed(reader, route(), undefined)
    assert.equal(watch.seenAt(reader.rollout, route()), start + 4_000)
    now += 60_000
    watch.changed(reader, route({ decision: '2' }), route())
    assert.equal(
      watch.seenAt(reader.rollout, route()),
      start + 4_000,
      'a new decision does not move it',
    )
    watch.changed(reader, route({ since: new Date(now).toISOString() }), route())
    assert.equal(watch.seenAt(reader.rollout, route()), now, 'new weights do')
  })

  it('that was there before this process counts from its stamp and the longest flight of a write', () => {
    const watch = createRouteWatch(() => start + 3_600_000)
    watch.changed(reader, route(), undefined)
    assert.equal(watch.seenAt(reader.rollout, route()), start + 60_000)
    const early = createRouteWatch(() => start + 2_000)
    early.changed(reader, route(), undefined)
    assert.equal(early.seenAt(reader.rollout, route()), start + 2_000)
  })

  it('that somebody else changes is counted, with the name of who did', () => {
    let now = start
    const watch = createRouteWatch(() => now)
    const ours = slimRoute(route())
    const theirs = slimRoute(route({ weight: 50 }))
    watch.changed(reader, ours, undefined)
    watch.changed(reader, theirs, ours)
    watch.changed(reader, slimRoute(route({ decision: '2' })), theirs)
    assert.deepEqual(watch.contest(reader.rollout, ours), {
      edits: 1,
      lastAt: start,
      manager: 'argocd-controller',
    })
    now += 11 * 60_000
    assert.equal(watch.contest(reader.rollout, ours).edits, 0, 'and forgotten after a while')
  })

  it('that is gone leaves nothing behind', () => {
    const watch = createRouteWatch(() => start)
    watch.changed(reader, route(), undefined)
    watch.changed(reader, null, route())
    assert.equal(watch.seenAt(reader.rollout, route()), null)
  })
})
