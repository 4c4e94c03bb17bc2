// What routers write, held to the schemas that the meshes publish. SLUICE_MESH_CRDS names a folder of their
// CustomResourceDefinitions; without it a folder mesh-crds beside the repository's parent is looked for.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, it, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { parse } from 'yaml'
import type { KubeObject } from '../../kube/api.ts'
import { readDefinition } from '../../lab/apiserver/crd.ts'
import { readCrdFolders } from '../../lab/apiserver/crd-files.ts'
import type { Kind } from '../../lab/apiserver/kinds.ts'
import { applyDefaults } from '../../lab/apiserver/schema-default.ts'
import { prune } from '../../lab/apiserver/schema-prune.ts'
import type { Aside } from '../../traffic/router.ts'
import { canary, ownerOf, type RouterCase, stable } from './router.ts'
import { routerCases } from './router-cases.ts'

const beside = fileURLToPath(new URL('../../../shared/mesh-crds', import.meta.url))
const named = process.env['SLUICE_MESH_CRDS'] ?? (existsSync(beside) ? beside : null)
const skip =
  named === null
    ? 'NOT PROVEN HERE: set SLUICE_MESH_CRDS to a folder with the CRDs of Istio and the Gateway API'
    : false
const wanted = /^ {2}name: (virtualservices|destinationrules|httproutes|grpcroutes)\./m

const kinds = new Map<string, Kind>()
for (const text of named === null ? [] : await readCrdFolders(named)) {
  for (const part of text.split(/^---$/m).filter((document) => wanted.test(document))) {
    const reading = readDefinition(parse(part))
    assert.ok(reading.kind === 'Kinds', JSON.stringify(reading))
    for (const kind of reading.kinds) kinds.set(keyOf(kind.group, kind.version, kind.kind), kind)
  }
}

const owner = ownerOf('checkout', 'u-1')
const weightings = [
  { [stable]: 100 },
  { [stable]: 95, [canary]: 5 },
  { [stable]: 0, [canary]: 100 },
]
const fitting = routerCases.filter(({ router }) => router.features.weights === 'exact')

describe('what routers write', { skip }, () => {
  for (const subject of fitting) {
    it(`has no unknown field and breaks no rule of its schema: ${subject.name}`, () => {
      for (const object of [...routesOf(subject), ...subsetsOf(subject)]) {
        assert.deepEqual(faults(object), [], JSON.stringify(object))
      }
    })

    it(`is written once, though the server fills in defaults: ${subject.name}`, () => {
      const { router, spec } = subject
      for (const aside of [undefined, asideOf(subject)]) {
        const change = {
          owner,
          spec,
          weights: { [stable]: 95, [canary]: 5 },
          decision: 1,
          now: 0,
          aside,
        }
        const [user = null] = usersOf(subject)
        const stored = defaulted(router.renderRoute(user && defaulted(user), change))
        assert.deepEqual(defaulted(router.renderRoute(stored, { ...change, now: 9 })), stored)
        assert.deepEqual(router.readRoute(stored, change).weights, change.weights)
      }
    })
  }
})

test('a fault is found', { skip }, () => {
  const object = { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService' }
  const http = [{ route: [{ destination: { hots: 'a' }, weight: 'x' }] }]
  assert.deepEqual(faults({ ...object, metadata: { name: 'a' }, spec: { http } }), [
    'spec.http[0].route[0].destination.hots',
    'spec.http[0].route[0].destination.host: Required value',
    'spec.http[0].route[0].weight: Invalid value: "string": spec.http[0].route[0].weight in body must be of type integer: "string"',
  ])
})

describe('what Linkerd gets', () => {
  const known = {
    spec: ['parentRefs', 'hostnames', 'rules'],
    rule: ['matches', 'filters', 'backendRefs', 'timeouts'],
    backend: ['group', 'kind', 'name', 'namespace', 'port', 'weight', 'filters'],
    filter: ['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestRedirect'],
  }
  const isWithin = (object: object, names: readonly string[]) =>
    assert.deepEqual(
      Object.keys(object).filter((name) => !names.includes(name)),
      [],
    )

  for (const subject of routerCases.filter(({ spec }) => spec.traffic.linkerd)) {
    it(`has only standard fields of Gateway API 1.2.1, or it would ignore all: ${subject.name}`, () => {
      for (const { spec } of routesOf({ ...subject, users: null })) {
        isWithin(spec, known.spec)
        for (const rule of spec.rules) {
          isWithin(rule, known.rule)
          for (const backend of rule.backendRefs) isWithin(backend, known.backend)
          for (const { type } of rule.filters ?? []) assert.ok(known.filter.includes(type))
        }
      }
    })
  }
})

function routesOf(subject: RouterCase): KubeObject[] {
  const { router, spec } = subject
  return usersOf(subject).flatMap((user) =>
    weightings.flatMap((weights) =>
      [undefined, asideOf(subject)].map((aside) =>
        wire(router.renderRoute(user, { owner, spec, weights, decision: 1, now: 0, aside })),
      ),
    ),
  )
}

function subsetsOf({ router, spec, apex }: RouterCase): KubeObject[] {
  if (router.apart !== 'entries') return []
  const revisions = [stable, canary]
  return [router.renderSubsets(null, { owner, spec, revisions, decision: 1, apex })]
}

/** Objects of users without the fields that no schema knows; the contract keeps those. */
function usersOf({ users }: RouterCase): (KubeObject | null)[] {
  if (!users) return [null]
  return fc.sample(users, { seed: 11, numRuns: 12 }).map((object) => {
    const copy = wire(object)
    for (const rule of copy['spec'].http ?? []) delete rule.fieldOfTomorrow
    return copy
  })
}

function asideOf({ router }: RouterCase): Aside | undefined {
  const { match, mirror } = router.features
  if (!match) return undefined
  const headers = { 'x-canary': { prefix: 'y.s' }, 'x-other': { regex: '[ab]' } }
  return {
    revision: canary,
    match: { headers, cookie: { name: 'beta', value: '1' } },
    ...(mirror ? { mirrorPercent: 10 } : {}),
  }
}

function kindOf(object: KubeObject): Kind {
  const [group = '', version = ''] = object.apiVersion.split('/')
  const kind = kinds.get(keyOf(group, version, object.kind))
  assert.ok(kind, `no CRD of ${object.kind} ${object.apiVersion}`)
  return kind
}

function faults(object: KubeObject): string[] {
  const { schema, rules } = kindOf(object)
  const unknown: string[] = []
  prune({ ...wire(object), metadata: {} }, schema, unknown)
  const whole = defaulted(object)
  const causes = [...(rules?.validate(whole) ?? []), ...(rules?.check(whole, undefined) ?? [])]
  return [...unknown, ...causes.map(({ field, message }) => `${field}: ${message}`)]
}

function defaulted(object: KubeObject): KubeObject {
  if (kinds.size === 0) return object
  return applyDefaults(wire(object), kindOf(object).schema) as KubeObject
}

function keyOf(group: string, version: string, kind: string): string {
  return `${group}/${version}/${kind}`
}

function wire<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value))
}
