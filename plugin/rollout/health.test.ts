import assert from 'node:assert/strict'
import { test } from 'node:test'
import { found, status } from '../run.fixture.ts'
import { deliveryHealth, meshHealth, metricsHealth, revertHealth } from './health.ts'

const withEvidence = (evidence: object[]) => ({ ...found, status: { ...status, evidence } })

test('a check whose metrics fail or are empty is named', () => {
  const rows: [string, object[], string[]][] = [
    ['numbers', [{ check: 'errors', outcome: 'Failed', value: 12 }], ['well metrics']],
    ['none yet', [], ['unknown metrics']],
    ['no answer', [{ check: 'errors', outcome: 'Error' }], ['ill check errors of shop/checkout']],
    [
      'empty',
      [
        { check: 'errors', outcome: 'Inconclusive' },
        { check: 'few', outcome: 'Inconclusive', value: 1 },
      ],
      ['unknown check errors of shop/checkout'],
    ],
  ]
  for (const [name, evidence, expected] of rows) {
    const symptoms = metricsHealth([withEvidence(evidence)])
    assert.deepEqual(
      symptoms.map(({ state, about }) => `${state} ${about}`),
      expected,
      name,
    )
  }
  const { spec, ...rest } = found
  const { analysis: _, ...unchecked } = spec
  assert.deepEqual(metricsHealth([{ ...rest, spec: unchecked, status: {} }]), [])
})

test('a revert is well only when it was tried', () => {
  const annotations = { 'sluice.dev/source': 'shop' }
  const rollout = { ...found, metadata: { ...found.metadata, annotations } }
  const source = (status?: string) => ({
    metadata: { namespace: 'shop', name: 'shop' },
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        ...(status ? [{ type: 'RevertReady', status, message: 'protected branch' }] : []),
      ],
    },
  })
  const stateOf = (status?: string) =>
    revertHealth([rollout], [source(status)]).map(({ state }) => state)
  assert.deepEqual([stateOf('True'), stateOf('False'), stateOf()], [['well'], ['ill'], ['unknown']])
})

test('a tool that would take back what Git brings is named', () => {
  const byArgo = { 'argocd.argoproj.io/tracking-id': 'shop:sluice.dev/Rollout:shop/checkout' }
  const byFlux = { 'kustomize.toolkit.fluxcd.io/name': 'shop' }
  const bySource = { 'sluice.dev/source': 'shop' }
  const rows: [metadata: object, expected: string[]][] = [
    [{}, []],
    [{ annotations: bySource }, []],
    [{ annotations: byArgo }, ['unknown Argo CD brings it']],
    [{ labels: byFlux }, ['unknown Flux brings it']],
    [{ annotations: { ...byArgo, ...bySource } }, ['ill Argo CD and a GitSource both bring it']],
  ]
  for (const [metadata, expected] of rows) {
    const rollout = { ...found, metadata: { ...found.metadata, ...metadata } }
    const said = deliveryHealth([rollout]).map(
      ({ state, because }) => `${state} ${because.replace(/[:,].*/, '')}`,
    )
    assert.deepEqual(said, expected)
  }
})

test('meshes that nobody wants are named once', () => {
  const groups = new Set(['networking.istio.io', 'gateway.networking.k8s.io'])
  const said = (served: ReadonlySet<string>) => meshHealth([], served).map(({ because }) => because)
  assert.deepEqual(said(groups), ['Istio and Gateway API are served, and no rollout wants a mesh'])
  assert.deepEqual(said(new Set()), ['no kinds of a mesh are served'])
})
