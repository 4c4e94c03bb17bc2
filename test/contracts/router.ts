// The law of routers: a codec and objects of users in, a suite out. Every codec passes the same one.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { RolloutSpec } from '../../crds/rollout.ts'
import type { KubeObject } from '../../kube/api.ts'
import { applyJsonPatch } from '../../lab/apiserver/patch-json.ts'
import { patchOf } from '../../traffic/json-patch.ts'
import {
  type Aside,
  type Owner,
  Refused,
  type RouteChange,
  type Router,
  type Weights,
} from '../../traffic/router.ts'
import { assertUnclaimed } from '../../traffic/routers.ts'
import { destinations, isOursEntry, isReached, masked, rulesBeside } from './router-objects.ts'

export interface RouterCase {
  readonly name: string
  readonly router: Router
  readonly spec: RolloutSpec
  /** Objects as users keep them; null where the route is Sluice's own. */
  readonly users: fc.Arbitrary<KubeObject> | null
  /** What users add to the object that Sluice owns. */
  readonly touch?: (object: KubeObject) => KubeObject
  /** The Service whose traffic is split. */
  readonly apex: KubeObject
}

export const stable = 'aaaaaaaaaa'
export const canary = 'bbbbbbbbbb'
const now = Date.UTC(2026, 0, 1)

export function ownerOf(name: string, uid: string): Owner {
  const reference = { apiVersion: 'sluice.dev/v1alpha1', kind: 'Rollout', name, uid }
  return { namespace: 'shop', name, reference }
}

const owner = ownerOf('checkout', 'u-1')
const other = ownerOf('other', 'u-2')

const pairs: fc.Arbitrary<Weights> = fc.oneof(
  fc.constant({ [stable]: 100 }),
  fc.integer({ min: 0, max: 100 }).map((weight) => ({ [stable]: 100 - weight, [canary]: weight })),
)

export function routerContract(subject: RouterCase): void {
  const { router, spec } = subject
  const change = (weights: Weights, more: Partial<RouteChange> = {}): RouteChange => ({
    ...{ owner, spec, weights, decision: 3, now },
    ...more,
  })
  const at = { owner, spec }
  const render = (object: KubeObject | null, weights: Weights, more?: Partial<RouteChange>) =>
    wire(router.renderRoute(object, change(weights, more)))
  /** Objects as found before a write: of users, or ours with additions of users. */
  const found: fc.Arbitrary<KubeObject | null> =
    subject.users?.map(wire) ??
    fc.constantFrom(null, wire((subject.touch ?? ((x) => x))(render(null, { [stable]: 100 }))))
  const holds = (law: (object: KubeObject | null, weights: Weights) => void) =>
    fc.assert(fc.property(found, pairs, law), { seed: 7, numRuns: 60 })
  const isSplit = router.features.weights === 'exact'
  const isInPlace = router.ownership === 'in-place'
  const aside: Aside | undefined = router.features.match
    ? {
        revision: canary,
        match: { headers: { 'x-canary': { exact: 'yes' } }, cookie: { name: 'beta', value: '1' } },
        ...(router.features.mirror ? { mirrorPercent: 10 } : {}),
      }
    : undefined

  describe(`the router contract: ${subject.name}`, () => {
    it('gives back the weights that it was given, its decision and their time', () => {
      holds((object, weights) => {
        const { aside: _, ...read } = router.readRoute(render(object, weights), at)
        assert.deepEqual(read, { weights, decision: 3, since: now })
      })
    })

    it('reads nothing from a route that it never wrote', () => {
      const empty = { weights: {}, decision: 0, since: null, aside: null }
      assert.deepEqual(router.readRoute(null, at), empty)
      if (isInPlace) holds((object) => assert.deepEqual(router.readRoute(object, at), empty))
    })

    it('writes the same again when nothing changed, whatever the time', () => {
      holds((object, weights) => {
        const more = { aside, now: now + 60_000 }
        const once = render(object, weights, { aside })
        assert.deepEqual(render(once, weights, more), once)
      })
    })

    it('writes whole weights, never all zero, and keeps the sum of each rule', () => {
      if (!isSplit) return
      holds((object, weights) => {
        for (const rule of destinations(render(object, weights), at)) {
          const shares = rule.map(({ weight }) => Number(weight))
          assert.ok(shares.every((weight) => Number.isInteger(weight) && weight >= 0))
          assert.equal(
            shares.reduce((sum, weight) => sum + weight, 0),
            100,
          )
        }
      })
    })

    it('gives each revision its share to within one, and a canary at least one', () => {
      if (!isSplit) return
      holds((object, weights) => {
        for (const rule of destinations(render(object, weights), at)) {
          const ours = rule.filter((entry) => isOursEntry(entry, at))
          const total = ours.reduce((sum, { weight }) => sum + Number(weight), 0)
          assert.equal(ours.length, Object.keys(weights).length)
          for (const [i, weight] of Object.values(weights).entries()) {
            const share = Number(ours[i]?.weight)
            assert.ok(Math.abs(share - (weight * total) / 100) <= 1, `${share} for ${weight}`)
            assert.equal(share > 0, weight > 0)
          }
        }
      })
    })

    for (const weights of [
      {},
      { a: 0, b: 0 },
      { a: 99 },
      { a: 50.5, b: 49.5 },
      { a: -5, b: 105 },
    ]) {
      it(`refuses weights ${JSON.stringify(weights)}`, () => {
        holds((object) => assert.throws(() => render(object, weights), /sum to 100/))
      })
    }

    it('keeps every field, rule and destination that is not its own, byte for byte', () => {
      holds((object, weights) => {
        if (!object) return
        const next = render(object, weights, { aside })
        assert.equal(JSON.stringify(masked(next, at)), JSON.stringify(masked(object, at)))
      })
    })

    it('leaves no trace when it gives a route back', () => {
      holds((object, weights) => {
        const first = render(object, { [stable]: 100 })
        const next = render(first, weights, { aside, decision: 4 })
        const restored = router.restoreRoute(next, at)
        if (!isInPlace) return assert.equal(restored, null)
        assert.equal(JSON.stringify(wire(restored)), JSON.stringify(object))
      })
    })

    it('is a JSON Patch that applies to what was read and to nothing else', () => {
      holds((object, weights) => {
        if (!object) return
        const current = versioned(object, '7')
        const next = render(current, weights, { aside })
        const patch = patchOf(current, next, router.guards(current, at))
        assert.deepEqual(wire(applyJsonPatch(current, wire(patch))), next)
        if (patch.length > 0) {
          const stale = () => applyJsonPatch(versioned(object, '8'), wire(patch))
          assert.throws(stale, /resourceVersion/)
        }
        assert.deepEqual(patchOf(next, next, []), [])
      })
    })

    it('says when somebody else wrote the weights', () => {
      holds((object, weights) => {
        // A selector of all pods is how a plain Service splits, and how users write it.
        if (!isSplit && Object.keys(weights).length > 1) return
        const written = render(object, weights)
        const mended = isInPlace ? object : altered(written, at)
        if (!mended) return
        const { annotations } = written.metadata
        const back = {
          ...mended,
          metadata: { ...mended.metadata, ...{ annotations } },
        } as KubeObject
        assert.notDeepEqual(router.readRoute(back, at).weights, weights)
        const again = render(back, weights)
        assert.deepEqual(router.readRoute(again, at).weights, weights)
        if (isInPlace)
          assert.equal(JSON.stringify(wire(router.restoreRoute(again, at))), JSON.stringify(object))
      })
    })

    it('keeps the time of weights that stay, and renews that of weights that move', () => {
      holds((object, weights) => {
        const first = render(object, { [stable]: 100 })
        const next = render(first, weights, { decision: 4, now: now + 5_000 })
        const isMoved = Object.keys(weights).length > 1
        const { since, decision } = router.readRoute(next, at)
        assert.deepEqual({ since, decision }, { since: isMoved ? now + 5_000 : now, decision: 4 })
      })
    })

    it('refuses a rule that another Rollout splits', () => {
      const rival = { owner: isInPlace ? other : ownerOf('checkout', 'u-2'), spec }
      assert.throws(() => assertUnclaimed(at, [at, rival]), Refused)
      if (!isInPlace) return
      holds((object, weights) => {
        const ours = render(object, weights)
        assert.throws(() => render(ours, weights, { owner: other }), /Rollout checkout already/)
      })
    })

    it('puts matched requests first, away from weights, and cleans up after them', () => {
      if (!aside) return
      holds((object, weights) => {
        const before = render(object, { [stable]: 100 })
        const during = render(before, weights, { aside })
        assert.deepEqual(router.readRoute(during, at).aside, aside)
        const moved = render(during, { [stable]: 50, [canary]: 50 }, { aside })
        assert.ok(rulesBeside(during, at).length > 0 && isReached(during))
        assert.deepEqual(rulesBeside(moved, at), rulesBeside(during, at))
        const after = render(during, { [stable]: 100 })
        assert.equal(JSON.stringify(after['spec']), JSON.stringify(before['spec']))
        assert.equal(router.readRoute(after, at).aside, null)
      })
    })

    it('refuses what its mesh would drop', () => {
      const mirror = { aside: { revision: canary, mirrorPercent: 5 } }
      const match = { aside: { revision: canary, match: { cookie: { name: 'a', value: 'b' } } } }
      holds((object, weights) => {
        if (!router.features.mirror) assert.throws(() => render(object, weights, mirror), Refused)
        if (!router.features.match) assert.throws(() => render(object, weights, match), Refused)
      })
    })

    if (isSplit) subsetsContract(subject)
  })
}

function subsetsContract({ router, spec, apex, users }: RouterCase): void {
  const at = { owner, spec }
  const subsets = (names: readonly string[], before: readonly KubeObject[] = []) =>
    router.subsetNames(at, names).map((name, i) => {
      const revisions = router.apart === 'objects' ? names.slice(i, i + 1) : names
      const current = before.find(({ metadata }) => metadata.name === name) ?? null
      return wire(router.renderSubsets(current, { owner, spec, revisions, decision: 3, apex }))
    })

  it('tells revisions apart before a route names them, and forgets one without touching others', () => {
    const both = subsets([stable, canary])
    assert.deepEqual(
      both.flatMap((object) => router.readSubsets(object)),
      [stable, canary],
    )
    const left = subsets([canary], both)
    assert.deepEqual(
      left.flatMap((object) => router.readSubsets(object)),
      [canary],
    )
    assert.deepEqual(subsets([stable, canary], both), both)
    const known = JSON.stringify(both)
    const user = users ? (fc.sample(users, { seed: 3, numRuns: 1 })[0] ?? null) : null
    const weights = { [stable]: 95, [canary]: 5 }
    const route = router.renderRoute(user, { owner, spec, weights, decision: 3, now })
    for (const entry of destinations(route, at)
      .flat()
      .filter((entry) => isOursEntry(entry, at))) {
      const name = entry.name ?? entry.destination.subset
      assert.ok(known.includes(`"name":"${name}"`), `${name} is told apart by no object`)
    }
  })
}

/** A hand on a route of ours: other weights, or another selector. */
function altered(object: KubeObject, at: { owner: Owner; spec: RolloutSpec }): KubeObject {
  const copy = wire(object)
  for (const rule of destinations(copy, at)) {
    const [first] = rule
    if (first) Object.assign(first, { weight: 77 })
    rule.push({ ...wire(first), ...renamed(first) })
  }
  return copy
}

function renamed(entry: KubeObject['spec']) {
  return entry.destination
    ? { destination: { ...entry.destination, subset: 'cccccccccc' }, weight: 23 }
    : { name: 'checkout-cccccccccc', weight: 23 }
}

function versioned(object: KubeObject, resourceVersion: string): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion } }
}

/** What comes back from the server: plain JSON, its keys in order of the alphabet. */
function wire<Value>(value: Value): Value {
  return value === undefined ? value : JSON.parse(JSON.stringify(value, sortedKeys))
}

function sortedKeys(_: string, value: unknown): unknown {
  const isPlain = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isPlain
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value
}
