import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMeshMetrics } from './metrics.ts'

const service = { name: 'web', namespace: 'shop', fullName: 'web.shop.svc.cluster.local' }
const workload = {
  name: 'web',
  namespace: 'shop',
  app: 'web',
  canonicalService: 'web',
  canonicalRevision: 'v1',
}

test('a histogram is cumulative and its sum and count agree', () => {
  const metrics = createMeshMetrics({ workload: 'load', namespace: 'shop' })
  for (const durationMs of [0.4, 7, 10, 4_000_000]) {
    metrics.record({ service, workload, code: 200, flags: '-', durationMs })
  }
  const values = metrics
    .render()
    .split('\n')
    .filter((line) => line.startsWith('istio_request_duration'))
    .map((line) =>
      line
        .replace(/\{.*?(?:,le="(.*)")?\}/, ' $1')
        .replace('istio_request_duration_milliseconds_', ''),
    )
  assert.deepEqual(values.slice(0, 5), [
    'bucket 0.5 1',
    'bucket 1 1',
    'bucket 5 1',
    'bucket 10 3',
    'bucket 25 3',
  ])
  assert.deepEqual(values.slice(-4), [
    'bucket 3600000 3',
    'bucket +Inf 4',
    'sum  4000017.4',
    'count  4',
  ])
})

test('a request that reached no pod belongs to no revision', () => {
  const metrics = createMeshMetrics({ workload: 'load', namespace: 'shop' })
  metrics.record({ service, workload: null, code: 503, flags: 'NC', durationMs: 1 })
  const line = metrics
    .render()
    .split('\n')
    .find((candidate) => candidate.startsWith('istio_requests_total'))
  assert.equal(
    line,
    'istio_requests_total{reporter="source",source_workload="load",' +
      'source_workload_namespace="shop",source_app="load",source_canonical_service="load",' +
      'destination_workload="unknown",destination_workload_namespace="unknown",' +
      'destination_app="unknown",destination_service="web.shop.svc.cluster.local",' +
      'destination_service_name="web",destination_service_namespace="shop",' +
      'destination_canonical_service="unknown",destination_canonical_revision="unknown",' +
      'request_protocol="http",response_code="503",grpc_response_status="",' +
      'response_flags="NC",connection_security_policy="unknown"} 1',
  )
})

test('label values are escaped', () => {
  const metrics = createMeshMetrics({ workload: 'a"b\\c\nd', namespace: 'shop' })
  metrics.record({ service, workload, code: 200, flags: '-', durationMs: 1 })
  assert.match(metrics.render(), /source_workload="a\\"b\\\\c\\nd"/)
})
