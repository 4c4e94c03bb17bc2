// Each table: the text it asks with, and what its rows mean.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parser } from '@prometheus-io/lezer-promql'
import { type MetricSource, metricSources } from '../../crds/words.ts'
import { builtInReading, byArm } from '../judge/reading.ts'
import type { Sample } from '../provider.ts'
import { armsOf, groupedQuery, singleQuery, type Target } from '../query/query.ts'
import { metricTables } from './tables.ts'

const target = (source: MetricSource, i = 0): Target => ({
  ...{ namespace: 'shop', name: `web-${i}`, host: `web-${i}`, revision: `aaaa${i}` },
  ...{ stable: `bbbb${i}`, windowMs: 60_000, table: metricTables[source] },
})

const pod = (revision: string) => ({
  namespace: 'shop',
  sluice_dev_rollout: 'web-0',
  sluice_dev_revision: revision,
})
const istio = (revision: string) => ({
  destination_service_namespace: 'shop',
  destination_service_name: 'web-0',
  destination_canonical_revision: revision,
})
const backend = (revision: string) => ({
  backend_namespace: 'shop',
  backend_name: `web-0-${revision}`,
})
const ingress = (revision: string) => ({ namespace: 'shop', service: `web-0-${revision}` })
type Row = Readonly<Record<string, string>>

/** Rows of one arm: two that went well, two that did not, of ten requests each. */
const rows: Readonly<Record<MetricSource, (revision: string) => readonly Row[]>> = {
  istio: (revision) => [
    { ...istio(revision), response_code: '200', grpc_response_status: '' },
    { ...istio(revision), response_code: '404', grpc_response_status: '5' },
    { ...istio(revision), response_code: '503' },
    {
      ...istio(revision),
      destination_service_name: `web-0-${revision}`,
      response_code: '200',
      grpc_response_status: '14',
    },
  ],
  'istio-waypoint': (revision) => rows.istio(revision),
  'istio-gateway': (revision) => rows.istio(revision),
  linkerd: (revision) => [
    { ...backend(revision), http_status: '200', error: '' },
    { ...backend(revision), grpc_status: '0' },
    { ...backend(revision), http_status: '', error: 'FAIL_FAST' },
    { ...backend(revision), grpc_status: '13' },
  ],
  envoy: (revision) => [
    { envoy_cluster_name: `shop/web-0-${revision}/80/da39a3ee`, envoy_response_code: '200' },
    { envoy_cluster_name: `kube_shop_web-0-${revision}_80`, envoy_response_code: '302' },
    {
      envoy_cluster_name: `outbound|80||web-0-${revision}.shop.svc.cluster.local`,
      envoy_response_code: '503',
    },
    { envoy_cluster_name: `shop_web-0-${revision}_80`, envoy_response_code: '500' },
  ],
  nginx: (revision) => [
    { ...ingress(revision), status: '200' },
    { ...ingress(revision), status: '404' },
    { ...ingress(revision), status: '500' },
    { ...ingress(revision), status: '502' },
  ],
  openmetrics: (revision) => [
    { ...pod(revision), code: '200' },
    { ...pod(revision), grpc_code: 'NotFound' },
    { ...pod(revision), status: '503' },
    { ...pod(revision), grpc_code: 'Unavailable' },
  ],
}

const queries: Readonly<Record<MetricSource, readonly [string, string]>> = {
  istio: [
    'istio_requests_total{reporter=~"source|waypoint",response_code!="0",destination_service_namespace="shop",destination_service_name=~"web-0|web-0-aaaa0|web-0-bbbb0",destination_canonical_revision=~"aaaa0|bbbb0"}[60s]',
    'destination_canonical_revision=~"aaaa0|aaaa1|bbbb0|bbbb1"}[60s]',
  ],
  'istio-waypoint': ['istio_requests_total{reporter="waypoint",', 'reporter="waypoint"'],
  'istio-gateway': [
    'reporter="source",source_workload=~".*(gateway|ingress).*"',
    'source_workload',
  ],
  linkerd: [
    '{__name__=~"outbound_(http|grpc)_route_backend_response_statuses_total",backend_namespace="shop",backend_name=~"web-0-aaaa0|web-0-bbbb0"}[60s]',
    'backend_name=~"web-0-aaaa0|web-0-bbbb0|web-1-aaaa1|web-1-bbbb1"}[60s]',
  ],
  envoy: [
    'envoy_cluster_upstream_rq{envoy_cluster_name=~"(outbound[|].*[|]|kube_)?(shop[/_]web-0-aaaa0[/_].*|web-0-aaaa0[.]shop([.].*)?|',
    'web-1-bbbb1[.]shop([.].*)?)"}[60s]',
  ],
  nginx: [
    'nginx_ingress_controller_requests{status!="499",namespace="shop",service=~"web-0-aaaa0|web-0-bbbb0"}[60s]',
    'service=~"web-0-aaaa0|web-0-bbbb0|web-1-aaaa1|web-1-bbbb1"}[60s]',
  ],
  openmetrics: [
    '{__name__=~"http_requests_total|http_server_requests_seconds_count|grpc_server_handled_total",namespace="shop",sluice_dev_rollout="web-0",sluice_dev_revision=~"aaaa0|bbbb0"}[60s]',
    'sluice_dev_revision=~"aaaa0|aaaa1|bbbb0|bbbb1"}[60s]',
  ],
}

describe('a table of metrics', () => {
  for (const source of metricSources) {
    test(`of ${source} asks for both arms of one rollout, and of many`, () => {
      const [single, grouped] = queries[source]
      const asked = {
        single: singleQuery('requests', target(source)),
        grouped: groupedQuery('requests', [target(source), target(source, 1)]),
        durations: singleQuery('durations', target(source)),
      }
      assert.ok(asked.single.includes(single), asked.single)
      assert.ok(asked.grouped.includes(grouped), asked.grouped)
      assert.match(asked.durations, /_bucket.*, le\)|, le\).*_bucket/)
      for (const text of Object.values(asked)) assert.ok(isPromql(text), text)
    })

    test(`of ${source} counts each request once, with what failed`, () => {
      const sampled = ['aaaa0', 'bbbb0', 'cccc0'].flatMap((revision, arm): readonly Sample[] =>
        rows[source](revision).map((labels) => ({ labels, value: 10 * (arm + 1), atMs: 0 })),
      )
      const { table } = target(source)
      assert.deepEqual(builtInReading('requests', byArm(sampled, table), target(source)), {
        kind: 'requests',
        canary: { total: 40, failed: 20 },
        stable: { total: 80, failed: 40 },
      })
    })

    test(`of ${source} are not taken for durations without the bucket of all`, () => {
      const { table } = target(source)
      const sampled = rows[source]('aaaa0').map((labels): Sample => {
        return { labels: { ...labels, le: '500' }, value: 40, atMs: 0 }
      })
      const reading = builtInReading('durations', byArm(sampled, table), target(source))
      assert.equal(reading.kind, 'inconclusive')
    })

    test(`of ${source} keeps apart what is called alike`, () => {
      const { arms } = metricTables[source].callers
      const { canary } = armsOf(target(source))
      const elsewhere = { ...canary, namespace: 'pay' }
      const other = { ...canary, revision: 'aaaa00' }
      const keys = [canary, elsewhere, other].map((arm) => arms.keyOfArm(arm))
      assert.equal(new Set(keys).size, 3)
      const [row] = rows[source]('aaaa0')
      assert.equal(arms.keyOfRow(row ?? {}), keys[0])
    })
  }
})

function isPromql(text: string): boolean {
  let isSound = true
  parser.parse(text).iterate({
    enter: ({ type }) => {
      if (type.isError) isSound = false
    },
  })
  return isSound
}
