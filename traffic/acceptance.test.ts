import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeObject } from '../kube/api.ts'
import { linkerdController, routeAcceptance } from './acceptance.ts'

type Json = KubeObject['spec']

const condition = (type: string, over: Json = {}): Json => ({
  ...{ type, status: 'True', reason: type, message: 'fine', observedGeneration: 4 },
  ...over,
})
const taken = [condition('Accepted'), condition('ResolvedRefs')]
const gateway = { name: 'public', namespace: 'gateways' }
const said = (parentRef: Json, conditions: Json[], controllerName = 'example.com/gateway') => ({
  ...{ parentRef, controllerName, conditions },
})
const route = (parents: Json[], parentRefs: Json[] = [gateway]): KubeObject => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name: 'checkout', namespace: 'shop', generation: 4 },
  spec: { parentRefs },
  status: { parents },
})
const defaulted = { group: 'gateway.networking.k8s.io', kind: 'Gateway', ...gateway }
const old = [condition('Accepted', { observedGeneration: 3 }), condition('ResolvedRefs')]
const refused = { status: 'False', reason: 'NotAllowedByListeners', message: 'no' }

describe('a route of the Gateway API', () => {
  const rows: [string, KubeObject, string][] = [
    [
      'is accepted when its parent says so of this generation',
      route([said(defaulted, taken)]),
      'accepted',
    ],
    ['waits for the first word', route([]), 'pending'],
    ['waits while the word is of an older generation', route([said(gateway, old)]), 'pending'],
    [
      'waits for every parent',
      route([said(gateway, taken)], [gateway, { ...gateway, sectionName: 'https' }]),
      'pending',
    ],
    [
      'is not refused by what was said of an older generation',
      route([
        said(gateway, [condition('Accepted', { ...refused, observedGeneration: 3 }), taken[1]]),
      ]),
      'pending',
    ],
    [
      'is rejected when a parent refuses it',
      route([said(gateway, [condition('Accepted', refused), taken[1]])]),
      'rejected',
    ],
    [
      'is rejected when a backend is not found',
      route([
        said(gateway, [
          taken[0],
          condition('ResolvedRefs', { ...refused, reason: 'BackendNotFound' }),
        ]),
      ]),
      'rejected',
    ],
    [
      'is rejected when rules of it were dropped',
      route([said(gateway, [...taken, condition('PartiallyInvalid')])]),
      'rejected',
    ],
    [
      'waits while it is unknown',
      route([said(gateway, [condition('Accepted', { status: 'Unknown' }), taken[1]])]),
      'pending',
    ],
    [
      'waits for a controller that always says a generation and says none now',
      route([said(gateway, [condition('Accepted', { observedGeneration: undefined }), taken[1]])]),
      'pending',
    ],
  ]
  for (const [name, object, kind] of rows) {
    it(name, () => assert.equal(routeAcceptance(object).kind, kind))
  }
})

describe('a route of Linkerd', () => {
  const parent = { group: '', kind: 'Service', name: 'checkout', port: 80 }
  const timeless = ['Accepted', 'ResolvedRefs'].map((type) =>
    condition(type, { observedGeneration: undefined }),
  )
  const rows: [string, Json[], string][] = [
    [
      'is accepted though no generation is ever said',
      [said(parent, timeless, linkerdController)],
      'accepted',
    ],
    [
      'waits when a generation is said after all, and is old',
      [said(parent, old, linkerdController)],
      'pending',
    ],
    ['does not listen to other controllers', [said(parent, taken, 'other.io/mesh')], 'pending'],
  ]
  for (const [name, parents, kind] of rows) {
    it(name, () =>
      assert.equal(routeAcceptance(route(parents, [parent]), linkerdController).kind, kind),
    )
  }
})
